/* /admin/v1/devices/{id} and its sessions: an operator looks at a device, and ends all that is watched on it. */
#include <string.h>

#include "admin_fixture.h"

API_SUITES;

ON_BOTH_STORES(shows_what_is_watched_on_it_by_whatever_family)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    struct api_session first = api_admit(player, "f1", "d1", NULL);
    struct api_session second = api_admit(player, "f2", "d1", NULL);

    api_admit(player, "f1", "d2", NULL);
    api_expect_refused(api_create(player, "f3", "d1", NULL), 409, "device_limit");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/devices/d1");
    cr_expect_eq(json_object_size(answer.json), 5, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "deviceId"), "d1");
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 2, "%s", answer.body);
    cr_expect(json_is_null(http_answer_member(&answer, "blocked")), "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 2, "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, first.id), "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, second.id), "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "events")), 3, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "events.0.type"), "denied", "%s", answer.body);
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(ends_all_streams_on_it_and_blocks_it)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    struct api_session first = api_admit(player, "f1", "d1", NULL);
    struct api_session second = api_admit(player, "f2", "d1", NULL);
    struct api_session other = api_admit(player, "f1", "d2", NULL);

    cr_expect_eq(api_status(api_watch(player, &first)), 200);
    admin_expect_terminated(
        admin.client, "/admin/v1/devices/d1/sessions?block=60&reason=stolen&message=Stolen", 2);
    api_expect_gone(player, &first, "terminated", NULL);
    api_expect_gone(player, &second, "terminated", NULL);
    api_expect_alive(player, &other);
    struct http_answer answer = api_create(player, "f1", "d1", NULL);
    api_expect_problem(&answer, 403, "forbidden");
    api_expect_detail(&answer, "Stolen");
    http_answer_done(&answer);

    answer = admin_get(admin.client, "/admin/v1/devices/d1");
    cr_expect_str_eq(http_answer_text(&answer, "blocked.message"), "Stolen", "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 0, "%s", answer.body);
    bool is_told = false;
    const json_t *event;
    size_t i;
    json_array_foreach (http_answer_member(&answer, "events"), i, event)
        is_told |= strcmp(json_string_value(json_object_get(event, "type")), "blocked") == 0 &&
                   strcmp(json_string_value(json_object_get(event, "by")), ADMIN_NAME) == 0 &&
                   strcmp(json_string_value(json_object_get(event, "cause")), "stolen") == 0;
    cr_expect(is_told, "%s", answer.body);
    http_answer_done(&answer);

    admin_expect_terminated(admin.client, "/admin/v1/devices/d1/sessions?block=0", 0);
    api_admit(player, "f1", "d1", NULL);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(refuses_what_is_no_device_or_no_order)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);

    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/devices/%00", NULL), "The path");
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/devices/%0A", NULL),
                             "deviceId: ");
    admin_expect_refused_for(
        admin_ask(admin.client, "DELETE", "/admin/v1/devices/d1/sessions?block=x", NULL),
        "block: ");
    api_expect_refused(admin_ask(admin.client, "GET", "/admin/v1/devices/d1/limits", NULL), 404,
                       "not_found");
    admin_fixture_stop(&admin);
}
