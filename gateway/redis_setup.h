/*
 * Where Redis is and how it is reached, as the settings say: what the Redis store wants, made of them.
 */
#ifndef GATEWAY_REDIS_SETUP_H
#define GATEWAY_REDIS_SETUP_H

#include "redis_address.h"
#include "redis_sentinel.h"
#include "store_redis.h"

struct buf;
struct settings;

struct redis_setup {
    struct redis_address address;           /* of redis.url */
    struct redis_node_address *nodes;       /* sentinels, or further nodes of a cluster */
    struct redis_tls *tls;                  /* NULL: without TLS */
    struct redis_sentinel_options sentinel; /* where there are sentinels */
    struct store_redis_options store; /* all of it; but for what all stores know, and the name */
};

/*
 * Makes it of settings that name a Redis and that settings_load has passed; both must outlive what is made of
 * it. Returns 0; -1 with one line in reason, where a file of redis.tls.* can't be used.
 */
int redis_setup_load(struct redis_setup *setup, const struct settings *settings,
                     struct buf *reason);

/* Frees what the struct holds, and zeroes it. */
void redis_setup_done(struct redis_setup *setup);

#endif
