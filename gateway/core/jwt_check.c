/* Checks a caller's JWT. */
#include "jwt_check.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base64url.h"
#include "jwt_path.h"
#include "jwt_trust.h"
#include "text.h"

enum { PART_MAX = JWT_MAX / 4 * 3 }; /* bytes of a part, decoded */

/* A token under examination. */
struct check {
    const struct jwt_trust *trust;
    const char *token;       /* as it came */
    const char *parts[3];    /* in it: header, payload, signature */
    size_t lens[3];          /* of the parts */
    json_t *header, *claims; /* once read */
    char *detail;            /* what is wrong */
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct check *check, const char *format,
                                                         ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(check->detail, JWT_DETAIL_MAX + 1, format, args);
    va_end(args);
    return false;
}

static bool split(struct check *check)
{
    const char *at = check->token;

    if (strnlen(at, JWT_MAX + 1) > JWT_MAX)
        return refuse(check, "the JWT is longer than %d characters", JWT_MAX);
    for (int i = 0; i < 3; i++) {
        check->parts[i] = at;
        check->lens[i] = strcspn(at, ".");
        at += check->lens[i];
        if (check->lens[i] == 0 || (*at == '.') != (i < 2))
            return refuse(check, "the bearer is no JWT: three parts, with a dot between them");
        at++;
    }
    return true;
}

/* Decodes a part; refuses all but the one spelling that its bytes have. Returns the length, or -1. */
static int decode(const struct check *check, int part, uint8_t ret_bytes[PART_MAX])
{
    return base64url_decode(check->parts[part], check->lens[part], ret_bytes, PART_MAX);
}

/* An object that no two readers see differently: no member stands twice. */
static json_t *decode_object(const struct check *check, int part)
{
    uint8_t bytes[PART_MAX];
    int len = decode(check, part, bytes);
    json_t *object =
        len >= 0 ? json_loadb((const char *)bytes, (size_t)len, JSON_REJECT_DUPLICATES, NULL)
                 : NULL;

    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* Finds the one key that a token with this header may be signed with. */
static const struct jwt_key *find_key(struct check *check)
{
    const char *alg = json_string_value(json_object_get(check->header, "alg"));
    const json_t *kid = json_object_get(check->header, "kid");
    const char *typ = json_string_value(json_object_get(check->header, "typ"));
    int algorithm = alg != NULL ? jwt_algorithm_of(alg) : -1;

    if (algorithm < 0) {
        refuse(check, "the JWT's alg is none of HS256, RS256, ES256 and EdDSA");
        return NULL;
    }
    if (kid != NULL && !json_is_string(kid)) {
        refuse(check, "the JWT's kid is no string");
        return NULL;
    }
    /* RFC 7515, section 4.1.11: who doesn't know an extension that is critical must refuse. */
    if (json_object_get(check->header, "crit") != NULL) {
        refuse(check, "the JWT has critical extensions (crit), of which none is known");
        return NULL;
    }
    /* libjwt 1.x takes no other, and doesn't say so. */
    if (typ != NULL && strcasecmp(typ, "JWT") != 0) {
        refuse(check, "the JWT's typ is another than JWT");
        return NULL;
    }
    const struct jwt_key *key =
        jwt_trust_find(check->trust, (enum jwt_algorithm)algorithm, json_string_value(kid));
    if (key == NULL)
        refuse(check, "there is no key for the JWT's alg and kid");
    return key;
}

/* Both are read before the signature is looked at, since libjwt wouldn't tell which of the three it refuses. */
static bool read_objects(struct check *check)
{
    check->header = decode_object(check, 0);
    if (check->header == NULL)
        return refuse(check, "the JWT's header is no JSON object in base64url");
    check->claims = decode_object(check, 1);
    if (check->claims == NULL)
        return refuse(check, "the JWT's payload is no JSON object in base64url");
    return true;
}

static bool check_signature(struct check *check, struct jwt_caller *caller)
{
    uint8_t signature[PART_MAX];

    const struct jwt_key *key = find_key(check);
    if (key == NULL)
        return false;
    if (decode(check, 2, signature) < 0 || !jwt_key_has_signed(key, check->token))
        return refuse(check, "the JWT's signature is wrong");
    if (jwt_key_kid(key) != NULL)
        snprintf(caller->key, sizeof caller->key, "%s", jwt_key_kid(key));
    return true;
}

/* A time in seconds, which may have a fraction (RFC 7519, section 2). Returns whether it is one. */
static bool read_time(const json_t *value, double *ret_ms)
{
    if (!json_is_number(value))
        return false;
    *ret_ms = json_number_value(value) * 1000;
    return isfinite(*ret_ms);
}

static bool check_times(struct check *check, int64_t now_ms)
{
    const json_t *exp = json_object_get(check->claims, "exp");
    const json_t *nbf = json_object_get(check->claims, "nbf");
    double ms;

    if (exp == NULL)
        return refuse(check, "the JWT lacks the claim exp");
    if (!read_time(exp, &ms))
        return refuse(check, "the JWT's exp is no time");
    if ((double)now_ms >= ms + JWT_LEEWAY_MS)
        return refuse(check, "the JWT has expired (exp)");
    if (nbf == NULL)
        return true;
    if (!read_time(nbf, &ms))
        return refuse(check, "the JWT's nbf is no time");
    if ((double)now_ms < ms - JWT_LEEWAY_MS)
        return refuse(check, "the JWT isn't valid yet (nbf)");
    return true;
}

static bool is_for_us(const struct jwt_trust *trust, const json_t *audience)
{
    const char *text = json_string_value(audience);

    for (size_t i = 0; text != NULL && i < trust->options.audience_count; i++)
        if (strcmp(text, trust->options.audience[i]) == 0)
            return true;
    return false;
}

static bool check_parties(struct check *check)
{
    const struct jwt_trust *trust = check->trust;
    const char *iss = json_string_value(json_object_get(check->claims, "iss"));
    const json_t *aud = json_object_get(check->claims, "aud"), *item;
    bool is_ours = is_for_us(trust, aud);
    size_t i;

    if (trust->options.issuer != NULL && (iss == NULL || strcmp(iss, trust->options.issuer) != 0))
        return refuse(check, "the JWT's issuer (iss) isn't the one that is believed");
    json_array_foreach (aud, i, item)
        is_ours = is_ours || is_for_us(trust, item);
    if (trust->options.audience_count > 0 && !is_ours)
        return refuse(check, "the JWT is for another audience (aud)");
    return true;
}

/* A name (1 to 128 printable bytes), which may also be an integer; not read where no path is set. */
static bool read_name(struct check *check, enum jwt_claim claim, session_name ret_name)
{
    const char *path = check->trust->options.claims[claim];
    const json_t *value = path != NULL ? jwt_path_find(check->claims, path) : NULL;

    if (path == NULL)
        return true;
    if (value == NULL)
        return refuse(check, "the JWT lacks the claim %s", path);
    if (json_is_integer(value)) {
        snprintf(ret_name, sizeof(session_name), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(value));
        return true;
    }
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len < 1 || len > SESSION_NAME_MAX ||
        !text_is_printable(json_string_value(value), len))
        return refuse(check, "the JWT's claim %s must be a text of 1 to %d printable bytes", path,
                      SESSION_NAME_MAX);
    memcpy(ret_name, json_string_value(value), len + 1);
    return true;
}

