/* GET and DELETE /admin/v1/sessions/{sessionId}: an operator looks at a session, and ends it. */
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

static const char *path_of(const struct api_session *session, const char *query)
{
    return api_text("/admin/v1/sessions/%s%s", session->id, query);
}

ON_BOTH_STORES(shows_a_session_as_its_player_sees_it_and_how_long_it_has_been_silent)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct api_session session =
        api_admit(admin.api.client, "f1", "d1",
                  "'deviceName':'Kitchen TV','mediaTitle':'Blue Planet','platform':'tvOS',"
                  "'playerId':'p','metadata':{'a':[]}");
    struct http_answer own = api_call(admin.api.client, "GET", &session, "");
    struct http_answer answer = admin_get(admin.client, path_of(&session, ""));

    cr_expect_geq(http_answer_number(&answer, "idleSeconds"), 0, "%s", answer.body);
    cr_expect_null(strstr(answer.body, session.token), "%s", answer.body);
    json_object_del(answer.json, "idleSeconds");
    json_object_del(answer.json, "expiresAt"); /* rests on what is left of the TTL, to the ms */
    json_object_del(own.json, "expiresAt");
    cr_expect(json_equal(answer.json, own.json), "%s isn't %s", answer.body, own.body);
    http_answer_done(&answer);
    http_answer_done(&own);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(ends_a_session_everywhere_and_for_good)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    struct api_session session = api_admit(player, "f1", "d1", NULL);
    struct api_session other = api_admit(player, "f1", "d1", NULL);

    for (int i = 0; i < 20; i++) /* both workers have seen it, and may remember */
        cr_expect_eq(api_status(api_watch(player, &session)), 200);
    admin_expect_terminated(admin.client,
                            path_of(&session, "?reason=abuse%20report&message=Call%20us"), 1);
    for (int i = 0; i < 4; i++) {
        struct http_client *anew = http_client_new(gateway_process_player(admin.api.gateway));

        api_expect_denied(api_watch(anew, &session), 403, "terminated");
        http_client_free(anew);
    }
    struct http_answer answer = api_call(player, "POST", &session, "/heartbeat");
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "terminated");
    cr_expect_str_eq(http_answer_text(&answer, "message"), "Call us");
    http_answer_done(&answer);

    answer = admin_ask(admin.client, "GET", path_of(&session, ""), NULL);
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "terminated");
    http_answer_done(&answer);
    admin_expect_terminated(admin.client, path_of(&session, ""), 0);
    api_expect_alive(player, &other);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(tells_in_feed_and_log_who_did_it_and_why)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    struct http_answer answer = http_client_ask(
        admin.client, "DELETE", path_of(&session, "?reason=abuse&message=secret-word"),
        ADMIN_HEADER "X-Request-Id: req-77\r\n", NULL);

    cr_expect_eq(answer.status, 200, "%s", answer.body);
    http_answer_done(&answer);
    json_t *event = admin_event_of(admin.client, "f1", "terminated");
    cr_expect_str_eq(json_string_value(json_object_get(event, "sessionId")), session.id);
    cr_expect_str_eq(json_string_value(json_object_get(event, "userId")), "u1");
    cr_expect_str_eq(json_string_value(json_object_get(event, "deviceId")), "d1");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "abuse");
    cr_expect_geq(json_integer_value(json_object_get(event, "duration")), 0);
    json_decref(event);

    gateway_process_wait_log(admin.api.gateway, "audit");
    char *log = gateway_process_log(admin.api.gateway);
    const char *line = strstr(log, "audit");
    cr_expect_not_null(
        strstr(line, api_text("by=" ADMIN_NAME " change=terminate session=%s reason=abuse "
                              "outcome=ended code=ok id=req-77\n",
                              session.id)),
        "%s", line);
    free(log);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_session_that_sleeps_is_terminated_too_and_never_comes_back)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *player = admin.api.client;
    struct api_session asleep = api_admit(player, "f1", "d1", NULL);
    struct api_session other = api_admit(player, "f1", "d1", NULL);

    api_wait_expired(player, &asleep);
    api_wait_expired(player, &other);
    struct http_answer answer = admin_ask(admin.client, "GET", path_of(&asleep, ""), NULL);
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "expired");
    http_answer_done(&answer);

    admin_expect_terminated(admin.client, path_of(&asleep, "?message=Enough"), 0);
    api_expect_gone(player, &asleep, "terminated", NULL);
    api_expect_alive(player, &other);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(refuses_what_is_no_session_or_no_order)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *client = admin.client;
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    char *long_text = calloc(1, 600);

    memset(long_text, 'x', 129);
    api_expect_refused(admin_ask(client, "GET", "/admin/v1/sessions/nonsense", NULL), 404,
                       "not_found");
    api_expect_refused(admin_ask(client, "DELETE", "/admin/v1/sessions/nonsense", NULL), 404,
                       "not_found");
    api_expect_refused(
        admin_ask(client, "DELETE", api_text("/admin/v1/sessions/%s", session.token), NULL), 404,
        "not_found");
    admin_expect_refused_for(admin_ask(client, "GET", path_of(&session, "?x=1"), NULL), "x: ");
    admin_expect_refused_for(admin_ask(client, "DELETE", path_of(&session, "?block=1"), NULL),
                             "block: ");
    admin_expect_refused_for(
        admin_ask(client, "DELETE", path_of(&session, api_text("?reason=%s", long_text)), NULL),
        "reason: ");
    admin_expect_refused_for(admin_ask(client, "DELETE", path_of(&session, "?reason=a%0Ab"), NULL),
                             "reason: ");
    admin_expect_refused_for(
        admin_ask(client, "DELETE", path_of(&session, "?reason=a&reason=b"), NULL), "reason: ");
    memset(long_text, 'x', 257);
    admin_expect_refused_for(
        admin_ask(client, "DELETE", path_of(&session, api_text("?message=%s", long_text)), NULL),
        "message: ");
    admin_expect_refused_for(
        admin_ask(client, "DELETE", path_of(&session, "?message=%E2%80%AE"), NULL), "message: ");
    api_expect_alive(admin.api.client, &session);

    long_text[256] = '\0';
    admin_expect_terminated(client, path_of(&session, api_text("?message=%s", long_text)), 1);
    free(long_text);
    admin_fixture_stop(&admin);
}

