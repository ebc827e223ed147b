/*
 * The embedded store's data.
 *
 * A session is an entry in three places: the table of sessions, its family's list and its device's list;
 * and in the queue of expiry, where the longest silent stands first. Every operation begins by dropping
 * what has expired, so that lists hold live sessions only and a count is never stale. What has ended leaves
 * a tombstone for a while. An operation allocates all that it needs before it changes anything.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "clock.h"
#include "memory_private.h"

/* Where a session has what an entry packs. */
static const size_t text_fields[ENTRY_TEXTS] = {
    [ENTRY_USER_ID] = offsetof(struct session, user_id),
    [ENTRY_MEDIA_ID] = offsetof(struct session, media_id),
    [ENTRY_DEVICE_NAME] = offsetof(struct session, device_name),
    [ENTRY_MEDIA_TITLE] = offsetof(struct session, media_title),
    [ENTRY_PLATFORM] = offsetof(struct session, platform),
    [ENTRY_PLAYER_ID] = offsetof(struct session, player_id),
    [ENTRY_METADATA] = offsetof(struct session, metadata),
};

/* A session's texts, packed. NULL where memory runs out. */
static char *pack(const struct session *session)
{
    size_t size = 0;

    for (size_t i = 0; i < ENTRY_TEXTS; i++)
        size += strlen((const char *)session + text_fields[i]) + 1;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;

    char *at = text;
    for (size_t i = 0; i < ENTRY_TEXTS; i++)
        at = stpcpy(at, (const char *)session + text_fields[i]) + 1;
    return text;
}

const char *memory_text(const struct entry *entry, enum entry_text which)
{
    const char *at = entry->text;

    for (size_t i = 0; i < which; i++)
        at += strlen(at) + 1;
    return at;
}

void memory_read(const struct entry *entry, struct session *ret_session)
{
    const char *at = entry->text;

    memcpy(ret_session->id, entry->id, sizeof ret_session->id);
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        strcpy((char *)ret_session + text_fields[i], at); /* they came from such arrays */
        at += strlen(at) + 1;
    }
    strcpy(ret_session->family_id, entry->group[FAMILY]->name);
    strcpy(ret_session->device_id, entry->group[DEVICE]->name);
    ret_session->started_ms = entry->started_ms;
    ret_session->last_heartbeat_ms = entry->last_heartbeat_ms;
}

struct entry *memory_find(struct memory *memory, const char *id)
{
    struct entry *entry;

    HASH_FIND(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    return entry;
}

struct group *memory_find_group(struct memory *memory, enum group_kind kind, const char *name)
{
    struct group *group;

