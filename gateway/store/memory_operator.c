/*
 * What operators change in the embedded store, and ask of it; but for pages (memory_page.c) and events
 * (memory_events.c).
 */
#include <string.h>

#include "memory_private.h"
#include "store_query.h"

/* Writes an event about these names, by an operator. */
static void tell(struct memory *memory, const struct session *names,
                 const struct store_operator *by, enum event_type type, const struct now *now)
{
    const struct event event = {
        .type = type,
        .session_id = session_id_is_valid(names->id, strlen(names->id)) ? names->id : "",
        .user_id = names->user_id,
        .family_id = names->family_id,
        .device_id = names->device_id,
        .media_id = names->media_id,
        .cause = by->why,
        .by = by->name,
        .time_ms = now->wall_ms,
        .duration_s = -1,
    };

    memory_tell(memory, &event);
}

enum err memory_note(struct memory *memory, struct store_req *req, const struct now *now)
{
    tell(memory, &req->session, &req->operator, req->query->note, now);
    return ERR_OK;
}

/* ---- A family, or a device ---- */

/* What a request is about. */
struct subject {
    enum group_kind kind;
    const char *name;
    enum mark_kind mark; /* that tells of its revocation */
    struct group *group; /* its streams; NULL where there are none */
};

static struct subject subject_of(struct memory *memory, const struct store_req *req)
{
    bool is_family = req->session.family_id[0] != '\0';
    struct subject subject = {
        .kind = is_family ? FAMILY : DEVICE,
        .name = is_family ? req->session.family_id : req->session.device_id,
        .mark = is_family ? MARK_FAMILY_REVOKED : MARK_DEVICE_REVOKED,
    };

    subject.group = memory_find_group(memory, subject.kind, subject.name);
    return subject;
}

/* Writes an event about it alone. */
static void tell_about(struct memory *memory, const struct subject *subject,
                       const struct store_req *req, enum event_type type, const struct now *now)
{
    struct session names = {0};

    strcpy(subject->kind == FAMILY ? names.family_id : names.device_id, subject->name);
    tell(memory, &names, &req->operator, type, now);
}

/* The mark that keeps new streams out now; NULL where none does. */
static const struct mark_value *find_block(struct memory *memory, const struct subject *subject,
                                           const struct now *now)
{
    const struct mark_value *mark =
        memory_marks_find(&memory->marks, subject->mark, subject->name, NULL);

    return mark != NULL && mark->blocked_until_ms > now->monotonic_ms ? mark : NULL;
}

/* ---- Revoking ---- */

/* Marks it as revoked now, blocked as is asked for. -1 where memory runs out. */
static int mark_revoked(struct memory *memory, const struct store_req *req,
                        const struct subject *subject, const struct mark_value *block,
                        const struct now *now)
{
    struct mark_value mark = {.revoked_ms = now->wall_ms, .message = req->end.message};
    int64_t until_ms = now->monotonic_ms + memory->options.max_age_ms;

    if (req->for_ms > 0) {
        mark.blocked_until_ms = now->monotonic_ms + req->for_ms;
    } else if (req->for_ms < 0 && block != NULL) {
        mark.blocked_until_ms = block->blocked_until_ms;
        mark.message = block->message;
    }
    if (until_ms < mark.blocked_until_ms)
        until_ms = mark.blocked_until_ms;
    return memory_marks_put(&memory->marks, subject->mark, subject->name, &mark, until_ms);
}

static enum err end_streams(struct memory *memory, struct store_req *req,
                            const struct subject *subject, const struct now *now)
{
    struct entry *head = subject->group != NULL ? subject->group->streams : NULL, *entry, *next;

    /* With the last one the group goes. */
    DL_FOREACH_SAFE2 (head, entry, next, group_next[subject->kind]) {
        struct session names;

        if (!memory_counts(memory, entry, subject->kind))
            continue;
        memory_read(entry, &names);
        if (memory_remember_end(memory, &names, &req->end, &req->operator, now) != 0)
            return ERR_INTERNAL;
        memory_tell_ending(memory, entry, EVENT_TERMINATED, req->operator.why, req->operator.name,
                           now);
        memory_drop(memory, entry);
        req->ended_count++;
    }
    return ERR_OK;
}

