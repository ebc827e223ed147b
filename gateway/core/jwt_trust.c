/* Whose JWTs are believed. */
#include "jwt_trust.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "jwk.h"
#include "text.h"

/* A copy of a text; NULL of NULL, and where memory runs out, which is told. */
static char *copy(const char *text, bool *ret_failed)
{
    char *made = text != NULL ? strdup(text) : NULL;

    if (text != NULL && made == NULL)
        *ret_failed = true;
    return made;
}

struct jwt_trust *jwt_trust_new(const struct jwt_trust_options *options)
{
    struct jwt_trust *trust = calloc(1, sizeof *trust);
    char **audience = calloc(options->audience_count + 1, sizeof *audience);
    bool failed = false;

    if (trust == NULL || audience == NULL) {
        free(trust);
        free(audience);
        return NULL;
    }
    trust->options.algorithm = options->algorithm;
    trust->options.issuer = copy(options->issuer, &failed);
    trust->options.audience = audience;
    trust->options.audience_count = options->audience_count;
    for (size_t i = 0; i < options->audience_count; i++)
        audience[i] = copy(options->audience[i], &failed);
    for (size_t i = 0; i < JWT_CLAIM_COUNT; i++)
        trust->options.claims[i] = copy(options->claims[i], &failed);
    if (failed) {
        jwt_trust_free(trust);
        return NULL;
    }
    return trust;
}

void jwt_trust_free(struct jwt_trust *trust)
{
    if (trust == NULL)
        return;
    for (size_t i = 0; i < trust->key_count; i++)
        jwt_key_free(trust->keys[i]);
    free((char *)trust->options.issuer);
    for (size_t i = 0; i < trust->options.audience_count; i++)
        free(trust->options.audience[i]);
    free((char **)trust->options.audience);
    for (size_t i = 0; i < JWT_CLAIM_COUNT; i++)
        free((char *)trust->options.claims[i]);
    free(trust);
}

static bool is_same_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_wanted(const struct jwt_trust *trust, const struct jwt_key *key)
{
    return trust->options.algorithm < 0 || trust->options.algorithm == (int)jwt_key_algorithm(key);
}

/* Takes a key over, or frees it where it can't be. Returns 0; -1 with a reason. */
static int take(struct jwt_trust *trust, struct jwt_key *key, struct buf *reason)
{
    const char *name = jwt_algorithm_name(jwt_key_algorithm(key));

    for (size_t i = 0; i < trust->key_count; i++) {
        if (jwt_key_algorithm(trust->keys[i]) != jwt_key_algorithm(key) ||
            !is_same_name(jwt_key_kid(trust->keys[i]), jwt_key_kid(key)))
            continue;
        if (jwt_key_kid(key) != NULL)
            buf_printf(reason, "has a second %s key of the kid %s", name, jwt_key_kid(key));
        else
            buf_printf(reason, "has a second %s key without a kid: of several each needs one",
                       name);
        jwt_key_free(key);
        return -1;
    }
    if (trust->key_count == JWT_KEYS_MAX) {
        buf_printf(reason, "has more keys than the %d that there may be", JWT_KEYS_MAX);
        jwt_key_free(key);
        return -1;
    }
    trust->keys[trust->key_count++] = key;
    return 0;
}

/* Adds the n-th key of a set, if it is one for us. Returns 0; -1 with a reason. */
static int add_jwk(struct jwt_trust *trust, const json_t *jwk, size_t n, struct buf *reason,
                   struct buf *warnings)
{
    struct jwt_key *key = NULL;
    struct buf why = BUF_EMPTY;
    enum jwk_outcome outcome = jwk_read(jwk, &key, &why);
    int rc = 0;

    if (outcome == JWK_READ && !is_wanted(trust, key)) {
        buf_printf(&why, "is for %s, and auth.jwt.algorithm is %s",
                   jwt_algorithm_name(jwt_key_algorithm(key)),
                   jwt_algorithm_name((enum jwt_algorithm)trust->options.algorithm));
        jwt_key_free(key);
        outcome = JWK_LEFT_OUT;
    }
    if (outcome == JWK_LEFT_OUT) {
        buf_printf(warnings, "key %zu %s: left out\n", n, buf_text(&why));
    } else if (outcome == JWK_WRONG) {
        buf_printf(reason, "key %zu: %s", n, buf_text(&why));
        rc = -1;
    } else {
        rc = take(trust, key, reason);
    }
    buf_done(&why);
    return rc;
}

static int add_json(struct jwt_trust *trust, const char *text, size_t len, struct buf *reason,
                    struct buf *warnings)
{
    json_error_t error;
    json_auto_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const json_t *set = json_object_get(root, "keys"), *jwk;
    size_t i, before = trust->key_count;

    /* What jansson found there may be part of a secret. */
    if (root == NULL) {
        buf_printf(reason, "begins like JSON and isn't: line %d, column %d", error.line,
                   error.column);
        return -1;
    }
    if (set == NULL) {
        if (add_jwk(trust, root, 1, reason, warnings) != 0)
            return -1;
    } else if (!json_is_array(set)) {
        buf_add_str(reason, "keys must be an array");
        return -1;
    }
    json_array_foreach (set, i, jwk)
        if (add_jwk(trust, jwk, i + 1, reason, warnings) != 0)
            return -1;
    if (trust->key_count == before) {
        buf_add_str(reason, "holds no key that can be used");
        return -1;
    }
    return 0;
}

int jwt_trust_add(struct jwt_trust *trust, const char *kid, const char *text, size_t len,
                  struct buf *reason, struct buf *warnings)
{
    struct jwt_key *key;
    size_t blank = 0;

    while (blank < len && isspace((unsigned char)text[blank]))
        blank++;
    if (blank < len && text[blank] == '{') {
        if (kid == NULL)
            return add_json(trust, text, len, reason, warnings);
        buf_add_str(reason, "is a JSON Web Key or a set, which has its kids inside");
        return -1;
    }
    if (memmem(text, len, "-----BEGIN ", 11) != NULL)
        key = jwt_key_from_pem(text, len, kid, reason);
    else
        key = jwt_key_from_secret(text, len - (len > 0 && text[len - 1] == '\n'), kid, reason);
    if (key == NULL)
        return -1;
    if (!is_wanted(trust, key)) {
        buf_printf(reason, "is a key for %s, and auth.jwt.algorithm is %s",
                   jwt_algorithm_name(jwt_key_algorithm(key)),
                   jwt_algorithm_name((enum jwt_algorithm)trust->options.algorithm));
        jwt_key_free(key);
        return -1;
    }
    return take(trust, key, reason);
}

const struct jwt_key *jwt_trust_find(const struct jwt_trust *trust, enum jwt_algorithm algorithm,
                                     const char *kid)
{
    const struct jwt_key *unnamed = NULL, *any = NULL;
    size_t count = 0;

    for (size_t i = 0; i < trust->key_count; i++) {
        const struct jwt_key *key = trust->keys[i];

        if (jwt_key_algorithm(key) != algorithm)
            continue;
        if (jwt_key_kid(key) == NULL)
            unnamed = key;
        else if (kid != NULL && strcmp(jwt_key_kid(key), kid) == 0)
            return key;
        any = key;
        count++;
    }
    if (unnamed != NULL)
        return unnamed;
    return kid == NULL && count == 1 ? any : NULL;
}
