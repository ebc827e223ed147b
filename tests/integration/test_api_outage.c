/*
 * Gateways whose Redis goes away: real processes, two of them on one Redis, and viewers who watch
 * all the while. What the store does is test_outage.c's and test_outage_fallback.c's.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

enum { PATIENCE_MS = 20000, VIEWERS = 6, ENOUGH = 20 };

TestSuite(outage, .timeout = 100);

static const char *const shared[] = {API_SHARED_KEYS, "GATEWAY_REDIS_TIMEOUT_MS=300", NULL};
static const char *const two_a_family[] = {API_SHARED_KEYS, "GATEWAY_REDIS_TIMEOUT_MS=300",
                                           "GATEWAY_LIMITS_FAMILY=2", NULL};

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Waits until /readyz shows this state with this status. */
static void wait_state(struct http_client *client, const char *state, int status)
{
    for (int64_t since_ms = clock_monotonic_ms();; rest()) {
        struct http_answer answer = http_client_ask(client, "GET", "/readyz", NULL, NULL);
        bool is = strcmp(http_answer_text(&answer, "store.state"), state) == 0;

        if (is)
            cr_assert_eq(answer.status, status, "%d %s", answer.status, answer.body);
        else
            cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "%s", answer.body);
        http_answer_done(&answer);
        if (is)
            return;
    }
}

static int logged(const struct api_fixture *api, const char *text)
{
    char *log = gateway_process_log(api->gateway);
    int count = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    free(log);
    return count;
}

/* ---- Viewers ---- */

struct viewer {
    pthread_t thread;           /* asks for one segment after the other, and sends heartbeats */
    struct http_client *client; /* to one of the gateways */
    struct api_session session; /* what is watched */
    atomic_int answers;         /* so far */
    atomic_int refused;         /* those that weren't 200 */
    atomic_int status;          /* of the last such */
    atomic_bool *over;          /* stop */
};

static void *watch(void *arg)
{
    struct viewer *viewer = arg;
    char headers[1500], heartbeat[64];

    snprintf(headers, sizeof headers, "X-Stream-Token: %s\r\n", viewer->session.token);
    snprintf(heartbeat, sizeof heartbeat, "/v1/sessions/%s/heartbeat", viewer->session.id);
    for (unsigned i = 0; !*viewer->over; i++) {
        struct http_answer answer =
            i % 2 == 0 ? http_client_ask(viewer->client, "GET", "/v1/authorize", headers, NULL)
                       : http_client_ask(viewer->client, "POST", heartbeat, headers, NULL);

        if (answer.status != 200) {
            viewer->status = answer.status;
            viewer->refused++;
        }
        viewer->answers++;
        http_answer_done(&answer);
        rest();
    }
    return NULL;
}

/* Waits until every viewer has been answered some times more. */
static void let_watch(struct viewer *viewers)
{
    for (int i = 0; i < VIEWERS; i++)
        for (int until = viewers[i].answers + ENOUGH; viewers[i].answers < until;)
            rest();
}

enum fault { HANGS, DIES, DIES_AND_FORGETS };

static void break_redis(struct redis_server *redis, enum fault fault)
{
    if (fault == DIES) {
        redis_server_do(redis, "CONFIG SET appendonly yes");
        redis_server_do(redis, "CONFIG SET appendfsync always");
        redis_server_do(redis, "CONFIG REWRITE");
    }
    if (fault == HANGS)
        redis_server_pause(redis);
    else
        redis_server_kill(redis);
}

static void mend_redis(struct redis_server *redis, enum fault fault)
{
    if (fault == HANGS)
        redis_server_resume(redis);
    else
        redis_server_restart(redis);
}

