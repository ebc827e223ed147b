/*
 * The embedded store's operations, but for those that need admission (memory_create.c), those that stand in for
 * Redis (memory_outage.c) and the operators' (memory_operator.c, memory_page.c).
 */
#include <string.h>

#include "memory_private.h"

static enum err do_heartbeat(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    if (now->monotonic_ms - entry->alive_ms >= store_heartbeat_min(&memory->options))
        memory_touch(memory, entry, 0, now);
    memory_note_stand_in(memory, entry);
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static enum err do_check(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct entry *entry = memory_find(memory, req->session.id);

    if (entry == NULL)
        return memory_tell_end(memory, req);
    if (entry->told != memory->outages) /* being asked about is no news once Redis knows of it */
        memory_note_stand_in(memory, entry);
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
    memory_note_stand_in(memory, entry);
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
    const struct store_operator *who = &req->operator;
    struct session names = req->session;

    if (entry == NULL && before != NULL && req->end.reason != END_TERMINATED)
        return ERR_OK;
    if (entry != NULL) /* it knows better than who has heard of it */
        memory_read(entry, &names);
    if (memory_remember_end(memory, &names, &req->end, who, now) != 0)
        return ERR_INTERNAL;
    if (entry != NULL) {
        req->ended = true;
        memory_tell_ending(memory, entry, ending_event(req->end.reason), who->why,
                           who->name[0] != '\0' ? who->name : req->end.by, now);
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
    req->usage.family_limit = memory_limit_in_force(override != NULL ? override->family_limit : -1,
                                                    -1, memory->options.family_limit);
    if (group == NULL)
        return ERR_OK;
    req->usage.family_active = group->count;
    return memory_list_group(memory, req, group, FAMILY, now) >= 0 ? ERR_OK : ERR_INTERNAL;
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
        [STORE_CREATE] = memory_create,
        [STORE_HEARTBEAT] = do_heartbeat,
        [STORE_REVIVE] = memory_revive,
        [STORE_CHECK] = do_check,
        [STORE_GET] = do_get,
        [STORE_ZAP] = do_zap,
        [STORE_END] = do_end,
        [STORE_LIST] = do_list,
        [STORE_REVOKE] = memory_revoke,
        [STORE_SET_LIMITS] = memory_set_limits,
        [STORE_ADOPT] = memory_adopt,
        [STORE_SWEEP] = do_sweep,
        [STORE_PAGE] = memory_page,
        [STORE_DESCRIBE] = memory_describe,
        [STORE_COUNT] = memory_tell_count,
        [STORE_EVENTS] = memory_tell_events,
        [STORE_NOTE] = memory_note,
    };

    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    memory_purge(memory, &now);
    memory->in_fallback = in_fallback;
    memory->partition = memory->partitions > 1 ? store_partition(req) : 0;
    enum err err = operations[req->op](memory, req, &now);
    memory->in_fallback = false;
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
