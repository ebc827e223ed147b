/* Sessions that come back by their token, after a silence or after the store has lost its data. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"
#include "temp_dir.h"

API_SUITES;

enum way { BY_HEARTBEAT, BY_BATCH, BY_SEGMENT, WAYS };

/* A sign of life; whether it was accepted. */
static bool show_life(struct http_client *client, const struct api_session *session, enum way way)
{
    if (way == BY_HEARTBEAT)
        return api_status(api_call(client, "POST", session, "/heartbeat")) == 200;
    if (way == BY_SEGMENT)
        return api_status(api_watch(client, session)) == 200;

    struct http_answer answer = api_beat_all(client, &session, 1);
    bool is_alive = strcmp(http_answer_text(&answer, "results.0.status"), "alive") == 0;
    http_answer_done(&answer);
    return is_alive;
}

struct sleeper {
    struct api_session session; /* that sleeps */
    int64_t started_ms;         /* when it began */
};

/* A session for each way, each of a family and on a device of its own ("f0", "d0", …). */
static void admit_sleepers(struct http_client *client, struct sleeper ret_sleepers[WAYS])
{
    for (int i = 0; i < WAYS; i++) {
        ret_sleepers[i].session = api_admit(client, api_text("f%d", i), api_text("d%d", i),
                                            "'deviceName':'TV','playerId':'p'");
        ret_sleepers[i].started_ms = api_time_of(client, &ret_sleepers[i].session, "startedAt");
    }
}

/* Wakes each in its way: they are the same sessions as before, and counted. */
static void expect_to_wake(struct http_client *client, const struct sleeper sleepers[WAYS])
{
    for (int i = 0; i < WAYS; i++) {
        const struct api_session *session = &sleepers[i].session;

        while (clock_wall_ms() <= sleepers[i].started_ms) /* a heartbeat is later than a start */
            ;
        cr_assert(show_life(client, session, (enum way)i), "way %d", i);
        struct http_answer answer = api_call(client, "GET", session, "");
        cr_assert_eq(answer.status, 200, "way %d: %s", i, answer.body);
        cr_expect_str_eq(http_answer_text(&answer, "sessionId"), session->id);
        cr_expect_str_eq(http_answer_text(&answer, "mediaId"), "m1", "%s", answer.body);
        cr_expect_str_eq(http_answer_text(&answer, "deviceName"), "TV", "%s", answer.body);
        cr_expect_str_eq(http_answer_text(&answer, "playerId"), "p", "%s", answer.body);
        http_answer_done(&answer);
        cr_expect_eq(api_time_of(client, session, "startedAt"), sleepers[i].started_ms);
        cr_expect_gt(api_time_of(client, session, "lastHeartbeat"), sleepers[i].started_ms);

        answer = api_create(client, api_text("f%d", i), api_text("d%d", i), NULL);
        cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
        http_answer_done(&answer);
    }
}

ON_BOTH_STORES(a_heartbeat_a_batch_and_a_segment_each_revive_what_slept)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct sleeper sleepers[WAYS];

    admit_sleepers(api.client, sleepers);
    for (int i = 0; i < WAYS; i++)
        api_wait_expired(api.client, &sleepers[i].session);
    expect_to_wake(api.client, sleepers);
    api_fixture_stop(&api);
}

Test(redis, sessions_come_back_after_redis_has_lost_its_data)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct sleeper sleepers[WAYS];

    admit_sleepers(api.client, sleepers);
    redis_server_do(api.redis, "FLUSHALL");
    expect_to_wake(api.client, sleepers);
    api_fixture_stop(&api);
}

Test(redis, sessions_come_back_after_redis_was_started_anew)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct sleeper sleepers[WAYS];

    admit_sleepers(api.client, sleepers);
    redis_server_restart(api.redis);
    gateway_process_wait_ready(api.gateway);
    /* each worker has its link */
    for (int i = 0; i < WAYS; i++)
        while (!show_life(api.client, &sleepers[i].session, BY_HEARTBEAT))
            ;
    redis_server_do(api.redis, "FLUSHALL");
    expect_to_wake(api.client, sleepers);
    api_fixture_stop(&api);
}

Test(embedded, sessions_come_back_after_the_gateway_was_started_anew)
{
    char *dir = temp_dir_make();
    const char *env[] = {api_text("GATEWAY_STATE_DIR=%s", dir), NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    struct sleeper sleepers[WAYS];

    admit_sleepers(api.client, sleepers);
    api_fixture_stop(&api);
    env[0] = api_text("GATEWAY_STATE_DIR=%s", dir);
    api = api_fixture_start(API_EMBEDDED, env);
    expect_to_wake(api.client, sleepers);
    api_fixture_stop(&api);
    temp_dir_remove(dir);
}

ON_BOTH_STORES(what_was_ended_never_comes_back)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session stopped = api_admit(api.client, "f1", "d1", NULL);
    struct api_session replaced = api_admit(api.client, "f1", "d1", NULL);

    api_admit(api.client, "f1", "d2", api_text("'replace':['%s']", replaced.id));
    cr_assert_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    for (int i = 0; i < 2; i++) {
        api_expect_gone(api.client, &stopped, "stopped", NULL);
        api_expect_gone(api.client, &replaced, "replaced", "d2");
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_revival_never_passes_a_limit_and_ends_nobody)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2",
                                      "GATEWAY_LIMITS_DEVICE=1",
                                      "GATEWAY_LIMITS_FAMILY=2",
                                      "GATEWAY_LIMITS_DISPLACE_AFTER=1",
                                      "GATEWAY_LIMITS_ON_LIMIT=evict_oldest",
                                      NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session device_full = api_admit(api.client, "f1", "d1", NULL);
    struct api_session family_full = api_admit(api.client, "f2", "d2", NULL);

    api_wait_expired(api.client, &device_full);
    api_wait_expired(api.client, &family_full);
    struct api_session others[] = {api_admit(api.client, "f3", "d1", NULL),
                                   api_admit(api.client, "f2", "d4", NULL),
                                   api_admit(api.client, "f2", "d5", NULL)};
    api_expect_gone(api.client, &device_full, "expired", NULL);
    api_expect_gone(api.client, &family_full, "expired", NULL);
    for (size_t i = 0; i < 3; i++)
        api_expect_alive(api.client, &others[i]);
    api_fixture_stop(&api);
}

