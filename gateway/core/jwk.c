/* JSON Web Keys: OpenSSL makes keys of their members. */
#include "jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base64url.h"
#include "buf.h"
#include "jwt_key.h"
#include "text.h"

enum {
    MEMBER_MAX = 1024, /* bytes of a member, decoded: an RSA key of 8,192 bits */
    P256_LEN = 32,     /* bytes of a coordinate */
    ED25519_LEN = 32   /* bytes of a key */
};

/* A member that is base64url: its bytes. Returns their number; 0 with a reason where it is none. */
static size_t read_bytes(const json_t *jwk, const char *member, uint8_t ret_bytes[MEMBER_MAX],
                         struct buf *reason)
{
    const json_t *value = json_object_get(jwk, member);
    int len = json_is_string(value)
                  ? base64url_decode(json_string_value(value), json_string_length(value), ret_bytes,
                                     MEMBER_MAX)
                  : -1;

    if (len <= 0) {
        buf_printf(reason, "%s must be 1 to %d bytes as base64url", member, MEMBER_MAX);
        return 0;
    }
    return (size_t)len;
}

/* A public key of this type ("RSA") from its parameters; NULL where they make none. */
static EVP_PKEY *make_public(const char *type, OSSL_PARAM_BLD *parts)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *read_rsa(const json_t *jwk, struct buf *reason)
{
    uint8_t n[MEMBER_MAX], e[MEMBER_MAX];
    size_t n_len = read_bytes(jwk, "n", n, reason);
    size_t e_len = n_len > 0 ? read_bytes(jwk, "e", e, reason) : 0;

    if (e_len == 0)
        return NULL;

    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL), *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    /* An even or tiny exponent makes no signature that says anything. */
    if (modulus != NULL && exponent != NULL && parts != NULL && BN_is_odd(exponent) &&
        BN_num_bits(exponent) >= 2 && BN_is_odd(modulus) &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = make_public("RSA", parts);
    if (key == NULL)
        buf_add_str(reason, "n and e are no RSA key");
    OSSL_PARAM_BLD_free(parts);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *read_p256(const json_t *jwk, struct buf *reason)
{
    uint8_t x[MEMBER_MAX], y[MEMBER_MAX], point[1 + 2 * P256_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t x_len = read_bytes(jwk, "x", x, reason);
    size_t y_len = x_len > 0 ? read_bytes(jwk, "y", y, reason) : 0;

    if (y_len == 0)
        return NULL;

    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    memcpy(point + 1, x, P256_LEN);
    memcpy(point + 1 + P256_LEN, y, P256_LEN);
    if (parts != NULL && x_len == P256_LEN && y_len == P256_LEN &&
        OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1,
                                        0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        key = make_public("EC", parts);
    if (key == NULL)
        buf_add_str(reason, "x and y are no point of P-256");
    OSSL_PARAM_BLD_free(parts);
    return key;
}

static EVP_PKEY *read_ed25519(const json_t *jwk, struct buf *reason)
{
    uint8_t x[MEMBER_MAX];
    size_t len = read_bytes(jwk, "x", x, reason);
    EVP_PKEY *key = NULL;

    if (len == 0)
        return NULL;
    if (len == ED25519_LEN)
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, len);
    if (key == NULL)
        buf_add_str(reason, "x is no key on Ed25519");
    return key;
}

static struct jwt_key *read_secret(const json_t *jwk, const char *kid, struct buf *reason)
{
    uint8_t k[MEMBER_MAX];
    size_t len = read_bytes(jwk, "k", k, reason);
    struct jwt_key *key = len > 0 ? jwt_key_from_secret(k, len, kid, reason) : NULL;

    sodium_memzero(k, sizeof k);
    return key;
}

/* A kind of key, and what reads one that is public. */
static const struct kind {
    const char *kty, *crv; /* crv: NULL where the kind has none */
    enum jwt_algorithm algorithm;
    EVP_PKEY *(*read)(const json_t *jwk, struct buf *reason); /* NULL: a secret */
} kinds[] = {
    {"oct", NULL, JWT_HS256, NULL},
    {"RSA", NULL, JWT_RS256, read_rsa},
    {"EC", "P-256", JWT_ES256, read_p256},
    {"OKP", "Ed25519", JWT_EDDSA, read_ed25519},
};

static const char *member_text(const json_t *jwk, const char *member)
{
    const char *text = json_string_value(json_object_get(jwk, member));

    return text != NULL ? text : "";
}

static const struct kind *kind_of(const json_t *jwk)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(member_text(jwk, "kty"), kinds[i].kty) == 0 &&
            (kinds[i].crv == NULL || strcmp(member_text(jwk, "crv"), kinds[i].crv) == 0))
            return &kinds[i];
    return NULL;
}

