/* mediaId in a heartbeat: the viewer zaps, and the running session changes its title. */
#include <stdlib.h>
#include <string.h>

#include "api_life.h"
#include "redis_server.h"

API_SUITES;

static struct http_answer zap_with(struct http_client *client, const struct api_session *session,
                                   const char *headers, const char *body)
{
    return http_client_ask(client, "POST", api_text("/v1/sessions/%s/heartbeat", session->id),
                           api_text("%s%s", api_token_header(session->token), headers), body);
}

/* Zaps to a title, with the token that the answer must carry. */
static struct api_session zap(struct http_client *client, const struct api_session *session,
                              const char *headers, const char *media_id, const char *title)
{
    struct api_session zapped = *session;
    struct http_answer answer =
        zap_with(client, session, headers,
                 title == NULL ? api_json("{'mediaId':'%s'}", media_id)
                               : api_json("{'mediaId':'%s','mediaTitle':'%s'}", media_id, title));

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_expect_eq(json_object_size(answer.json), 5, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "sessionId"), session->id, "%s", answer.body);
    cr_expect_eq(strlen(http_answer_text(&answer, "expiresAt")), 24, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "ttl"), 300, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "heartbeatInterval"), 60, "%s", answer.body);
    snprintf(zapped.token, sizeof zapped.token, "%s", http_answer_text(&answer, "token"));
    cr_expect_str_neq(zapped.token, "", "no new token: %s", answer.body);
    cr_expect_str_neq(zapped.token, session->token);
    http_answer_done(&answer);
    return zapped;
}

