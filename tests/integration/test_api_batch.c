/* POST /v1/heartbeats: many heartbeats in one request. */
#include <stdlib.h>
#include <string.h>

#include "api_life.h"
#include "buf.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

static struct http_answer send(struct http_client *client, const char *body)
{
    return http_client_ask(client, "POST", "/v1/heartbeats", NULL, body);
}

/* A body of so many tokens, this one again and again, with blanks behind it up to a size. */
static struct buf many(const char *token, size_t count, size_t size)
{
    struct buf body = BUF_EMPTY;

    buf_add_str(&body, "{\"tokens\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&body, "%s\"%s\"", i > 0 ? "," : "", token);
    buf_add_str(&body, "]}");
    while (body.len < size)
        buf_add_char(&body, ' ');
    return body;
}

/* One of the results. */
static void expect_result(const struct http_answer *answer, size_t index, const char *session_id,
                          const char *status, const char *reason)
{
    const json_t *result = http_answer_member(answer, api_text("results.%zu", index));
    const char *id = json_string_value(json_object_get(result, "sessionId"));
    const char *why = json_string_value(json_object_get(result, "reason"));
    bool is_alive = strcmp(status, "alive") == 0;

    cr_assert_not_null(result, "no result %zu: %s", index, answer->body);
    cr_expect_str_eq(json_string_value(json_object_get(result, "status")), status, "result %zu: %s",
                     index, answer->body);
    cr_expect_str_eq(id != NULL ? id : "none", session_id != NULL ? session_id : "none",
                     "result %zu", index);
    cr_expect_str_eq(why != NULL ? why : "none", reason != NULL ? reason : "none", "result %zu: %s",
                     index, answer->body);
    cr_expect_eq(json_string_length(json_object_get(result, "expiresAt")),
                 is_alive ? CLOCK_TEXT_LEN : 0, "result %zu: %s", index, answer->body);
    cr_expect_eq(json_object_size(result), 1 + (session_id != NULL) + (reason != NULL) + is_alive,
                 "result %zu: %s", index, answer->body);
}