    HASH_FIND(hh, memory->groups[kind], name, strlen(name), group);
    return group;
}

/* Puts an entry into a group's list, making the group as needed. -1 where memory runs out. */
static int join(struct memory *memory, struct entry *entry, enum group_kind kind, const char *name)
{
    struct group *group = memory_find_group(memory, kind, name);

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
void memory_drop(struct memory *memory, struct entry *entry)
{
    leave(memory, entry, FAMILY);
    leave(memory, entry, DEVICE);
    memory_unmark_session(memory, entry);
    if (entry->expiry_prev != NULL)
        DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
    if (entry->hh.tbl != NULL)
        HASH_DEL(memory->sessions, entry);
    free(entry->text);
    free(entry);
}

/* Puts an entry into the queue of expiry: at its end, or near it. */
static void enqueue(struct memory *memory, struct entry *entry)
{
    struct entry *before = memory->expiry != NULL ? memory->expiry->expiry_prev : NULL;

    while (before != NULL && before->alive_ms > entry->alive_ms)
        before = before == memory->expiry ? NULL : before->expiry_prev;
    if (before == NULL)
        DL_PREPEND2(memory->expiry, entry, expiry_prev, expiry_next);
    else
        DL_APPEND_ELEM2(memory->expiry, before, entry, expiry_prev, expiry_next);
}

struct entry *memory_add(struct memory *memory, const struct session *session, int64_t idle_ms,
                         const struct now *now)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return NULL;
    memcpy(entry->id, session->id, sizeof entry->id);
    entry->text = pack(session);
    if (entry->text == NULL) {
        free(entry);
        return NULL;
    }
    HASH_ADD(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    if (entry->hh.tbl == NULL || join(memory, entry, FAMILY, session->family_id) != 0 ||
        join(memory, entry, DEVICE, session->device_id) != 0) {
        memory_drop(memory, entry);
        return NULL;
    }
    entry->started_ms = session->started_ms;
    entry->last_heartbeat_ms = now->wall_ms - idle_ms;
    entry->alive_ms = now->monotonic_ms - idle_ms;
    enqueue(memory, entry);
    if (memory->in_fallback)
        memory_mark_session(memory, entry);
    return entry;
}

void memory_tell_ending(struct memory *memory, const struct entry *entry, enum event_type type,
                        const char *by, const struct now *now)
{
    int64_t duration_ms = now->wall_ms - entry->started_ms;
    struct memory_event event = {
        .type = type,
        .session_id = entry->id,
        .user_id = memory_text(entry, ENTRY_USER_ID),
        .family_id = entry->group[FAMILY]->name,
        .device_id = entry->group[DEVICE]->name,
        .media_id = memory_text(entry, ENTRY_MEDIA_ID),
        .cause = event_type_word(type),
        .by = by,
        .time_ms = now->wall_ms,
        .duration_s = duration_ms > 0 ? duration_ms / 1000 : 0,
    };

    memory_events_add(&memory->events, &event);
}

static struct tombstone **tombstone_queue(struct memory *memory, enum end_reason reason)
{
    return reason == END_TERMINATED ? &memory->lasting : &memory->brief;
}

static void forget_end(struct memory *memory, struct tombstone *end)
{
    struct tombstone **queue = tombstone_queue(memory, end->reason);

    memory_unmark_end(memory, end);
    DL_DELETE(*queue, end);
    HASH_DEL(memory->ends, end);
    free(end);
}

struct tombstone *memory_find_end(struct memory *memory, const char *id)
{
    struct tombstone *end;

    HASH_FIND(hh, memory->ends, id, SESSION_ID_LEN, end);
    return end;
}

bool memory_has_ended(struct memory *memory, const char *id)
{
    return memory_find_end(memory, id) != NULL;
}

void memory_forget_end(struct memory *memory, const char *id)
{
    struct tombstone *end = memory_find_end(memory, id);

    if (end != NULL)
        forget_end(memory, end);
}

int memory_remember_end(struct memory *memory, const struct session *names,
                        const struct store_end *why, const struct now *now)
{
    const char *texts[] = {why->by, why->message, names->family_id, names->device_id};
    struct tombstone *before = memory_find_end(memory, names->id);
    size_t size = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        size += strlen(texts[i]) + 1;
    struct tombstone *end = calloc(1, sizeof *end + size);
    if (end == NULL)
        return -1;
    memcpy(end->id, names->id, sizeof end->id);
    char *at = end->text;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        at = stpcpy(at, texts[i]) + 1;
    end->reason = why->reason;
    end->until_ms =
        now->monotonic_ms +
        (why->reason == END_TERMINATED ? memory->options.max_age_ms : 2 * memory->options.ttl_ms);
    if (before != NULL)
        forget_end(memory, before);
    HASH_ADD(hh, memory->ends, id, SESSION_ID_LEN, end);
    if (end->hh.tbl == NULL) {
        free(end);
        return -1;
    }
    struct tombstone **queue = tombstone_queue(memory, end->reason);
    DL_APPEND(*queue, end);
    if (memory->in_fallback)
        memory_mark_end(memory, end);
    return 0;
}

void memory_touch(struct memory *memory, struct entry *entry, int64_t idle_ms,
                  const struct now *now)
{
    int64_t alive_ms = now->monotonic_ms - idle_ms;

    if (alive_ms <= entry->alive_ms)
        return;
    entry->alive_ms = alive_ms;
    entry->last_heartbeat_ms = now->wall_ms - idle_ms;
    DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
    enqueue(memory, entry);
}

int memory_retitle(struct entry *entry, const char *media_id, const char *media_title)
{
    struct session session;

    memory_read(entry, &session);
    strcpy(session.media_id, media_id);
    strcpy(session.media_title, media_title);
    char *text = pack(&session);
    if (text == NULL)
        return -1;
    free(entry->text);
    entry->text = text;
    return 0;
}

/* Fills what an ended session's caller is told. */
enum err memory_tell_end(struct memory *memory, struct store_req *req)
{
    struct tombstone *end = memory_find_end(memory, req->session.id);

    req->end = (struct store_end){.reason = END_EXPIRED};
    if (end != NULL) {
        req->end.reason = end->reason;
        strcpy(req->end.by, end->text);
        strcpy(req->end.message, end->text + strlen(end->text) + 1);
    }
    return ERR_SESSION_ENDED;
}

/* Drops what has had its time. */
static void purge(struct memory *memory, const struct now *now)
{
    while (memory->expiry != NULL &&
           memory->expiry->alive_ms + memory->options.ttl_ms <= now->monotonic_ms) {
        memory_tell_ending(memory, memory->expiry, EVENT_EXPIRED, "", now);
        memory_drop(memory, memory->expiry);
    }
    while (memory->brief != NULL && memory->brief->until_ms <= now->monotonic_ms)
        forget_end(memory, memory->brief);
    while (memory->lasting != NULL && memory->lasting->until_ms <= now->monotonic_ms)
        forget_end(memory, memory->lasting);
    memory_marks_purge(&memory->marks, now->monotonic_ms);
}

void memory_tell_times(struct memory *memory, struct store_req *req, const struct entry *entry,
                       const struct now *now)
{
    req->now_ms = now->wall_ms;
    req->expires_ms = now->wall_ms + entry->alive_ms + memory->options.ttl_ms - now->monotonic_ms;
}

/* Who was answered for in Redis' place, Redis will be told of. */
static void note_stand_in(struct memory *memory, struct entry *entry)
{
    if (memory->in_fallback)
        memory_mark_session(memory, entry);
}

static enum err do_heartbeat(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    if (now->monotonic_ms - entry->alive_ms >= store_heartbeat_min(&memory->options))
        memory_touch(memory, entry, 0, now);
    note_stand_in(memory, entry);
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_check(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    if (entry->told !=
        memory->outages) /* it was asked about, which is no news once Redis knows of it */
        note_stand_in(memory, entry);
    strcpy(req->session.media_id, memory_text(entry, ENTRY_MEDIA_ID));
    req->session.last_heartbeat_ms = entry->last_heartbeat_ms;
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_get(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    memory_read(entry, &req->session);
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_zap(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    if (memory_retitle(entry, req->session.media_id, req->session.media_title) != 0)
        return ERR_INTERNAL;
    note_stand_in(memory, entry);
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum event_type ending_event(enum end_reason reason)
{
    static const enum event_type types[END_REASON_COUNT] = {
        [END_STOPPED] = EVENT_STOPPED,       [END_EXPIRED] = EVENT_EXPIRED,
        [END_REPLACED] = EVENT_REPLACED,     [END_DISPLACED] = EVENT_DISPLACED,
        [END_TERMINATED] = EVENT_TERMINATED,
    };

    return types[reason];
}

static enum err do_end(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);
    struct tombstone *before = memory_find_end(memory, req->session.id);

    if (entry == NULL && before != NULL && req->end.reason != END_TERMINATED)
        return ERR_OK;
    if (memory_remember_end(memory, &req->session, &req->end, now) != 0)
        return ERR_INTERNAL;
    if (entry != NULL) {
        req->ended = true;
        memory_tell_ending(memory, entry, ending_event(req->end.reason), req->end.by, now);
        memory_drop(memory, entry);
    }
    return ERR_OK;
}

static enum err do_list(struct memory *memory, struct store_req *req, const struct now *now)
{
    const char *family_id = req->session.family_id;
    struct group *group = memory_find_group(memory, FAMILY, family_id);
    const struct mark_value *override =
        memory_marks_find(&memory->marks, MARK_LIMITS, family_id, NULL);

    req->now_ms = now->wall_ms;
    req->usage.family_limit = override != NULL && override->family_limit >= 0
                                  ? (uint32_t) override->family_limit
                                  : memory->options.family_limit;
    if (group == NULL)
        return ERR_OK;
    req->usage.family_active = group->count;
    return memory_list_group(req, group, now) == 0 ? ERR_OK : ERR_INTERNAL;
}

static enum err do_revoke(struct memory *memory, struct store_req *req, const struct now *now)
{
    enum group_kind kind = req->session.family_id[0] != '\0' ? FAMILY : DEVICE;
    const char *name = kind == FAMILY ? req->session.family_id : req->session.device_id;
    struct group *group = memory_find_group(memory, kind, name);
    int64_t life_ms =
        req->for_ms > memory->options.max_age_ms ? req->for_ms : memory->options.max_age_ms;
    struct mark_value mark = {
        .revoked_ms = now->wall_ms,
        .blocked_until_ms = req->for_ms > 0 ? now->monotonic_ms + req->for_ms : 0,
        .message = req->end.message,
    };

    req->end.reason = END_TERMINATED;
    if (memory_marks_put(&memory->marks, kind == FAMILY ? MARK_FAMILY_REVOKED : MARK_DEVICE_REVOKED,
                         name, &mark, now->monotonic_ms + life_ms) != 0)
        return ERR_INTERNAL;
    for (uint32_t left = group != NULL ? group->count : 0; left > 0; left--) {
        struct entry *entry = group->streams;

        struct session names;

        memory_read(entry, &names);
        if (memory_remember_end(memory, &names, &req->end, now) != 0)
            return ERR_INTERNAL;
        memory_tell_ending(memory, entry, EVENT_TERMINATED, "", now);
        memory_drop(memory, entry); /* with the last one the group goes */
        req->ended_count++;
    }
    return ERR_OK;
}

static enum err do_set_limits(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct mark_value limits = {.family_limit = req->create.family_limit,
                                      .device_limit = req->create.device_limit};
    bool none = limits.family_limit < 0 && limits.device_limit < 0;
    int64_t until_ms = none              ? now->monotonic_ms
                       : req->for_ms > 0 ? now->monotonic_ms + req->for_ms
                                         : INT64_MAX;

    return memory_marks_put(&memory->marks, MARK_LIMITS, req->session.family_id, &limits,
                            until_ms) == 0
               ? ERR_OK
               : ERR_INTERNAL;
}

/* Every operation cleans up; this one does nothing else. */
static enum err do_sweep(struct memory *memory, struct store_req *req, const struct now *now)
{
    (void)memory;
    (void)req;
    (void)now;
    return ERR_OK;
}

static enum err carry_out(struct memory *memory, struct store_req *req, bool in_fallback)
{
    static enum err (*const operations[STORE_OP_COUNT])(struct memory *, struct store_req *,
                                                        const struct now *) = {
        [STORE_CREATE] = memory_create, [STORE_HEARTBEAT] = do_heartbeat,
        [STORE_REVIVE] = memory_revive, [STORE_CHECK] = do_check,
        [STORE_GET] = do_get,           [STORE_ZAP] = do_zap,
        [STORE_END] = do_end,           [STORE_LIST] = do_list,
        [STORE_REVOKE] = do_revoke,     [STORE_SET_LIMITS] = do_set_limits,
        [STORE_ADOPT] = memory_adopt,   [STORE_SWEEP] = do_sweep,
    };

    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    purge(memory, &now);
    memory->in_fallback = in_fallback;
    enum err err = operations[req->op](memory, req, &now);
    memory->in_fallback = false;
    memory_marks_purge(&memory->marks, now.monotonic_ms);
    pthread_mutex_unlock(&memory->lock);
    return err;
}

enum err memory_do(struct memory *memory, struct store_req *req)
{
    store_begin(req);
    return carry_out(memory, req, false);
}

enum err memory_stand_in(struct memory *memory, struct store_req *req)
{
    store_begin(req);
    req->fallback = true;
    return carry_out(memory, req, true);
}

void memory_see(struct memory *memory, const struct session *session, bool has_title)
{
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    purge(memory, &now);
    struct entry *entry = memory_find(memory, session->id);
    const struct tombstone *end = memory_find_end(memory, session->id);
    if (end != NULL && end->dirty_prev != NULL) {
        pthread_mutex_unlock(&memory->lock);
        return;
    }
    memory_forget_end(memory, session->id);
    if (entry == NULL) {
        memory_add(memory, session, 0, &now); /* without memory it stays unseen */
    } else {
        memory_touch(memory, entry, 0, &now);
        if (has_title && strcmp(memory_text(entry, ENTRY_MEDIA_ID), session->media_id) != 0)
            memory_retitle(entry, session->media_id, session->media_title);
    }
    pthread_mutex_unlock(&memory->lock);
}

void memory_see_end(struct memory *memory, const struct session *names, const struct store_end *end)
{
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    struct entry *entry = memory_find(memory, names->id);
    const struct tombstone *before = memory_find_end(memory, names->id);
    if (before == NULL || before->dirty_prev == NULL)
        memory_remember_end(memory, names, end, &now);
    if (entry != NULL)
        memory_drop(memory, entry);
    pthread_mutex_unlock(&memory->lock);
}

int memory_event(struct memory *memory, uint64_t number, struct memory_event *ret_event)
{
    pthread_mutex_lock(&memory->lock);
    int rc = memory_events_get(&memory->events, number, ret_event);
    pthread_mutex_unlock(&memory->lock);
    return rc;
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
    struct entry *entry = memory_find(memory, session_id);
    if (entry != NULL) {
        entry->alive_ms -= ms;
        entry->last_heartbeat_ms -= ms;
        DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
        enqueue(memory, entry);
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
    memory->outages = 1;
    return memory;
}

void memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    while (memory->expiry != NULL)
        memory_drop(memory, memory->expiry);
    while (memory->brief != NULL)
        forget_end(memory, memory->brief);
    while (memory->lasting != NULL)
        forget_end(memory, memory->lasting);
    memory_marks_done(&memory->marks);
    memory_events_done(&memory->events);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}
