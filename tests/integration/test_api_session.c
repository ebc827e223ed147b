/* Calls on /v1/sessions/{…}: heartbeat, get, stop. */
#include <string.h>

#include "api_fixture.h"
#include "clock.h"

API_SUITES;

static const char *const every_heartbeat_counts[] = {"GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL=0",
                                                     NULL};

/* A session's 410, whose reason this is. */
static void expect_ended(struct http_answer answer, const char *reason)
{
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), reason, "%s", answer.body);
    cr_expect_null(http_answer_member(&answer, "by"));
    cr_expect_null(http_answer_member(&answer, "message"));
    http_answer_done(&answer);
}

ON_BOTH_STORES(answers_each_of_many_heartbeats_at_once_with_its_own_session)
{
    enum { VIEWERS = 40, ROUNDS = 3 };
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session sessions[VIEWERS];
    struct http_client *clients[VIEWERS];

    for (int i = 0; i < VIEWERS; i++) {
        sessions[i] = api_admit(api.client, api_text("f%d", i), api_text("d%d", i), NULL);
        clients[i] = http_client_new(gateway_process_player(api.gateway));
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < VIEWERS; i++) {
            const char *headers = api_text("%sX-Request-Id: %d-%d\r\n",
                                           api_token_header(sessions[i].token), round, i);
            const char *target =
                api_text("/v1/sessions/%s%s", sessions[i].id, i % 4 == round ? "" : "/heartbeat");

            http_client_send(clients[i], i % 4 == round ? "GET" : "POST", target, headers, NULL);
        }
        for (int i = 0; i < VIEWERS; i++) {
            struct http_answer answer = http_client_read(clients[i]);

            cr_assert_eq(answer.status, 200, "%s", answer.body);
            cr_expect_str_eq(http_answer_text(&answer, "sessionId"), sessions[i].id);
            cr_expect_str_eq(http_answer_header(&answer, "X-Request-Id"),
                             api_text("%d-%d", round, i));
            cr_expect_str_eq(http_answer_header(&answer, "Content-Type"), "application/json");
            cr_expect_str_eq(http_answer_header(&answer, "Cache-Control"), "no-store");
            cr_expect_null(http_answer_header_at(&answer, "Date", 1));
            http_answer_done(&answer);
        }
    }
    for (int i = 0; i < VIEWERS; i++)
        http_client_free(clients[i]);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_heartbeat_answers_with_the_time_that_it_won)
{
    struct api_fixture api = api_fixture_start(store, every_heartbeat_counts);
    struct http_answer created = api_create(api.client, "f1", "d1", NULL);
    struct api_session session;
    bool later = false;

    snprintf(session.id, sizeof session.id, "%s", http_answer_text(&created, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(&created, "token"));
    while (!later) { /* until the clock has gone on */
        struct http_answer answer = api_call(api.client, "POST", &session, "/heartbeat");

        cr_assert_eq(answer.status, 200, "%s", answer.body);
        api_expect_header(&answer, "Content-Type", "application/json");
        cr_expect_eq(json_object_size(answer.json), 4, "%s", answer.body);
        cr_expect_str_eq(http_answer_text(&answer, "sessionId"), session.id);
        cr_expect_eq(http_answer_number(&answer, "ttl"), 300);
        cr_expect_eq(http_answer_number(&answer, "heartbeatInterval"), 60);
        later = strcmp(http_answer_text(&answer, "expiresAt"),
                       http_answer_text(&created, "expiresAt")) > 0;
        http_answer_done(&answer);
    }
    http_answer_done(&created);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_heartbeat_moves_last_heartbeat_and_nothing_else)
{
    struct api_fixture api = api_fixture_start(store, every_heartbeat_counts);
    struct api_session session = api_admit(api.client, "f1", "d1", "'metadata':{'a':[]}");
    struct http_answer before = api_call(api.client, "GET", &session, "");
    bool moved = false;

    while (!moved) {
        cr_assert_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
        struct http_answer after = api_call(api.client, "GET", &session, "");

        moved = strcmp(http_answer_text(&after, "lastHeartbeat"),
                       http_answer_text(&before, "lastHeartbeat")) > 0;
        if (moved) {
            json_object_del(before.json, "lastHeartbeat");
            json_object_del(before.json, "expiresAt");
            json_object_del(after.json, "lastHeartbeat");
            json_object_del(after.json, "expiresAt");
            cr_expect(json_equal(before.json, after.json), "%s became %s", before.body, after.body);
        }
        http_answer_done(&after);
    }
    http_answer_done(&before);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_heartbeat_may_have_a_body)
{
    static const struct {
        const char *headers, *body;
        int status;
    } cases[] = {{NULL, "{}", 200},
                 {"Content-Type: application/json; charset=utf-8\r\n", "{\"x\":[1]}", 200},
                 {NULL, "{", 400},
                 {NULL, "[]", 400},
                 {"Content-Type: text/plain\r\n", "{}", 415}};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(api_status(http_client_ask(
                         api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.id),
                         api_text("%s%s", api_token_header(session.token),
                                  cases[i].headers != NULL ? cases[i].headers : ""),
                         cases[i].body)),
                     cases[i].status, "case %zu", i);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(get_shows_the_session_as_the_create_did_without_token_and_usage)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_answer created =
        api_create(api.client, "f1", "d1",
                   "'deviceName':'Kitchen TV','playerId':'p','mediaTitle':'T','platform':'tvOS',"
                   "'metadata':{'a':{'b':[1,{}]},'c':'ü'}");
    struct api_session session;

    snprintf(session.id, sizeof session.id, "%s", http_answer_text(&created, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(&created, "token"));
    json_object_del(created.json, "token");
    json_object_del(created.json, "usage");

    struct http_answer got = api_call(api.client, "GET", &session, "");
    cr_assert_eq(got.status, 200, "%s", got.body);
    json_object_del(created.json, "expiresAt"); /* rests on what is left of the TTL, to the ms */
    json_object_del(got.json, "expiresAt");
    cr_expect(json_equal(created.json, got.json), "%s became %s", created.body, got.body);
    http_answer_done(&created);
    http_answer_done(&got);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_the_token_in_two_headers_and_in_the_path)
{
    static const struct {
        const char *method, *what;
        int status;
    } calls[] = {
        {"POST", "/heartbeat", 200}, {"GET", "", 200}, {"DELETE", "", 204}, {"POST", "/stop", 204}};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const struct {
        const char *segment;
        const char *headers;
    } ways[] = {
        {session.id, api_token_header(session.token)},
        {session.id, api_text("Authorization: Bearer %s\r\n", session.token)},
        {session.id, api_text("authorization: bearer   %s\r\n", session.token)},
        {session.id,
         api_text("Authorization: Bearer an-app's-own\r\n%s", api_token_header(session.token))},
        {session.token, NULL},
    };

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (size_t j = 0; j < sizeof ways / sizeof ways[0]; j++) {
            char target[1500];

            snprintf(target, sizeof target, "/v1/sessions/%s%s", ways[j].segment, calls[i].what);
            cr_expect_eq(api_status(http_client_ask(api.client, calls[i].method, target,
                                                    ways[j].headers, NULL)),
                         calls[i].status, "%s %s, way %zu", calls[i].method, calls[i].what, j);
        }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_calls_without_the_very_sessions_token)
{
    static const struct {
        const char *method, *what;
    } calls[] = {{"POST", "/heartbeat"}, {"GET", ""}, {"DELETE", ""}, {"POST", "/stop"}};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct api_session other = api_admit(api.client, "f1", "d1", NULL);
    struct api_session mixed = session, forged = session;
    size_t middle = strlen(forged.token) / 2;

    strcpy(mixed.token, other.token);
    forged.token[middle] = forged.token[middle] == 'A' ? 'B' : 'A';
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const char *method = calls[i].method, *what = calls[i].what;

        api_expect_refused(http_client_ask(api.client, method,
                                           api_text("/v1/sessions/%s%s", session.id, what), NULL,
                                           NULL),
                           401, "missing_token");
        api_expect_refused(api_call(api.client, method, &mixed, what), 401, "invalid_token");
        api_expect_refused(api_call(api.client, method, &forged, what), 401, "invalid_token");
        api_expect_refused(http_client_ask(api.client, method,
                                           api_text("/v1/sessions/%s%s", forged.token, what), NULL,
                                           NULL),
                           401, "invalid_token");
        api_expect_refused(http_client_ask(api.client, method,
                                           api_text("/v1/sessions/%s%s", session.id, what),
                                           "X-Stream-Token: no-token\r\n", NULL),
                           401, "invalid_token");
    }
    cr_expect_eq(api_status(api_call(api.client, "GET", &session, "")), 200);
    cr_expect_eq(api_status(api_call(api.client, "GET", &other, "")), 200);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(decodes_a_path_once)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const char *header = api_token_header(session.token);

    cr_expect_eq(
        api_status(http_client_ask(api.client, "GET",
                                   api_text("/v1/sessions/%%%02X%s", session.id[0], session.id + 1),
                                   header, NULL)),
        200);
    api_expect_refused(
        http_client_ask(api.client, "GET",
                        api_text("/v1/sessions/%%25%02X%s", session.id[0], session.id + 1), header,
                        NULL),
        401, "invalid_token");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_stop_is_204_however_often_and_frees_the_place)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    api_admit(api.client, "f1", "d1", NULL);
    for (int i = 0; i < 3; i++) {
        struct http_answer answer = api_call(api.client, "DELETE", &session, "");

        cr_expect_eq(answer.status, 204);
        cr_expect_str_eq(answer.body, "");
        http_answer_done(&answer);
        cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/stop")), 204);
    }
    expect_ended(api_call(api.client, "POST", &session, "/heartbeat"), "stopped");
    expect_ended(api_call(api.client, "GET", &session, ""), "stopped");
    api_admit(api.client, "f1", "d1", NULL);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_stop_ignores_a_body_of_any_type)
{
    static const char *const types[] = {"text/plain;charset=UTF-8", "application/json",
                                        "multipart/form-data; boundary=x", ""};
    struct api_fixture api = api_fixture_start(store, NULL);

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct api_session session = api_admit(api.client, "f1", "d1", NULL);

        cr_expect_eq(api_status(http_client_ask(
                         api.client, "POST", api_text("/v1/sessions/%s/stop", session.token),
                         api_text("Content-Type: %s\r\n", types[i]), "{no JSON")),
                     204, "%s", types[i]);
        expect_ended(api_call(api.client, "GET", &session, ""), "stopped");
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_session_expires_that_is_only_looked_at)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    int64_t since_ms = clock_monotonic_ms();
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer = api_call(api.client, "GET", &session, "");

    cr_expect_eq(http_answer_number(&answer, "ttl"), 1);
    cr_expect_eq(http_answer_number(&answer, "heartbeatInterval"), 1);
    while (answer.status == 200) {
        cr_assert_lt(clock_monotonic_ms() - since_ms, 10000, "it lives on");
        http_answer_done(&answer);
        answer = api_call(api.client, "GET", &session, "");
    }
    cr_expect_geq(clock_monotonic_ms() - since_ms, 900);
    expect_ended(answer, "expired");
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);

    answer = api_create(api.client, "f1", "d1", NULL);
    cr_expect_eq(answer.status, 201, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_session_lives_for_as_long_as_it_has_heartbeats)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    int64_t until_ms = clock_monotonic_ms() + 1800;

    while (clock_monotonic_ms() < until_ms)
        cr_assert_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_token_is_renewed_past_half_of_its_life_and_refused_past_all_of_it)
{
    static const char *const env[] = {"GATEWAY_SESSION_MAX_AGE=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    int64_t since_ms = clock_monotonic_ms();
    struct api_session session = api_admit(api.client, "f1", "d1", NULL), renewed = session;

    renewed.token[0] = '\0';
    while (renewed.token[0] == '\0') {
        struct http_answer answer = api_call(api.client, "POST", &session, "/heartbeat");

        cr_assert_eq(answer.status, 200, "%s", answer.body);
        snprintf(renewed.token, sizeof renewed.token, "%s", http_answer_text(&answer, "token"));
        http_answer_done(&answer);
    }
    cr_expect_geq(clock_monotonic_ms() - since_ms, 490);
    cr_expect_str_neq(renewed.token, session.token);

    struct http_answer answer;
    while ((answer = api_call(api.client, "GET", &session, "")).status == 200)
        http_answer_done(&answer);
    api_expect_problem(&answer, 401, "invalid_token");
    http_answer_done(&answer);
    cr_expect_geq(clock_monotonic_ms() - since_ms, 990);
    api_expect_refused(api_call(api.client, "POST", &session, "/heartbeat"), 401, "invalid_token");
    cr_expect_eq(api_status(api_call(api.client, "POST", &renewed, "/heartbeat")), 200);
    api_fixture_stop(&api);
}
