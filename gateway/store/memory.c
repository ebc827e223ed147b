/*
 * The embedded store's data.
 *
 * A session is an entry in three places: the table of sessions, its family's list and its device's list;
 * and in the queue of expiry, where the longest silent stands first. Every operation begins by dropping
 * what has expired, so that lists hold live sessions only and a count is never stale. What has ended leaves
 * a tombstone for a while. An operation allocates all that it needs before it changes anything.
 */
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "clock.h"
#include "memory_table.h"

/* A family, or a device: the streams that count for it. */
struct group {
    UT_hash_handle hh;      /* by name */
    struct entry *streams;  /* list by group_prev[kind], group_next[kind] */
    uint32_t count;         /* of streams */
    char name[];            /* familyId or deviceId */
};

enum group_kind { FAMILY, DEVICE, GROUP_KINDS };

struct entry {
    UT_hash_handle hh;                       /* by id */
    struct group *group[GROUP_KINDS];        /* its family and its device */
    struct entry *group_prev[GROUP_KINDS];   /* in the group's list */
    struct entry *group_next[GROUP_KINDS];   /* the same */
    struct entry *expiry_prev, *expiry_next; /* in the queue of expiry */
    int64_t started_ms;                      /* wall clock */
    int64_t last_heartbeat_ms;               /* wall clock */
    int64_t alive_ms;                        /* monotonic clock, of the last sign of life */
    char id[SESSION_ID_LEN + 1];             /* sessionId */
    char text[];                             /* the other strings, in the order of text_fields */
};

struct tombstone {
    UT_hash_handle hh;                /* by id */
    struct tombstone *prev, *next;    /* in its queue, the first to go first */
    int64_t until_ms;                 /* monotonic clock */
    enum end_reason reason;           /* why it ended */
    char id[SESSION_ID_LEN + 1];      /* sessionId */
    char text[];                      /* by, NUL, message, NUL */
};

struct memory {
    pthread_mutex_t lock;               /* over all below */
    struct store_options options;       /* as given */
    struct memory_clock clock;          /* as given */
    struct entry *sessions;             /* table by id */
    struct group *groups[GROUP_KINDS];  /* tables by name */
    struct entry *expiry;               /* queue, longest silent first */
    struct tombstone *ends;             /* table by id */
    struct tombstone *brief, *lasting;  /* queues: terminated ones last longer than the others */
};

/* One operation's view of time. */
struct now {
    int64_t wall_ms;
    int64_t monotonic_ms;
};

/* The strings of a session that an entry packs one behind the other, each with its NUL. */
static const size_t text_fields[] = {
    offsetof(struct session, user_id),     offsetof(struct session, media_id),
    offsetof(struct session, device_name), offsetof(struct session, media_title),
    offsetof(struct session, platform),    offsetof(struct session, player_id),
    offsetof(struct session, metadata)};
enum { TEXT_PLAYER_ID = 5, TEXT_FIELDS = sizeof text_fields / sizeof text_fields[0] };

static struct entry *entry_new(const struct session *session)
{
    size_t size = 0;

    for (size_t i = 0; i < TEXT_FIELDS; i++)
        size += strlen((const char *)session + text_fields[i]) + 1;
    struct entry *entry = calloc(1, sizeof *entry + size);
    if (entry == NULL)
        return NULL;

    memcpy(entry->id, session->id, sizeof entry->id);
    char *at = entry->text;
    for (size_t i = 0; i < TEXT_FIELDS; i++)
        at = stpcpy(at, (const char *)session + text_fields[i]) + 1;
    return entry;
}

static const char *entry_text(const struct entry *entry, size_t field)
{
    const char *at = entry->text;

    while (field-- > 0)
        at += strlen(at) + 1;
    return at;
}

