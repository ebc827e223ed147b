/* The program's settings: the rules over the table, and where Redis is. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "settings.h"
#include "temp_dir.h"

static struct settings settings;
static struct buf reason, warnings;
static char *dir, *file;

/* What the one who runs the tests has in the environment is none of theirs. */
static void clean_environment(void)
{
    for (char **entry = environ; entry != NULL && *entry != NULL;) {
        if (strncmp(*entry, "GATEWAY_", 8) != 0 && strncmp(*entry, "REDIS_", 6) != 0) {
            entry++;
            continue;
        }
        char *name = strndup(*entry, strcspn(*entry, "="));
        unsetenv(name);
        free(name);
        entry = environ;
    }
}

static void set_up(void)
{
    clean_environment();
    dir = temp_dir_make();
}

static void tear_down(void)
{
    settings_free(&settings);
    buf_done(&reason);
    buf_done(&warnings);
    free(file);
    temp_dir_remove(dir);
}

TestSuite(settings, .init = set_up, .fini = tear_down);

/* Loads with this file (NULL: none), as often as a test wants to. */
static int load(const char *json)
{
    settings_free(&settings);
    buf_clear(&reason);
    buf_clear(&warnings);
    free(file);
    file = json != NULL ? temp_dir_write(dir, "gateway.json", json) : NULL;
    return settings_load(&settings, file, &reason, &warnings);
}

static void accepts(const char *json)
{
    cr_assert_eq(load(json), 0, "%s", buf_text(&reason));
}

static void refuses(const char *json, const char *expected)
{
    cr_assert_eq(load(json), -1, "accepted, where this was expected: %s", expected);

    const char *text = buf_text(&reason);
    if (file != NULL && strncmp(text, file, strlen(file)) == 0)
        text += strlen(dir) + 1;
    cr_assert_str_eq(text, expected);
}

static void warns_of(const char *expected)
{
    cr_assert_not_null(strstr(buf_text(&warnings), expected), "%s", buf_text(&warnings));
}

static void warns_of_nothing(void)
{
    cr_assert_str_eq(buf_text(&warnings), "");
}

/* Defaults and the table */

Test(settings, serves_with_nothing_said)
{
    accepts(NULL);
    warns_of_nothing();
    cr_assert_str_eq(settings.player_listen, "127.0.0.1:8080");
    cr_assert_eq(settings.store, SETTINGS_STORE_MEMORY);
    cr_assert_eq(settings.auth_mode, SETTINGS_AUTH_UNSAID);
    cr_assert_eq(settings.session_ttl, 300);
    cr_assert_eq(settings.session_heartbeat_interval, 60);
    cr_assert_eq(settings.limits_family, 10);
    cr_assert_eq(settings.limits_device, 2);
    cr_assert_geq(settings.workers, 1);
    cr_assert_null(settings.redis_url);
}

Test(settings, knows_which_were_given)
{
    setenv("GATEWAY_LIMITS_DEVICE", "2", 1);
    accepts("{\"limits\":{\"family\":10}}");
    cr_assert_eq(settings.given.limits_family, SETTING_FROM_FILE);
    cr_assert_eq(settings.given.limits_device, SETTING_FROM_ENV);
    cr_assert_eq(settings.given.session_ttl, SETTING_DEFAULT);
}

Test(settings, names_file_key_and_reason_of_a_value_out_of_range)
{
    refuses("{\"limits\":{\"family\":100001}}",
            "gateway.json: limits.family: must be an integer from 0 to 100000, is 100001");
}

Test(settings, warns_of_a_variable_that_means_nothing)
{
    setenv("GATEWAY_PORT", "tcp://10.0.0.1:8080", 1);
    accepts(NULL);
    warns_of("GATEWAY_PORT: unknown variable, ignored\n");
}

Test(settings, counts_as_many_workers_as_said)
{
    setenv("GATEWAY_WORKERS", "3", 1);
    accepts(NULL);
    cr_assert_eq(settings.workers, 3);
}