/* Whether its `use` and `key_ops`, where given, allow verifying signatures. */
static bool is_for_verifying(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops");
    const json_t *op;
    size_t i;

    if (use != NULL && strcmp(member_text(jwk, "use"), "sig") != 0)
        return false;
    if (ops == NULL)
        return true;
    json_array_foreach (ops, i, op)
        if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
            return true;
    return false;
}

/* What is said of a key without looking at what it is made of. JWK_READ: it can be read. */
static enum jwk_outcome look_over(const json_t *jwk, const struct kind *kind, struct buf *reason)
{
    const json_t *alg = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");
    size_t kid_len = json_string_length(kid);

    if (kid != NULL && (!json_is_string(kid) || kid_len < 1 || kid_len > JWT_KID_MAX ||
                        !text_is_printable(json_string_value(kid), kid_len))) {
        buf_printf(reason, "kid must be a string of 1 to %d printable bytes", JWT_KID_MAX);
        return JWK_WRONG;
    }
    if (!is_for_verifying(jwk)) {
        buf_add_str(reason, "isn't for verifying signatures (use, key_ops)");
        return JWK_LEFT_OUT;
    }
    if (kind == NULL) {
        buf_add_str(reason, "is neither a secret (oct) nor RSA, P-256 or Ed25519 (kty, crv)");
        return JWK_LEFT_OUT;
    }
    if (alg != NULL && jwt_algorithm_of(member_text(jwk, "alg")) < 0) {
        buf_add_str(reason, "alg is none of HS256, RS256, ES256 and EdDSA");
        return JWK_LEFT_OUT;
    }
    if (alg != NULL && jwt_algorithm_of(member_text(jwk, "alg")) != (int)kind->algorithm) {
        buf_printf(reason, "alg %s isn't what a key of kty %s is for", member_text(jwk, "alg"),
                   kind->kty);
        return JWK_WRONG;
    }
    if (!jwt_algorithm_is_there(kind->algorithm)) {
        buf_printf(reason, "is for %s, which libjwt " JWT_LIBRARY_VERSION " doesn't have",
                   jwt_algorithm_name(kind->algorithm));
        return JWK_LEFT_OUT;
    }
    if (kind->read != NULL && json_object_get(jwk, "d") != NULL) {
        buf_add_str(reason, "holds a private key (d), which is the issuer's alone");
        return JWK_WRONG;
    }
    return JWK_READ;
}

enum jwk_outcome jwk_read(const json_t *jwk, struct jwt_key **ret_key, struct buf *reason)
{
    const struct kind *kind = kind_of(jwk);
    enum jwk_outcome outcome = look_over(jwk, kind, reason);
    const char *kid = json_string_value(json_object_get(jwk, "kid"));

    *ret_key = NULL;
    if (outcome != JWK_READ)
        return outcome;
    if (kind->read == NULL) {
        *ret_key = read_secret(jwk, kid, reason);
    } else {
        EVP_PKEY *public_key = kind->read(jwk, reason);

        if (public_key != NULL)
            *ret_key = jwt_key_from_public(public_key, kid, reason);
        EVP_PKEY_free(public_key);
        ERR_clear_error();
    }
    return *ret_key != NULL ? JWK_READ : JWK_WRONG;
}
