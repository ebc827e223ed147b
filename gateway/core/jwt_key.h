/*
 * One key that callers' JWTs may be signed with. A key is for one algorithm, which follows from what it is: a
 * secret for HS256, an RSA key for RS256, one on P-256 for ES256, one on Ed25519 for EdDSA. So no token can choose
 * how it is verified, and no public key ever serves as a secret.
 */
#ifndef CORE_JWT_KEY_H
#define CORE_JWT_KEY_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

enum jwt_algorithm { JWT_HS256, JWT_RS256, JWT_ES256, JWT_EDDSA, JWT_ALGORITHM_COUNT };

#define JWT_KID_MAX    128  /* bytes of a key's name */
#define JWT_SECRET_MIN 32   /* bytes of a secret: RFC 7518, section 3.2 */
#define JWT_RSA_MIN    2048 /* bits of an RSA key: the same, section 3.3 */

/* A key; reading it from many threads is safe. */
struct jwt_key;

/* An algorithm's name in RFC 7518 and 8037, "HS256". */
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* The algorithm of exactly this name; -1 where it is none of ours. "none" is none. */
int jwt_algorithm_of(const char *name);

/* Whether the libjwt that this is linked to can verify it. */
bool jwt_algorithm_is_there(enum jwt_algorithm algorithm);

/*
 * A key from a secret, from a public key, or from a PEM text with a public key or a certificate. kid, which may
 * be NULL, is copied. NULL with a reason ("is a secret of 5 bytes: HS256 needs 32"); never with any of the key in it.
 */
struct jwt_key *jwt_key_from_secret(const void *bytes, size_t len, const char *kid,
                                    struct buf *reason);
struct jwt_key *jwt_key_from_public(struct evp_pkey_st *public_key, const char *kid,
                                    struct buf *reason);
struct jwt_key *jwt_key_from_pem(const char *text, size_t len, const char *kid, struct buf *reason);

/* Wipes and frees it; accepts NULL. */
void jwt_key_free(struct jwt_key *key);

enum jwt_algorithm jwt_key_algorithm(const struct jwt_key *key);

/* Its name; NULL where it has none. */
const char *jwt_key_kid(const struct jwt_key *key);

/*
 * Whether this key has signed a token, whose header must name the key's own algorithm: the caller has seen to
 * that, and that all three parts are base64url.
 */
bool jwt_key_has_signed(const struct jwt_key *key, const char *token);

#endif