/* TTL and interval */

Test(settings, lowers_the_default_interval_to_a_third_of_a_short_ttl)
{
    setenv("GATEWAY_SESSION_TTL", "30", 1);
    accepts(NULL);
    cr_assert_eq(settings.session_heartbeat_interval, 10);
    warns_of_nothing();
}

Test(settings, a_ttl_of_one_or_two_has_an_interval_of_one)
{
    for (int ttl = 1; ttl <= 5; ttl++) {
        setenv("GATEWAY_SESSION_TTL", (char[]){(char)('0' + ttl), '\0'}, 1);
        accepts(NULL);
        cr_assert_eq(settings.session_heartbeat_interval, 1);
    }
    setenv("GATEWAY_SESSION_HEARTBEAT_INTERVAL", "1", 1);
    setenv("GATEWAY_SESSION_TTL", "1", 1);
    accepts(NULL);
    cr_assert_eq(settings.session_heartbeat_interval, 1);
}

Test(settings, never_raises_the_interval)
{
    setenv("GATEWAY_SESSION_TTL", "86400", 1);
    accepts(NULL);
    cr_assert_eq(settings.session_heartbeat_interval, 60);
}

Test(settings, refuses_an_interval_of_more_than_a_third_of_the_ttl)
{
    refuses(
        "{\"session\":{\"heartbeat_interval\":101}}",
        "gateway.json: session.heartbeat_interval: must be at most a third of session.ttl, 100, "
        "is 101");
    accepts("{\"session\":{\"heartbeat_interval\":100}}");
}

Test(settings, refuses_such_an_interval_in_the_environment)
{
    setenv("GATEWAY_SESSION_HEARTBEAT_INTERVAL", "4", 1);
    setenv("GATEWAY_SESSION_TTL", "10", 1);
    refuses(NULL, "GATEWAY_SESSION_HEARTBEAT_INTERVAL: must be at most a third of session.ttl, 3, "
                  "is 4");
}

Test(settings, a_ttl_in_the_environment_lowers_the_files_interval_with_a_warning)
{
    setenv("GATEWAY_SESSION_TTL", "9", 1);
    accepts("{\"session\":{\"ttl\":300,\"heartbeat_interval\":60}}");
    cr_assert_eq(settings.session_heartbeat_interval, 3);
    warns_of("session.heartbeat_interval: lowered to 3");
}

/* Who may create */

Test(settings, mode_may_be_unsaid_on_loopback)
{
    static const char *const addresses[] = {"127.0.0.1:0", "localhost:80", "[::1]:80",
                                            "unix:/tmp/gateway.sock"};

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        setenv("GATEWAY_PLAYER_LISTEN", addresses[i], 1);
        accepts(NULL);
    }
}

Test(settings, mode_must_be_said_on_any_other_address)
{
    setenv("GATEWAY_PLAYER_LISTEN", ":8080", 1);
    refuses("{\"player\":{\"listen\":\"127.0.0.1:8080\"}}",
            "GATEWAY_PLAYER_LISTEN: :8080 is not a loopback address, so auth.mode must be set to "
            "open, api_key or jwt");
    unsetenv("GATEWAY_PLAYER_LISTEN");
    refuses(
        "{\"player\":{\"listen\":\"0.0.0.0:8080\"}}",
        "gateway.json: player.listen: 0.0.0.0:8080 is not a loopback address, so auth.mode must "
        "be set to open, api_key or jwt");
    accepts("{\"player\":{\"listen\":\"0.0.0.0:8080\"},\"auth\":{\"mode\":\"open\"}}");
}

Test(settings, the_admin_listener_asks_for_no_mode)
{
    accepts("{\"admin\":{\"listen\":\"0.0.0.0:8081\"}}");
}

