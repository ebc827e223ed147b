/* The command line and the settings: what stream-gateway prints, and how it ends. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_run.h"
#include "temp_dir.h"

TestSuite(process_settings, .timeout = 60);

static void expect_text(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "\"%s\" isn't in: %s", part, text);
}

static void expect_no_text(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "\"%s\" is in: %s", part, text);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(process_settings, help_shows_every_option_and_setting)
{
    struct gateway_run help = gateway_run(NULL, ARGS("--help"));

    cr_expect_eq(help.status, 0);
    expect_text(help.out, "--config FILE");
    expect_text(help.out, "--check");
    expect_text(help.out, "--print-config");
    expect_text(help.out, "--version");
    expect_text(help.out, "redis.timeout_ms");
    expect_text(help.out, "GATEWAY_REDIS_TIMEOUT_MS");
    cr_expect_str_empty(help.err);
    gateway_run_done(&help);
}

Test(process_settings, version_is_one_line)
{
    struct gateway_run version = gateway_run(NULL, ARGS("--version"));

    cr_expect_eq(version.status, 0);
    cr_expect_eq(strncmp(version.out, "stream-gateway 0.", 17), 0, "%s", version.out);
    cr_expect_eq(strchr(version.out, '\n'), version.out + strlen(version.out) - 1);
    gateway_run_done(&version);
}

Test(process_settings, an_unknown_option_ends_with_2_and_is_named)
{
    const char *const *cases[] = {ARGS("--what"), ARGS("--config"), ARGS("-c", "x"), ARGS("x"),
                                  ARGS("--check", "--checks")};
    static const char *const named[] = {"--what", "--config", "-c", "x", "--checks"};

    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        struct gateway_run bad = gateway_run(NULL, cases[i]);

        cr_expect_eq(bad.status, 2, "%s: %d", named[i], bad.status);
        expect_text(bad.err, named[i]);
        expect_text(bad.err, "usage: stream-gateway");
        gateway_run_done(&bad);
    }
}

Test(process_settings, check_says_whether_the_settings_are_right_and_opens_no_address)
{
    struct gateway_run good = gateway_run(NULL, ARGS("--check"));

    cr_expect_eq(good.status, 0);
    expect_no_text(good.err, "listening");
    gateway_run_done(&good);

    struct gateway_run bad = gateway_run(ARGS("GATEWAY_SESSION_TTL=0"), ARGS("--check"));
    cr_expect_eq(bad.status, 2);
    expect_text(bad.err, "GATEWAY_SESSION_TTL");
    gateway_run_done(&bad);
}

Test(process_settings, print_config_shows_what_is_in_force_with_secrets_masked)
{
    struct gateway_run shown = gateway_run(
        ARGS("GATEWAY_ADMIN_TOKEN=ops:first-hidden", "GATEWAY_AUTH_MODE=api_key",
             "GATEWAY_AUTH_API_KEYS=web:second-hidden,tv:third-hidden",
             "GATEWAY_TOKENS_KEYS="
             "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
             "REDIS_URL=redis://user:fourth-hidden@redis.test:6380/3", "GATEWAY_SESSION_TTL=90"),
        ARGS("--print-config"));
    json_auto_t *config = json_loads(shown.out, 0, NULL);

    cr_expect_eq(shown.status, 0);
    cr_assert_not_null(config, "%s", shown.out);
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(config, "session"), "ttl")),
                 90);
    cr_expect_str_eq(json_string_value(json_object_get(config, "store")), "redis");
    expect_text(shown.out, "redis.test:6380");
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? shown.out : shown.err;

        expect_no_text(text, "hidden");
        expect_no_text(text, "deadbeef");
    }
    gateway_run_done(&shown);
}

Test(process_settings, what_print_config_shows_can_be_read_as_a_file)
{
    struct gateway_run shown = gateway_run(NULL, ARGS("--print-config"));
    char *dir = temp_dir_make();
    char *file = temp_dir_write(dir, "gateway.json", shown.out);
    struct gateway_run checked = gateway_run(NULL, ARGS("--check", "--config", file));

    cr_expect_eq(checked.status, 0, "%s", checked.err);
    gateway_run_done(&shown);
    gateway_run_done(&checked);
    temp_dir_remove(dir);
    free(file);
}

Test(process_settings, a_wrong_file_ends_with_2_and_names_file_key_and_reason)
{
    static const struct {
        const char *text;
        const char *key, *reason;
    } cases[] = {
        {"{\"sesion\":{}}", "sesion", "unknown"},
        {"{\"session\":{\"tll\":1}}", "session.tll", "unknown"},
        {"{\"session\":{\"ttl\":\"300\"}}", "session.ttl", "integer"},
        {"{\"session\":{\"ttl\":300.5}}", "session.ttl", "integer"},
        {"{\"session\":{\"ttl\":0}}", "session.ttl", "1 to 86400"},
        {"{\"session\":{\"ttl\":86401}}", "session.ttl", "1 to 86400"},
        {"{\"session\":{\"ttl\":30,\"heartbeat_interval\":11}}", "session.heartbeat_interval",
         "third"},
        {"{\"session\":7}", "session", "object"},
        {"{\"store\":\"disk\"}", "store", "memory"},
        {"{\"authorize\":{\"keepalive\":1}}", "authorize.keepalive", "true"},
        {"{\"auth\":{\"api_keys\":[\"nameless\"]}}", "auth.api_keys", "name:secret"},
        {"{\"tokens\":{\"keys\":[\"abc\"]}}", "tokens.keys", "64 hex"},
        {"{\"player\":{\"listen\":\"127.0.0.1\"}}", "player.listen", "host:port"},
        {"{\"player\":{\"listen\":\"127.0.0.1:65536\"}}", "player.listen", "65535"},
        {"{\"redis\":{\"url\":\"http://x\"}}", "redis.url", "redis://"},
        {"{\"store\":\"redis\"}", "store", "redis.url"},
        {"{\"workers\":1,\"workers\":2}", "workers", "line 1"},
        {"{\"workers\":1", "line 1", "gateway.json"},
        {"[]", "object", "gateway.json"},
    };
    char *dir = temp_dir_make();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *file = temp_dir_write(dir, "gateway.json", cases[i].text);
        /* what is said by default would go over the file */
        struct gateway_run bad = gateway_run(ARGS("GATEWAY_PLAYER_LISTEN", "GATEWAY_WORKERS"),
                                             ARGS("--check", "--config", file));

        cr_expect_eq(bad.status, 2, "%s: %d", cases[i].text, bad.status);
        expect_text(bad.err, file);
        expect_text(bad.err, cases[i].key);
        expect_text(bad.err, cases[i].reason);
        gateway_run_done(&bad);
        free(file);
    }
    temp_dir_remove(dir);
}