/* Two gateways and their viewers see Redis go and come back; none may be refused. */
static void expect_nobody_refused(enum fault fault)
{
    struct api_fixture a = api_fixture_start(API_REDIS, shared), b = api_fixture_join(&a, shared);
    static struct viewer viewers[VIEWERS];
    atomic_bool over = false;

    json_object_seed(0); /* what jansson otherwise does in the first thread that needs it */
    for (int i = 0; i < VIEWERS; i++) {
        struct viewer *viewer = &viewers[i];
        struct api_fixture *at = i % 2 == 0 ? &a : &b;

        viewer->session = api_admit(a.client, "f", api_text("d%d", i), NULL);
        viewer->client = http_client_new(gateway_process_player(at->gateway));
        viewer->over = &over;
        cr_assert_eq(pthread_create(&viewer->thread, NULL, watch, viewer), 0);
    }
    let_watch(viewers);
    break_redis(a.redis, fault);
    wait_state(a.client, "fallback", 200);
    wait_state(b.client, "fallback", 200);
    let_watch(viewers);
    mend_redis(a.redis, fault);
    wait_state(a.client, "up", 200);
    wait_state(b.client, "up", 200);
    let_watch(viewers);
    over = true;
    for (int i = 0; i < VIEWERS; i++) {
        pthread_join(viewers[i].thread, NULL);
        cr_expect_eq(viewers[i].refused, 0, "viewer %d was refused %d of %d times, with %d", i,
                     viewers[i].refused, viewers[i].answers, viewers[i].status);
        http_client_free(viewers[i].client);
    }
    cr_expect_eq(redis_server_number(a.redis, "SCARD family_streams:f"), VIEWERS);
    const struct api_fixture *both[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(logged(both[i], "Redis is away"), 1);
        cr_expect_eq(logged(both[i], "Redis is up"), 2, "at its start, and again");
    }
    api_fixture_stop(&b);
    api_fixture_stop(&a);
}

Test(outage, no_viewer_is_refused_while_redis_hangs)
{
    expect_nobody_refused(HANGS);
}

Test(outage, no_viewer_is_refused_when_redis_dies_and_comes_back_with_its_data)
{
    expect_nobody_refused(DIES);
}

Test(outage, no_viewer_is_refused_when_redis_dies_and_comes_back_without_its_data)
{
    expect_nobody_refused(DIES_AND_FORGETS);
}

/* ---- Who is let in ---- */

Test(outage, a_family_may_reach_its_limit_once_on_each_gateway_and_all_are_adopted)
{
    struct api_fixture a = api_fixture_start(API_REDIS, two_a_family),
                       b = api_fixture_join(&a, two_a_family);
    struct http_client *clients[] = {a.client, b.client};
    struct api_session sessions[4];

    redis_server_kill(a.redis);
    wait_state(a.client, "fallback", 200);
    wait_state(b.client, "fallback", 200);
    for (int i = 0; i < 4; i++)
        sessions[i] = api_admit(clients[i / 2], "f", api_text("d%d", i), NULL);
    for (int i = 0; i < 2; i++)
        api_expect_refused(api_create(clients[i], "f", "d9", NULL), 409, "family_limit");
    redis_server_restart(a.redis);
    wait_state(a.client, "up", 200);
    wait_state(b.client, "up", 200);
    cr_expect_eq(redis_server_number(a.redis, "SCARD family_streams:f"), 4);
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(
            redis_server_number(a.redis, "SISMEMBER device_streams:d%d %s", i, sessions[i].id), 1);
        for (int at = 0; at < 2; at++)
            api_expect_allowed(api_watch(clients[at], &sessions[i]), &sessions[i], "m1");
        api_expect_alive(clients[i % 2], &sessions[i]);
    }
    api_expect_refused(api_create(a.client, "f", "d9", NULL), 409, "family_limit");
    api_fixture_stop(&b);
    api_fixture_stop(&a);
}

Test(outage, who_was_stopped_before_or_meanwhile_is_not_let_in_again)
{
    struct api_fixture a = api_fixture_start(API_REDIS, shared), b = api_fixture_join(&a, shared);
    struct api_session before = api_admit(a.client, "f", "d1", NULL),
                       meanwhile = api_admit(a.client, "f", "d2", NULL), born = {0};

    cr_expect_eq(api_status(api_call(a.client, "DELETE", &before, "")), 204);
    redis_server_pause(a.redis);
    api_expect_allowed(api_watch(a.client, &meanwhile), &meanwhile, "m1");
    wait_state(a.client, "fallback", 200);
    born = api_admit(a.client, "f", "d3", NULL);
    cr_expect_eq(api_status(api_call(a.client, "DELETE", &meanwhile, "")), 204);
    cr_expect_eq(api_status(api_call(a.client, "DELETE", &born, "")), 204);

    const struct api_session *gone[] = {&before, &meanwhile, &born};
    for (int i = 0; i < 3; i++)
        api_expect_denied(api_watch(a.client, gone[i]), 403, "stopped");
    redis_server_resume(a.redis);
    wait_state(a.client, "up", 200);
    wait_state(b.client, "up", 200);
    for (int i = 0; i < 3; i++) {
        api_expect_gone(a.client, gone[i], "stopped", NULL);
        api_expect_gone(b.client, gone[i], "stopped", NULL);
    }
    cr_expect_eq(redis_server_number(a.redis, "EXISTS family_streams:f"), 0);
    api_fixture_stop(&b);
    api_fixture_stop(&a);
}