ON_BOTH_STORES(a_zap_changes_the_title_and_nothing_else_of_a_session)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session old = api_admit(
        api.client, "f1", "d1",
        "'deviceName':'TV','platform':'tvOS','playerId':'p','metadata':{'a':[],'b':1.50}");
    struct http_answer before = api_call(api.client, "GET", &old, "");
    struct api_session new = zap(api.client, &old, "", "m2", "Blue Planet");
    struct http_answer after = api_call(api.client, "GET", &new, "");

    cr_assert_eq(after.status, 200, "%s", after.body);
    cr_expect_str_eq(http_answer_text(&after, "mediaId"), "m2", "%s", after.body);
    cr_expect_str_eq(http_answer_text(&after, "mediaTitle"), "Blue Planet", "%s", after.body);
    for (size_t i = 0; i < 4; i++) {
        static const char *const changed[] = {"mediaId", "mediaTitle", "expiresAt",
                                              "lastHeartbeat"};

        json_object_del(before.json, changed[i]);
        json_object_del(after.json, changed[i]);
    }
    cr_expect(json_equal(before.json, after.json), "%s became %s", before.body, after.body);
    http_answer_done(&before);
    http_answer_done(&after);

    /* the place is the same one, which others are told of by its new title */
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "active"), 1, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.mediaId"), "m2", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.mediaTitle"), "Blue Planet", "%s",
                     answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(both_tokens_of_a_session_that_zapped_lead_to_the_new_title)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session old = api_admit(api.client, "f1", "d1", NULL);

    api_expect_allowed(api_watch(api.client, &old), &old, "m1");
    struct api_session new = zap(api.client, &old, "", "m 2/\u00e9", NULL);
    api_expect_allowed(api_watch(api.client, &new), &new, "m%202/%C3%A9");
    api_expect_allowed(api_watch(api.client, &old), &new, "m%202/%C3%A9");
    api_expect_alive(api.client, &old);
    api_expect_alive(api.client, &new);

    /* again and again, by whichever token */
    struct api_session newer = zap(api.client, &old, "", "m3", NULL);
    api_expect_allowed(api_watch(api.client, &new), &new, "m3");
    zap(api.client, &newer, "", "m1", NULL);
    api_expect_allowed(api_watch(api.client, &newer), &new, "m1");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_heartbeat_without_a_title_is_no_zap)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer = zap_with(api.client, &session, "", "{\"other\":1}");

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_expect_null(http_answer_member(&answer, "token"), "%s", answer.body);
    http_answer_done(&answer);
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_zap_needs_a_creates_credentials_and_the_token)
{
    static const char *const env[] = {API_KEY_MODE, NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit_by_key(api.client, "f1", "d1", NULL);
    const char *body = "{\"mediaId\":\"m2\"}";

    api_expect_refused(zap_with(api.client, &session, "", body), 401, "unauthorized");
    api_expect_refused(
        zap_with(api.client, &session, "Authorization: Bearer no-such-key\r\n", body), 401,
        "unauthorized");
    api_expect_refused(
        http_client_ask(api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.id),
                        api_text("Authorization: Bearer %s\r\n", session.token), body),
        401, "unauthorized");
    api_expect_refused(http_client_ask(api.client, "POST",
                                       api_text("/v1/sessions/%s/heartbeat", session.id),
                                       API_KEY_HEADER, body),
                       401, "missing_token");
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");

    /* a heartbeat that doesn't zap needs the token alone */
    api_expect_alive(api.client, &session);

    struct api_session zapped = zap(api.client, &session, API_KEY_HEADER, "m2", NULL);
    api_expect_allowed(api_watch(api.client, &zapped), &session, "m2");
    struct http_answer answer =
        http_client_ask(api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.token),
                        API_KEY_HEADER, "{\"mediaId\":\"m3\"}");
    cr_expect_eq(answer.status, 200, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_allowed(api_watch(api.client, &zapped), &session, "m3");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_no_bearer_for_a_zaps_token_where_everybody_may_create)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    api_expect_refused(http_client_ask(api.client, "POST",
                                       api_text("/v1/sessions/%s/heartbeat", session.id),
                                       api_text("Authorization: Bearer %s\r\n", session.token),
                                       "{\"mediaId\":\"m2\"}"),
                       401, "missing_token");
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_a_title_that_is_none)
{
    static const char *const bodies[] = {
        "{'mediaId':1}",  "{'mediaId':null}",    "{'mediaId':['m2']}",
        "{'mediaId':''}", "{'mediaId':'a\\nb'}", "{'mediaId':'m2','mediaTitle':1}",
    };
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    char longest[129], body[256];

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_answer answer = zap_with(api.client, &session, "", api_json("%s", bodies[i]));

        api_expect_problem(&answer, 400, "invalid_request");
        api_expect_detail(&answer, "media");
        http_answer_done(&answer);
    }
    memset(longest, 'm', 128);
    longest[128] = '\0';
    snprintf(body, sizeof body, "{\"mediaId\":\"%sm\"}", longest);
    api_expect_refused(zap_with(api.client, &session, "", body), 400, "invalid_request");
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");
    zap(api.client, &session, "", longest, NULL);
    api_expect_allowed(api_watch(api.client, &session), &session, longest);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(what_has_ended_is_not_zapped)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    cr_assert_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    api_expect_ended(zap_with(api.client, &session, "", "{\"mediaId\":\"m2\"}"), "stopped", NULL);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_zap_revives_what_slept)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=2", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    api_wait_expired(api.client, &session);
    cr_expect_eq(
        api_status(zap_with(api.client, &session, "", "{\"mediaId\":\"m2\",\"mediaTitle\":\"T\"}")),
        200);
    struct http_answer answer = api_call(api.client, "GET", &session, "");
    cr_expect_str_eq(http_answer_text(&answer, "mediaId"), "m2", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "mediaTitle"), "T", "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(redis, a_zap_keeps_what_another_program_wrote_into_the_session)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    redis_server_do(
        api.redis, "SET session:%s %s PX 100000", session.id,
        "{\"lastHeartbeat\":\"2026-01-01T00:00:00.000Z\",\"userId\":\"u1\","
        "\"mediaId\":\"m1\",\"deviceId\":\"d1\",\"familyId\":\"f1\","
        "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"cdn\":[],\"n\":10000000000000001}");
    zap(api.client, &session, "", "m2", NULL);
    api_expect_allowed(api_watch(api.client, &session), &session, "m2");
    char *value = redis_server_text(api.redis, "GET session:%s", session.id);
    cr_expect_not_null(strstr(value, "\"cdn\":[]"), "%s", value);
    cr_expect_not_null(strstr(value, "\"n\":10000000000000001"), "%s", value);
    free(value);
    api_fixture_stop(&api);
}