Test(settings, refuses_api_key_mode_without_keys)
{
    setenv("GATEWAY_AUTH_MODE", "api_key", 1);
    refuses(NULL, "GATEWAY_AUTH_MODE: api_key needs at least one key in auth.api_keys");
    setenv("GATEWAY_AUTH_API_KEYS", "app:secret, tv:other:secret", 1);
    accepts(NULL);
    cr_assert_str_eq(settings.auth_api_keys.items[1], "tv:other:secret");
}

Test(settings, warns_of_api_keys_that_nobody_asks_for)
{
    setenv("GATEWAY_AUTH_API_KEYS", "app:secret", 1);
    accepts(NULL);
    warns_of("GATEWAY_AUTH_API_KEYS: not used, since auth.mode isn't api_key\n");
    cr_assert_null(strstr(buf_text(&warnings), "secret"));
}

Test(settings, refuses_api_keys_without_name_or_secret)
{
    refuses("{\"auth\":{\"api_keys\":[\"a:b\",\"hunter2\"]}}",
            "gateway.json: auth.api_keys: entry 2 must be name:secret, neither part empty");
    refuses("{\"auth\":{\"api_keys\":[\":hunter2\"]}}",
            "gateway.json: auth.api_keys: entry 1 must be name:secret, neither part empty");
    refuses("{\"auth\":{\"api_keys\":[\"name:\"]}}",
            "gateway.json: auth.api_keys: entry 1 must be name:secret, neither part empty");
}

Test(settings, refuses_trusted_proxies_that_are_no_ranges)
{
    refuses(
        "{\"trusted_proxies\":[\"unix\",\"10.0.0.0/8\",\"2001:db8::/32\",\"10.0.0.1/8\"]}",
        "gateway.json: trusted_proxies: entry 4 must be an address, a range without bits behind "
        "its length (10.0.0.0/8), or unix, is 10.0.0.1/8");
    refuses(
        "{\"trusted_proxies\":[\"proxy.test\"]}",
        "gateway.json: trusted_proxies: entry 1 must be an address, a range without bits behind "
        "its length (10.0.0.0/8), or unix, is proxy.test");
}

Test(settings, refuses_origins_and_cookie_domains_that_no_browser_knows)
{
    refuses("{\"cors\":{\"origins\":[\"https://a.test\",\"https://a.test/app\"]}}",
            "gateway.json: cors.origins: entry 2 must be an origin as browsers send it "
            "(https://app.example.com), or *, is https://a.test/app");
    refuses("{\"cors\":{\"origins\":[\"https://a.test\",\"*\"]}}",
            "gateway.json: cors.origins: * must be the only entry");
    refuses("{\"cookie\":{\"domain\":\"a.test; Path=/\"}}",
            "gateway.json: cookie.domain: must be a host's name, is a.test; Path=/");
}

Test(settings, refuses_two_api_keys_of_one_name)
{
    refuses("{\"auth\":{\"api_keys\":[\"a:1\",\"ab:2\",\"a:3\"]}}",
            "gateway.json: auth.api_keys: entries 1 and 3 have the same name");
}

Test(settings, jwt_mode_needs_keys_and_the_familys_claim)
{
    setenv("GATEWAY_AUTH_MODE", "jwt", 1);
    refuses(NULL, "GATEWAY_AUTH_MODE: jwt needs at least one file in auth.jwt.keys");
    setenv("GATEWAY_AUTH_JWT_KEYS", "/etc/a.pem,k:/etc/b.pem", 1);
    refuses(NULL, "GATEWAY_AUTH_MODE: jwt needs auth.jwt.claims.family: else whoever has a JWT "
                  "could name any family");
    setenv("GATEWAY_AUTH_JWT_CLAIMS_FAMILY", "app.family", 1);
    accepts(NULL);
    cr_assert_eq(settings.auth_jwt_keys.count, 2);
    cr_assert_eq(settings.auth_jwt_algorithm, -1);
    cr_assert_str_eq(settings.auth_jwt_claims_user, "sub");
}