/* A gateway that has lost its Redis alone lets somebody in, who then goes to one that has not. */
static void expect_adopted_elsewhere(const char *keepalive)
{
    const char *env[] = {API_SHARED_KEYS, "GATEWAY_REDIS_TIMEOUT_MS=300", "GATEWAY_LIMITS_FAMILY=1",
                         keepalive, NULL};
    struct api_fixture cut_off = api_fixture_start(API_REDIS, env),
                       up = api_fixture_start(API_REDIS, env);
    struct api_session first = api_admit(up.client, "f", "d1", NULL);

    redis_server_kill(cut_off.redis);
    wait_state(cut_off.client, "fallback", 200);
    struct api_session stray = api_admit(cut_off.client, "f", "d2", NULL);
    api_expect_allowed(api_watch(up.client, &stray), &stray, "m1");
    api_expect_alive(up.client, &stray);
    api_expect_alive(up.client, &first);
    cr_expect_eq(redis_server_number(up.redis, "SCARD family_streams:f"), 2);
    api_expect_refused(api_create(up.client, "f", "d3", NULL), 409, "family_limit");
    api_fixture_stop(&up);
    api_fixture_stop(&cut_off);
}

Test(outage, a_token_issued_in_fallback_is_adopted_by_a_gateway_that_is_up)
{
    expect_adopted_elsewhere("GATEWAY_AUTHORIZE_KEEPALIVE=true");
}

Test(outage, a_token_issued_in_fallback_is_adopted_where_watching_keeps_nobody_alive)
{
    expect_adopted_elsewhere("GATEWAY_AUTHORIZE_KEEPALIVE=false");
}

/* ---- Without Redis from the start ---- */

/* Starts a gateway whose Redis has not been started yet. */
static struct api_fixture start_alone(struct redis_server *redis, const char *policy)
{
    const char *env[] = {api_text("REDIS_URL=%s", redis_server_url(redis)),
                         "GATEWAY_REDIS_TIMEOUT_MS=300",
                         api_text("GATEWAY_REDIS_ON_OUTAGE=%s", policy), NULL};
    struct api_fixture api = {.gateway = gateway_process_spawn(env, NULL)};

    gateway_process_wait_listening(api.gateway);
    api.client = http_client_new(gateway_process_player(api.gateway));
    return api;
}

static void expect_start(const char *policy, int readyz, int created)
{
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});

    redis_server_kill(redis);
    struct api_fixture api = start_alone(redis, policy);
    gateway_process_wait_log(api.gateway, "Redis connection failed");
    gateway_process_wait_log(api.gateway, api_text("state=%s", policy));
    wait_state(api.client, policy, readyz);
    cr_expect_eq(api_status(api_create(api.client, "f", "d1", NULL)), created);
    cr_expect_eq(logged(&api, "serving from the embedded store until it is back"),
                 strcmp(policy, "fallback") == 0);
    redis_server_restart(redis);
    wait_state(api.client, "up", 200);
    cr_expect_eq(redis_server_number(redis, "EXISTS family_streams:f"),
                 strcmp(policy, "fallback") == 0);
    while (api_status(api_create(api.client, "f", "d2", NULL)) != 201) /* deny: its own link */
        rest();
    cr_expect_eq(logged(&api, "Redis is up"), 1);
    cr_expect_eq(logged(&api, "Redis is away"), 0);
    api_fixture_stop(&api);
    redis_server_stop(redis);
}

Test(outage, fallback_starts_without_redis)
{
    expect_start("fallback", 200, 201);
}

Test(outage, deny_starts_without_redis)
{
    expect_start("deny", 503, 503);
}

Test(outage, allow_starts_without_redis)
{
    expect_start("allow", 200, 201);
}

Test(outage, is_not_ready_before_redis_has_answered_for_the_first_time)
{
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});
    const char *env[] = {api_text("REDIS_URL=%s", redis_server_url(redis)),
                         "GATEWAY_REDIS_TIMEOUT_MS=10000", NULL};

    redis_server_pause(redis);
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    gateway_process_wait_listening(gateway);
    struct http_client *client = http_client_new(gateway_process_player(gateway));
    wait_state(client, "deny", 503);
    redis_server_resume(redis);
    wait_state(client, "up", 200);
    http_client_free(client);
    gateway_process_stop(gateway);
    redis_server_stop(redis);
}
