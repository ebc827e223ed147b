/* Where Redis is, from all the variables that say so. */
#include "settings_redis.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "redis_address.h"
#include "redis_slots.h"
#include "settings.h"
#include "settings_env.h"
#include "settings_private.h"
#include "store_redis.h"

/* Reads a decimal number of at most 9 digits; the default where the text is NULL. */
static int read_number(const char *name, const char *text, int least, int most, int fallback,
                       int *ret_number, struct buf *reason)
{
    *ret_number = fallback;
    if (text == NULL)
        return 0;
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits <= 9 && text[digits] == '\0') {
        *ret_number = atoi(text);
        if (*ret_number >= least && *ret_number <= most)
            return 0;
    }
    buf_printf(reason, "%s: must be an integer from %d to %d", name, least, most);
    return -1;
}

/* Takes a URL over as the one that counts, from a source that is named in origin. */
static void use_url(struct settings *settings, char *url, enum setting_source source)
{
    free(settings->redis_url);
    settings->redis_url = url;
    settings->given.redis_url = source;
}

static int take_redis_url(struct settings *settings, struct buf *origin, struct buf *reason)
{
    enum setting_source source;
    char *url;

    if (settings_env_secret("REDIS_URL", &url, &source, reason) != 0)
        return -1;
    if (url != NULL) {
        use_url(settings, url, source);
        buf_add_str(origin, source == SETTING_FROM_ENV_FILE ? "REDIS_URL_FILE" : "REDIS_URL");
    }
    return 0;
}

/* Makes a URL of REDIS_HOST, where that is set, and its companions. */
static int take_parts(struct settings *settings, struct buf *origin, struct buf *reason)
{
    const char *host = settings_env("REDIS_HOST"), *port = settings_env("REDIS_PORT");
    const char *user = settings_env("REDIS_USERNAME");
    char *password = NULL;
    struct buf url = BUF_EMPTY;
    struct redis_address address = {0};
    int rc = -1;

    if (host == NULL)
        return 0;
    if (strpbrk(host, "@/?#[]") != NULL) {
        buf_add_str(reason, "REDIS_HOST: must be a host's name or address");
        return -1;
    }
    if (port != NULL && strncmp(port, "tcp://", strlen("tcp://")) == 0)
        port = NULL;
    if (read_number("REDIS_PORT", port, 1, 65535, REDIS_ADDRESS_PORT, &address.port, reason) != 0 ||
        read_number("REDIS_DB", settings_env("REDIS_DB"), 0, REDIS_ADDRESS_MAX_DB, 0, &address.db,
                    reason) != 0 ||
        settings_env_secret("REDIS_PASSWORD", &password, NULL, reason) != 0)
        goto out;
    if (user != NULL && password == NULL) {
        buf_add_str(reason, "REDIS_USERNAME: needs REDIS_PASSWORD");
        goto out;
    }

    /* The formatter only reads what the struct otherwise owns. */
    address.host = (char *)(uintptr_t)host;
    address.user = (char *)(uintptr_t)user;
    address.password = password;
    redis_address_format(&address, &url);
    if (buf_text(&url) == NULL) {
        buf_add_str(reason, "REDIS_HOST: no memory");
        goto out;
    }
    use_url(settings, url.data, SETTING_FROM_ENV);
    url = BUF_EMPTY;
    buf_add_str(origin, "REDIS_HOST");
    rc = 0;
out:
    free(password);
    buf_done(&url);
    return rc;
}

/* Leaves in redis_url what the first of the sources says, and in origin who that is. */
static int find_url(const struct settings_check *check, struct buf *origin)
{
    struct settings *settings = check->settings;

    if (settings->given.redis_url <= SETTING_FROM_FILE) { /* not by GATEWAY_REDIS_URL */
        if (take_redis_url(settings, origin, check->reason) != 0)
            return -1;
        if (origin->len == 0 && take_parts(settings, origin, check->reason) != 0)
            return -1;
    }
    if (origin->len == 0)
        settings_origin(&settings_table, settings, "redis.url", check->file, origin);
    return 0;
}

static int check_url(const char *origin, const char *url, struct buf *reason)
{
    struct redis_address address;
    char why[128];

    if (redis_address_parse(url, &address, why, sizeof why) != 0) {
        buf_printf(reason, "%s: %s", origin, why);
        return -1;
    }
    redis_address_free(&address);
    return 0;
}

