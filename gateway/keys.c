/* The keys that the program works with. */
#include "keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "buf.h"
#include "file.h"
#include "identity.h"
#include "jwt_trust.h"
#include "keyring.h"
#include "log.h"
#include "settings.h"
#include "state_dir.h"
#include "token.h"

#define SECRET_BYTES 32 /* of a token key, and of an admin token */

/*
 * The state directory's secret of this name; where there is none, one that is made, or by a trial made up. NULL with
 * a reason.
 */
static char *kept_secret(const struct settings *settings, const char *name, bool trial,
                         struct buf *reason)
{
    int made = 0;
    struct buf why = BUF_EMPTY;
    char *dir = state_dir_path(settings->state_dir, &why);
    char *secret = NULL;

    if (dir != NULL)
        secret = trial ? state_dir_try(dir, name, SECRET_BYTES, &why)
                       : state_dir_secret(dir, name, SECRET_BYTES, &made, &why);
    if (secret == NULL) {
        buf_printf(reason, "state_dir can't be used for %s: %s", name, buf_text(&why));
    } else if (!trial) {
        struct buf path = BUF_EMPTY;

        buf_printf(&path, "%s/%s", dir, name);
        log_line(LOG_INFO, made ? "secret made" : "secret read", LOG_STR("path", buf_text(&path)));
        buf_done(&path);
    }
    free(dir);
    buf_done(&why);
    return secret;
}

static int no_memory(struct buf *reason)
{
    buf_add_str(reason, "no memory");
    return APP_FAILED;
}

static int load_token_keys(struct keyring *keys, const struct settings *settings, bool trial,
                           struct buf *reason)
{
    const struct setting_list *given = &settings->tokens_keys;

    for (size_t i = 0; i < given->count; i++)
        if (token_keys_add(keys->tokens, given->items[i]) != 0)
            return no_memory(reason);
    if (given->count > 0)
        return APP_OK;

    char *secret = kept_secret(settings, "token.key", trial, reason);
    if (secret == NULL)
        return APP_WRONG_SETTING;
    int rc = token_keys_add(keys->tokens, secret);
    free(secret);
    if (settings->store == SETTINGS_STORE_REDIS)
        log_line(LOG_WARN, "tokens.keys is not set: another gateway on this Redis would refuse "
                           "this one's tokens");
    return rc == 0 ? APP_OK : no_memory(reason);
}

/* Adds what a setting lists; those without a name get this one. */
static int load_named(struct api_keys *keys, const struct setting_list *given, const char *unnamed,
                      struct buf *reason)
{
    for (size_t i = 0; i < given->count; i++)
        if (api_keys_add(keys, given->items[i], unnamed) != 0)
            return no_memory(reason);
    return APP_OK;
}

/* There is always an admin token: the setting's, or one that is made and kept. */
static int load_admin_token(struct keyring *keys, const struct settings *settings, bool trial,
                            struct buf *reason)
{
    static const char unnamed[] = "admin";
    int rc = load_named(keys->admins, &settings->admin_token, unnamed, reason);

    if (rc != APP_OK || settings->admin_token.count > 0)
        return rc;
    char *secret = kept_secret(settings, "admin.token", trial, reason);
    if (secret == NULL)
        return APP_WRONG_SETTING;
    rc = api_keys_add(keys->admins, secret, unnamed) == 0 ? APP_OK : no_memory(reason);
    free(secret);
    return rc;
}

/* ---- JWTs ---- */

/* One log line for each line of text, about a file. */
static void warn_of(const char *file, struct buf *warnings)
{
    char *rest = buf_text(warnings);
    char *line;

    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] != '\0')
            log_line(LOG_WARN, "key of auth.jwt.keys", LOG_STR("file", file),
                     LOG_STR("reason", line));
}

/* Adds what an entry, `file` or `kid:file`, names. The last colon parts: a kid may be an address. */
static int load_jwt_file(struct jwt_trust *trust, const char *entry, struct buf *reason)
{
    const char *colon = strrchr(entry, ':');
    const char *file = colon != NULL ? colon + 1 : entry;
    char *kid = colon != NULL ? strndup(entry, (size_t)(colon - entry)) : NULL;
    struct buf text = BUF_EMPTY, warnings = BUF_EMPTY;
    size_t mark = reason->len;
    int rc = -1;

    buf_printf(reason, "auth.jwt.keys: %s: ", file);
    if (colon != NULL && (colon == entry || colon - entry > JWT_KID_MAX || *file == '\0'))
        buf_printf(reason, "an entry must be file or kid:file, the kid of 1 to %d bytes",
                   JWT_KID_MAX);
    else if (file_read(file, &text, reason) == 0)
        rc = jwt_trust_add(trust, kid, text.data, text.len, reason, &warnings);
    if (rc == 0) {
        reason->len = mark;
        warn_of(file, &warnings);
    }
    if (text.data != NULL)
        sodium_memzero(text.data, text.cap);
    buf_done(&text);
    buf_done(&warnings);
    free(kid);
    return rc == 0 ? APP_OK : APP_WRONG_SETTING;
}

static int load_jwt(struct keyring *keys, const struct settings *settings, struct buf *reason)
{
    const struct jwt_trust_options options = {
        .algorithm = settings->auth_jwt_algorithm,
        .issuer = settings->auth_jwt_issuer,
        .audience = settings->auth_jwt_audience.items,
        .audience_count = settings->auth_jwt_audience.count,
        .claims = {[JWT_CLAIM_USER] = settings->auth_jwt_claims_user,
                   [JWT_CLAIM_FAMILY] = settings->auth_jwt_claims_family,
                   [JWT_CLAIM_DEVICE] = settings->auth_jwt_claims_device,
                   [JWT_CLAIM_FAMILY_LIMIT] = settings->auth_jwt_claims_family_limit,
                   [JWT_CLAIM_DEVICE_LIMIT] = settings->auth_jwt_claims_device_limit},
    };
    int rc = APP_OK;

    if (settings->auth_mode != SETTINGS_AUTH_JWT)
        return APP_OK;
    keys->jwt = jwt_trust_new(&options);
    if (keys->jwt == NULL)
        return no_memory(reason);
    for (size_t i = 0; i < settings->auth_jwt_keys.count && rc == APP_OK; i++)
        rc = load_jwt_file(keys->jwt, settings->auth_jwt_keys.items[i], reason);
    return rc;
}

struct keyring *keys_load(const struct settings *settings, bool trial, struct buf *reason,
                          int *ret_code)
{
    struct keyring *keys = keyring_new();

    *ret_code = keys != NULL ? load_token_keys(keys, settings, trial, reason) : no_memory(reason);
    if (*ret_code == APP_OK)
        *ret_code = load_named(keys->callers, &settings->auth_api_keys, "default", reason);
    if (*ret_code == APP_OK)
        *ret_code = load_admin_token(keys, settings, trial, reason);
    if (*ret_code == APP_OK)
        *ret_code = load_jwt(keys, settings, reason);
    if (*ret_code == APP_OK)
        return keys;
    keyring_release(keys);
    return NULL;
}
