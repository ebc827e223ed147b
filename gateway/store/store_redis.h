/*
 * The Redis store: the store contract over one link and the scripts (DESIGN.md section 4).
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdint.h>

#include "store.h"

struct redis_address;

struct store_redis_options {
    struct store_options store;          /* what all stores must know */
    const struct redis_address *address; /* must outlive the handle */
    const char *prefix; /* before every key; "" for none; must outlive the handle */
    int64_t timeout_ms; /* redis.timeout_ms */
    const char *name;   /* of the link, for the log; copied */
};

/* A handle for the thread of this loop; store_close frees it. NULL where memory runs out. */
struct store *store_redis_open(const struct store_redis_options *options, struct loop *loop);

#endif
