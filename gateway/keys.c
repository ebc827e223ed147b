/* The keys that the program works with. */
#include "keys.h"

#include <stdlib.h>

#include "app.h"
#include "buf.h"
#include "identity.h"
#include "log.h"
#include "settings.h"
#include "state_dir.h"
#include "token.h"

/* The state directory's secret of this name, made where there is none. NULL: it was logged. */
static char *kept_secret(const struct settings *settings, const char *name)
{
    int made = 0;
    struct buf reason = BUF_EMPTY;
    char *dir = state_dir_path(settings->state_dir, &reason);
    char *secret = dir != NULL ? state_dir_secret(dir, name, 32, &made, &reason) : NULL;

    if (secret == NULL) {
        log_line(LOG_ERROR, "state_dir can't be used", LOG_STR("file", name),
                 LOG_STR("reason", buf_text(&reason)));
    } else {
        struct buf path = BUF_EMPTY;

        buf_printf(&path, "%s/%s", dir, name);
        log_line(LOG_INFO, made ? "secret made" : "secret read", LOG_STR("path", buf_text(&path)));
        buf_done(&path);
    }
    free(dir);
    buf_done(&reason);
    return secret;
}

static int load_token_keys(struct keys *keys, const struct settings *settings)
{
    const struct setting_list *given = &settings->tokens_keys;

    keys->tokens = token_keys_new();
    if (keys->tokens == NULL)
        return APP_FAILED;
    for (size_t i = 0; i < given->count; i++)
        if (token_keys_add(keys->tokens, given->items[i]) != 0)
            return APP_FAILED;
    if (given->count > 0)
        return APP_OK;

    char *secret = kept_secret(settings, "token.key");
    if (secret == NULL)
        return APP_WRONG_SETTING;
    int rc = token_keys_add(keys->tokens, secret);
    free(secret);
    if (settings->store == SETTINGS_STORE_REDIS)
        log_line(LOG_WARN, "tokens.keys is not set: another gateway on this Redis would refuse "
                           "this one's tokens");
    return rc == 0 ? APP_OK : APP_FAILED;
}

/* Adds what a setting lists; those without a name get this one. */
static int load_named(struct api_keys *keys, const struct setting_list *given, const char *unnamed)
{
    if (keys == NULL)
        return APP_FAILED;
    for (size_t i = 0; i < given->count; i++)
        if (api_keys_add(keys, given->items[i], unnamed) != 0)
            return APP_FAILED;
    return APP_OK;
}

/* There is always an admin token: the setting's, or one that is made and kept. */
static int load_admin_token(struct keys *keys, const struct settings *settings)
{
    static const char unnamed[] = "admin";

    keys->admins = api_keys_new();
    int rc = load_named(keys->admins, &settings->admin_token, unnamed);
    if (rc != APP_OK || settings->admin_token.count > 0)
        return rc;
    char *secret = kept_secret(settings, "admin.token");
    if (secret == NULL)
        return APP_WRONG_SETTING;
    rc = api_keys_add(keys->admins, secret, unnamed) == 0 ? APP_OK : APP_FAILED;
    free(secret);
    return rc;
}

int keys_load(struct keys *keys, const struct settings *settings)
{
    int rc = load_token_keys(keys, settings);

    if (rc == APP_OK) {
        keys->callers = api_keys_new();
        rc = load_named(keys->callers, &settings->auth_api_keys, "default");
    }
    if (rc == APP_OK)
        rc = load_admin_token(keys, settings);
    return rc;
}

void keys_done(struct keys *keys)
{
    token_keys_free(keys->tokens);
    api_keys_free(keys->callers);
    api_keys_free(keys->admins);
    *keys = (struct keys){0};
}
