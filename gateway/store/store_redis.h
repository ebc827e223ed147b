/*
 * The Redis store: the store contract over Redis and the scripts (DESIGN.md section 4).
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct redis_address;
struct redis_node_address;
struct redis_sentinel_options;
struct redis_tls;

/* The longest prefix, in bytes. */
#define REDIS_PREFIX_MAX 128

/* All that is pointed to must outlive the handle, but for name, which is copied. */
struct store_redis_options {
    struct store_options store;                    /* what all stores must know */
    const struct redis_address *address;           /* where, as whom, which database */
    struct redis_tls *tls;                         /* NULL: without TLS */
    const struct redis_sentinel_options *sentinel; /* who knows the master; NULL: nobody is asked */
    bool cluster;                                  /* redis.cluster: address is a node's */
    const struct redis_node_address *seeds;        /* cluster: further nodes */
    size_t seed_count;                             /* of them */
    const char *prefix;                            /* before every key; "" for none */
    int64_t timeout_ms;                            /* redis.timeout_ms */
    const char *name;                              /* for the log */
};

/* A handle for the thread of this loop; store_close frees it. NULL where memory runs out. */
struct store *store_redis_open(const struct store_redis_options *options, struct loop *loop);

struct redis_client;

/* Who the handle talks to; the handle's. */
struct redis_client *store_redis_client(struct store *store);

#endif
