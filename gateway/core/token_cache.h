/*
 * Tokens that were opened before: so that a token which comes with every segment is opened once. Bounded, one
 * that was not used lately goes first (lru.h). For one thread.
 *
 * A token is known by its whole text. How long a comparison takes tells nothing to who tries texts: one is compared only
 * with what has the same 48 bits of a random nonce. One that didn't open is not kept.
 */
#ifndef CORE_TOKEN_CACHE_H
#define CORE_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "token.h"

struct token_cache;

/* A cache for at most so many tokens. NULL where memory runs out. */
struct token_cache *token_cache_new(size_t most);
void token_cache_free(struct token_cache *cache); /* accepts NULL */

/* The claims of a token that was opened before. false: it is none. */
bool token_cache_find(struct token_cache *cache, const char *token, size_t len,
                      struct token_claims *ret_claims);

/* As token_open, but from the cache where it can: returns 0 then, and 1 where it had to be opened. */
int token_cache_open(struct token_cache *cache, const struct token_keys *keys, const char *token,
                     size_t len, struct token_claims *ret_claims);

/* Forgets all: for when other keys count. */
void token_cache_clear(struct token_cache *cache);

/* How many are kept. */
size_t token_cache_count(const struct token_cache *cache);

#endif
