/*
 * Admission in the embedded store: gathers the streams that count, has admission.h decide, and carries
 * the decision out. All that can fail comes before the first change that can't be taken back.
 */
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "memory_private.h"

#define RATE_WINDOW_MS 60000

/* ---- Limits, blocks, rates ---- */

uint32_t memory_limit_in_force(int32_t override, int32_t claim, uint32_t setting)
{
    if (override >= 0)
        return (uint32_t) override;
    return claim >= 0 ? (uint32_t)claim : setting;
}

static void find_limits(struct memory *memory, struct store_req *req)
{
    const struct mark_value *override =
        memory_marks_find(&memory->marks, MARK_LIMITS, req->session.family_id, NULL);

    req->usage.family_limit =
        memory_limit_in_force(override != NULL ? override->family_limit : -1,
                              req->create.family_limit, memory->options.family_limit);
    req->usage.device_limit =
        memory_limit_in_force(override != NULL ? override->device_limit : -1,
                              req->create.device_limit, memory->options.device_limit);
}

enum err memory_check_revoked(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct mark_value *marks[] = {
        memory_marks_find(&memory->marks, MARK_FAMILY_REVOKED, req->session.family_id, NULL),
        memory_marks_find(&memory->marks, MARK_DEVICE_REVOKED, req->session.device_id, NULL)};

    for (size_t i = 0; i < 2; i++) {
        int64_t since_ms = req->op == STORE_ADOPT ? req->session.started_ms : req->create.issued_ms;

        if (marks[i] == NULL)
            continue;
        req->end = (struct store_end){.reason = END_TERMINATED};
        if (marks[i]->message != NULL)
            strcpy(req->end.message, marks[i]->message);
        if (req->op != STORE_ADOPT && marks[i]->blocked_until_ms > now->monotonic_ms)
            return ERR_FORBIDDEN;
        if (req->op != STORE_CREATE && marks[i]->revoked_ms >= since_ms)
            return ERR_SESSION_ENDED;
    }
    return ERR_OK;
}

/* Counts this create against the user's window of a minute. */
static enum err count_rate(struct memory *memory, struct store_req *req, const struct now *now)
{
    uint32_t rate = memory->options.create_rate;
    const char *user_id = req->session.user_id;
    struct mark_value first = {.count = 1};
    int64_t until_ms;

    if (rate == 0)
        return ERR_OK;
    struct mark_value *window = memory_marks_find(&memory->marks, MARK_RATE, user_id, &until_ms);
    if (window == NULL)
        return memory_marks_put(&memory->marks, MARK_RATE, user_id, &first,
                                now->monotonic_ms + RATE_WINDOW_MS) == 0
                   ? ERR_OK
                   : ERR_INTERNAL;
    if (window->count++ < rate)
        return ERR_OK;
    req->retry_after_s = (until_ms - now->monotonic_ms + 999) / 1000;
    return ERR_RATE_LIMITED;
}

/* ---- Streams ---- */

static void describe(struct entry *entry, const struct now *now,
                     struct admission_stream *ret_stream)
{
    *ret_stream = (struct admission_stream){
        .id = entry->id,
        .player_id = memory_text(entry, ENTRY_PLAYER_ID),
        .started_ms = entry->started_ms,
        .silent_ms = now->monotonic_ms - entry->alive_ms,
        .owner = entry,
    };
}

/* The streams that an admission looks at: the family's, and on the device those of other families. */
static size_t gather(struct memory *memory, const struct session *session, const struct now *now,
                     struct admission_stream *streams)
{
    struct group *family = memory_find_group(memory, FAMILY, session->family_id);
    struct group *device = memory_find_group(memory, DEVICE, session->device_id);
    struct entry *entry;
    size_t count = 0;

