/* One key that callers' JWTs may be signed with: libjwt verifies, OpenSSL reads what kind of key it is. */
#include "jwt_key.h"

#include <jwt.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

static const char *const names[JWT_ALGORITHM_COUNT] = {"HS256", "RS256", "ES256", "EdDSA"};

struct jwt_key {
    enum jwt_algorithm algorithm; /* the only one that it is for */
    char *kid;                    /* or NULL */
    size_t len;                   /* of bytes */
    unsigned char bytes[];        /* what libjwt wants: the secret, or a public key as PEM */
};

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    return names[algorithm];
}

int jwt_algorithm_of(const char *name)
{
    for (int i = 0; i < JWT_ALGORITHM_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool jwt_algorithm_is_there(enum jwt_algorithm algorithm)
{
    return jwt_str_alg(names[algorithm]) != JWT_ALG_INVAL;
}

static struct jwt_key *key_new(enum jwt_algorithm algorithm, const void *bytes, size_t len,
                               const char *kid, struct buf *reason)
{
    if (!jwt_algorithm_is_there(algorithm)) {
        buf_printf(reason, "is a key for %s, which libjwt " JWT_LIBRARY_VERSION " doesn't have",
                   names[algorithm]);
        return NULL;
    }

    struct jwt_key *key = malloc(sizeof *key + len);
    char *kid_copy = kid != NULL ? strdup(kid) : NULL;

    if (key == NULL || (kid != NULL && kid_copy == NULL)) {
        free(key);
        free(kid_copy);
        buf_add_str(reason, "no memory");
        return NULL;
    }
    key->algorithm = algorithm;
    key->kid = kid_copy;
    key->len = len;
    memcpy(key->bytes, bytes, len);
    return key;
}

struct jwt_key *jwt_key_from_secret(const void *bytes, size_t len, const char *kid,
                                    struct buf *reason)
{
    if (len < JWT_SECRET_MIN) {
        buf_printf(reason, "is a secret of %zu bytes: HS256 needs %d", len, JWT_SECRET_MIN);
        return NULL;
    }
    return key_new(JWT_HS256, bytes, len, kid, reason);
}

/* Whether an elliptic key's curve is P-256. */
static bool is_p256(const EVP_PKEY *key)
{
    char curve[32];
    size_t len;

    return EVP_PKEY_get_group_name(key, curve, sizeof curve, &len) == 1 &&
           strcmp(curve, SN_X9_62_prime256v1) == 0;
}

/* What a public key is for; -1 with a reason where it is for nothing of ours. */
static int algorithm_for(const EVP_PKEY *key, struct buf *reason)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(key) >= JWT_RSA_MIN)
            return JWT_RS256;
        buf_printf(reason, "is an RSA key of %d bits: RS256 needs %d", EVP_PKEY_get_bits(key),
                   JWT_RSA_MIN);
        return -1;
    case EVP_PKEY_EC:
        if (is_p256(key))
            return JWT_ES256;
        buf_add_str(reason, "is a key on another curve than P-256, which ES256 is for");
        return -1;
    case EVP_PKEY_ED25519:
        return JWT_EDDSA;
    default:
        buf_add_str(reason, "is a key of a kind that is neither RSA, P-256 nor Ed25519");
        return -1;
    }
}

struct jwt_key *jwt_key_from_public(EVP_PKEY *public_key, const char *kid, struct buf *reason)
{
    struct jwt_key *key = NULL;
    int algorithm = algorithm_for(public_key, reason);
    BIO *pem = algorithm >= 0 ? BIO_new(BIO_s_mem()) : NULL;
    char *text = NULL;

    if (algorithm < 0)
        return NULL;
    if (pem != NULL && PEM_write_bio_PUBKEY(pem, public_key) == 1) {
        long len = BIO_get_mem_data(pem, &text);

        key = key_new((enum jwt_algorithm)algorithm, text, (size_t)len, kid, reason);
    } else {
        buf_add_str(reason, "no memory");
    }
    BIO_free(pem);
    return key;
}

/* No passphrase is asked for on a terminal: what is encrypted isn't public. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *read_pem(const char *text, size_t len)
{
    BIO *pem = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *key = NULL;

    if (pem == NULL)
        return NULL;
    if (memmem(text, len, "-----BEGIN CERTIFICATE", 22) != NULL) {
        X509 *certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);

        key = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    } else {
        key = PEM_read_bio_PUBKEY(pem, NULL, no_passphrase, NULL);
    }
    BIO_free(pem);
    ERR_clear_error();
    return key;
}

struct jwt_key *jwt_key_from_pem(const char *text, size_t len, const char *kid, struct buf *reason)
{
    if (memmem(text, len, "PRIVATE KEY-----", 16) != NULL) {
        buf_add_str(reason, "holds a private key, which is the issuer's alone: give the public one "
                            "(openssl pkey -pubout)");
        return NULL;
    }

    EVP_PKEY *public_key = read_pem(text, len);
    if (public_key == NULL) {
        buf_add_str(reason, "is PEM, but no public key or certificate can be read from it");
        return NULL;
    }
    struct jwt_key *key = jwt_key_from_public(public_key, kid, reason);
    EVP_PKEY_free(public_key);
    return key;
}

void jwt_key_free(struct jwt_key *key)
{
    if (key == NULL)
        return;
    sodium_memzero(key->bytes, key->len);
    free(key->kid);
    free(key);
}

enum jwt_algorithm jwt_key_algorithm(const struct jwt_key *key)
{
    return key->algorithm;
}

const char *jwt_key_kid(const struct jwt_key *key)
{
    return key->kid;
}

bool jwt_key_has_signed(const struct jwt_key *key, const char *token)
{
    jwt_t *jwt = NULL;
    bool is_good = jwt_decode(&jwt, token, key->bytes, (int)key->len) == 0 &&
                   jwt_get_alg(jwt) == jwt_str_alg(names[key->algorithm]);

    if (jwt != NULL)
        jwt_free(jwt);
    ERR_clear_error(); /* what OpenSSL says of a wrong signature would pile up in the thread */
    return is_good;
}