Test(settings, refuses_jwt_keys_that_nobody_asks_for)
{
    refuses("{\"auth\":{\"jwt\":{\"keys\":[\"/etc/a.pem\"]}}}",
            "gateway.json: auth.jwt.keys: auth.mode must be jwt for keys to be used");
}

Test(settings, refuses_claims_that_are_no_path)
{
    refuses("{\"auth\":{\"jwt\":{\"claims\":{\"device\":\"/a~2\"}}}}",
            "gateway.json: auth.jwt.claims.device: must have ~ before 0 (a tilde) or 1 (a slash) "
            "alone, since it is a JSON pointer");
}

Test(settings, admin_tokens_may_have_names)
{
    accepts("{\"admin\":{\"token\":[\"just-a-secret\",\"another\",\"ann:secret\"]}}");
    refuses(
        "{\"admin\":{\"token\":[\":hunter2\"]}}",
        "gateway.json: admin.token: entry 1 must be a secret or name:secret, neither part empty");
    refuses("{\"admin\":{\"token\":[\"ann:1\",\"ann:2\"]}}",
            "gateway.json: admin.token: entries 1 and 2 have the same name");
}

Test(settings, refuses_an_admin_tokens_name_that_no_event_has_room_for)
{
    char json[256];

    snprintf(json, sizeof json, "{\"admin\":{\"token\":[\"%0128d:0123456789abcdef\"]}}", 0);
    accepts(json);
    snprintf(json, sizeof json, "{\"admin\":{\"token\":[\"%0129d:0123456789abcdef\"]}}", 0);
    refuses(json,
            "gateway.json: admin.token: entry 1 has a name that is not 1 to 128 printable bytes");
}

Test(settings, warns_of_an_admin_token_that_can_be_guessed)
{
    accepts("{\"admin\":{\"token\":[\"0123456789abcdef\",\"ann:0123456789abcdef\"]}}");
    warns_of_nothing();
    accepts("{\"admin\":{\"token\":[\"0123456789abcdef\",\"ann-likes-long:names\"]}}");
    warns_of(
        "gateway.json: admin.token: entry 2 has fewer than 16 characters: it can be guessed\n");
}