    if (family != NULL) {
        DL_FOREACH2 (family->streams, entry, group_next[FAMILY]) {
            describe(entry, now, &streams[count]);
            streams[count].in_family = true;
            streams[count++].on_device = entry->group[DEVICE] == device;
        }
    }
    if (device != NULL) {
        DL_FOREACH2 (device->streams, entry, group_next[DEVICE]) {
            if (entry->group[FAMILY] == family)
                continue;
            describe(entry, now, &streams[count]);
            streams[count++].on_device = true;
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

/* Hands streams out with a request, longest silent first. Sorts them. -1 where memory runs out. */
static int list(struct store_req *req, struct admission_stream *streams, size_t count)
{
    size_t listed = count < STORE_STREAMS_MAX ? count : STORE_STREAMS_MAX;

    qsort(streams, count, sizeof *streams, by_silence);
    req->streams = calloc(listed > 0 ? listed : 1, sizeof *req->streams);
    if (req->streams == NULL)
        return -1;
    for (size_t i = 0; i < listed; i++) {
        memory_read(streams[i].owner, &req->streams[i].session);
        req->streams[i].idle_s = streams[i].silent_ms / 1000;
    }
    req->stream_count = listed;
    return 0;
}

bool memory_counts(const struct memory *memory, const struct entry *entry, enum group_kind kind)
{
    return kind == FAMILY || entry->partition == memory->partition;
}

int memory_list_group(struct memory *memory, struct store_req *req, struct group *group,
                      enum group_kind kind, const struct now *now)
{
    struct admission_stream *streams = calloc(group->count, sizeof *streams);
    struct entry *entry;
    size_t count = 0;

    if (streams == NULL)
        return -1;
    DL_FOREACH2 (group->streams, entry, group_next[kind])
        if (memory_counts(memory, entry, kind))
            describe(entry, now, &streams[count++]);
    int rc = list(req, streams, count);
    free(streams);
    return rc == 0 ? (int)count : -1;
}

/* ---- Carrying the decision out ---- */

static void tell_about(struct memory *memory, const struct store_req *req, enum event_type type,
                       const char *cause, const struct now *now)
{
    bool admitted = type != EVENT_DENIED;
    const struct event event = {
        .type = type,
        .session_id = admitted ? req->session.id : "",
        .user_id = req->session.user_id,
        .family_id = req->session.family_id,
        .device_id = req->session.device_id,
        .media_id = req->session.media_id,
        .cause = cause,
        .by = "",
        .time_ms = now->wall_ms,
        .duration_s = -1,
    };

    memory_tell(memory, &event);
}

static void forget_fates(struct memory *memory, struct admission_stream *streams, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (streams[i].fate != ADMISSION_STAYS)
            memory_forget_end(memory, streams[i].id);
}

/* Keeps why each stream ends that gives way. -1, and nothing kept, where memory runs out. */
static int remember_fates(struct memory *memory, const struct session *session,
                          struct admission_stream *streams, size_t count, const struct now *now)
{
    struct mark_value mark = {0};

    for (size_t i = 0; i < count; i++) {
        struct store_end why = {.reason = END_REPLACED};
        const struct entry *entry = streams[i].owner;

        if (streams[i].fate == ADMISSION_STAYS)
            continue;
        if (streams[i].fate == ADMISSION_DISPLACED)
            why.reason = END_DISPLACED;
        else
            strcpy(why.by, store_replaced_by(session));
        struct session names;
        memory_read(entry, &names);
        if (memory_remember_end(memory, &names, &why, NULL, now) != 0 ||
            (streams[i].fate == ADMISSION_EVICTED && memory->options.evict_cooldown_ms > 0 &&
             memory_marks_put(&memory->marks, MARK_EVICTED, entry->group[DEVICE]->name, &mark,
                              now->monotonic_ms + memory->options.evict_cooldown_ms) != 0)) {
            forget_fates(memory, streams, i + 1);
            return -1;
        }
    }
    return 0;
}

static void end_those_who_give_way(struct memory *memory, const struct session *session,
                                   struct admission_stream *streams, size_t count,
                                   const struct now *now)
{
    for (size_t i = 0; i < count; i++) {
        if (streams[i].fate == ADMISSION_STAYS)
            continue;
        memory_tell_ending(memory, streams[i].owner,
                           streams[i].fate == ADMISSION_DISPLACED ? EVENT_DISPLACED
                                                                  : EVENT_REPLACED,
                           "", store_replaced_by(session), now);
        memory_drop(memory, streams[i].owner);
    }
}

/* Step 9. The session is put in place first, since that may fail; then those go who give way. */
static enum err admit(struct memory *memory, struct store_req *req,
                      struct admission_stream *streams, size_t count, const struct now *now)
{
    if (req->op == STORE_CREATE)
        req->session.started_ms = now->wall_ms;
    req->session.last_heartbeat_ms = now->wall_ms;

    struct entry *entry = memory_add(memory, &req->session, 0, now);
    if (entry == NULL)
        return ERR_INTERNAL;
    if (remember_fates(memory, &req->session, streams, count, now) != 0) {
        memory_drop(memory, entry);
        return ERR_INTERNAL;
    }
    end_those_who_give_way(memory, &req->session, streams, count, now);
    if (req->would_deny != ERR_OK)
        tell_about(memory, req, EVENT_WOULD_DENY, err_word(req->would_deny), now);
    tell_about(memory, req, req->op == STORE_CREATE ? EVENT_STARTED : EVENT_REVIVED, "", now);
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

/* A refusal: lists the streams in the way, which streams is cut down to. */
static enum err refuse(struct memory *memory, struct store_req *req, enum err refusal,
                       struct admission_stream *streams, size_t count, const struct now *now)
{
    size_t kept = 0;

    if (req->op == STORE_REVIVE) {
        req->end = (struct store_end){.reason = END_EXPIRED};
        return ERR_SESSION_ENDED;
    }
    for (size_t i = 0; i < count; i++)
        if (refusal == ERR_DEVICE_LIMIT ? streams[i].on_device : streams[i].in_family)
            streams[kept++] = streams[i];
    if (list(req, streams, kept) != 0)
        return ERR_INTERNAL;
    tell_about(memory, req, EVENT_DENIED, err_word(refusal), now);
    return refusal;
}

static enum err decide(struct memory *memory, struct store_req *req,
                       struct admission_stream *streams, size_t count, const struct now *now)
{
    const struct store_options *options = &memory->options;
    bool creates = req->op == STORE_CREATE;
    /* In Redis' place nobody is known to be silent: he may be heard by another gateway. */
    bool displaces = creates && !memory->in_fallback;
    bool cools_down =
        memory_marks_find(&memory->marks, MARK_EVICTED, req->session.device_id, NULL) != NULL;
    struct admission_ask ask = {
        .family_limit = req->usage.family_limit,
        .device_limit = req->usage.device_limit,
        .displace_after_ms = displaces ? options->displace_after_ms : 0,
        .evict = creates && req->create.evict && !cools_down,
        .player_id = creates ? req->session.player_id : "",
        .replace = req->create.replace,
        .replace_count = creates ? req->create.replace_count : 0,
        .dry_run = options->dry_run,
    };
    struct admission_answer answer;

    admission_decide(&ask, streams, count, &answer);
    req->usage.family_active = answer.family_active;
    req->usage.device_active = answer.device_active;
    req->would_deny = answer.would_deny;
    if (answer.err != ERR_OK)
        return refuse(memory, req, answer.err, streams, count, now);
    return admit(memory, req, streams, count, now);
}

static uint32_t count_group(struct memory *memory, enum group_kind kind, const char *name)
{
    struct group *group = memory_find_group(memory, kind, name);

    return group == NULL ? 0 : group->count;
}

static bool has_room(uint32_t active, uint32_t limit)
{
    return limit == 0 || active < limit;
}

/* Steps 3 to 9. */
static enum err seek_place(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct store_usage *usage = &req->usage;
    bool gives_up = req->op == STORE_CREATE &&
                    (req->create.replace_count > 0 || req->session.player_id[0] != '\0');

    if (!gives_up && has_room(usage->family_active, usage->family_limit) &&
        has_room(usage->device_active, usage->device_limit)) {
        usage->family_active++;
        usage->device_active++;
        return admit(memory, req, NULL, 0, now);
    }

    size_t most = (size_t)usage->family_active + usage->device_active;
    struct admission_stream *streams = calloc(most > 0 ? most : 1, sizeof *streams);
    if (streams == NULL)
        return ERR_INTERNAL;
    size_t count = gather(memory, &req->session, now, streams);
    enum err err = decide(memory, req, streams, count, now);
    free(streams);
    return err;
}

/* What a create and a revival begin with. true: the session lives already, which is an answer. */
static bool lives_already(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *known = memory_find(memory, req->session.id);

    find_limits(memory, req);
    req->usage.family_active = count_group(memory, FAMILY, req->session.family_id);
    req->usage.device_active = count_group(memory, DEVICE, req->session.device_id);
    if (known == NULL)
        return false;
    req->session.started_ms = known->started_ms;
    req->session.last_heartbeat_ms = known->last_heartbeat_ms;
    memory_tell_times(memory, req, known, now);
    return true;
}

enum err memory_create(struct memory *memory, struct store_req *req, const struct now *now)
{
    if (lives_already(memory, req, now))
        return ERR_OK;
    enum err err = memory_check_revoked(memory, req, now);
    if (err == ERR_OK)
        err = count_rate(memory, req, now);
    if (err == ERR_RATE_LIMITED || err == ERR_FORBIDDEN)
        tell_about(memory, req, EVENT_DENIED, err_word(err), now);
    return err == ERR_OK ? seek_place(memory, req, now) : err;
}

enum err memory_revive(struct memory *memory, struct store_req *req, const struct now *now)
{
    if (lives_already(memory, req, now))
        return ERR_OK;
    if (memory_has_ended(memory, req->session.id))
        return memory_tell_end(memory, req);
    enum err err = memory_check_revoked(memory, req, now);
    return err == ERR_OK ? seek_place(memory, req, now) : err;
}
