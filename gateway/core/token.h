/*
 * Tokens: what the gateway hands to a player, sealed so that nobody else can read, make or change
 * one.
 *
 *   base64url( version(1) | key name(4) | nonce(24) | XChaCha20-Poly1305 of the claims, tag(16) )
 *
 * without padding; version and key name are authenticated with the claims. A key's name is the
 * first four bytes of its BLAKE2b-256.
 */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

#define TOKEN_KEY_LEN 32   /* bytes */
#define TOKEN_MAX     1280 /* characters, without the NUL, of the longest token */

struct token_claims {
    char session_id[SESSION_ID_LEN + 1];
    session_name user_id;
    session_name family_id;
    session_name device_id;
    session_name media_id;
    session_name device_name;               /* "" where not given */
    char player_id[SESSION_PLAYER_MAX + 1]; /* "" where not given */
    int64_t issued_ms;                      /* wall clock of the gateway that sealed it */
    int64_t started_ms;                     /* of the session: kept by a revival */
    int32_t family_limit;                   /* the caller's signed word; -1 where it said none */
    int32_t device_limit;                   /* the same */
    bool fallback;                          /* issued while Redis was away */
};

/* A ring of keys. Reading it from many threads is safe; changing it is not. */
struct token_keys;

/* An empty ring; NULL where memory runs out. Makes libsodium ready for use in this process. */
struct token_keys *token_keys_new(void);
void token_keys_free(struct token_keys *keys); /* wipes the keys; accepts NULL */

/* Adds a key, 64 hex digits. The first one added seals. Returns 0; -1 where it is no such text, or
 * memory runs out. */
int token_keys_add(struct token_keys *keys, const char *hex);

/*
 * Seals the claims with the ring's first key. Returns the token's length, NUL not counted; -1 where
 * the ring is empty, or the claims are what no token holds: a sessionId of another form, an id that
 * is missing, a limit below -1.
 */
int token_seal(const struct token_keys *keys, const struct token_claims *claims,
               char ret_token[TOKEN_MAX + 1]);

/*
 * Opens a token. Returns 0; -1 where it wasn't sealed by one of the ring's keys, was changed, or
 * holds what no token holds (then ret_claims is undefined). Age is the caller's to check.
 */
int token_open(const struct token_keys *keys, const char *token, size_t len,
               struct token_claims *ret_claims);

/*
 * Whether text could be a token: its alphabet, its length, its version. Costs no cryptography; for
 * telling tokens from other programs' bearers.
 */
bool token_has_shape(const char *text, size_t len);

#endif
