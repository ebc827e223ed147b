/*
 * Why sessions ended: the embedded store's tombstones. They go in the order in which they came, those of terminated
 * sessions in a queue of their own, since they last longer.
 */
#include <stdlib.h>
#include <string.h>

#include "memory_private.h"

static struct tombstone **tombstone_queue(struct memory *memory, enum end_reason reason)
{
    return reason == END_TERMINATED ? &memory->lasting : &memory->brief;
}

static void forget_end(struct memory *memory, struct tombstone *end)
{
    struct tombstone **queue = tombstone_queue(memory, end->reason);

    memory_unmark_end(memory, end);
    if (memory->walk.end == end)
        memory->walk.end = end->hh.next;
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

int memory_remember_end_until(struct memory *memory, const struct session *names,
                              const struct store_end *why, const struct store_operator *who,
                              int64_t until_ms)
{
    const char *texts[TOMBSTONE_TEXTS] = {why->by,
                                          why->message,
                                          names->family_id,
                                          names->device_id,
                                          who != NULL ? who->name : "",
                                          who != NULL ? who->why : ""};
    struct tombstone *before = memory_find_end(memory, names->id);
    size_t size = 0;

    for (size_t i = 0; i < TOMBSTONE_TEXTS; i++)
        size += strlen(texts[i]) + 1;
    bool is_walked = before != NULL && memory->walk.end == before;
    struct tombstone *end = calloc(1, sizeof *end + size);
    if (end == NULL)
        return -1;
    memcpy(end->id, names->id, sizeof end->id);
    char *at = end->text;
    for (size_t i = 0; i < TOMBSTONE_TEXTS; i++)
        at = stpcpy(at, texts[i]) + 1;
    end->reason = why->reason;
    end->until_ms = until_ms;
    end->made = before != NULL ? before->made : memory->walk.round;
    if (before != NULL)
        forget_end(memory, before);
    HASH_ADD(hh, memory->ends, id, SESSION_ID_LEN, end);
    if (end->hh.tbl == NULL) {
        free(end);
        return -1;
    }
    struct tombstone **queue = tombstone_queue(memory, end->reason);
    DL_APPEND(*queue, end);
    if (is_walked && memory->walk.end == NULL)
        memory->walk.end = end;
    if (memory->in_fallback)
        memory_mark_end(memory, end);
    return 0;
}

int64_t memory_end_lasts_ms(const struct memory *memory, enum end_reason reason)
{
    return reason == END_TERMINATED ? memory->options.max_age_ms : 2 * memory->options.ttl_ms;
}

int memory_remember_end(struct memory *memory, const struct session *names,
                        const struct store_end *why, const struct store_operator *who,
                        const struct now *now)
{
    return memory_remember_end_until(memory, names, why, who,
                                     now->monotonic_ms + memory_end_lasts_ms(memory, why->reason));
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

void memory_purge_ends(struct memory *memory, int64_t now_ms)
{
    while (memory->brief != NULL && memory->brief->until_ms <= now_ms)
        forget_end(memory, memory->brief);
    while (memory->lasting != NULL && memory->lasting->until_ms <= now_ms)
        forget_end(memory, memory->lasting);
}
