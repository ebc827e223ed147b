/*
 * Checks a caller's JWT (RFC 7519, signed as RFC 7515 says), and reads from it who calls.
 *
 * A token is looked at in this order, and nothing of a later step is done before an earlier one has passed: its
 * length, its three parts, their JSON, the one key that it may be signed with, the signature, the times, issuer
 * and audience, the claims.
 */
#ifndef CORE_JWT_CHECK_H
#define CORE_JWT_CHECK_H

#include <stdint.h>

#include "err.h"
#include "session.h"

struct jwt_trust;

#define JWT_MAX        8192  /* characters of a token */
#define JWT_LEEWAY_MS  60000 /* by which clocks may differ */
#define JWT_DETAIL_MAX 383   /* bytes */
#define JWT_LIMIT_MAX  100000

/* What a token says of its caller. */
struct jwt_caller {
    char key[64];         /* the signing key's kid, cut where it is longer; "" where it has none */
    session_name user_id; /* "" where the claim isn't read; so with the next two */
    session_name family_id; /* the same */
    session_name device_id; /* the same */
    int32_t family_limit;   /* -1 where the token doesn't say */
    int32_t device_limit;   /* the same */
};

/*
 * ERR_OK; ERR_UNAUTHORIZED: the token isn't one to be believed now; ERR_FORBIDDEN: it is, but lacks a claim. Of
 * both ret_detail says why, in words for a person that hold nothing of the token.
 */
enum err jwt_check(const struct jwt_trust *trust, const char *token, int64_t now_ms,
                   struct jwt_caller *ret_caller, char ret_detail[JWT_DETAIL_MAX + 1]);

#endif
