/* The rules about settings that no single row of the table shows. */
#include "settings_rules.h"

#include <inttypes.h>
#include <string.h>

#include "api_original.h"
#include "buf.h"
#include "listen_address.h"
#include "session.h"
#include "settings.h"
#include "text.h"

#define ADMIN_SECRET_LEAST 16

/* What the rules are applied to, and where they say what they found. */
struct check {
    struct settings *settings;
    const char *file; /* may be NULL */
    struct buf *reason;
    struct buf *warnings;
};

/* Begins a message about a setting with who gave it; the caller appends the rest. */
static struct buf *blame(struct check *check, const char *path)
{
    settings_origin(&settings_table, check->settings, path, check->file, check->reason);
    buf_add_str(check->reason, ": ");
    return check->reason;
}

static int check_interval(struct check *check)
{
    struct settings *settings = check->settings;
    int64_t most = settings->session_ttl / 3;

    if (most < 1) /* the table's least */
        most = 1;
    if (settings->session_heartbeat_interval <= most)
        return 0;

    /* A file's interval was written for the file's ttl: one that the environment puts over it wins.
     */
    bool is_overruled = settings->given.session_ttl == SETTING_FROM_ENV &&
                        settings->given.session_heartbeat_interval == SETTING_FROM_FILE;
    if (settings->given.session_heartbeat_interval != SETTING_DEFAULT && !is_overruled) {
        buf_printf(blame(check, "session.heartbeat_interval"),
                   "must be at most a third of session.ttl, %" PRId64 ", is %" PRId64, most,
                   settings->session_heartbeat_interval);
        return -1;
    }
    if (is_overruled)
        buf_printf(check->warnings,
                   "%s: session.heartbeat_interval: lowered to %" PRId64
                   ", a third of the session.ttl that the environment gives\n",
                   check->file, most);
    settings->session_heartbeat_interval = most;
    return 0;
}

static int check_listen(struct check *check, const char *path, const char *text,
                        struct listen_address *ret_address)
{
    char why[128];

    if (listen_address_parse(text, ret_address, why, sizeof why) == 0)
        return 0;
    buf_printf(blame(check, path), "%s: %s", text, why);
    return -1;
}

static int check_listeners(struct check *check)
{
    const struct settings *settings = check->settings;
    struct listen_address player, admin;
    char player_text[LISTEN_ADDRESS_TEXT], admin_text[LISTEN_ADDRESS_TEXT];

    if (check_listen(check, "player.listen", settings->player_listen, &player) != 0 ||
        check_listen(check, "admin.listen", settings->admin_listen, &admin) != 0)
        return -1;

    bool is_chosen = player.kind == LISTEN_TCP && listen_address_port(&player) == 0;
    if (!is_chosen && strcmp(listen_address_text(&player, player_text),
                             listen_address_text(&admin, admin_text)) == 0) {
        buf_add_str(blame(check, "admin.listen"), "must not be the address of player.listen");
        return -1;
    }
    if (settings->auth_mode == SETTINGS_AUTH_UNSAID && !listen_address_is_loopback(&player)) {
        buf_printf(blame(check, "player.listen"),
                   "%s is not a loopback address, so auth.mode must be set to open or api_key",
                   settings->player_listen);
        return -1;
    }
    return 0;
}

/* The length of the name in name:secret; 0 where there is no colon. */
static size_t name_len(const char *entry)
{
    const char *colon = strchr(entry, ':');

    return colon != NULL ? (size_t)(colon - entry) : 0;
}

/* Checks a list of name:secret entries; a secret without a name is let through where that is
 * allowed. */
static int check_named_secrets(struct check *check, const char *path,
                               const struct setting_list *list, bool is_name_needed)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *entry = list->items[i];
        size_t len = name_len(entry);

        if (len == 0 && entry[0] != ':' && !is_name_needed)
            continue;
        if (len == 0 || entry[len + 1] == '\0') {
            buf_printf(blame(check, path), "entry %zu must be %sname:secret, neither part empty",
                       i + 1, is_name_needed ? "" : "a secret or ");
            return -1;
        }
        for (size_t j = 0; j < i; j++) {
            if (name_len(list->items[j]) == len && memcmp(list->items[j], entry, len) == 0) {
                buf_printf(blame(check, path), "entries %zu and %zu have the same name", j + 1,
                           i + 1);
                return -1;
            }
        }
    }
    return 0;
}

