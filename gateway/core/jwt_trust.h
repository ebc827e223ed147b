/*
 * Whose JWTs are believed: the keys that they may be signed with, who must have issued them and for whom, and
 * where in them the claims stand. Made once and not changed any more; reading it from many threads is safe.
 */
#ifndef CORE_JWT_TRUST_H
#define CORE_JWT_TRUST_H

#include <stddef.h>

#include "jwt_key.h"

struct buf;

#define JWT_KEYS_MAX 64 /* of all files together */

/* What is read from a token, beside who issued it, for whom and until when. */
enum jwt_claim {
    JWT_CLAIM_USER,
    JWT_CLAIM_FAMILY,
    JWT_CLAIM_DEVICE,
    JWT_CLAIM_FAMILY_LIMIT,
    JWT_CLAIM_DEVICE_LIMIT,
    JWT_CLAIM_COUNT
};

struct jwt_trust_options {
    int algorithm;                       /* the only one that is taken; -1: each key's own */
    const char *issuer;                  /* what `iss` must be; NULL: it isn't looked at */
    char *const *audience;               /* one of which `aud` must name */
    size_t audience_count;               /* of them; 0: `aud` isn't looked at */
    const char *claims[JWT_CLAIM_COUNT]; /* where they stand, see jwt_path.h; NULL: not read */
};

struct jwt_trust {
    struct jwt_trust_options options;   /* what they point to is the trust's own */
    struct jwt_key *keys[JWT_KEYS_MAX]; /* no two have both algorithm and kid in common */
    size_t key_count;                   /* of them */
};

/* One without keys. Copies what the options point to. NULL where memory runs out. */
struct jwt_trust *jwt_trust_new(const struct jwt_trust_options *options);
void jwt_trust_free(struct jwt_trust *trust); /* wipes the keys; accepts NULL */

/*
 * Adds what a file holds: a JSON Web Key or a set of them, a PEM text, or else a secret, of which one newline at
 * the end is cut. kid names a key of the last two; NULL: it has no name. Keys of a set that are for something else
 * (encrypting, another algorithm) are left out, and a line appended to warnings for each. Returns 0; -1 with a
 * reason, also where no key is left.
 */
int jwt_trust_add(struct jwt_trust *trust, const char *kid, const char *text, size_t len,
                  struct buf *reason, struct buf *warnings);

/*
 * The one key that a token of this algorithm and kid (NULL: it names none) may be signed with: the key of this
 * name; else the one without a name; else, for a token that names none, the only one of its algorithm. NULL where
 * there is none.
 */
const struct jwt_key *jwt_trust_find(const struct jwt_trust *trust, enum jwt_algorithm algorithm,
                                     const char *kid);

#endif