Test(redis, a_family_that_comes_back_whole_finds_its_limit)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session sessions[10];
    int revived = 0;

    for (int i = 0; i < 10; i++)
        sessions[i] = api_admit(api.client, "f1", api_text("d%d", i / 2), NULL);
    redis_server_do(api.redis, "FLUSHALL");
    struct api_session first = api_admit(api.client, "f1", "new", NULL);
    for (int i = 0; i < 10; i++) {
        bool is_alive = show_life(api.client, &sessions[i], (enum way)(i % WAYS));

        cr_expect_eq(is_alive, i < 9, "session %d", i);
        revived += is_alive;
    }
    cr_expect_eq(revived, 9);
    cr_expect_eq(redis_server_number(api.redis, "SCARD family_streams:f1"), 10);
    api_expect_alive(api.client, &first);
    api_fixture_stop(&api);
}

/* How many commands Redis has carried out, those of scripts and of others included. */
static long long count_commands(struct redis_server *redis)
{
    char *stats = redis_server_text(redis, "INFO commandstats");
    long long calls = 0;

    for (const char *at = stats; (at = strstr(at, ":calls=")) != NULL;)
        calls += strtoll(at += strlen(":calls="), NULL, 10);
    free(stats);
    return calls;
}

Test(redis, a_player_that_repeats_a_refused_segment_costs_redis_next_to_nothing)
{
    enum { ASKED = 200, NOTHING = 40 }; /* the sweeper looks once a second */
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=1", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session ousted = api_admit(api.client, "f1", "d1", NULL);

    redis_server_do(api.redis, "DEL session:%s", ousted.id);
    api_admit(api.client, "f1", "d1", NULL);
    api_expect_denied(api_watch(api.client, &ousted), 403, "expired");

    long long events = redis_server_number(api.redis, "XLEN stream_events");
    long long before = count_commands(api.redis);
    for (int i = 0; i < ASKED; i++)
        api_expect_denied(api_watch(api.client, &ousted), 403, "expired");
    long long segments = count_commands(api.redis) - before;
    before = count_commands(api.redis);
    for (int i = 0; i < ASKED; i++)
        cr_assert_eq(api_status(api_call(api.client, "POST", &ousted, "/heartbeat")), 410);
    long long heartbeats = count_commands(api.redis) - before;

    printf("%d refused segments cost Redis %lld commands, %d refused heartbeats %lld\n", ASKED,
           segments, ASKED, heartbeats);
    cr_expect_leq(segments, NOTHING);
    cr_expect_leq(heartbeats, NOTHING);
    cr_expect_eq(redis_server_number(api.redis, "XLEN stream_events"), events,
                 "a refused revival is no event");
    api_fixture_stop(&api);
}

/* Which store it is makes no difference to what the workers remember. */
Test(redis, a_refused_revival_is_tried_again_after_ten_seconds)
{
    enum { AGAIN_MS = 10000 };
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=1", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session ousted = api_admit(api.client, "f1", "d1", NULL);
    bool is_alive = false;

    redis_server_do(api.redis, "DEL session:%s", ousted.id);
    struct api_session other = api_admit(api.client, "f1", "d1", NULL);
    int64_t since_ms = clock_monotonic_ms();
    api_expect_denied(api_watch(api.client, &ousted), 403, "expired");
    cr_assert_eq(api_status(api_call(api.client, "DELETE", &other, "")), 204);
    while (!is_alive) { /* at the pace of a player */
        uv_sleep(100);
        is_alive = show_life(api.client, &ousted, BY_SEGMENT);
        cr_assert_lt(clock_monotonic_ms() - since_ms, AGAIN_MS + 3000, "it never comes back");
    }
    cr_expect_geq(clock_monotonic_ms() - since_ms, AGAIN_MS - 100, "it was tried before its time");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(segments_do_not_revive_where_keepalive_is_off)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", "GATEWAY_AUTHORIZE_KEEPALIVE=false",
                                      NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    api_wait_expired(api.client, &session);
    for (int i = 0; i < 3; i++)
        api_expect_denied(api_watch(api.client, &session), 403, "expired");
    cr_expect(show_life(api.client, &session, BY_HEARTBEAT), "a heartbeat does");
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");
    api_fixture_stop(&api);
}

Test(redis, a_session_comes_back_once_whichever_gateway_it_asks)
{
    static const char *const env[] = {API_SHARED_KEYS, NULL};
    struct api_fixture one = api_fixture_start(API_REDIS, env);
    struct api_fixture other = api_fixture_join(&one, env);
    struct api_session session = api_admit(one.client, "f1", "d1", NULL);

    redis_server_do(one.redis, "FLUSHALL");
    cr_expect(show_life(other.client, &session, BY_SEGMENT));
    cr_expect(show_life(one.client, &session, BY_HEARTBEAT));
    cr_expect_eq(redis_server_number(one.redis, "SCARD device_streams:d1"), 1);
    cr_expect_eq(redis_server_number(one.redis, "SCARD family_streams:f1"), 1);
    cr_expect_eq(redis_server_number(one.redis, "XLEN stream_events"), 1);
    api_fixture_stop(&other);
    api_fixture_stop(&one);
}