/* Redis' answers are kept by each thread of each gateway, and its feed is what drops them. */
Test(redis, refuses_the_next_segment_on_every_gateway)
{
    static const char *const env[] = {API_SHARED_KEYS, "GATEWAY_AUTHORIZE_CACHE_MS=60000", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);
    struct api_fixture other = api_fixture_join(&admin.api, env);
    struct api_session sessions[3];

    for (size_t i = 0; i < 3; i++) {
        sessions[i] = api_admit(admin.api.client, api_text("f%zu", i), api_text("d%zu", i), NULL);
        for (int n = 0; n < 8; n++) {
            cr_expect_eq(api_status(api_watch(admin.api.client, &sessions[i])), 200);
            cr_expect_eq(api_status(api_watch(other.client, &sessions[i])), 200);
        }
    }
    admin_expect_terminated(admin.client, path_of(&sessions[0], ""), 1);
    admin_expect_terminated(admin.client, "/admin/v1/families/f1/sessions", 1);
    admin_expect_terminated(admin.client, "/admin/v1/devices/d2/sessions", 1);
    for (size_t i = 0; i < 3; i++) {
        int64_t until_ms = clock_monotonic_ms() + 10000;

        api_expect_denied(api_watch(admin.api.client, &sessions[i]), 403, "terminated");
        while (api_status(api_watch(other.client, &sessions[i])) == 200)
            cr_assert_lt(clock_monotonic_ms(), until_ms, "the other gateway still lets it watch");
        api_expect_denied(api_watch(other.client, &sessions[i]), 403, "terminated");
    }
    api_fixture_stop(&other);
    admin_fixture_stop(&admin);
}

/* Waits until the gateway says this of its store. */
static void wait_state(struct admin_fixture *admin, const char *state)
{
    int64_t until_ms = clock_monotonic_ms() + 20000;

    for (;;) {
        struct http_answer answer = admin_get(admin->client, "/admin/v1/stats");
        bool is_so = strcmp(http_answer_text(&answer, "store.state"), state) == 0;

        http_answer_done(&answer);
        if (is_so)
            return;
        cr_assert_lt(clock_monotonic_ms(), until_ms, "the store isn't %s", state);
    }
}

Test(redis, ends_a_session_while_redis_is_away_and_it_stays_ended_when_redis_is_back)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=300", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);
    struct http_client *player = admin.api.client;
    struct api_session session = api_admit(player, "f1", "d1", NULL);

    redis_server_pause(admin.api.redis);
    wait_state(&admin, "fallback");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/sessions?family=f1");
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 1, "%s", answer.body);
    http_answer_done(&answer);
    admin_expect_terminated(admin.client, path_of(&session, "?reason=abuse&message=Enough"), 1);
    api_expect_denied(api_watch(player, &session), 403, "terminated");
    api_expect_refused(admin_ask(admin.client, "DELETE", "/admin/v1/families/f1/sessions", NULL),
                       503, "store_unavailable");

    redis_server_resume(admin.api.redis);
    wait_state(&admin, "up");
    api_expect_gone(player, &session, "terminated", NULL);
    cr_expect_eq(redis_server_number(admin.api.redis, "EXISTS session:%s", session.id), 0);
    cr_expect_eq(redis_server_number(admin.api.redis, "EXISTS session_end:%s", session.id), 1);
    json_t *event = admin_event_of(admin.client, "f1", "terminated");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "abuse");
    json_decref(event);
    admin_fixture_stop(&admin);
}
