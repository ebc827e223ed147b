/*
 * The cache of answers: a decorator that answers CHECK by peek from what the store said a moment ago, as long
 * as nothing has been heard to the contrary (DESIGN.md section 7).
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct generations;
struct store;

struct store_cache_options {
    struct generations *generations; /* shared by all threads; must outlive the handle */
    int64_t cache_ms;                /* how old an answer may be: authorize.cache_ms */
    int64_t ttl_ms;                  /* session.ttl: no answer outlives its session */
    size_t most;                     /* answers kept */
};

/*
 * A handle over another, of the same thread, that it closes with itself. NULL where memory runs out: the
 * other is still the caller's then.
 */
struct store *store_cache_open(const struct store_cache_options *options, struct store *under);

#endif
