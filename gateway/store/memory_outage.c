/*
 * What the embedded store does for an outage (DESIGN.md section 6): it sees what Redis says while it is there,
 * and remembers what it has let in, kept alive or ended in Redis' place, to tell it when it is back.
 */
#include <string.h>

#include "memory_private.h"

unsigned memory_partition_of(const char *id)
{
    unsigned partition = partition_of_tag(id);

    return partition < PARTITION_COUNT ? partition : 0;
}

void memory_mark_session(struct memory *memory, struct entry *entry)
{
    if (entry->dirty_prev == NULL)
        DL_APPEND2(memory->dirty_sessions[memory_partition_of(entry->id)], entry, dirty_prev,
                   dirty_next);
}

void memory_note_stand_in(struct memory *memory, struct entry *entry)
{
    if (memory->in_fallback)
        memory_mark_session(memory, entry);
}

void memory_unmark_session(struct memory *memory, struct entry *entry)
{
    if (entry->dirty_prev == NULL)
        return;
    DL_DELETE2(memory->dirty_sessions[memory_partition_of(entry->id)], entry, dirty_prev,
               dirty_next);
    entry->dirty_prev = entry->dirty_next = NULL;
}

void memory_mark_end(struct memory *memory, struct tombstone *end)
{
    if (end->dirty_prev == NULL)
        DL_APPEND2(memory->dirty_ends[memory_partition_of(end->id)], end, dirty_prev, dirty_next);
}

void memory_unmark_end(struct memory *memory, struct tombstone *end)
{
    if (end->dirty_prev == NULL)
        return;
    DL_DELETE2(memory->dirty_ends[memory_partition_of(end->id)], end, dirty_prev, dirty_next);
    end->dirty_prev = end->dirty_next = NULL;
}

void memory_begin_outage(struct memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    memory->outages++;
    pthread_mutex_unlock(&memory->lock);
}

static void tell_adopted(struct memory *memory, const struct session *session,
                         const struct now *now)
{
    const struct event event = {
        .type = EVENT_ADOPTED,
        .session_id = session->id,
        .user_id = session->user_id,
        .family_id = session->family_id,
        .device_id = session->device_id,
        .media_id = session->media_id,
        .cause = "",
        .by = "",
        .time_ms = now->wall_ms,
        .duration_s = -1,
    };

    memory_tell(memory, &event);
}

enum err memory_adopt(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct session *session = &req->session;
    struct entry *entry = memory_find(memory, session->id);

    if (memory_has_ended(memory, session->id))
        return memory_tell_end(memory, req);
    enum err err = memory_check_revoked(memory, req, now);
    if (err != ERR_OK)
        return err;
    if (entry == NULL) {
        entry = memory_add(memory, session, req->create.idle_ms, now);
        if (entry == NULL)
            return ERR_INTERNAL;
        tell_adopted(memory, session, now);
    } else {
        memory_touch(memory, entry, req->create.idle_ms, now);
        memory_note_stand_in(memory, entry);
        if (strcmp(memory_text(entry, ENTRY_MEDIA_ID), session->media_id) != 0 &&
            memory_retitle(entry, session->media_id, session->media_title) != 0)
            return ERR_INTERNAL;
    }
    memory_tell_times(memory, req, entry, now);
    return ERR_OK;
}

static void describe_end(const struct tombstone *end, struct store_req *ret_req)
{
    char *const texts[] = {ret_req->end.by, ret_req->end.message, ret_req->session.family_id,
                           ret_req->session.device_id, ret_req->operator.name,
                           ret_req->operator.why };
    const char *at = end->text;

    ret_req->op = STORE_END;
    memcpy(ret_req->session.id, end->id, sizeof ret_req->session.id);
    ret_req->end.reason = end->reason;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        strcpy(texts[i], at); /* they came from such arrays */
        at += strlen(at) + 1;
    }
}

static void take_end(struct memory *memory, struct tombstone *end, struct store_req *ret_req)
{
    describe_end(end, ret_req);
    memory_unmark_end(memory, end);
}

static void take_session(struct memory *memory, struct entry *entry, struct store_req *ret_req)
{
    int64_t idle_ms = memory->clock.monotonic_ms() - entry->alive_ms;

    ret_req->op = STORE_ADOPT;
    memory_read(entry, &ret_req->session);
    ret_req->create.idle_ms = idle_ms > 0 ? idle_ms : 0;
    memory_unmark_session(memory, entry);
    entry->told = memory->outages;
}

bool memory_take_dirty(struct memory *memory, unsigned first, unsigned last,
                       struct store_req *ret_req)
{
    bool taken = false;

    pthread_mutex_lock(&memory->lock);
    for (unsigned i = first; i < last && !taken; i++)
        if ((taken = memory->dirty_ends[i] != NULL))
            take_end(memory, memory->dirty_ends[i], ret_req);
    for (unsigned i = first; i < last && !taken; i++)
        if ((taken = memory->dirty_sessions[i] != NULL))
            take_session(memory, memory->dirty_sessions[i], ret_req);
    pthread_mutex_unlock(&memory->lock);
    return taken;
}

void memory_return_dirty(struct memory *memory, const struct store_req *req)
{
    const char *id = req->session.id;

    pthread_mutex_lock(&memory->lock);
    struct entry *entry = memory_find(memory, id);
    struct tombstone *end = memory_find_end(memory, id);
    if (req->op == STORE_END && end != NULL)
        memory_mark_end(memory, end);
    else if (req->op == STORE_ADOPT && entry != NULL)
        memory_mark_session(memory, entry);
    pthread_mutex_unlock(&memory->lock);
}

void memory_see(struct memory *memory, const struct session *session, bool has_title)
{
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    memory_purge(memory, &now);
    struct entry *entry = memory_find(memory, session->id);
    if (memory_has_ended(memory, session->id)) {
        /* an answer that was overtaken: what has ended doesn't come back */
    } else if (entry == NULL) {
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
        memory_remember_end(memory, names, end, NULL, &now);
    if (entry != NULL)
        memory_drop(memory, entry);
    pthread_mutex_unlock(&memory->lock);
}
