/*
 * The commands that were sent over a link and not yet answered, in their order: replies come in the same.
 */
#ifndef REDIS_SENT_H
#define REDIS_SENT_H

#include <stddef.h>
#include <stdint.h>

struct redis_call;

struct redis_sent_item {
    struct redis_call
        *call;     /* NULL: nobody waits for this reply any more, or it is the link's own */
    int64_t at_ms; /* when it was sent, by the monotonic clock */
};

/* A queue in a ring. All zeroes is an empty one. */
struct redis_sent {
    struct redis_sent_item *ring; /* items by number, modulo size */
    size_t size;                  /* of ring: a power of two, or 0 */
    uint64_t head, tail;          /* numbers of the oldest item, and of the next one */
};

/* Frees the ring. */
void redis_sent_done(struct redis_sent *sent);

static inline size_t redis_sent_count(const struct redis_sent *sent)
{
    return (size_t)(sent->tail - sent->head);
}

/* The n-th item, the oldest being 0. */
static inline struct redis_sent_item *redis_sent_at(const struct redis_sent *sent, size_t n)
{
    return &sent->ring[(sent->head + n) & (sent->size - 1)];
}

/* Makes room for one more item. Returns 0; -1 where memory runs out. */
int redis_sent_reserve(struct redis_sent *sent);

/* Appends an item, for which room was made. */
void redis_sent_push(struct redis_sent *sent, struct redis_call *call, int64_t at_ms);

/* Takes the oldest item, or the latest, away, and returns its call. There must be one. */
struct redis_call *redis_sent_pop(struct redis_sent *sent);
struct redis_call *redis_sent_pop_latest(struct redis_sent *sent);

#endif
