/* An issuer of JWTs for tests. */
#include "jwt_issuer.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXTS = 32,            /* that are kept */
    TEXT_SIZE = 40 * 1024, /* of each */
    BYTES_MAX = 1024,      /* of a signature, and of a part of a key */
    P256_LEN = 32          /* bytes of a coordinate, and of half a signature */
};

struct jwt_issuer {
    enum jwt_algorithm algorithm; /* that it signs by */
    const char *kid;              /* or NULL */
    EVP_PKEY *key;                /* NULL for HS256 */
    const char *secret;           /* of HS256 */
    char made[65];                /* the same, where it is its own */
};

static char *next_text(void)
{
    static char texts[TEXTS][TEXT_SIZE];
    static size_t next;

    return texts[next++ % TEXTS];
}

__attribute__((format(printf, 1, 2))) static char *text_of(const char *format, ...)
{
    char *text = next_text();
    va_list args;

    va_start(args, format);
    cr_assert_lt(vsnprintf(text, TEXT_SIZE, format, args), TEXT_SIZE);
    va_end(args);
    return text;
}

static struct jwt_issuer *issuer_of(enum jwt_algorithm algorithm, EVP_PKEY *key, const char *kid)
{
    struct jwt_issuer *issuer = calloc(1, sizeof *issuer);
    unsigned char random[32];

    cr_assert_not_null(issuer);
    cr_assert_geq(sodium_init(), 0);
    cr_assert(key != NULL || algorithm == JWT_HS256, "OpenSSL made no key");
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(issuer->made, sizeof issuer->made, random, sizeof random);
    issuer->secret = issuer->made;
    issuer->algorithm = algorithm;
    issuer->kid = kid;
    issuer->key = key;
    return issuer;
}

struct jwt_issuer *jwt_issuer_new(enum jwt_algorithm algorithm, const char *kid)
{
    switch (algorithm) {
    case JWT_RS256:
        return issuer_of(algorithm, EVP_RSA_gen(2048), kid);
    case JWT_ES256:
        return issuer_of(algorithm, EVP_EC_gen("P-256"), kid);
    case JWT_EDDSA:
        return issuer_of(algorithm, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), kid);
    default:
        return issuer_of(JWT_HS256, NULL, kid);
    }
}

struct jwt_issuer *jwt_issuer_new_rsa(unsigned bits)
{
    return issuer_of(JWT_RS256, EVP_RSA_gen(bits), NULL);
}

struct jwt_issuer *jwt_issuer_new_ec(const char *curve)
{
    return issuer_of(JWT_ES256, EVP_EC_gen(curve), NULL);
}

struct jwt_issuer *jwt_issuer_new_secret(const char *secret)
{
    struct jwt_issuer *issuer = issuer_of(JWT_HS256, NULL, NULL);

    issuer->secret = secret;
    return issuer;
}

void jwt_issuer_free(struct jwt_issuer *issuer)
{
    EVP_PKEY_free(issuer->key);
    free(issuer);
}

static const char *take_pem(BIO *pem)
{
    char *bytes;
    long len = BIO_get_mem_data(pem, &bytes);
    const char *text = text_of("%.*s", (int)len, bytes);

    BIO_free(pem);
    return text;
}

const char *jwt_issuer_key(const struct jwt_issuer *issuer)
{
    BIO *pem = BIO_new(BIO_s_mem());

    if (issuer->key == NULL) {
        BIO_free(pem);
        return text_of("%s", issuer->secret);
    }
    cr_assert_eq(PEM_write_bio_PUBKEY(pem, issuer->key), 1);
    return take_pem(pem);
}

const char *jwt_issuer_private_key(const struct jwt_issuer *issuer)
{
    BIO *pem = BIO_new(BIO_s_mem());

    cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(pem, issuer->key, NULL, NULL, 0, NULL, NULL), 1);
    return take_pem(pem);
}

