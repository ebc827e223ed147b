/* What an operator asks of the gateway itself: stats, the settings in force, a drain. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "clock.h"
#include "redis_server.h"
#include "temp_dir.h"

API_SUITES;

/* ---- Stats ---- */

/* A member of an object whose names have dots in them. */
static long long count_of(const struct http_answer *answer, const char *object, const char *name)
{
    const json_t *value = json_object_get(http_answer_member(answer, object), name);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

ON_BOTH_STORES(counts_sessions_users_requests_and_denials)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;

    api_admit(player, "f1", "d1", NULL);
    api_admit(player, "f1", "d1", NULL);
    api_expect_refused(api_create(player, "f1", "d1", NULL), 409, "device_limit");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/stats");
    cr_expect_str_eq(http_answer_text(&answer, "store.kind"),
                     store == API_REDIS ? "redis" : "memory");
    cr_expect_str_eq(http_answer_text(&answer, "store.state"), "up", "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "sessions.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usersOnline"), 1, "%s", answer.body);
    cr_expect_eq(count_of(&answer, "requests", "POST /v1/sessions"), 3, "%s", answer.body);
    cr_expect_eq(count_of(&answer, "denials", "device_limit"), 1, "%s", answer.body);
    cr_expect_eq(count_of(&answer, "denials", "family_limit"), 0, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "outages"), 0, "%s", answer.body);
    cr_expect_geq(http_answer_number(&answer, "uptime"), 0, "%s", answer.body);
    cr_expect_str_neq(http_answer_text(&answer, "version"), "", "%s", answer.body);
    cr_expect(json_is_false(http_answer_member(&answer, "draining")), "%s", answer.body);
    http_answer_done(&answer);

    /* counted anew before long */
    api_admit(player, "f2", "d2", NULL);
    int64_t until_ms = clock_monotonic_ms() + 10000;
    for (;;) {
        answer = admin_get(admin.client, "/admin/v1/stats");
        long long active = http_answer_number(&answer, "sessions.active");
        http_answer_done(&answer);
        if (active == 3)
            break;
        cr_assert_lt(clock_monotonic_ms(), until_ms, "%lld", active);
    }
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/stats?x", NULL), "x: ");
    admin_fixture_stop(&admin);
}

Test(redis, tells_what_it_knows_while_redis_is_away_and_changes_nothing)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=200",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);
    static const struct {
        const char *method, *target, *body;
    } calls[] = {
        {"GET", "/admin/v1/sessions", NULL},
        {"GET", "/admin/v1/families/f1", NULL},
        {"GET", "/admin/v1/devices/d1", NULL},
        {"GET", "/admin/v1/families/f1/limits", NULL},
        {"PUT", "/admin/v1/families/f1/limits", "{\"family\":1}"},
        {"DELETE", "/admin/v1/families/f1/limits", NULL},
        {"DELETE", "/admin/v1/families/f1/sessions", NULL},
        {"DELETE", "/admin/v1/devices/d1/sessions", NULL},
    };

    redis_server_pause(admin.api.redis);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        api_expect_refused(admin_ask(admin.client, calls[i].method, calls[i].target, calls[i].body),
                           503, "store_unavailable");
    struct http_answer answer;
    for (;;) { /* until this process believes it, too */
        answer = admin_get(admin.client, "/admin/v1/stats");
        if (strcmp(http_answer_text(&answer, "store.state"), "deny") == 0)
            break;
        http_answer_done(&answer);
    }
    cr_expect(json_is_null(http_answer_member(&answer, "sessions.active")), "%s", answer.body);
    cr_expect(json_is_null(http_answer_member(&answer, "usersOnline")), "%s", answer.body);
    cr_expect_geq(http_answer_number(&answer, "outages"), 1, "%s", answer.body);
    http_answer_done(&answer);
    cr_expect_eq(api_status(admin_ask(admin.client, "POST", "/admin/v1/drain", NULL)), 200);
    gateway_process_wait_log(admin.api.gateway, "code=store_unavailable");
    redis_server_resume(admin.api.redis);
    admin_fixture_stop(&admin);
}

/* ---- The settings in force ---- */

Test(embedded, shows_the_settings_in_force_and_no_secret)
{
    static const char *const env[] = {API_KEY_MODE, "GATEWAY_SESSION_TTL=120",
                                      "GATEWAY_TOKENS_KEYS=0001020304050607"
                                      "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                                      NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);
    struct http_answer answer = admin_get(admin.client, "/admin/v1/config");

    cr_expect_eq(http_answer_number(&answer, "session.ttl"), 120, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "store"), "memory", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "auth.mode"), "api_key", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "log.level"), "info", "%s", answer.body);
    cr_expect_null(strstr(answer.body, "secret"), "%s", answer.body);
    cr_expect_null(strstr(answer.body, "00010203"), "%s", answer.body);
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