Test(settings, token_keys_are_64_hex_digits)
{
    static const char key[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
    char *path = temp_dir_write(dir, "keys", key);

    setenv("GATEWAY_TOKENS_KEYS_FILE", path, 1);
    accepts(NULL);
    cr_assert_str_eq(settings.tokens_keys.items[0], key);

    free(temp_dir_write(dir, "keys", key + 1));
    refuses(NULL, "GATEWAY_TOKENS_KEYS_FILE: entry 1 must be 64 hexadecimal digits");
    free(path);
    unsetenv("GATEWAY_TOKENS_KEYS_FILE");
    setenv("GATEWAY_TOKENS_KEYS",
           "x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 1);
    refuses(NULL, "GATEWAY_TOKENS_KEYS: entry 1 must be 64 hexadecimal digits");
}

/* Paths */

Test(settings, takes_patterns_for_the_token_and_the_title_in_a_path)
{
    accepts("{\"authorize\":{\"token_path\":\"/s/{token}/\",\"media_path\":\"/{mediaId}/\","
            "\"uri_header\":\"path\"}}");
    warns_of_nothing();
    cr_assert_str_eq(settings.authorize_token_path, "/s/{token}/");
    cr_assert_str_eq(settings.authorize_media_path, "/{mediaId}/");
}

Test(settings, refuses_a_pattern_that_could_match_nothing_or_anything)
{
    refuses("{\"authorize\":{\"media_path\":\"/vod/{mediaId}\"}}",
            "gateway.json: authorize.media_path: must begin and end with '/' (like "
            "/vod/{mediaId}/), is /vod/{mediaId}");
    refuses("{\"authorize\":{\"media_path\":\"/vod/{media}/\"}}",
            "gateway.json: authorize.media_path: must have its {…} once, as a whole segment (like "
            "/vod/{mediaId}/), is /vod/{media}/");
    refuses("{\"authorize\":{\"token_path\":\"/{token}/\"}}",
            "gateway.json: authorize.token_path: must have a fixed segment before {token} (like "
            "/s/{token}/), is /{token}/");
    setenv("GATEWAY_AUTHORIZE_TOKEN_PATH", "/../{token}/", 1);
    refuses(NULL, "GATEWAY_AUTHORIZE_TOKEN_PATH: must have no empty segment, no dot segment and no "
                  "backslash (like /s/{token}/), is /../{token}/");
}

Test(settings, refuses_a_header_that_no_address_is_taken_from)
{
    refuses("{\"authorize\":{\"uri_header\":\"X-Path\"}}",
            "gateway.json: authorize.uri_header: must be X-Original-URI, X-Forwarded-Uri, "
            "X-Original-URL or path, is \"X-Path\"");
}

/* Listeners */

Test(settings, refuses_an_ill_formed_address)
{
    refuses("{\"admin\":{\"listen\":\"localhost\"}}",
            "gateway.json: admin.listen: localhost: must be host:port or unix:/path");
}

Test(settings, refuses_one_address_for_both_listeners)
{
    refuses("{\"player\":{\"listen\":\"localhost:80\"},\"admin\":{\"listen\":\"127.0.0.1:80\"}}",
            "gateway.json: admin.listen: must not be the address of player.listen");
    accepts("{\"player\":{\"listen\":\"127.0.0.1:0\"},\"admin\":{\"listen\":\"127.0.0.1:0\"}}");
}

/* Where Redis is */

static void uses_redis(const char *json, const char *url)
{
    accepts(json);
    cr_assert_eq(settings.store, SETTINGS_STORE_REDIS);
    cr_assert_str_eq(settings.redis_url, url);
}

Test(settings, uses_redis_where_the_file_has_an_address)
{
    uses_redis("{\"redis\":{\"url\":\"redis://file\"}}", "redis://file");
}

Test(settings, sources_of_the_redis_address_have_an_order)
{
    static const char json[] = "{\"redis\":{\"url\":\"redis://file\"}}";

    setenv("REDIS_HOST", "parts", 1);
    uses_redis(json, "redis://parts:6379/0");
    setenv("REDIS_URL", "redis://plain", 1);
    uses_redis(json, "redis://plain");
    setenv("GATEWAY_REDIS_URL", "redis://gateway", 1);
    uses_redis(json, "redis://gateway");
}

Test(settings, reads_the_redis_address_from_files)
{
    char *plain = temp_dir_write(dir, "plain", "redis://plain\n");
    char *gateway = temp_dir_write(dir, "gateway", "redis://gateway\n");

    setenv("REDIS_URL_FILE", plain, 1);
    uses_redis(NULL, "redis://plain");
    setenv("GATEWAY_REDIS_URL_FILE", gateway, 1);
    uses_redis(NULL, "redis://gateway");
    free(plain);
    free(gateway);
}

Test(settings, makes_the_redis_address_of_its_parts)
{
    setenv("REDIS_HOST", "::1", 1);
    setenv("REDIS_PORT", "6380", 1);
    setenv("REDIS_USERNAME", "me", 1);
    setenv("REDIS_PASSWORD", "p@ss:w/rd%", 1);
    setenv("REDIS_DB", "5", 1);
    uses_redis(NULL, "redis://me:p%40ss%3Aw%2Frd%25@[::1]:6380/5");
    warns_of_nothing();
}

Test(settings, reads_the_redis_password_from_a_file)
{
    char *path = temp_dir_write(dir, "password", "hunter2\n");

    setenv("REDIS_HOST", "h", 1);
    setenv("REDIS_PASSWORD_FILE", path, 1);
    uses_redis(NULL, "redis://:hunter2@h:6379/0");
    free(path);
}

Test(settings, ignores_the_port_that_kubernetes_injects)
{
    setenv("REDIS_PORT", "tcp://10.0.0.1:6379", 1);
    accepts(NULL);
    cr_assert_eq(settings.store, SETTINGS_STORE_MEMORY);
    warns_of_nothing();
    setenv("REDIS_HOST", "h", 1);
    uses_redis(NULL, "redis://h:6379/0");
    warns_of_nothing();
}

Test(settings, names_the_part_at_fault)
{
    setenv("REDIS_HOST", "h", 1);
    setenv("REDIS_PORT", "65536", 1);
    refuses(NULL, "REDIS_PORT: must be an integer from 1 to 65535");
    unsetenv("REDIS_PORT");
    setenv("REDIS_DB", "first", 1);
    refuses(NULL, "REDIS_DB: must be an integer from 0 to 999999");
    unsetenv("REDIS_DB");
    setenv("REDIS_USERNAME", "me", 1);
    refuses(NULL, "REDIS_USERNAME: needs REDIS_PASSWORD");
    unsetenv("REDIS_USERNAME");
    setenv("REDIS_HOST", "me:hunter2@h", 1);
    refuses(NULL, "REDIS_HOST: must be a host's name or address");
    setenv("REDIS_HOST", "h,i", 1);
    cr_assert_eq(load(NULL), -1);
    cr_assert_not_null(strstr(buf_text(&reason), "REDIS_HOST: "));
}

Test(settings, ignores_an_ill_formed_part_of_a_redis_that_is_not_used)
{
    setenv("REDIS_PORT", "65536", 1);
    accepts(NULL);
    setenv("REDIS_URL", "redis://h", 1);
    accepts(NULL);
}

Test(settings, warns_of_a_password_that_a_url_makes_useless)
{
    setenv("REDIS_URL", "redis://h", 1);
    setenv("REDIS_PASSWORD", "hunter2", 1);
    uses_redis(NULL, "redis://h");
    warns_of("REDIS_PASSWORD: not used, since REDIS_URL says all about Redis\n");
    cr_assert_null(strstr(buf_text(&warnings), "hunter2"));
}

Test(settings, names_who_gave_an_ill_formed_url_and_never_quotes_it)
{
    refuses("{\"redis\":{\"url\":\"http://:hunter2@h\"}}",
            "gateway.json: redis.url: must begin with redis://, rediss:// or unix://");
    setenv("REDIS_URL", "redis://h:hunter2", 1);
    refuses(NULL, "REDIS_URL: the port must be an integer from 1 to 65535");
    setenv("GATEWAY_REDIS_URL", "redis://h/hunter2", 1);
    refuses(NULL, "GATEWAY_REDIS_URL: the database must be an integer from 0 to 999999");
}

Test(settings, takes_sentinels_for_an_address)
{
    accepts("{\"redis\":{\"sentinels\":[\"a:26379\",\"[::1]:26380\"],\"sentinel_master\":\"m\"}}");
    cr_assert_eq(settings.store, SETTINGS_STORE_REDIS);
    warns_of_nothing();
}

Test(settings, refuses_what_does_not_go_together_for_redis)
{
    refuses("{\"redis\":{\"sentinels\":[\"a:1\"]}}",
            "gateway.json: redis.sentinels: needs redis.sentinel_master, the master's name");
    refuses("{\"redis\":{\"sentinels\":[\"a:1\",\"b\"],\"sentinel_master\":\"m\"}}",
            "gateway.json: redis.sentinels: entry 2 must be host:port");
    refuses("{\"redis\":{\"url\":\"unix:///r\",\"sentinels\":[\"a:1\"],\"sentinel_master\":\"m\"}}",
            "gateway.json: redis.sentinels: redis.url must not be a unix socket then");
    refuses("{\"redis\":{\"url\":\"redis://h\",\"sentinels\":[\"a:1\"],\"sentinel_master\":\"m\","
            "\"cluster\":true}}",
            "gateway.json: redis.cluster: a cluster has no Sentinels: unset redis.sentinels");
    refuses("{\"redis\":{\"url\":\"unix:///r\",\"cluster\":true}}",
            "gateway.json: redis.cluster: needs redis.url with a node's host");
    refuses("{\"redis\":{\"url\":\"redis://h/1\",\"cluster\":true}}",
            "gateway.json: redis.cluster: a cluster has no database but 0");
    refuses("{\"redis\":{\"url\":\"redis://h\",\"cluster\":true,\"prefix\":\"{a}\"}}",
            "gateway.json: redis.prefix: must not contain { or } with redis.cluster");
    refuses("{\"redis\":{\"url\":\"redis://h\",\"prefix\":\"a{bc}:\"}}",
            "gateway.json: redis.prefix: must not end in {xy}: as a cluster's tags do");
    refuses("{\"redis\":{\"url\":\"redis://h\",\"cluster\":true,\"cluster_nodes\":[\"a:0\"]}}",
            "gateway.json: redis.cluster_nodes: entry 1 must be host:port");
    refuses("{\"redis\":{\"url\":\"rediss://h\",\"tls\":{\"key\":\"k\"}}}",
            "gateway.json: redis.tls.key: needs redis.tls.cert");
    setenv("GATEWAY_REDIS_SENTINEL_USERNAME", "u", 1);
    refuses("{\"redis\":{\"url\":\"redis://h\"}}",
            "GATEWAY_REDIS_SENTINEL_USERNAME: needs redis.sentinel_password");
}

Test(settings, refuses_a_redis_store_without_an_address)
{
    refuses("{\"store\":\"redis\"}", "gateway.json: store: redis needs an address: set redis.url, "
                                     "REDIS_URL, REDIS_HOST or redis.sentinels");
}

Test(settings, looks_at_no_address_where_the_store_is_memory)
{
    setenv("GATEWAY_STORE", "memory", 1);
    setenv("REDIS_URL", "not a url", 1);
    accepts("{\"redis\":{\"url\":\"redis://file\"}}");
    cr_assert_eq(settings.store, SETTINGS_STORE_MEMORY);
    cr_assert_null(settings.redis_url);
    warns_of_nothing();
}

/* What is shown */

Test(settings, shows_what_is_in_effect_and_masks_secrets)
{
    struct buf out = BUF_EMPTY;

    setenv("REDIS_HOST", "h", 1);
    setenv("REDIS_USERNAME", "me", 1);
    setenv("REDIS_PASSWORD", "hunter@2", 1);
    setenv("GATEWAY_ADMIN_TOKEN", "hunter3", 1);
    setenv("GATEWAY_AUTH_API_KEYS", "app:hunter4", 1);
    accepts(NULL);
    cr_assert_eq(settings_show(&settings, &out), 0);
    const char *text = buf_text(&out);
    cr_assert_not_null(strstr(text, "\"url\": \"redis://me:***@h:6379/0\""));
    cr_assert_not_null(strstr(text, "\"store\": \"redis\""));
    cr_assert_null(strstr(text, "hunter"));
    cr_assert_null(strstr(text, "\"workers\": 0"));
    buf_done(&out);
}

Test(settings, help_has_one_line_for_each_setting)
{
    struct buf out = BUF_EMPTY;
    size_t lines = 0;

    settings_help(&out);
    for (const char *at = buf_text(&out); *at != '\0'; at++)
        lines += *at == '\n';
    cr_assert_eq(lines, settings_table.count);
    cr_assert_not_null(strstr(out.data, "GATEWAY_REDIS_TIMEOUT_MS"));
    buf_done(&out);
}

Test(settings, may_be_freed_before_and_after_a_failure_and_twice)
{
    settings_free(&settings);
    cr_assert_eq(load("{\"x\":1}"), -1);
    settings_free(&settings);
    settings_free(&settings);
}