Test(process_settings, a_wrong_variable_ends_with_2_and_is_named_with_the_reason)
{
    static const struct {
        const char *variable;
        const char *name, *reason;
    } cases[] = {
        {"GATEWAY_SESSION_TTL=abc", "GATEWAY_SESSION_TTL", "integer"},
        {"GATEWAY_LIMITS_FAMILY=-1", "GATEWAY_LIMITS_FAMILY", "0 to 100000"},
        {"GATEWAY_LOG_LEVEL=loud", "GATEWAY_LOG_LEVEL", "debug"},
        {"GATEWAY_PLAYER_LISTEN=unix:relative", "GATEWAY_PLAYER_LISTEN", "'/'"},
        {"GATEWAY_AUTH_MODE=api_key", "GATEWAY_AUTH_MODE", "auth.api_keys"},
        {"REDIS_URL=redis://host:port", "REDIS_URL", "port"},
        {"REDIS_HOST=a@b", "REDIS_HOST", "host"},
        {"GATEWAY_ADMIN_TOKEN_FILE=/nowhere/at/all", "GATEWAY_ADMIN_TOKEN_FILE", "No such file"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_run bad = gateway_run(ARGS(cases[i].variable), NULL);

        cr_expect_eq(bad.status, 2, "%s: %d", cases[i].variable, bad.status);
        expect_text(bad.err, cases[i].name);
        expect_text(bad.err, cases[i].reason);
        gateway_run_done(&bad);
    }
}

Test(process_settings, a_file_that_is_not_there_ends_with_2)
{
    struct gateway_run bad = gateway_run(NULL, ARGS("--config", "/nowhere/gateway.json"));

    cr_expect_eq(bad.status, 2);
    expect_text(bad.err, "/nowhere/gateway.json: No such file");
    gateway_run_done(&bad);
}

Test(process_settings, the_environment_goes_over_the_file)
{
    char *dir = temp_dir_make();
    char *file = temp_dir_write(dir, "gateway.json",
                                "{\"limits\":{\"family\":4,\"device\":3},\"store\":\"memory\"}");
    struct gateway_run shown =
        gateway_run(ARGS("GATEWAY_LIMITS_FAMILY=7"), ARGS("--print-config", "--config", file));
    json_auto_t *config = json_loads(shown.out, 0, NULL);
    const json_t *limits = json_object_get(config, "limits");

    cr_expect_eq(json_integer_value(json_object_get(limits, "family")), 7);
    cr_expect_eq(json_integer_value(json_object_get(limits, "device")), 3);
    gateway_run_done(&shown);
    temp_dir_remove(dir);
    free(file);
}

Test(process_settings, what_kubernetes_puts_into_the_environment_does_no_harm)
{
    struct gateway_run checked =
        gateway_run(ARGS("REDIS_PORT=tcp://10.0.0.1:6379", "GATEWAY_PORT=tcp://10.0.0.2:80",
                         "GATEWAY_SERVICE_HOST=10.0.0.2"),
                    ARGS("--check"));

    cr_expect_eq(checked.status, 0, "%s", checked.err);
    expect_text(checked.err, "GATEWAY_PORT");
    expect_text(checked.err, "GATEWAY_SERVICE_HOST");
    expect_text(checked.err, "warn");
    expect_no_text(checked.err, "REDIS_PORT");
    gateway_run_done(&checked);
}

Test(process_settings, beyond_the_loopback_the_mode_of_authentication_must_be_said)
{
    static const char *const addresses[] = {"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:8080"};

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char listen[64];

        snprintf(listen, sizeof listen, "GATEWAY_PLAYER_LISTEN=%s", addresses[i]);
        struct gateway_run bad = gateway_run(ARGS("GATEWAY_AUTH_MODE", listen), NULL);

        cr_expect_eq(bad.status, 2, "%s: %d", addresses[i], bad.status);
        expect_text(bad.err, "auth.mode");
        expect_text(bad.err, addresses[i]);
        gateway_run_done(&bad);
        struct gateway_run said =
            gateway_run(ARGS("GATEWAY_AUTH_MODE=open", listen), ARGS("--check"));
        cr_expect_eq(said.status, 0, "%s", said.err);
        gateway_run_done(&said);
    }
}