static const char *base64url(const void *bytes, size_t len)
{
    return sodium_bin2base64(next_text(), TEXT_SIZE, bytes, len,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* A number of a key, as base64url of at least `least` bytes. */
static const char *number_of(const EVP_PKEY *key, const char *name, int least)
{
    unsigned char bytes[BYTES_MAX];
    BIGNUM *number = NULL;

    cr_assert_eq(EVP_PKEY_get_bn_param(key, name, &number), 1, "%s", name);
    int len = BN_num_bytes(number) > least ? BN_num_bytes(number) : least;
    cr_assert_eq(BN_bn2binpad(number, bytes, len), len);
    BN_free(number);
    return base64url(bytes, (size_t)len);
}

static const char *members_of(const struct jwt_issuer *issuer)
{
    unsigned char x[32];
    size_t len = sizeof x;

    switch (issuer->algorithm) {
    case JWT_RS256:
        return text_of("\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"",
                       number_of(issuer->key, OSSL_PKEY_PARAM_RSA_N, 1),
                       number_of(issuer->key, OSSL_PKEY_PARAM_RSA_E, 1));
    case JWT_ES256:
        return text_of("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"",
                       number_of(issuer->key, OSSL_PKEY_PARAM_EC_PUB_X, P256_LEN),
                       number_of(issuer->key, OSSL_PKEY_PARAM_EC_PUB_Y, P256_LEN));
    case JWT_EDDSA:
        cr_assert_eq(EVP_PKEY_get_raw_public_key(issuer->key, x, &len), 1);
        return text_of("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", base64url(x, len));
    default:
        return text_of("\"kty\":\"oct\",\"k\":\"%s\"",
                       base64url(issuer->secret, strlen(issuer->secret)));
    }
}

const char *jwt_issuer_jwk(const struct jwt_issuer *issuer, const char *more)
{
    return text_of("{%s%s%s%s%s%s}", members_of(issuer), issuer->kid != NULL ? ",\"kid\":\"" : "",
                   issuer->kid != NULL ? issuer->kid : "", issuer->kid != NULL ? "\"" : "",
                   more != NULL ? "," : "", more != NULL ? more : "");
}

/* ECDSA as JWTs have it, two numbers one behind the other, from what OpenSSL makes. */
static size_t make_flat(unsigned char signature[BYTES_MAX], size_t len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

    cr_assert_not_null(pair);
    cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, P256_LEN), P256_LEN);
    cr_assert_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + P256_LEN, P256_LEN), P256_LEN);
    ECDSA_SIG_free(pair);
    return 2 * P256_LEN;
}

static const char *signature_of(const struct jwt_issuer *issuer, const char *text)
{
    unsigned char signature[BYTES_MAX];
    size_t len = sizeof signature;
    unsigned hmac_len = 0;

    if (issuer->key == NULL) {
        cr_assert_not_null(HMAC(EVP_sha256(), issuer->secret, (int)strlen(issuer->secret),
                                (const unsigned char *)text, strlen(text), signature, &hmac_len));
        return base64url(signature, hmac_len);
    }

    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = issuer->algorithm == JWT_EDDSA ? NULL : EVP_sha256();
    cr_assert_eq(EVP_DigestSignInit(context, NULL, digest, NULL, issuer->key), 1);
    cr_assert_eq(
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    if (issuer->algorithm == JWT_ES256)
        len = make_flat(signature, len);
    return base64url(signature, len);
}

const char *jwt_issuer_sign_as(const struct jwt_issuer *issuer, const char *header,
                               const char *payload)
{
    const char *text =
        text_of("%s.%s", base64url(header, strlen(header)), base64url(payload, strlen(payload)));

    return text_of("%s.%s", text, signature_of(issuer, text));
}

const char *jwt_issuer_sign(const struct jwt_issuer *issuer, const char *payload)
{
    const char *name = jwt_algorithm_name(issuer->algorithm);
    const char *header =
        issuer->kid == NULL
            ? text_of("{\"alg\":\"%s\",\"typ\":\"JWT\"}", name)
            : text_of("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", name, issuer->kid);

    return jwt_issuer_sign_as(issuer, header, payload);
}

const char *jwt_unsigned(const char *header, const char *payload, const char *signature)
{
    return text_of("%s.%s.%s", base64url(header, strlen(header)),
                   base64url(payload, strlen(payload)), signature);
}