/* Warns of parts that somebody set and nobody reads, a password above all. */
static void warn_of_unused_parts(const char *origin, struct buf *warnings)
{
    static const char *const parts[] = {"REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE",
                                        "REDIS_DB"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (settings_env(parts[i]) != NULL)
            buf_printf(warnings, "%s: not used, since %s says all about Redis\n", parts[i], origin);
}

static int use_found_url(const struct settings_check *check, struct buf *origin)
{
    const char *from = buf_text(origin);

    if (from == NULL) {
        buf_add_str(check->reason, "redis.url: no memory");
        return -1;
    }
    if (strcmp(from, "REDIS_HOST") != 0)
        warn_of_unused_parts(from, check->warnings);
    return check_url(from, check->settings->redis_url, check->reason);
}

/* ---- What goes with what ---- */

static int check_nodes(const struct settings_check *check, const char *path,
                       const struct setting_list *list)
{
    struct redis_node_address node;

    for (size_t i = 0; i < list->count; i++) {
        if (redis_node_address_parse(list->items[i], &node) != 0) {
            buf_printf(settings_blame(check, path), "entry %zu must be host:port", i + 1);
            return -1;
        }
    }
    return 0;
}

/* A rule that is broken where its condition holds: which setting is to blame, and what it is told. */
struct rule {
    bool broken;
    const char *path;
    const char *text;
};

/* Whether a prefix ends as a partition's tag does, which scripts would take for one: {ab}: */
static bool ends_as_a_tag(const char *prefix)
{
    size_t len = strlen(prefix);
    const char *end = prefix + len - strlen("{ab}:");

    return len >= strlen("{ab}:") && end[0] == '{' && end[3] == '}' && end[4] == ':';
}

static int check_rules(const struct settings_check *check, const struct redis_address *address)
{
    const struct settings *settings = check->settings;
    const char *prefix = settings->redis_prefix != NULL ? settings->redis_prefix : "";
    bool sentinels = settings->redis_sentinels.count > 0, cluster = settings->redis_cluster;
    const struct rule rules[] = {
        {cluster && sentinels, "redis.cluster",
         "a cluster has no Sentinels: unset redis.sentinels"},
        {cluster && address->host == NULL, "redis.cluster", "needs redis.url with a node's host"},
        {cluster && address->db != 0, "redis.cluster", "a cluster has no database but 0"},
        {cluster && strpbrk(prefix, "{}") != NULL, "redis.prefix",
         "must not contain { or } with redis.cluster"},
        {ends_as_a_tag(prefix), "redis.prefix", "must not end in {xy}: as a cluster's tags do"},
        {strlen(prefix) > REDIS_PREFIX_MAX, "redis.prefix", "must be at most 128 bytes"},
        {sentinels && settings->redis_sentinel_master == NULL, "redis.sentinels",
         "needs redis.sentinel_master, the master's name"},
        {sentinels && address->path != NULL, "redis.sentinels",
         "redis.url must not be a unix socket then"},
        {settings->redis_sentinel_username != NULL && settings->redis_sentinel_password == NULL,
         "redis.sentinel_username", "needs redis.sentinel_password"},
        {settings->redis_tls_key != NULL && settings->redis_tls_cert == NULL, "redis.tls.key",
         "needs redis.tls.cert"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].broken) {
            buf_add_str(settings_blame(check, rules[i].path), rules[i].text);
            return -1;
        }
    }
    return 0;
}

/* What is set and not used. */
static void warn_of_unused(const struct settings_check *check, const struct redis_address *address)
{
    const struct settings *settings = check->settings;
    bool sentinels = settings->redis_sentinels.count > 0;
    const struct rule rules[] = {
        {!sentinels && settings->redis_sentinel_master != NULL, "redis.sentinel_master",
         "not used without redis.sentinels"},
        {!settings->redis_cluster && settings->redis_cluster_nodes.count > 0, "redis.cluster_nodes",
         "not used without redis.cluster"},
        {!address->tls && settings->redis_tls_ca != NULL, "redis.tls.ca",
         "not used, since redis.url isn't rediss://"},
        {!address->tls && settings->redis_tls_cert != NULL, "redis.tls.cert",
         "not used, since redis.url isn't rediss://"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].broken)
            buf_printf(settings_warn(check, rules[i].path), "%s\n", rules[i].text);
}

static int check_setup(const struct settings_check *check)
{
    const struct settings *settings = check->settings;
    struct redis_address address = {0};
    char why[128];

    if (settings->redis_url != NULL)
        redis_address_parse(settings->redis_url, &address, why, sizeof why); /* was checked */
    int rc = check_nodes(check, "redis.sentinels", &settings->redis_sentinels);
    if (rc == 0)
        rc = check_nodes(check, "redis.cluster_nodes", &settings->redis_cluster_nodes);
    if (rc == 0)
        rc = check_rules(check, &address);
    if (rc == 0)
        warn_of_unused(check, &address);
    redis_address_free(&address);
    return rc;
}

/* ---- All of it ---- */

int settings_redis_fold(const struct settings_check *check)
{
    struct settings *settings = check->settings;
    struct buf origin = BUF_EMPTY;
    int rc;

    if (settings->store == SETTINGS_STORE_MEMORY) {
        use_url(settings, NULL, SETTING_DEFAULT);
        return 0;
    }
    rc = find_url(check, &origin);
    if (rc == 0 && settings->redis_url != NULL) {
        rc = use_found_url(check, &origin);
        settings->store = SETTINGS_STORE_REDIS;
    } else if (rc == 0 && settings->redis_sentinels.count > 0) {
        settings->store = SETTINGS_STORE_REDIS;
    } else if (rc == 0 && settings->store == SETTINGS_STORE_REDIS) {
        buf_add_str(settings_blame(check, "store"),
                    "redis needs an address: set redis.url, REDIS_URL, REDIS_HOST or "
                    "redis.sentinels");
        rc = -1;
    } else {
        settings->store = SETTINGS_STORE_MEMORY;
    }
    buf_done(&origin);
    if (rc == 0 && settings->store == SETTINGS_STORE_REDIS)
        rc = check_setup(check);
    return rc;
}