Test(redis, masks_the_password_in_the_address_of_redis)
{
    static const char *const env[] = {
        ADMIN_TOKEN, "GATEWAY_REDIS_URL=redis://gateway:hush-hush@127.0.0.1:1/3", NULL};
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);

    gateway_process_wait_listening(gateway);
    struct http_client *client = http_client_new(gateway_process_admin(gateway));
    struct http_answer answer = admin_get(client, "/admin/v1/config");
    cr_expect_null(strstr(answer.body, "hush-hush"), "%s", answer.body);
    cr_expect_not_null(strstr(http_answer_text(&answer, "redis.url"), "127.0.0.1:1/3"), "%s",
                       answer.body);
    http_answer_done(&answer);
    http_client_free(client);
    gateway_process_stop(gateway);
}

Test(embedded, shows_what_a_reload_has_changed)
{
    static const char *const env[] = {ADMIN_TOKEN, NULL};
    char *dir = temp_dir_make();
    char *path = temp_dir_write(dir, "gateway.json",
                                "{\"log\":{\"level\":\"info\"},\"session\":{\"ttl\":90}}");
    const char *args[] = {"--config", path, NULL};
    struct gateway_process *gateway = gateway_process_spawn(env, args);

    gateway_process_wait_listening(gateway);
    struct http_client *client = http_client_new(gateway_process_admin(gateway));
    free(temp_dir_write(dir, "gateway.json",
                        "{\"log\":{\"level\":\"debug\"},\"session\":{\"ttl\":60}}"));
    gateway_process_signal(gateway, SIGHUP);
    gateway_process_wait_log(gateway, "reloaded log.level");
    struct http_answer answer = admin_get(client, "/admin/v1/config");
    cr_expect_str_eq(http_answer_text(&answer, "log.level"), "debug", "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "session.ttl"), 90, "%s", answer.body);
    http_answer_done(&answer);
    http_client_free(client);
    gateway_process_stop(gateway);
    free(path);
    temp_dir_remove(dir);
}

/* ---- The drain ---- */

static void expect_ready(struct http_client *client, int status)
{
    struct http_answer answer = http_client_ask(client, "GET", "/readyz", NULL, NULL);

    cr_expect_eq(answer.status, status, "%d %s", answer.status, answer.body);
    if (status == 503)
        api_expect_problem(&answer, 503, "shutting_down");
    http_answer_done(&answer);
}

static void change_drain(struct http_client *client, const char *method, bool draining)
{
    struct http_answer answer =
        admin_ask(client, method, "/admin/v1/drain?reason=kernel%20update", NULL);

    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    cr_expect_eq(json_is_true(http_answer_member(&answer, "draining")), draining, "%s",
                 answer.body);
    http_answer_done(&answer);
}

ON_BOTH_STORES(a_drained_gateway_takes_nothing_new_until_that_is_undone)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    struct api_session session = api_admit(player, "f1", "d1", NULL);

    for (int i = 0; i < 2; i++) { /* saying it again changes nothing */
        change_drain(admin.client, "POST", true);
        expect_ready(player, 503);
        expect_ready(admin.client, 503);
        api_expect_refused(api_create(player, "f1", "d1", NULL), 503, "shutting_down");
        api_expect_alive(player, &session);
    }
    struct http_answer answer = admin_get(admin.client, "/admin/v1/stats");
    cr_expect(json_is_true(http_answer_member(&answer, "draining")), "%s", answer.body);
    http_answer_done(&answer);
    for (int i = 0; i < 2; i++) {
        change_drain(admin.client, "DELETE", false);
        expect_ready(player, 200);
    }
    api_admit(player, "f1", "d1", NULL);

    char *log = gateway_process_log(admin.api.gateway);
    size_t lines = 0;
    for (const char *at = log; (at = strstr(at, "change=")) != NULL; at++)
        lines++;
    cr_expect_eq(lines, 2, "%s", log);
    cr_expect_not_null(strstr(log, "by=ops change=drain about=\"this gateway\" "
                                   "reason=\"kernel update\""),
                       "%s", log);
    free(log);
    if (store == API_REDIS) {
        redisReply *events = redis_server_command(admin.api.redis, "XREVRANGE stream_events + -");
        size_t told = 0;
        for (size_t i = 0; i < events->elements; i++) {
            const redisReply *fields = events->element[i]->element[1];
            told += strncmp(fields->element[1]->str, "drain_", 6) == 0;
        }
        cr_expect_eq(told, 2, "%zu", told);
        freeReplyObject(events);
    }
    admin_fixture_stop(&admin);
}

Test(embedded, undoing_a_drain_does_not_undo_a_stop)
{
    static const char *const env[] = {"GATEWAY_SHUTDOWN_DELAY_MS=1500", NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);

    change_drain(admin.client, "POST", true);
    gateway_process_signal(admin.api.gateway, SIGTERM);
    gateway_process_wait_log(admin.api.gateway, "stopping");
    change_drain(admin.client, "DELETE", true);
    expect_ready(admin.api.client, 503);
    api_expect_refused(api_create(admin.api.client, "f1", "d1", NULL), 503, "shutting_down");
    admin_fixture_stop(&admin);
}
