/* --check: what it says of the files that settings name, which it reads as a start would. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_fixture.h"
#include "certificates.h"
#include "gateway_run.h"
#include "temp_dir.h"

static char *dir;

static void set_up(void)
{
    dir = temp_dir_make();
    certificates_make_ca(dir, "ca");
    certificates_make(dir, "gateway", (struct certificate_options){.ca = "ca"});
    certificates_make(dir, "other", (struct certificate_options){.ca = "ca"});
    free(temp_dir_write(dir, "text", "neither a key nor a certificate\n"));
}

static void tear_down(void)
{
    temp_dir_remove(dir);
}

TestSuite(check, .init = set_up, .fini = tear_down, .timeout = 60);

/* A setting that names a file of the test's directory. */
static const char *naming(const char *setting, const char *file)
{
    return api_text("%s=%s/%s", setting, dir, file);
}

static struct gateway_run check(const char *const *env)
{
    return gateway_run(env, (const char *const[]){"--check", NULL});
}

/* That these settings are refused, and that what is said has all of these words, NULL-ended. */
static void expect_refused(const char *const *env, const char *const *words)
{
    struct gateway_run bad = check(env);

    cr_expect_eq(bad.status, 2, "%s: %d, %s", env[0], bad.status, bad.err);
    for (size_t i = 0; words[i] != NULL; i++)
        cr_expect_not_null(strstr(bad.err, words[i]), "%s isn't in: %s", words[i], bad.err);
    gateway_run_done(&bad);
}

/* The same of a start: what --check says mustn't be of its own making. */
static void expect_refused_alike(const char *const *env, const char *const *words)
{
    struct gateway_run start = gateway_run(env, NULL);

    expect_refused(env, words);
    cr_expect_eq(start.status, 2, "%s: %d", env[0], start.status);
    for (size_t i = 0; words[i] != NULL; i++)
        cr_expect_not_null(strstr(start.err, words[i]), "%s isn't in: %s", words[i], start.err);
    gateway_run_done(&start);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(check, a_listeners_certificate_and_key_are_read)
{
    expect_refused_alike(LIST(naming("GATEWAY_PLAYER_TLS_CERT", "nothing.pem")),
                         LIST("player.tls.cert: ", "/nothing.pem: No such file"));
    expect_refused_alike(LIST(naming("GATEWAY_PLAYER_TLS_CERT", "gateway.pem"),
                              naming("GATEWAY_PLAYER_TLS_KEY", "other.key")),
                         LIST("player.tls.cert: ", "/gateway.pem: ", "isn't the certificate's"));
    expect_refused_alike(LIST(naming("GATEWAY_ADMIN_TLS_CERT", "gateway.pem"),
                              naming("GATEWAY_ADMIN_TLS_KEY", "nothing.key")),
                         LIST("admin.tls.key: ", "/nothing.key: No such file"));
}

Test(check, the_files_of_tls_to_redis_are_read)
{
    static const char url[] = "GATEWAY_REDIS_URL=rediss://127.0.0.1:1";

    expect_refused_alike(LIST(url, naming("GATEWAY_REDIS_TLS_CA", "text")),
                         LIST("redis.tls.ca: ", "/text: holds no certificate in PEM"));
    expect_refused_alike(LIST(url, naming("GATEWAY_REDIS_TLS_CERT", "nothing.pem")),
                         LIST("redis.tls.cert: ", "/nothing.pem: No such file"));
    expect_refused_alike(LIST(url, naming("GATEWAY_REDIS_TLS_CERT", "gateway.pem"),
                              naming("GATEWAY_REDIS_TLS_KEY", "other.key")),
                         LIST("redis.tls.key: ", "/other.key: isn't the key"));
}

Test(check, keys_of_jwts_are_read)
{
    expect_refused_alike(LIST("GATEWAY_AUTH_MODE=jwt", "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=family",
                              naming("GATEWAY_AUTH_JWT_KEYS", "nothing.json")),
                         LIST("auth.jwt.keys: ", "/nothing.json: No such file"));
    expect_refused_alike(LIST("GATEWAY_AUTH_MODE=jwt", "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=family",
                              naming("GATEWAY_AUTH_JWT_KEYS", "gateway.key")),
                         LIST("auth.jwt.keys: ", "/gateway.key: ", "private"));
}

Test(check, a_snapshot_is_read)
{
    expect_refused_alike(LIST(naming("GATEWAY_MEMORY_SNAPSHOT", "text")),
                         LIST("memory.snapshot", "/text", "snapshot"));
    expect_refused_alike(LIST(naming("GATEWAY_MEMORY_SNAPSHOT", "no/such/directory")),
                         LIST("memory.snapshot", "/no/such/directory", "No such file"));
}

Test(check, a_state_directory_that_can_not_be_made_is_named_where_something_must_be_made_in_it)
{
    static const char tokens_key[] = "GATEWAY_TOKENS_KEYS="
                                     "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
                                     "deadbeef";
    const char *state = naming("GATEWAY_STATE_DIR", "text/below");

    expect_refused_alike(LIST(state), LIST("state_dir", "/text"));
    struct gateway_run given =
        check(LIST(state, tokens_key, "GATEWAY_ADMIN_TOKEN=sixteen-and-more"));
    cr_expect_eq(given.status, 0, "%s", given.err);
    gateway_run_done(&given);
}

Test(check, a_kept_secret_that_others_can_read_is_refused)
{
    free(temp_dir_write(dir, "token.key",
                        "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef\n"));
    expect_refused_alike(LIST(api_text("GATEWAY_STATE_DIR=%s", dir)),
                         LIST("state_dir", "/token.key", "must be 0600"));
}

Test(check, all_that_is_wrong_with_keys_and_with_redis_is_said_at_once)
{
    expect_refused(LIST("GATEWAY_REDIS_URL=rediss://127.0.0.1:1",
                        naming("GATEWAY_REDIS_TLS_CA", "text"),
                        naming("GATEWAY_PLAYER_TLS_CERT", "nothing.pem")),
                   LIST("redis.tls.ca: ", "player.tls.cert: "));
}

Test(check, what_is_right_ends_with_0_and_nothing_is_made)
{
    struct gateway_run good = check(LIST(
        naming("GATEWAY_PLAYER_TLS_CERT", "gateway.pem"),
        naming("GATEWAY_PLAYER_TLS_KEY", "gateway.key"), "GATEWAY_REDIS_URL=rediss://127.0.0.1:1",
        naming("GATEWAY_REDIS_TLS_CA", "ca.pem"), naming("GATEWAY_STATE_DIR", "made")));

    cr_expect_eq(good.status, 0, "%s", good.err);
    cr_expect_str_empty(good.out);
    /* That tokens.keys should be set with Redis is a warning, and no fault. */
    cr_expect_null(strstr(good.err, "level=error"), "%s", good.err);
    cr_expect_null(strstr(good.err, "level=info"), "%s", good.err);
    cr_expect_eq(access(api_text("%s/made", dir), F_OK), -1);
    gateway_run_done(&good);
}
