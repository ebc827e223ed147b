/*
 * Finds a Redis master by its Sentinels (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
 *
 * All sentinels are asked at once; the address that most of them name is found as soon as more than half do,
 * or all have answered, or the time is over. So one that is down or hangs costs nothing, and one that lies is
 * outvoted. Whether the address is really a master's is for the caller to ask (ROLE), who tells of one that
 * isn't: then the next best is found. Beside that, each sentinel is listened to, for +switch-master.
 */
#ifndef REDIS_SENTINEL_H
#define REDIS_SENTINEL_H

#include <stddef.h>
#include <stdint.h>

#include "redis_slots.h"

struct loop;
struct redis_sentinel;
struct redis_tls;

struct redis_sentinel_options {
    const struct redis_node_address *nodes; /* the sentinels; must outlive it, as all here */
    size_t count;                           /* of nodes; 1 or more */
    const char *master;                     /* the master's name: redis.sentinel_master */
    const char *user, *password;            /* to log in to the sentinels; NULL: none */
    struct redis_tls *tls;                  /* NULL: without */
    int64_t timeout_ms;                     /* for all of them to answer */
};

struct redis_sentinel_events {
    /* The answers to redis_sentinel_ask: one of the two, once for each. */
    void (*on_found)(void *arg, const struct redis_node_address *master);
    void (*on_none)(void *arg, const char *why);
    /*
     * A sentinel says that the master is another one from now on. At any time; the others may not know yet,
     * nor may the old master.
     */
    void (*on_switched)(void *arg, const struct redis_node_address *master);
    void *arg;
};

/* NULL where memory runs out. */
struct redis_sentinel *redis_sentinel_new(struct loop *loop,
                                          const struct redis_sentinel_options *options,
                                          const struct redis_sentinel_events *events);

/* Asks for the master. A question under way is given up. The answer may come from inside. */
void redis_sentinel_ask(struct redis_sentinel *sentinel);

/* The address that was found last isn't the master's, or doesn't answer. */
void redis_sentinel_reject(struct redis_sentinel *sentinel);

/* Frees it from the loop; no event comes any more. */
void redis_sentinel_close(struct redis_sentinel *sentinel, void (*on_closed)(void *arg), void *arg);

#endif
