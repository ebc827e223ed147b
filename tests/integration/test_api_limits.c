/* POST /v1/sessions where there is no room: 409, and giving up streams for a new one. */
#include <string.h>

#include "api_fixture.h"
#include "clock.h"

API_SUITES;

static const char *const every_heartbeat_counts[] = {"GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL=0",
                                                     NULL};

/* A time that a session's document tells, in ms. */
static int64_t time_of(struct http_client *client, const struct api_session *session,
                       const char *member)
{
    struct http_answer answer = api_call(client, "GET", session, "");
    const char *text = http_answer_text(&answer, member);
    int64_t wall_ms = 0;

    cr_assert_eq(clock_parse(text, strlen(text), &wall_ms), 0, "%s", answer.body);
    http_answer_done(&answer);
    return wall_ms;
}

/* Heartbeats until the session's last sign of life is later than another one's. */
static void outlive(struct http_client *client, const struct api_session *session,
                    const struct api_session *other)
{
    int64_t since = time_of(client, other, "lastHeartbeat");

    /* by 2 ms, since a store may order by one clock and show another */
    do
        cr_assert_eq(api_status(api_call(client, "POST", session, "/heartbeat")), 200);
    while (time_of(client, session, "lastHeartbeat") < since + 2);
}

ON_BOTH_STORES(refuses_the_third_stream_of_a_device_and_lists_those_in_the_way)
{
    struct api_fixture api = api_fixture_start(store, every_heartbeat_counts);
    struct api_session first = api_admit(
        api.client, "f1", "d1",
        "'deviceName':'Kitchen TV','platform':'tvOS','mediaTitle':'Blue Planet','playerId':'p'");
    struct api_session second = api_admit(api.client, "f1", "d1", NULL);

    api_admit(api.client, "f1", "d2", NULL);
    outlive(api.client, &first, &second);

    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_str_eq(http_answer_text(&answer, "limit"), "device");
    cr_expect_eq(http_answer_number(&answer, "max"), 2);
    cr_expect_eq(http_answer_number(&answer, "active"), 2);
    cr_assert_eq(json_array_size(http_answer_member(&answer, "sessions")), 2, "%s", answer.body);

    /* the longest silent first; of each what a viewer chooses by, and no more */
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.sessionId"), second.id);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.sessionId"), first.id);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.deviceId"), "d1");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.deviceName"), "Kitchen TV");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.platform"), "tvOS");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.mediaId"), "m1");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.mediaTitle"), "Blue Planet");
    cr_expect_eq(strlen(http_answer_text(&answer, "sessions.1.startedAt")), 24);
    cr_expect_eq(strlen(http_answer_text(&answer, "sessions.1.lastHeartbeat")), 24);
    cr_expect_geq(http_answer_number(&answer, "sessions.1.idleSeconds"), 0);
    cr_expect_eq(json_object_size(http_answer_member(&answer, "sessions.1")), 9, "%s", answer.body);
    cr_expect_eq(json_object_size(http_answer_member(&answer, "sessions.0")), 6, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_the_eleventh_stream_of_a_family)
{
    struct api_fixture api = api_fixture_start(store, every_heartbeat_counts);

    struct api_session first = api_admit(api.client, "f1", "d0", NULL), last = first;

    for (int i = 1; i < 10; i++)
        last = api_admit(api.client, "f1", api_text("d%d", i), NULL);
    outlive(api.client, &first, &last);
    struct http_answer answer = api_create(api.client, "f1", "another", NULL);
    api_expect_problem(&answer, 409, "family_limit");
    cr_expect_str_eq(http_answer_text(&answer, "limit"), "family");
    cr_expect_eq(http_answer_number(&answer, "max"), 10);
    cr_expect_eq(http_answer_number(&answer, "active"), 10);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 10);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.9.sessionId"), first.id);
    http_answer_done(&answer);
    cr_expect_eq(api_status(api_create(api.client, "f2", "another", NULL)), 201);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(reports_the_device_where_both_limits_are_reached)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=2", NULL};
    struct api_fixture api = api_fixture_start(store, env);

    api_admit(api.client, "f1", "d1", NULL);
    api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 2);
    http_answer_done(&answer);
    api_expect_refused(api_create(api.client, "f1", "d2", NULL), 409, "family_limit");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(shows_other_families_streams_on_the_device_as_other_alone)
{
    struct api_fixture api = api_fixture_start(store, every_heartbeat_counts);
    struct api_session ours = api_admit(api.client, "f1", "d1", NULL);
    struct api_session theirs = api_admit(api.client, "f2", "d1", "'deviceName':'secret'");

    outlive(api.client, &theirs, &ours);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "active"), 2);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.sessionId"), ours.id);
    cr_expect_not_null(strstr(answer.body, api_json(",{'other':true}]")), "%s", answer.body);
    cr_expect_null(strstr(answer.body, theirs.id));
    cr_expect_null(strstr(answer.body, "secret"));
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_refused_create_ends_nothing_and_takes_no_place)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session first = api_admit(api.client, "f1", "d1", NULL);
    struct api_session second = api_admit(api.client, "f1", "d1", NULL);

    for (int i = 0; i < 3; i++)
        api_expect_refused(api_create(api.client, "f1", "d1", NULL), 409, "device_limit");
    cr_expect_eq(api_status(api_call(api.client, "GET", &first, "")), 200);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &second, "")), 204);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    cr_expect_eq(answer.status, 201, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(gives_up_the_streams_that_replace_names)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session here = api_admit(api.client, "f1", "d1", NULL);
    struct api_session there = api_admit(api.client, "f1", "d2", NULL);
    struct api_session kept = api_admit(api.client, "f1", "d1", NULL);

    struct http_answer answer =
        api_create(api.client, "f1", "d1",
                   api_text("'deviceName':'Phone','replace':['%s','%s']", here.id, there.id));
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    http_answer_done(&answer);

    const struct api_session *gone[] = {&here, &there};
    for (size_t i = 0; i < 2; i++) {
        answer = api_call(api.client, "POST", gone[i], "/heartbeat");
        api_expect_problem(&answer, 410, "session_ended");
        cr_expect_str_eq(http_answer_text(&answer, "reason"), "replaced");
        cr_expect_str_eq(http_answer_text(&answer, "by"), "Phone");
        http_answer_done(&answer);
    }
    cr_expect_eq(api_status(api_call(api.client, "POST", &kept, "/heartbeat")), 200);

    /* the place on the other device is free again */
    api_admit(api.client, "f1", "d2", NULL);
    api_admit(api.client, "f1", "d2", NULL);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(says_by_which_device_a_stream_was_replaced_where_that_has_no_name)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session old = api_admit(api.client, "f1", "d1", NULL);

    api_admit(api.client, "f1", "d2", api_text("'replace':['%s']", old.id));
    struct http_answer answer = api_call(api.client, "GET", &old, "");
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "by"), "d2");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(passes_over_in_replace_what_is_gone_or_a_strangers)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session stopped = api_admit(api.client, "f1", "d1", NULL);
    struct api_session strangers = api_admit(api.client, "f2", "d1", NULL);

    cr_expect_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    api_admit(api.client, "f1", "d1",
              api_text("'replace':['%s','%s','AAAAAAAAAAAAAAAAAAAAAA']", stopped.id, strangers.id));
    cr_expect_eq(api_status(api_call(api.client, "POST", &strangers, "/heartbeat")), 200);
    struct http_answer answer = api_call(api.client, "GET", &stopped, "");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "stopped", "%s", answer.body);
    http_answer_done(&answer);

    /* a stranger's stream on the full device can't be had by naming it */
    api_expect_refused(
        api_create(api.client, "f1", "d1", api_text("'replace':['%s']", strangers.id)), 409,
        "device_limit");
    cr_expect_eq(api_status(api_call(api.client, "POST", &strangers, "/heartbeat")), 200);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(ends_nothing_that_replace_names_where_there_is_no_room_even_so)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session elsewhere = api_admit(api.client, "f1", "d2", NULL);

    api_admit(api.client, "f1", "d1", NULL);
    api_admit(api.client, "f1", "d1", NULL);
    api_expect_refused(
        api_create(api.client, "f1", "d1", api_text("'replace':['%s']", elsewhere.id)), 409,
        "device_limit");
    cr_expect_eq(api_status(api_call(api.client, "POST", &elsewhere, "/heartbeat")), 200);
    api_fixture_stop(&api);
}

/* A JSON array of as many sessionIds that nobody has. */
static void write_ids(char *ret_text, size_t size, int count)
{
    size_t len = 0;

    ret_text[0] = '\0';
    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(ret_text + len, size - len, "%s'AAAAAAAAAAAAAAAAAAAA%02d'",
                                i > 0 ? "," : "", i);
}

ON_BOTH_STORES(replaces_sixteen_streams_at_once_and_no_more)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    char ids[1024];

    write_ids(ids, sizeof ids, 16);
    cr_expect_eq(api_status(api_create(api.client, "f1", "d1", api_text("'replace':[%s]", ids))),
                 201);
    write_ids(ids, sizeof ids, 17);
    struct http_answer answer = api_create(api.client, "f1", "d1", api_text("'replace':[%s]", ids));
    api_expect_problem(&answer, 400, "invalid_request");
    api_expect_detail(&answer, "replace");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}