/* An admin token's name stands in events, where it has the room of any name; its secret must not be guessed. */
static int check_admin_tokens(struct check *check)
{
    const struct setting_list *tokens = &check->settings->admin_token;

    for (size_t i = 0; i < tokens->count; i++) {
        const char *token = tokens->items[i];
        const char *colon = strchr(token, ':');

        if (name_len(token) > SESSION_NAME_MAX || !text_is_printable(token, name_len(token))) {
            buf_printf(blame(check, "admin.token"),
                       "entry %zu has a name that is not 1 to %d printable bytes", i + 1,
                       SESSION_NAME_MAX);
            return -1;
        }
        if (strlen(colon != NULL ? colon + 1 : token) < ADMIN_SECRET_LEAST) {
            settings_origin(&settings_table, check->settings, "admin.token", check->file,
                            check->warnings);
            buf_printf(check->warnings,
                       ": entry %zu has fewer than %d characters: it can be guessed\n", i + 1,
                       ADMIN_SECRET_LEAST);
        }
    }
    return 0;
}

static int check_auth(struct check *check)
{
    const struct settings *settings = check->settings;

    if (check_named_secrets(check, "auth.api_keys", &settings->auth_api_keys, true) != 0 ||
        check_named_secrets(check, "admin.token", &settings->admin_token, false) != 0 ||
        check_admin_tokens(check) != 0)
        return -1;
    if (settings->auth_mode == SETTINGS_AUTH_API_KEY && settings->auth_api_keys.count == 0) {
        buf_add_str(blame(check, "auth.mode"), "api_key needs at least one key in auth.api_keys");
        return -1;
    }
    if (settings->auth_mode != SETTINGS_AUTH_API_KEY && settings->auth_api_keys.count > 0) {
        settings_origin(&settings_table, settings, "auth.api_keys", check->file, check->warnings);
        buf_add_str(check->warnings, ": not used, since auth.mode isn't api_key\n");
    }
    return 0;
}

static int check_token_keys(struct check *check)
{
    const struct setting_list *keys = &check->settings->tokens_keys;

    for (size_t i = 0; i < keys->count; i++) {
        const char *key = keys->items[i];

        if (strlen(key) != 64 || strspn(key, "0123456789abcdefABCDEF") != 64) {
            buf_printf(blame(check, "tokens.keys"), "entry %zu must be 64 hexadecimal digits",
                       i + 1);
            return -1;
        }
    }
    return 0;
}

static int check_path(struct check *check, const char *path, const char *pattern, const char *name,
                      const char *example)
{
    const char *fault = pattern != NULL ? api_original_pattern_fault(pattern, name) : NULL;

    if (fault == NULL)
        return 0;
    buf_printf(blame(check, path), "must %s (like %s), is %s", fault, example, pattern);
    return -1;
}

static int check_authorize(struct check *check)
{
    const struct settings *settings = check->settings;
    const char *token_path = settings->authorize_token_path;

    if (check_path(check, "authorize.token_path", token_path, "{token}", "/s/{token}/") != 0 ||
        check_path(check, "authorize.media_path", settings->authorize_media_path, "{mediaId}",
                   "/vod/{mediaId}/") != 0)
        return -1;
    /* Else any first segment would be taken for a token, and be taken off. */
    if (token_path != NULL && token_path[1] == '{') {
        buf_printf(blame(check, "authorize.token_path"),
                   "must have a fixed segment before {token} (like /s/{token}/), is %s",
                   token_path);
        return -1;
    }
    return 0;
}

int settings_rules_apply(struct settings *settings, const char *file, struct buf *reason,
                         struct buf *warnings)
{
    struct check check = {settings, file, reason, warnings};

    if (check_interval(&check) != 0 || check_listeners(&check) != 0 || check_auth(&check) != 0 ||
        check_authorize(&check) != 0 || check_token_keys(&check) != 0)
        return -1;
    return 0;
}