enum err memory_revoke(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct subject subject = subject_of(memory, req);
    const struct mark_value *block = find_block(memory, &subject, now);
    bool lifts = req->for_ms == 0 && block != NULL;

    req->end.reason = END_TERMINATED;
    if (mark_revoked(memory, req, &subject, block, now) != 0)
        return ERR_INTERNAL;
    if (!req->told_elsewhere && (req->for_ms > 0 || lifts))
        tell_about(memory, &subject, req, lifts ? EVENT_UNBLOCKED : EVENT_BLOCKED, now);
    return end_streams(memory, req, &subject, now);
}

/* ---- Limits ---- */

enum err memory_set_limits(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct mark_value limits = {.family_limit = req->create.family_limit,
                                      .device_limit = req->create.device_limit};
    const struct subject family = {.kind = FAMILY, .name = req->session.family_id};
    bool none = limits.family_limit < 0 && limits.device_limit < 0;
    bool was = memory_marks_find(&memory->marks, MARK_LIMITS, family.name, NULL) != NULL;
    int64_t until_ms = none              ? now->monotonic_ms
                       : req->for_ms > 0 ? now->monotonic_ms + req->for_ms
                                         : INT64_MAX;

    if (memory_marks_put(&memory->marks, MARK_LIMITS, family.name, &limits, until_ms) != 0)
        return ERR_INTERNAL;
    if (!none || was)
        tell_about(memory, &family, req, EVENT_LIMITS_CHANGED, now);
    return ERR_OK;
}

/* ---- Asking ---- */

static int64_t to_wall(int64_t monotonic_ms, const struct now *now)
{
    return now->wall_ms + monotonic_ms - now->monotonic_ms;
}

static void describe_limits(struct memory *memory, const char *family_id,
                            struct store_description *description, const struct now *now)
{
    int64_t until_ms;
    const struct mark_value *override =
        memory_marks_find(&memory->marks, MARK_LIMITS, family_id, &until_ms);

    if (override == NULL)
        return;
    description->overridden = true;
    description->family_limit =
        memory_limit_in_force(override->family_limit, -1, memory->options.family_limit);
    description->device_limit =
        memory_limit_in_force(override->device_limit, -1, memory->options.device_limit);
    if (until_ms != INT64_MAX)
        description->limits_until_ms = to_wall(until_ms, now);
}

enum err memory_describe(struct memory *memory, struct store_req *req, const struct now *now)
{
    const struct subject subject = subject_of(memory, req);
    const struct mark_value *block = find_block(memory, &subject, now);
    struct store_description *description = &req->query->description;
    int active = 0;

    *description = (struct store_description){.family_limit = memory->options.family_limit,
                                              .device_limit = memory->options.device_limit};
    if (subject.kind == FAMILY)
        describe_limits(memory, subject.name, description, now);
    if (block != NULL) {
        description->blocked_until_ms = to_wall(block->blocked_until_ms, now);
        strcpy(description->message, block->message);
    }
    if (subject.group != NULL)
        active = memory_list_group(memory, req, subject.group, subject.kind, now);
    if (active < 0)
        return ERR_INTERNAL;
    req->now_ms = now->wall_ms;
    if (subject.kind == FAMILY)
        req->usage = (struct store_usage){.family_active = (uint32_t)active,
                                          .family_limit = description->family_limit};
    else
        req->usage = (struct store_usage){.device_active = (uint32_t)active,
                                          .device_limit = description->device_limit};
    return ERR_OK;
}

enum err memory_tell_count(struct memory *memory, struct store_req *req, const struct now *now)
{
    req->now_ms = now->wall_ms;
    req->query->count = (struct store_count){
        .sessions = memory->active[memory->partition],
        .users_online = memory_online_count(&memory->online, memory->partition,
                                            now->wall_ms / memory->options.ttl_ms),
    };
    return ERR_OK;
}

enum err memory_tell_events(struct memory *memory, struct store_req *req, const struct now *now)
{
    req->now_ms = now->wall_ms;
    return memory_events_query(&memory->events, memory->partition, memory->in_fallback,
                               &req->query->events);
}
