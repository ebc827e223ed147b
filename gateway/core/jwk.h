/*
 * JSON Web Keys (RFC 7517): RSA, P-256 and Ed25519 public keys, and secrets, from the members of a JSON object.
 */
#ifndef CORE_JWK_H
#define CORE_JWK_H

#include <jansson.h>

struct buf;
struct jwt_key;

enum jwk_outcome {
    JWK_READ,     /* there is a key */
    JWK_LEFT_OUT, /* it is a sound key, but not for verifying by an algorithm of ours */
    JWK_WRONG     /* it isn't what it says it is */
};

/*
 * Reads one key. JWK_READ: *ret_key is the caller's. Otherwise a reason is appended, without anything of a
 * secret in it.
 */
enum jwk_outcome jwk_read(const json_t *jwk, struct jwt_key **ret_key, struct buf *reason);

#endif
