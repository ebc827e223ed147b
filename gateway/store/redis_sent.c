/* The commands that were sent over a link and not yet answered. */
#include "redis_sent.h"

#include <stdlib.h>

#define FIRST_SIZE 256

void redis_sent_done(struct redis_sent *sent)
{
    free(sent->ring);
    *sent = (struct redis_sent){0};
}

int redis_sent_reserve(struct redis_sent *sent)
{
    if (redis_sent_count(sent) < sent->size)
        return 0;
    size_t size = sent->size > 0 ? sent->size * 2 : FIRST_SIZE;
    struct redis_sent_item *ring = calloc(size, sizeof *ring);
    if (ring == NULL)
        return -1;
    for (uint64_t number = sent->head; number != sent->tail; number++)
        ring[number & (size - 1)] = sent->ring[number & (sent->size - 1)];
    free(sent->ring);
    sent->ring = ring;
    sent->size = size;
    return 0;
}

void redis_sent_push(struct redis_sent *sent, struct redis_call *call, int64_t at_ms)
{
    sent->ring[sent->tail++ & (sent->size - 1)] = (struct redis_sent_item){call, at_ms};
}

struct redis_call *redis_sent_pop(struct redis_sent *sent)
{
    return sent->ring[sent->head++ & (sent->size - 1)].call;
}

struct redis_call *redis_sent_pop_latest(struct redis_sent *sent)
{
    return sent->ring[--sent->tail & (sent->size - 1)].call;
}
