/* /admin/v1/families/{id} and its sessions: an operator looks at a family, and ends all that it watches. */
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "clock.h"

API_SUITES;

ON_BOTH_STORES(shows_who_watches_of_how_many_and_what_happened)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=3", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *player = admin.api.client;
    struct api_session stopped = api_admit(player, "f1", "d1", NULL);
    struct api_session first = api_admit(player, "f1", "d1", "'mediaTitle':'Blue Planet'");
    struct http_answer answer;

    api_wait_tick();
    struct api_session second = api_admit(player, "f1", "d2", NULL);
    api_admit(player, "f2", "d3", NULL);
    api_expect_refused(api_create(player, "f1", "d1", NULL), 409, "device_limit");
    cr_expect_eq(api_status(api_call(player, "DELETE", &stopped, "")), 204);

    answer = admin_get(admin.client, "/admin/v1/families/f1");
    cr_expect_eq(json_object_size(answer.json), 6, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "familyId"), "f1");
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 3, "%s", answer.body);
    cr_expect_eq(json_object_size(http_answer_member(&answer, "usage")), 1, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "limits.source"), "settings", "%s", answer.body);
    cr_expect(json_is_null(http_answer_member(&answer, "blocked")), "%s", answer.body);
    cr_assert_eq(json_array_size(http_answer_member(&answer, "sessions")), 2, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.sessionId"), first.id);
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.mediaTitle"), "Blue Planet");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.1.sessionId"), second.id);
    cr_expect_geq(http_answer_number(&answer, "sessions.1.idleSeconds"), 0);
    cr_expect_null(strstr(answer.body, "token"), "%s", answer.body);

    /* the newest first, none of another family */
    static const char *const types[] = {"stopped", "denied", "started", "started", "started"};
    const json_t *events = http_answer_member(&answer, "events");
    cr_assert_eq(json_array_size(events), 5, "%s", answer.body);
    for (size_t i = 0; i < 5; i++) {
        const json_t *event = json_array_get(events, i);

        cr_expect_str_eq(json_string_value(json_object_get(event, "type")), types[i], "%s",
                         answer.body);
        cr_expect_str_eq(json_string_value(json_object_get(event, "familyId")), "f1");
        cr_expect_eq(json_string_length(json_object_get(event, "time")), 24);
        cr_expect(json_is_string(json_object_get(event, "id")));
    }
    cr_expect_str_eq(http_answer_text(&answer, "events.1.cause"), "device_limit");
    cr_expect_null(http_answer_member(&answer, "events.0.by"), "no operator did it: %s",
                   answer.body);
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(shows_a_family_of_which_nothing_is_known)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_answer answer = admin_get(admin.client, "/admin/v1/families/Fam%20ily%2F1");

    cr_expect_str_eq(http_answer_text(&answer, "familyId"), "Fam ily/1", "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 0, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 0, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "events")), 0, "%s", answer.body);
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(shows_the_latest_fifty_events_whatever_others_have_done_since)
{
    static const char *const env[] = {"GATEWAY_RATE_LIMIT_CREATE=0", "GATEWAY_LIMITS_DEVICE=0",
                                      "GATEWAY_LIMITS_FAMILY=1", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *player = admin.api.client;

    api_admit(player, "f1", "d1", NULL);
    api_admit(player, "f2", "d1", NULL);
    for (int i = 0; i < 70; i++)
        api_expect_refused(api_create(player, "f1", "d1", NULL), 409, "family_limit");
    for (int i = 0; i < 1200; i++) /* more than is looked at in one go */
        api_expect_refused(api_create(player, "f2", "d1", NULL), 409, "family_limit");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/families/f1");
    const json_t *events = http_answer_member(&answer, "events");
    cr_assert_eq(json_array_size(events), 50, "%zu", json_array_size(events));
    for (size_t i = 0; i < 50; i++)
        cr_expect_str_eq(json_string_value(json_object_get(json_array_get(events, i), "familyId")),
                         "f1");
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(ends_all_streams_of_a_family_and_no_others)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    struct api_session first = api_admit(player, "f1", "d1", NULL);
    struct api_session second = api_admit(player, "f1", "d2", NULL);
    struct api_session other = api_admit(player, "f2", "d1", NULL);

    cr_expect_eq(api_status(api_watch(player, &first)), 200);
    admin_expect_terminated(admin.client,
                            "/admin/v1/families/f1/sessions?reason=abuse&message=Call%20us", 2);
    api_expect_gone(player, &first, "terminated", NULL);
    struct http_answer answer = api_call(player, "POST", &second, "/heartbeat");
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "message"), "Call us", "%s", answer.body);
    http_answer_done(&answer);
    api_expect_alive(player, &other);
    admin_expect_terminated(admin.client, "/admin/v1/families/f1/sessions", 0);

    json_t *event = admin_event_of(admin.client, "f1", "terminated");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "abuse");
    json_decref(event);

    /* it was no block: new ones are let in */
    api_admit(player, "f1", "d1", NULL);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_block_lasts_until_it_is_lifted_and_is_shown_with_its_message)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    const char *const path = "/admin/v1/families/f1/sessions";
    int64_t now_ms = clock_wall_ms();
    int64_t until_ms;

    api_admit(player, "f1", "d1", NULL);
    admin_expect_terminated(admin.client,
                            api_text("%s?block=3600&reason=fraud&message=Unpaid%%20bill", path), 1);
    struct http_answer answer = api_create(player, "f1", "d1", NULL);
    api_expect_problem(&answer, 403, "forbidden");
    api_expect_detail(&answer, "Unpaid bill");
    http_answer_done(&answer);
    api_admit(player, "f2", "d1", NULL);

    answer = admin_get(admin.client, "/admin/v1/families/f1");
    const char *until = http_answer_text(&answer, "blocked.until");
    cr_assert_eq(clock_parse(until, strlen(until), &until_ms), 0, "%s", answer.body);
    cr_expect_lt(llabs(until_ms - now_ms - 3600000), 60000, "%s", until);
    cr_expect_str_eq(http_answer_text(&answer, "blocked.message"), "Unpaid bill");
    http_answer_done(&answer);
    json_t *event = admin_event_of(admin.client, "f1", "blocked");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "fraud");
    json_decref(event);

    /* a termination that doesn't speak of it leaves it */
    admin_expect_terminated(admin.client, path, 0);
    api_expect_refused(api_create(player, "f1", "d1", NULL), 403, "forbidden");

    admin_expect_terminated(admin.client, api_text("%s?block=0&reason=paid", path), 0);
    api_admit(player, "f1", "d1", NULL);
    answer = admin_get(admin.client, "/admin/v1/families/f1");
    cr_expect(json_is_null(http_answer_member(&answer, "blocked")), "%s", answer.body);
    http_answer_done(&answer);
    event = admin_event_of(admin.client, "f1", "unblocked");
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "paid");
    json_decref(event);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(every_change_is_one_line_of_the_log)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    size_t lines = 0;

    api_admit(admin.api.client, "f 1", "d1", NULL);
    admin_expect_terminated(admin.client,
                            "/admin/v1/families/f%201/sessions?reason=a%20b&block=60&message=m", 1);
    admin_expect_terminated(admin.client, "/admin/v1/families/f%201/sessions?block=0", 0);
    gateway_process_wait_log(admin.api.gateway, "unblocked");
    char *log = gateway_process_log(admin.api.gateway);
    for (const char *at = log; (at = strstr(at, "change=")) != NULL; at++)
        lines++;
    cr_expect_eq(lines, 2, "%s", log);
    cr_expect_not_null(strstr(log, "by=ops change=terminate_all family=\"f 1\" reason=\"a b\" "
                                   "outcome=\"1 ended, blocked for 60 s\" code=ok id="),
                       "%s", log);
    free(log);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(refuses_what_is_no_family_or_no_order)
{
    static const struct {
        const char *method, *target, *name;
    } cases[] = {
        {"GET", "/admin/v1/families/a%0Ab", "familyId: "},
        {"DELETE", "/admin/v1/families/%FF/sessions", "familyId: "},
        {"GET", "/admin/v1/families/f1?x=1", "x: "},
        {"DELETE", "/admin/v1/families/f1/sessions?block=-1", "block: "},
        {"DELETE", "/admin/v1/families/f1/sessions?block=1.5", "block: "},
        {"DELETE", "/admin/v1/families/f1/sessions?block=for%20ever", "block: "},
        {"DELETE", "/admin/v1/families/f1/sessions?block=315360001", "block: "},
        {"DELETE", "/admin/v1/families/f1/sessions?reason=%1b", "reason: "},
        {"DELETE", "/admin/v1/families/f1/sessions?until=1", "until: "},
    };
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        admin_expect_refused_for(admin_ask(admin.client, cases[i].method, cases[i].target, NULL),
                                 cases[i].name);
    api_expect_alive(admin.api.client, &session);
    admin_fixture_stop(&admin);
}
