/* GET and DELETE on /v1/families/{familyId}/sessions: a family sees its streams, and stops one. */
#include <string.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

static const char *const key_mode[] = {API_KEY_MODE, NULL};

static struct http_answer list(struct http_client *client, const char *family, const char *headers)
{
    return http_client_ask(client, "GET", api_text("/v1/families/%s/sessions", family), headers,
                           NULL);
}

static struct http_answer stop(struct http_client *client, const char *family,
                               const char *session_id, const char *headers)
{
    return http_client_ask(client, "DELETE",
                           api_text("/v1/families/%s/sessions/%s", family, session_id), headers,
                           NULL);
}

/* That an answer lists these sessions, in some order. */
static void expect_listed(struct http_answer answer, const struct api_session *const *sessions,
                          size_t count)
{
    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), count, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), count, "%s",
                 answer.body);
    for (size_t i = 0; i < count; i++)
        cr_expect_not_null(strstr(answer.body, sessions[i]->id), "%s isn't in %s", sessions[i]->id,
                           answer.body);
    http_answer_done(&answer);
}

ON_BOTH_STORES(lists_a_familys_streams_as_documents_without_token)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session first = api_admit(
        api.client, "f1", "d1",
        "'deviceName':'Kitchen TV','platform':'tvOS','mediaTitle':'Blue Planet','playerId':'p',"
        "'metadata':{'a':[]}");
    api_wait_tick();
    struct api_session second = api_admit(api.client, "f1", "d2", NULL);

    api_admit(api.client, "f2", "d1", NULL);
    struct http_answer answer = list(api.client, "f1", NULL);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    api_expect_header(&answer, "Content-Type", "application/json");
    cr_expect_eq(json_object_size(answer.json), 2, "%s", answer.body);
    cr_expect_eq(json_object_size(http_answer_member(&answer, "usage")), 1, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 10, "%s", answer.body);
    cr_assert_eq(json_array_size(http_answer_member(&answer, "sessions")), 2, "%s", answer.body);
    cr_expect_null(strstr(answer.body, "token"), "%s", answer.body);

    /* the longest silent first; each as the player sees it, but for how long it has been silent */
    const struct api_session *listed[] = {&first, &second};
    for (size_t i = 0; i < 2; i++) {
        struct http_answer own = api_call(api.client, "GET", listed[i], "");
        json_t *entry = json_deep_copy(http_answer_member(&answer, api_text("sessions.%zu", i)));

        cr_expect_geq(json_integer_value(json_object_get(entry, "idleSeconds")), 0);
        json_object_del(entry, "idleSeconds");
        json_object_del(entry, "expiresAt"); /* rests on what is left of the TTL, to the ms */
        json_object_del(own.json, "expiresAt");
        cr_expect(json_equal(entry, own.json), "%s isn't in %s", own.body, answer.body);
        json_decref(entry);
        http_answer_done(&own);
    }
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(lists_nothing_of_a_family_that_watches_nothing)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct http_answer answer = list(api.client, "nobody", NULL);

    cr_expect_str_eq(answer.body,
                     api_json("{'usage':{'family':{'active':0,'limit':null}},'sessions':[]}"));
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(lets_in_who_may_create_and_who_holds_a_live_token_of_the_family)
{
    struct api_fixture api = api_fixture_start(store, key_mode);
    struct api_session ours = api_admit_by_key(api.client, "f1", "d1", NULL);
    struct api_session stopped = api_admit_by_key(api.client, "f1", "d1", NULL);
    struct api_session theirs = api_admit_by_key(api.client, "f2", "d2", NULL);
    struct api_session forged = ours;
    const struct api_session *const only_ours[] = {&ours};

    forged.token[50] = forged.token[50] == 'A' ? 'B' : 'A';
    cr_assert_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    expect_listed(list(api.client, "f1", API_KEY_HEADER), only_ours, 1);
    expect_listed(list(api.client, "f1", api_token_header(ours.token)), only_ours, 1);

    const struct {
        const char *name;  /* of a header, and how it begins */
        const char *value; /* the rest of it */
        int status;
        const char *code;
    } refused[] = {
        {"Accept:", "none", 401, "unauthorized"},
        {"Authorization: Bearer", "no-such-key", 401, "unauthorized"},
        {"Authorization: Bearer", ours.token, 401, "unauthorized"},
        {"X-Stream-Token:", "no-token", 401, "invalid_token"},
        {"X-Stream-Token:", forged.token, 401, "invalid_token"},
        {"X-Stream-Token:", theirs.token, 403, "forbidden"},
        {"X-Stream-Token:", stopped.token, 403, "forbidden"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *headers = api_text("%s %s\r\n", refused[i].name, refused[i].value);

        api_expect_refused(list(api.client, "f1", headers), refused[i].status, refused[i].code);
        api_expect_refused(stop(api.client, "f1", ours.id, headers), refused[i].status,
                           refused[i].code);
    }
    api_expect_alive(api.client, &ours);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_token_is_judged_where_everybody_may_create_too)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session ours = api_admit(api.client, "f1", "d1", NULL);
    struct api_session theirs = api_admit(api.client, "f2", "d1", NULL);

    cr_expect_eq(api_status(list(api.client, "f1", api_token_header(ours.token))), 200);
    api_expect_refused(list(api.client, "f1", api_token_header(theirs.token)), 403, "forbidden");
    api_expect_refused(list(api.client, "f1", "X-Stream-Token: x\r\n"), 401, "invalid_token");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_a_familys_call_through_a_proxy_where_nobody_has_said_who_may)
{
    static const char *const env[] = {"GATEWAY_AUTH_MODE", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session ours = api_admit(api.client, "f1", "d1", NULL);
    const char *proxied = "X-Forwarded-For: 203.0.113.7\r\n";

    cr_expect_eq(api_status(list(api.client, "f1", NULL)), 200);
    struct http_answer answer = list(api.client, "f1", proxied);
    api_expect_problem(&answer, 401, "unauthorized");
    api_expect_detail(&answer, "auth.mode");
    http_answer_done(&answer);
    api_expect_refused(stop(api.client, "f1", ours.id, proxied), 401, "unauthorized");

    /* a player's own token is a credential however it comes */
    const char *both = api_text("%sX-Stream-Token: %s\r\n", proxied, ours.token);
    cr_expect_eq(api_status(list(api.client, "f1", both)), 200);
    cr_expect_eq(api_status(stop(api.client, "f1", ours.id, both)), 204);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_family_stops_one_of_its_streams)
{
    struct api_fixture api = api_fixture_start(store, key_mode);
    struct api_session phone = api_admit_by_key(api.client, "f1", "d1", NULL);
    struct api_session tv = api_admit_by_key(api.client, "f1", "d1", NULL);
    struct api_session tablet = api_admit_by_key(api.client, "f1", "d2", NULL);

    cr_expect_eq(api_status(api_watch(api.client, &tv)), 200);
    struct http_answer answer = stop(api.client, "f1", tv.id, api_token_header(phone.token));
    cr_expect_eq(answer.status, 204, "%s", answer.body);
    cr_expect_eq(answer.body_len, 0);
    http_answer_done(&answer);
    api_expect_gone(api.client, &tv, "stopped", NULL);
    cr_expect_eq(api_status(stop(api.client, "f1", tv.id, api_token_header(phone.token))), 204,
                 "one that had ended before");

    cr_expect_eq(api_status(stop(api.client, "f1", tablet.id, API_KEY_HEADER)), 204);
    api_expect_gone(api.client, &tablet, "stopped", NULL);
    api_expect_alive(api.client, &phone);

    /* its place is free on the device and in the family */
    answer = api_create_by_key(api.client, "f1", "d1", NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    http_answer_done(&answer);

    /* a family may stop the stream that it asks by, which is then no credential any more */
    cr_expect_eq(api_status(stop(api.client, "f1", phone.id, api_token_header(phone.token))), 204);
    api_expect_refused(list(api.client, "f1", api_token_header(phone.token)), 403, "forbidden");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_strangers_session_is_not_found_and_lives_on)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session ours = api_admit(api.client, "f1", "d1", NULL);
    struct api_session theirs = api_admit(api.client, "f2", "d1", NULL);

    api_expect_refused(stop(api.client, "f1", theirs.id, NULL), 404, "not_found");
    api_expect_refused(stop(api.client, "f1", theirs.id, api_token_header(ours.token)), 404,
                       "not_found");
    api_expect_refused(stop(api.client, "f1", "nonsense", NULL), 404, "not_found");
    api_expect_refused(stop(api.client, "f1", ours.token, NULL), 404, "not_found");
    api_expect_alive(api.client, &theirs);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(what_a_family_stopped_while_it_slept_stays_ended)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session asleep = api_admit(api.client, "f1", "d1", NULL);
    struct api_session other = api_admit(api.client, "f1", "d1", NULL);

    api_wait_expired(api.client, &asleep);
    api_wait_expired(api.client, &other);
    cr_expect_eq(api_status(stop(api.client, "f1", asleep.id, NULL)), 204);
    api_expect_gone(api.client, &asleep, "stopped", NULL);
    api_expect_alive(api.client, &other); /* it had but slept */
    api_fixture_stop(&api);
}

/* Waits until no set counts a session any more, though another keeps the sets. */
static void expect_uncounted(struct api_fixture *api, const struct api_session *asleep,
                             const struct api_session *awake)
{
    int64_t since_ms = clock_monotonic_ms();

    while (redis_server_number(api->redis, "SISMEMBER family_streams:f1 %s", asleep->id) +
               redis_server_number(api->redis, "SISMEMBER device_streams:d1 %s", asleep->id) >
           0) {
        api_expect_alive(api->client, awake);
        cr_assert_lt(clock_monotonic_ms() - since_ms, 6000, "it is still counted");
    }
}

Test(redis, what_was_stopped_while_it_slept_is_counted_no_more)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", "GATEWAY_LIMITS_DEVICE=3", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session asleep[] = {api_admit(api.client, "f1", "d1", NULL),
                                   api_admit(api.client, "f1", "d1", NULL)};
    struct api_session awake = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < 2; i++)
        redis_server_do(api.redis, "DEL session:%s", asleep[i].id);
    cr_expect_eq(api_status(stop(api.client, "f1", asleep[0].id, NULL)), 204);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &asleep[1], "")), 204);
    expect_uncounted(&api, &asleep[0], &awake);
    expect_uncounted(&api, &asleep[1], &awake);

    /* and told of, as having expired */
    redisReply *events = redis_server_command(api.redis, "XRANGE stream_events - +");
    size_t expired = 0;
    for (size_t i = 0; i < events->elements; i++)
        expired += strcmp(events->element[i]->element[1]->element[1]->str, "expired") == 0;
    cr_expect_eq(expired, 2, "%zu", expired);
    freeReplyObject(events);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(reads_a_familys_id_percent_decoded_once)
{
    static const struct {
        const char *id;   /* in JSON */
        const char *path; /* the same in a path */
    } families[] = {{"Fam ily/1?", "Fam%20ily%2F1%3F"},
                    {"100%25", "100%2525"},
                    {"Gr\u00fc\u00dfe", "Gr%C3%BC%c3%9fe"},
                    {"a..b", "a%2e.b"}};
    struct api_fixture api = api_fixture_start(store, NULL);

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        struct api_session session = api_admit(api.client, families[i].id, "d", NULL);
        const struct api_session *const only[] = {&session};

        expect_listed(list(api.client, families[i].path, api_token_header(session.token)), only, 1);
        cr_expect_eq(api_status(stop(api.client, families[i].path, session.id, NULL)), 204, "%s",
                     families[i].id);
        api_expect_gone(api.client, &session, "stopped", NULL);
    }
    api_expect_refused(list(api.client, "a%00b", NULL), 400, "invalid_request");
    api_expect_refused(list(api.client, "a%0Ab", NULL), 400, "invalid_request");
    api_expect_refused(list(api.client, "%FF", NULL), 400, "invalid_request");
    api_fixture_stop(&api);
}

Test(redis, a_familys_calls_are_503_where_redis_does_not_answer)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=200",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    redis_server_pause(api.redis);
    api_expect_refused(list(api.client, "f1", NULL), 503, "store_unavailable");
    api_expect_refused(list(api.client, "f1", api_token_header(session.token)), 503,
                       "store_unavailable");
    api_expect_refused(stop(api.client, "f1", session.id, NULL), 503, "store_unavailable");
    redis_server_resume(api.redis);
    api_fixture_stop(&api);
}
