/* The rules about settings that no single row of the table shows. */
#include "settings_rules.h"

#include <inttypes.h>
#include <string.h>

#include "api_original.h"
#include "buf.h"
#include "http_cors.h"
#include "http_forwarded.h"
#include "jwt_path.h"
#include "listen_address.h"
#include "session.h"
#include "settings.h"
#include "settings_private.h"
#include "text.h"

#define ADMIN_SECRET_LEAST 16

static int check_interval(const struct settings_check *check)
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
        buf_printf(settings_blame(check, "session.heartbeat_interval"),
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

static int check_listen(const struct settings_check *check, const char *path, const char *text,
                        struct listen_address *ret_address)
{
    char why[128];

    if (listen_address_parse(text, ret_address, why, sizeof why) == 0)
        return 0;
    buf_printf(settings_blame(check, path), "%s: %s", text, why);
    return -1;
}

static int check_listeners(const struct settings_check *check)
{
    const struct settings *settings = check->settings;
    struct listen_address player, admin;
    char player_text[LISTEN_ADDRESS_TEXT], admin_text[LISTEN_ADDRESS_TEXT];

    if (check_listen(check, "player.listen", settings->player_listen, &player) != 0 ||
        check_listen(check, "admin.listen", settings->admin_listen, &admin) != 0)
        return -1;

    if ((settings->player_tls_key != NULL && settings->player_tls_cert == NULL) ||
        (settings->admin_tls_key != NULL && settings->admin_tls_cert == NULL)) {
        bool is_player = settings->player_tls_cert == NULL && settings->player_tls_key != NULL;

        buf_printf(settings_blame(check, is_player ? "player.tls.key" : "admin.tls.key"),
                   "is of no use without %s.tls.cert", is_player ? "player" : "admin");
        return -1;
    }
    bool is_chosen = player.kind == LISTEN_TCP && listen_address_port(&player) == 0;
    if (!is_chosen && strcmp(listen_address_text(&player, player_text),
                             listen_address_text(&admin, admin_text)) == 0) {
        buf_add_str(settings_blame(check, "admin.listen"),
                    "must not be the address of player.listen");
        return -1;
    }
    if (settings->auth_mode == SETTINGS_AUTH_UNSAID && !listen_address_is_loopback(&player)) {
        buf_printf(settings_blame(check, "player.listen"),
                   "%s is not a loopback address, so auth.mode must be set to open, api_key or "
                   "jwt",
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
static int check_named_secrets(const struct settings_check *check, const char *path,
                               const struct setting_list *list, bool is_name_needed)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *entry = list->items[i];
        size_t len = name_len(entry);

        if (len == 0 && entry[0] != ':' && !is_name_needed)
            continue;
        if (len == 0 || entry[len + 1] == '\0') {
            buf_printf(settings_blame(check, path),
                       "entry %zu must be %sname:secret, neither part empty", i + 1,
                       is_name_needed ? "" : "a secret or ");
            return -1;
        }
        for (size_t j = 0; j < i; j++) {
            if (name_len(list->items[j]) == len && memcmp(list->items[j], entry, len) == 0) {
                buf_printf(settings_blame(check, path), "entries %zu and %zu have the same name",
                           j + 1, i + 1);
                return -1;
            }
        }
    }
    return 0;
}

/* An admin token's name stands in events, where it has the room of any name; its secret must not be guessed. */
static int check_admin_tokens(const struct settings_check *check)
{
    const struct setting_list *tokens = &check->settings->admin_token;

    for (size_t i = 0; i < tokens->count; i++) {
        const char *token = tokens->items[i];
        const char *colon = strchr(token, ':');

        if (name_len(token) > SESSION_NAME_MAX || !text_is_printable(token, name_len(token))) {
            buf_printf(settings_blame(check, "admin.token"),
                       "entry %zu has a name that is not 1 to %d printable bytes", i + 1,
                       SESSION_NAME_MAX);
            return -1;
        }
        if (strlen(colon != NULL ? colon + 1 : token) < ADMIN_SECRET_LEAST) {
            buf_printf(settings_warn(check, "admin.token"),
                       "entry %zu has fewer than %d characters: it can be guessed\n", i + 1,
                       ADMIN_SECRET_LEAST);
        }
    }
    return 0;
}

static int check_auth(const struct settings_check *check)
{
    const struct settings *settings = check->settings;

    if (check_named_secrets(check, "auth.api_keys", &settings->auth_api_keys, true) != 0 ||
        check_named_secrets(check, "admin.token", &settings->admin_token, false) != 0 ||
        check_admin_tokens(check) != 0)
        return -1;
    if (settings->auth_mode == SETTINGS_AUTH_API_KEY && settings->auth_api_keys.count == 0) {
        buf_add_str(settings_blame(check, "auth.mode"),
                    "api_key needs at least one key in auth.api_keys");
        return -1;
    }
    if (settings->auth_mode != SETTINGS_AUTH_API_KEY && settings->auth_api_keys.count > 0) {
        buf_add_str(settings_warn(check, "auth.api_keys"),
                    "not used, since auth.mode isn't api_key\n");
    }
    return 0;
}

static int check_claim(const struct settings_check *check, const char *path, const char *claim)
{
    const char *fault = claim != NULL ? jwt_path_fault(claim) : NULL;

    if (fault == NULL)
        return 0;
    buf_add_str(settings_blame(check, path), fault);
    return -1;
}

static int check_claims(const struct settings_check *check)
{
    const struct settings *settings = check->settings;

    if (check_claim(check, "auth.jwt.claims.user", settings->auth_jwt_claims_user) != 0 ||
        check_claim(check, "auth.jwt.claims.family", settings->auth_jwt_claims_family) != 0 ||
        check_claim(check, "auth.jwt.claims.device", settings->auth_jwt_claims_device) != 0 ||
        check_claim(check, "auth.jwt.claims.family_limit",
                    settings->auth_jwt_claims_family_limit) != 0 ||
        check_claim(check, "auth.jwt.claims.device_limit",
                    settings->auth_jwt_claims_device_limit) != 0)
        return -1;
    return 0;
}

static int check_jwt(const struct settings_check *check)
{
    const struct settings *settings = check->settings;
    bool is_jwt = settings->auth_mode == SETTINGS_AUTH_JWT;

    if (is_jwt && settings->auth_jwt_keys.count == 0) {
        buf_add_str(settings_blame(check, "auth.mode"),
                    "jwt needs at least one file in auth.jwt.keys");
        return -1;
    }
    if (is_jwt && settings->auth_jwt_claims_family == NULL) {
        buf_add_str(
            settings_blame(check, "auth.mode"),
            "jwt needs auth.jwt.claims.family: else whoever has a JWT could name any family");
        return -1;
    }
    if (!is_jwt && settings->auth_jwt_keys.count > 0) {
        buf_add_str(settings_blame(check, "auth.jwt.keys"),
                    "auth.mode must be jwt for keys to be used");
        return -1;
    }
    return check_claims(check);
}

static int check_token_keys(const struct settings_check *check)
{
    const struct setting_list *keys = &check->settings->tokens_keys;

    for (size_t i = 0; i < keys->count; i++) {
        const char *key = keys->items[i];

        if (strlen(key) != 64 || strspn(key, "0123456789abcdefABCDEF") != 64) {
            buf_printf(settings_blame(check, "tokens.keys"),
                       "entry %zu must be 64 hexadecimal digits", i + 1);
            return -1;
        }
    }
    return 0;
}

static int check_path(const struct settings_check *check, const char *path, const char *pattern,
                      const char *name, const char *example)
{
    const char *fault = pattern != NULL ? api_original_pattern_fault(pattern, name) : NULL;

    if (fault == NULL)
        return 0;
    buf_printf(settings_blame(check, path), "must %s (like %s), is %s", fault, example, pattern);
    return -1;
}

static int check_authorize(const struct settings_check *check)
{
    const struct settings *settings = check->settings;
    const char *token_path = settings->authorize_token_path;

    if (check_path(check, "authorize.token_path", token_path, "{token}", "/s/{token}/") != 0 ||
        check_path(check, "authorize.media_path", settings->authorize_media_path, "{mediaId}",
                   "/vod/{mediaId}/") != 0)
        return -1;
    /* Else any first segment would be taken for a token, and be taken off. */
    if (token_path != NULL && token_path[1] == '{') {
        buf_printf(settings_blame(check, "authorize.token_path"),
                   "must have a fixed segment before {token} (like /s/{token}/), is %s",
                   token_path);
        return -1;
    }
    return 0;
}

static int check_browsers(const struct settings_check *check)
{
    const struct setting_list *origins = &check->settings->cors_origins;
    const char *domain = check->settings->cookie_domain;

    for (size_t i = 0; i < origins->count; i++) {
        if (!http_cors_is_origin(origins->items[i])) {
            buf_printf(settings_blame(check, "cors.origins"),
                       "entry %zu must be an origin as browsers send it (https://app.example.com), "
                       "or *, is %s",
                       i + 1, origins->items[i]);
            return -1;
        }
        if (strcmp(origins->items[i], "*") == 0 && origins->count > 1) {
            buf_add_str(settings_blame(check, "cors.origins"), "* must be the only entry");
            return -1;
        }
    }
    if (domain != NULL &&
        (domain[0] == '\0' ||
         domain[strspn(domain,
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] !=
             '\0')) {
        buf_printf(settings_blame(check, "cookie.domain"), "must be a host's name, is %s", domain);
        return -1;
    }
    return 0;
}

static int check_proxies(const struct settings_check *check)
{
    const struct setting_list *texts = &check->settings->trusted_proxies;
    struct http_proxies proxies;
    size_t bad;
    int rc = http_proxies_parse((const char *const *)texts->items, texts->count, &proxies, &bad);

    if (rc == 0)
        http_proxies_done(&proxies);
    else if (bad < texts->count)
        buf_printf(settings_blame(check, "trusted_proxies"),
                   "entry %zu must be an address, a range without bits behind its length "
                   "(10.0.0.0/8), or unix, is %s",
                   bad + 1, texts->items[bad]);
    else
        buf_add_str(settings_blame(check, "trusted_proxies"), "out of memory");
    return rc;
}

int settings_rules_apply(const struct settings_check *check)
{
    if (check_interval(check) != 0 || check_listeners(check) != 0 || check_auth(check) != 0 ||
        check_jwt(check) != 0 || check_authorize(check) != 0 || check_token_keys(check) != 0 ||
        check_browsers(check) != 0 || check_proxies(check) != 0)
        return -1;
    return 0;
}