static void entry_read(const struct entry *entry, struct session *ret_session)
{
    const char *at = entry->text;

    memcpy(ret_session->id, entry->id, sizeof ret_session->id);
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        strcpy((char *)ret_session + text_fields[i], at); /* they came from such arrays */
        at += strlen(at) + 1;
    }
    strcpy(ret_session->family_id, entry->group[FAMILY]->name);
    strcpy(ret_session->device_id, entry->group[DEVICE]->name);
    ret_session->started_ms = entry->started_ms;
    ret_session->last_heartbeat_ms = entry->last_heartbeat_ms;
}

static struct entry *find(struct memory *memory, const char *id)
{
    struct entry *entry;

    HASH_FIND(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    return entry;
}

static struct group *find_group(struct memory *memory, enum group_kind kind, const char *name)
{
    struct group *group;

    HASH_FIND(hh, memory->groups[kind], name, strlen(name), group);
    return group;
}

static uint32_t count_group(struct memory *memory, enum group_kind kind, const char *name)
{
    struct group *group = find_group(memory, kind, name);

    return group == NULL ? 0 : group->count;
}

/* Puts an entry into a group's list, making the group as needed. -1 where memory runs out. */
static int join(struct memory *memory, struct entry *entry, enum group_kind kind, const char *name)
{
    struct group *group = find_group(memory, kind, name);

    if (group == NULL) {
        size_t len = strlen(name);

        group = calloc(1, sizeof *group + len + 1);
        if (group == NULL)
            return -1;
        memcpy(group->name, name, len + 1);
        HASH_ADD_KEYPTR(hh, memory->groups[kind], group->name, len, group);
        if (group->hh.tbl == NULL) {
            free(group);
            return -1;
        }
    }
    DL_APPEND2(group->streams, entry, group_prev[kind], group_next[kind]);
    group->count++;
    entry->group[kind] = group;
    return 0;
}

static void leave(struct memory *memory, struct entry *entry, enum group_kind kind)
{
    struct group *group = entry->group[kind];

    if (group == NULL)
        return;
    DL_DELETE2(group->streams, entry, group_prev[kind], group_next[kind]);
    if (--group->count == 0) {
        HASH_DEL(memory->groups[kind], group);
        free(group);
    }
}

/* Takes an entry out of every place that it has been put into, and frees it. */
static void drop(struct memory *memory, struct entry *entry)
{
    leave(memory, entry, FAMILY);
    leave(memory, entry, DEVICE);
    if (entry->expiry_prev != NULL)
        DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
    if (entry->hh.tbl != NULL)
        HASH_DEL(memory->sessions, entry);
    free(entry);
}

/* Puts a new entry into every place. -1, the entry freed and nothing changed, where memory runs out. */
static int insert(struct memory *memory, struct entry *entry, const struct session *session)
{
    HASH_ADD(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    if (entry->hh.tbl == NULL || join(memory, entry, FAMILY, session->family_id) != 0 ||
        join(memory, entry, DEVICE, session->device_id) != 0) {
        drop(memory, entry);
        return -1;
    }
    DL_APPEND2(memory->expiry, entry, expiry_prev, expiry_next);
    return 0;
}

static struct tombstone **tombstone_queue(struct memory *memory, enum end_reason reason)
{
    return reason == END_TERMINATED ? &memory->lasting : &memory->brief;
}

static void forget_end(struct memory *memory, struct tombstone *end)
{
    struct tombstone **queue = tombstone_queue(memory, end->reason);

    DL_DELETE(*queue, end);
    HASH_DEL(memory->ends, end);
    free(end);
}

static struct tombstone *find_end(struct memory *memory, const char *id)
{
    struct tombstone *end;

    HASH_FIND(hh, memory->ends, id, SESSION_ID_LEN, end);
    return end;
}

/* Keeps why a session ended, in the place of what was kept of it before. -1 where memory runs out. */
static int remember_end(struct memory *memory, const char *id, const struct store_end *why,
                        const struct now *now)
{
    size_t by_size = strlen(why->by) + 1, message_size = strlen(why->message) + 1;
    struct tombstone *before = find_end(memory, id);
    struct tombstone *end = calloc(1, sizeof *end + by_size + message_size);

    if (end == NULL)
        return -1;
    memcpy(end->id, id, sizeof end->id);
    memcpy(end->text, why->by, by_size);
    memcpy(end->text + by_size, why->message, message_size);
    end->reason = why->reason;
    end->until_ms = now->monotonic_ms + (why->reason == END_TERMINATED
                                             ? memory->options.max_age_ms
                                             : 2 * memory->options.ttl_ms);
    if (before != NULL)
        forget_end(memory, before);
    HASH_ADD(hh, memory->ends, id, SESSION_ID_LEN, end);
    if (end->hh.tbl == NULL) {
        free(end);
        return -1;
    }
    struct tombstone **queue = tombstone_queue(memory, end->reason);
    DL_APPEND(*queue, end);
    return 0;
}

/* Fills what an ended session's caller is told. */
static enum err tell_end(struct memory *memory, struct store_req *req)
{
    struct tombstone *end = find_end(memory, req->session.id);

    req->end = (struct store_end){.reason = END_EXPIRED};
    if (end != NULL) {
        req->end.reason = end->reason;
        strcpy(req->end.by, end->text);
        strcpy(req->end.message, end->text + strlen(end->text) + 1);
    }
    return ERR_SESSION_ENDED;
}

/* Drops sessions and tombstones whose time is over. */
static void purge(struct memory *memory, const struct now *now)
{
    while (memory->expiry != NULL &&
           memory->expiry->alive_ms + memory->options.ttl_ms <= now->monotonic_ms)
        drop(memory, memory->expiry);
    while (memory->brief != NULL && memory->brief->until_ms <= now->monotonic_ms)
        forget_end(memory, memory->brief);
    while (memory->lasting != NULL && memory->lasting->until_ms <= now->monotonic_ms)
        forget_end(memory, memory->lasting);
}

static void tell_times(struct memory *memory, struct store_req *req, const struct entry *entry,
                       const struct now *now)
{
    req->now_ms = now->wall_ms;
    req->expires_ms =
        now->wall_ms + entry->alive_ms + memory->options.ttl_ms - now->monotonic_ms;
}

static enum err do_heartbeat(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = find(memory, req->session.id);

    if (entry == NULL)
        return tell_end(memory, req);
    entry->alive_ms = now->monotonic_ms;
    entry->last_heartbeat_ms = now->wall_ms;
    DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
    DL_APPEND2(memory->expiry, entry, expiry_prev, expiry_next);
    tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_check(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = find(memory, req->session.id);

    if (entry == NULL)
        return tell_end(memory, req);
    strcpy(req->session.media_id, entry_text(entry, 1));
    req->session.last_heartbeat_ms = entry->last_heartbeat_ms;
    tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_get(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = find(memory, req->session.id);

    if (entry == NULL)
        return tell_end(memory, req);
    entry_read(entry, &req->session);
    tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_end(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = find(memory, req->session.id);
    struct tombstone *before = find_end(memory, req->session.id);

    if (entry == NULL && before != NULL &&
        (before->reason == END_TERMINATED || req->end.reason != END_TERMINATED))
        return ERR_OK;
    if (remember_end(memory, req->session.id, &req->end, now) != 0)
        return ERR_INTERNAL;
    if (entry != NULL) {
        req->ended = true;
        drop(memory, entry);
    }
    return ERR_OK;
}

/* The streams that an admission looks at: the family's, and on the device those of other families. */
static size_t gather(struct memory *memory, const struct session *session, const struct now *now,
                     struct admission_stream *streams)
{
    size_t count = 0;

    for (int kind = FAMILY; kind < GROUP_KINDS; kind++) {
        const char *name = kind == FAMILY ? session->family_id : session->device_id;
        struct group *group = find_group(memory, (enum group_kind)kind, name);
        struct entry *entry;

        if (group == NULL)
            continue;
        DL_FOREACH2(group->streams, entry, group_next[kind])
        {
            bool in_family = strcmp(entry->group[FAMILY]->name, session->family_id) == 0;

            if (kind == DEVICE && in_family)
                continue; /* met among the family's */
            streams[count++] = (struct admission_stream){
                .id = entry->id,
                .player_id = entry_text(entry, TEXT_PLAYER_ID),
                .started_ms = entry->started_ms,
                .silent_ms = now->monotonic_ms - entry->alive_ms,
                .in_family = in_family,
                .on_device = strcmp(entry->group[DEVICE]->name, session->device_id) == 0,
                .owner = entry};
        }
    }
    return count;
}

static int by_silence(const void *left, const void *right)
{
    const struct admission_stream *a = left, *b = right;

    if (a->silent_ms != b->silent_ms)
        return a->silent_ms > b->silent_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* Lists the streams in the way of a refused create. Sorts streams. */
static enum err list_in_the_way(struct store_req *req, enum err refusal,
                                struct admission_stream *streams, size_t count)
{
    size_t listed = 0;

    qsort(streams, count, sizeof *streams, by_silence);
    req->streams = calloc(count < STORE_STREAMS_MAX ? count : STORE_STREAMS_MAX,
                          sizeof *req->streams);
    if (req->streams == NULL)
        return ERR_INTERNAL;
    for (size_t i = 0; i < count && listed < STORE_STREAMS_MAX; i++) {
        if (refusal == ERR_DEVICE_LIMIT ? !streams[i].on_device : !streams[i].in_family)
            continue;
        entry_read(streams[i].owner, &req->streams[listed].session);
        req->streams[listed++].idle_s = streams[i].silent_ms / 1000;
    }
    req->stream_count = listed;
    return refusal;
}

/* Ends what gives way to the new session, whose entry is in place already. */
static void carry_out(struct memory *memory, struct admission_stream *streams, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (streams[i].fate != ADMISSION_STAYS)
            drop(memory, streams[i].owner);
}

/* Keeps why each stream ends that gives way. -1 where memory runs out; those kept are forgotten then. */
static int remember_fates(struct memory *memory, const struct session *session,
                          struct admission_stream *streams, size_t count, const struct now *now)
{
    struct store_end why = {.reason = END_REPLACED};

    strcpy(why.by, session->device_name[0] != '\0' ? session->device_name : session->device_id);
    for (size_t i = 0; i < count; i++) {
        if (streams[i].fate == ADMISSION_STAYS)
            continue;
        why.reason = streams[i].fate == ADMISSION_DISPLACED ? END_DISPLACED : END_REPLACED;
        if (remember_end(memory, streams[i].id, &why, now) == 0)
            continue;
        while (i-- > 0)
            if (streams[i].fate != ADMISSION_STAYS)
                forget_end(memory, find_end(memory, streams[i].id));
        return -1;
    }
    return 0;
}

static enum err admit(struct memory *memory, struct store_req *req,
                      struct admission_stream *streams, size_t count, const struct now *now)
{
    struct entry *entry = entry_new(&req->session);

    if (entry == NULL)
        return ERR_INTERNAL;
    entry->started_ms = entry->last_heartbeat_ms = now->wall_ms;
    entry->alive_ms = now->monotonic_ms;
    if (insert(memory, entry, &req->session) != 0)
        return ERR_INTERNAL;
    if (remember_fates(memory, &req->session, streams, count, now) != 0) {
        drop(memory, entry);
        return ERR_INTERNAL;
    }
    carry_out(memory, streams, count);
    req->session.started_ms = req->session.last_heartbeat_ms = now->wall_ms;
    tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err decide_among(struct memory *memory, struct store_req *req,
                             struct admission_stream *streams, size_t count, const struct now *now)
{
    struct admission_ask ask = {
        .family_limit = req->usage.family_limit,
        .device_limit = req->usage.device_limit,
        .player_id = "",
        .replace = req->create.replace,
        .replace_count = req->create.replace_count,
    };
    struct admission_answer answer;

    admission_decide(&ask, streams, count, &answer);
    req->usage.family_active = answer.family_active;
    req->usage.device_active = answer.device_active;
    if (answer.err != ERR_OK)
        return list_in_the_way(req, answer.err, streams, count);
    return admit(memory, req, streams, count, now);
}

static bool has_room(uint32_t active, uint32_t limit)
{
    return limit == 0 || active < limit;
}

static enum err do_create(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct session *session = &req->session;
    struct store_usage *usage = &req->usage;
    struct entry *known = find(memory, session->id);

    store_limits(&memory->options, &req->create, usage);
    usage->family_active = count_group(memory, FAMILY, session->family_id);
    usage->device_active = count_group(memory, DEVICE, session->device_id);
    if (known != NULL) { /* a repeat, after an answer that was lost */
        req->session.started_ms = known->started_ms;
        req->session.last_heartbeat_ms = known->last_heartbeat_ms;
        tell_times(memory, req, known, now);
        return ERR_OK;
    }

    if (has_room(usage->family_active, usage->family_limit) &&
        has_room(usage->device_active, usage->device_limit) && req->create.replace_count == 0) {
        usage->family_active++;
        usage->device_active++;
        return admit(memory, req, NULL, 0, now);
    }

    size_t most = (size_t)usage->family_active + usage->device_active;
    struct admission_stream *streams = calloc(most > 0 ? most : 1, sizeof *streams);
    if (streams == NULL)
        return ERR_INTERNAL;
    size_t count = gather(memory, session, now, streams);
    enum err err = decide_among(memory, req, streams, count, now);
    free(streams);
    return err;
}

enum err memory_do(struct memory *memory, struct store_req *req)
{
    static enum err (*const operations[])(struct memory *, struct store_req *,
                                          const struct now *) = {
        [STORE_CREATE] = do_create, [STORE_HEARTBEAT] = do_heartbeat, [STORE_CHECK] = do_check,
        [STORE_GET] = do_get,       [STORE_END] = do_end,
    };

    req->ended = false;
    req->streams = NULL;
    req->stream_count = 0;
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    purge(memory, &now);
    enum err err = operations[req->op](memory, req, &now);
    pthread_mutex_unlock(&memory->lock);
    return err;
}

size_t memory_count(struct memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    purge(memory, &now);
    size_t count = HASH_COUNT(memory->sessions);
    pthread_mutex_unlock(&memory->lock);
    return count;
}

int memory_age(struct memory *memory, const char *session_id, int64_t ms)
{
    pthread_mutex_lock(&memory->lock);
    struct entry *entry = find(memory, session_id);
    if (entry != NULL) {
        struct entry *behind;

        entry->alive_ms -= ms;
        entry->last_heartbeat_ms -= ms;
        DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
        DL_FOREACH2(memory->expiry, behind, expiry_next)
        if (behind->alive_ms > entry->alive_ms)
            break;
        if (behind != NULL)
            DL_PREPEND_ELEM2(memory->expiry, behind, entry, expiry_prev, expiry_next);
        else
            DL_APPEND2(memory->expiry, entry, expiry_prev, expiry_next);
    }
    pthread_mutex_unlock(&memory->lock);
    return entry == NULL ? -1 : 0;
}

struct memory *memory_new(const struct store_options *options, const struct memory_clock *clock)
{
    static const struct memory_clock machine = {clock_wall_ms, clock_monotonic_ms};
    struct memory *memory = calloc(1, sizeof *memory);

    if (memory == NULL)
        return NULL;
    if (memory_table_init() != 0 || pthread_mutex_init(&memory->lock, NULL) != 0) {
        free(memory);
        return NULL;
    }
    memory->options = *options;
    memory->clock = clock != NULL ? *clock : machine;
    return memory;
}

void memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    while (memory->expiry != NULL)
        drop(memory, memory->expiry);
    while (memory->brief != NULL)
        forget_end(memory, memory->brief);
    while (memory->lasting != NULL)
        forget_end(memory, memory->lasting);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}
