/*
 * An issuer of JWTs for tests: makes a key, and signs with it by OpenSSL, not by what is tested. Whatever fails here
 * fails the test. Texts that are returned stay valid until 31 more were made; not for threads.
 */
#ifndef SUPPORT_JWT_ISSUER_H
#define SUPPORT_JWT_ISSUER_H

#include "jwt_key.h"

struct jwt_issuer;

/* One with a key of its own. kid, which may be NULL, stands in its headers and its JWK, and stays the caller's. */
struct jwt_issuer *jwt_issuer_new(enum jwt_algorithm algorithm, const char *kid);

/* The same with a key of another kind (OpenSSL's names): "RSA" of so many bits, "EC" on such a curve. */
struct jwt_issuer *jwt_issuer_new_rsa(unsigned bits);
struct jwt_issuer *jwt_issuer_new_ec(const char *curve);

/* One that signs by HMAC with this, which stays the caller's. */
struct jwt_issuer *jwt_issuer_new_secret(const char *secret);

void jwt_issuer_free(struct jwt_issuer *issuer);

/* What a gateway is given: the public key as PEM, or the secret. */
const char *jwt_issuer_key(const struct jwt_issuer *issuer);

/* What it never is: the private key as PEM. */
const char *jwt_issuer_private_key(const struct jwt_issuer *issuer);

/* The key as a JSON Web Key; more members ("\"use\":\"sig\"") go with it, or NULL. */
const char *jwt_issuer_jwk(const struct jwt_issuer *issuer, const char *more);

/* A token with this payload. */
const char *jwt_issuer_sign(const struct jwt_issuer *issuer, const char *payload);

/* The same with this header, whatever it says. */
const char *jwt_issuer_sign_as(const struct jwt_issuer *issuer, const char *header,
                               const char *payload);

/* A token of these parts, of which the first two are encoded; the third is as it will stand there. */
const char *jwt_unsigned(const char *header, const char *payload, const char *signature);

#endif