/* A limit, which may be a text of digits, since some issuers make every claim a text. */
static bool read_limit(struct check *check, enum jwt_claim claim, int32_t *ret_limit)
{
    const char *path = check->trust->options.claims[claim];
    const json_t *value = path != NULL ? jwt_path_find(check->claims, path) : NULL;
    const char *text = json_string_value(value);
    int64_t limit = -1;

    if (value == NULL)
        return true;
    if (json_is_integer(value))
        limit = json_integer_value(value);
    else if (text != NULL && strlen(text) <= 6 && text[0] != '\0' &&
             strspn(text, "0123456789") == strlen(text))
        limit = atol(text);
    if (limit < 0 || limit > JWT_LIMIT_MAX)
        return refuse(check, "the JWT's claim %s must be an integer from 0 to %d", path,
                      JWT_LIMIT_MAX);
    *ret_limit = (int32_t)limit;
    return true;
}

static bool read_claims(struct check *check, struct jwt_caller *caller)
{
    return read_name(check, JWT_CLAIM_USER, caller->user_id) &&
           read_name(check, JWT_CLAIM_FAMILY, caller->family_id) &&
           read_name(check, JWT_CLAIM_DEVICE, caller->device_id) &&
           read_limit(check, JWT_CLAIM_FAMILY_LIMIT, &caller->family_limit) &&
           read_limit(check, JWT_CLAIM_DEVICE_LIMIT, &caller->device_limit);
}

static bool is_believed(struct check *check, int64_t now_ms, struct jwt_caller *caller)
{
    return split(check) && read_objects(check) && check_signature(check, caller) &&
           check_times(check, now_ms) && check_parties(check);
}

enum err jwt_check(const struct jwt_trust *trust, const char *token, int64_t now_ms,
                   struct jwt_caller *ret_caller, char ret_detail[JWT_DETAIL_MAX + 1])
{
    struct check check = {.trust = trust, .token = token, .detail = ret_detail};
    enum err err = ERR_UNAUTHORIZED;

    *ret_caller = (struct jwt_caller){.family_limit = -1, .device_limit = -1};
    ret_detail[0] = '\0';
    if (is_believed(&check, now_ms, ret_caller))
        err = read_claims(&check, ret_caller) ? ERR_OK : ERR_FORBIDDEN;
    json_decref(check.header);
    json_decref(check.claims);
    return err;
}
