/*
 * What a store said about sessions a moment ago: bounded, one that was not used lately goes first (lru.h). One for each
 * thread. Whether an answer is still to be believed is told by its generation (generations.h) and its age.
 */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

struct answer_cache;

/* An answer to CHECK. */
struct answer {
    enum err err;              /* ERR_OK or ERR_SESSION_ENDED */
    uint64_t generation;       /* of the session when it was asked */
    int64_t answered_ms;       /* when; monotonic clock */
    int64_t now_ms;            /* the same by the store's clock */
    int64_t last_heartbeat_ms; /* ERR_OK: by the store's clock */
    const char *media_id;      /* ERR_OK: the cache's */
    enum end_reason reason;    /* ERR_SESSION_ENDED */
    const char *by, *message;  /* the same: the cache's */
};

/* A cache for at most so many answers. NULL where memory runs out. */
struct answer_cache *answer_cache_new(size_t most);
void answer_cache_free(struct answer_cache *cache); /* accepts NULL */

/* The answer about a session, which is now the one used last; NULL where there is none. Valid until the next
   call. */
struct answer *answer_cache_find(struct answer_cache *cache, const char *session_id);

/* Keeps an answer, whose texts are copied, in the place of one before. Without memory nothing is kept. */
void answer_cache_put(struct answer_cache *cache, const char *session_id,
                      const struct answer *answer);

/* How many are kept. */
size_t answer_cache_count(const struct answer_cache *cache);

#endif