ON_BOTH_STORES(answers_for_each_token_in_the_order_asked)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session alive = api_admit(api.client, "f1", "d1", NULL);
    struct api_session stopped = api_admit(api.client, "f1", "d1", NULL);
    struct api_session other = api_admit(api.client, "f2", "d2", NULL);
    struct api_session forged = alive, nonsense = alive, empty = alive, replaced;

    replaced = api_admit(api.client, "f3", "d3", "'playerId':'p'");
    api_admit(api.client, "f3", "d3", "'playerId':'p'");
    cr_assert_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    forged.token[50] = forged.token[50] == 'A' ? 'B' : 'A';
    strcpy(nonsense.token, "nonsense");
    empty.token[0] = '\0';

    const struct api_session *asked[] = {&forged,   &other, &stopped, &nonsense,
                                         &replaced, &alive, &empty,   &alive};
    struct http_answer answer = api_beat_all(api.client, asked, 8);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    api_expect_header(&answer, "Content-Type", "application/json");
    cr_expect_eq(json_object_size(answer.json), 1, "%s", answer.body);
    cr_assert_eq(json_array_size(http_answer_member(&answer, "results")), 8, "%s", answer.body);
    expect_result(&answer, 0, NULL, "invalid", NULL);
    expect_result(&answer, 1, other.id, "alive", NULL);
    expect_result(&answer, 2, stopped.id, "ended", "stopped");
    expect_result(&answer, 3, NULL, "invalid", NULL);
    expect_result(&answer, 4, replaced.id, "ended", "replaced");
    expect_result(&answer, 5, alive.id, "alive", NULL);
    expect_result(&answer, 6, NULL, "invalid", NULL);
    expect_result(&answer, 7, alive.id, "alive", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(moves_last_heartbeat_as_a_heartbeat_does)
{
    static const char *const env[] = {"GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session sessions[] = {api_admit(api.client, "f1", "d1", NULL),
                                     api_admit(api.client, "f2", "d2", NULL)};
    const struct api_session *asked[] = {&sessions[0], &sessions[1]};

    api_wait_tick();
    struct http_answer answer = api_beat_all(api.client, asked, 2);
    for (size_t i = 0; i < 2; i++) {
        struct http_answer got = api_call(api.client, "GET", asked[i], "");
        const char *last = http_answer_text(&got, "lastHeartbeat");

        cr_expect_gt(strcmp(last, http_answer_text(&got, "startedAt")), 0, "%s", got.body);
        expect_result(&answer, i, asked[i]->id, "alive", NULL);
        http_answer_done(&got);
    }
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(revives_those_that_slept_and_have_room)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", "GATEWAY_LIMITS_DEVICE=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session asleep = api_admit(api.client, "f1", "d1", NULL);
    struct api_session ousted = api_admit(api.client, "f2", "d2", NULL);
    const struct api_session *asked[] = {&ousted, &asleep};

    api_wait_expired(api.client, &asleep);
    api_wait_expired(api.client, &ousted);
    api_admit(api.client, "f3", "d2", NULL);
    struct http_answer answer = api_beat_all(api.client, asked, 2);
    expect_result(&answer, 0, ousted.id, "ended", "expired");
    expect_result(&answer, 1, asleep.id, "alive", NULL);
    http_answer_done(&answer);
    cr_expect_eq(api_status(api_call(api.client, "GET", &asleep, "")), 200);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_a_thousand_tokens_and_no_more)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct buf body = many(session.token, 1000, 0);
    struct http_answer answer = send(api.client, buf_text(&body));

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(json_array_size(http_answer_member(&answer, "results")), 1000);
    for (size_t i = 0; i < 1000; i++)
        expect_result(&answer, i, session.id, "alive", NULL);
    http_answer_done(&answer);
    buf_done(&body);

    body = many("x", 1001, 0);
    answer = send(api.client, buf_text(&body));
    api_expect_problem(&answer, 400, "invalid_request");
    api_expect_detail(&answer, "tokens");
    http_answer_done(&answer);
    buf_done(&body);

    answer = send(api.client, "{\"tokens\":[]}");
    cr_expect_str_eq(answer.body, "{\"results\":[]}");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(reads_two_mebibytes_and_no_more)
{
    enum { MOST = 2 * 1024 * 1024 };
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct buf body = many(session.token, 1000, MOST);
    struct http_answer answer = send(api.client, buf_text(&body));

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    expect_result(&answer, 999, session.id, "alive", NULL);
    http_answer_done(&answer);

    buf_add_char(&body, ' ');
    api_expect_refused(send(api.client, buf_text(&body)), 413, "payload_too_large");
    buf_done(&body);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_what_is_no_list_of_tokens)
{
    static const struct {
        const char *headers, *body;
        int status;
        const char *code;
    } cases[] = {
        {NULL, NULL, 400, "invalid_request"},
        {NULL, "{}", 400, "invalid_request"},
        {NULL, "[]", 400, "invalid_request"},
        {NULL, "{\"tokens\":null}", 400, "invalid_request"},
        {NULL, "{\"tokens\":\"x\"}", 400, "invalid_request"},
        {NULL, "{\"tokens\":{}}", 400, "invalid_request"},
        {NULL, "{\"tokens\":[1]}", 400, "invalid_request"},
        {NULL, "{\"tokens\":[\"x\",null]}", 400, "invalid_request"},
        {NULL, "{\"tokens\":[[\"x\"]]}", 400, "invalid_request"},
        {NULL, "{\"tokens\":[", 400, "invalid_json"},
        {"Content-Type: text/plain\r\n", "{\"tokens\":[]}", 415, "unsupported_media_type"},
    };
    struct api_fixture api = api_fixture_start(store, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        api_expect_refused(
            http_client_ask(api.client, "POST", "/v1/heartbeats", cases[i].headers, cases[i].body),
            cases[i].status, cases[i].code);
    api_expect_refused(http_client_ask(api.client, "GET", "/v1/heartbeats", NULL, NULL), 405,
                       "method_not_allowed");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(needs_no_more_than_the_tokens_where_creates_need_a_key)
{
    static const char *const env[] = {API_KEY_MODE, NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit_by_key(api.client, "f1", "d1", NULL);
    const struct api_session *asked[] = {&session};
    struct http_answer answer = api_beat_all(api.client, asked, 1);

    expect_result(&answer, 0, session.id, "alive", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(redis, is_503_in_time_where_redis_does_not_answer_and_can_be_repeated)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=300",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct buf body = many(session.token, 1000, 0);
    int64_t since_ms = clock_monotonic_ms();

    redis_server_pause(api.redis);
    api_expect_refused(send(api.client, buf_text(&body)), 503, "store_unavailable");
    int64_t took_ms = clock_monotonic_ms() - since_ms;
    cr_expect_lt(took_ms, 300 + 700, "it took %lld ms", (long long)took_ms);

    redis_server_resume(api.redis);
    struct http_answer answer;
    while ((answer = send(api.client, buf_text(&body))).status == 503)
        http_answer_done(&answer);
    expect_result(&answer, 999, session.id, "alive", NULL);
    http_answer_done(&answer);
    buf_done(&body);
    api_fixture_stop(&api);
}

Test(redis, one_session_that_cannot_be_read_keeps_no_other_from_its_heartbeat)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session broken = api_admit(api.client, "f1", "d1", NULL);
    struct api_session alive = api_admit(api.client, "f1", "d1", NULL);
    const struct api_session *asked[] = {&broken, &alive};

    redis_server_do(api.redis, "DEL session:%s", broken.id);
    redis_server_do(api.redis, "RPUSH session:%s x", broken.id);
    api_expect_refused(api_call(api.client, "POST", &broken, "/heartbeat"), 500, "internal");
    struct http_answer answer = api_beat_all(api.client, asked, 2);
    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    expect_result(&answer, 0, broken.id, "ended", "internal");
    expect_result(&answer, 1, alive.id, "alive", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}
