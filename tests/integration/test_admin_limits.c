/* /admin/v1/families/{id}/limits: an operator changes how many streams a family may have. */
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "clock.h"

API_SUITES;

#define PATH "/admin/v1/families/f1/limits"

static struct http_answer put(struct http_client *client, const char *body)
{
    return admin_ask(client, "PUT", PATH, api_json("%s", body));
}

/* That the limits in an answer are these (-1: null), from there; frees it. */
static void expect_limits(struct http_answer answer, long long family, long long device,
                          const char *source)
{
    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    if (family < 0)
        cr_expect(json_is_null(http_answer_member(&answer, "family")), "%s", answer.body);
    else
        cr_expect_eq(http_answer_number(&answer, "family"), family, "%s", answer.body);
    if (device < 0)
        cr_expect(json_is_null(http_answer_member(&answer, "device")), "%s", answer.body);
    else
        cr_expect_eq(http_answer_number(&answer, "device"), device, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "source"), source, "%s", answer.body);
    cr_expect_null(http_answer_member(&answer, "expiresAt"), "%s", answer.body);
    http_answer_done(&answer);
}

ON_BOTH_STORES(the_settings_are_in_force_until_an_operator_says_otherwise)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=0", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *player = admin.api.client;

    expect_limits(admin_get(admin.client, PATH), 10, -1, "settings");
    struct api_session session = api_admit(player, "f1", "d1", NULL);
    expect_limits(put(admin.client, "{'family':1}"), 1, -1, "override");
    api_expect_refused(api_create(player, "f1", "d2", NULL), 409, "family_limit");
    api_expect_alive(player, &session);
    api_admit(player, "f2", "d1", NULL);

    expect_limits(put(admin.client, "{'device':1}"), 10, 1, "override");
    api_expect_refused(api_create(player, "f1", "d1", NULL), 409, "device_limit");
    expect_limits(put(admin.client, "{'family':0,'device':3}"), -1, 3, "override");
    expect_limits(admin_get(admin.client, PATH), -1, 3, "override");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/families/f1");
    cr_expect_eq(http_answer_number(&answer, "limits.device"), 3, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "limits.source"), "override", "%s", answer.body);
    cr_expect(json_is_null(http_answer_member(&answer, "usage.family.limit")), "%s", answer.body);
    http_answer_done(&answer);

    answer = admin_ask(admin.client, "DELETE", PATH, NULL);
    cr_expect_eq(answer.status, 204, "%s", answer.body);
    http_answer_done(&answer);
    expect_limits(admin_get(admin.client, PATH), 10, -1, "settings");
    cr_expect_eq(api_status(admin_ask(admin.client, "DELETE", PATH, NULL)), 204);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(an_override_may_have_an_end)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    int64_t now_ms = clock_wall_ms(), until_ms;
    struct http_answer answer = put(admin.client, "{'family':4,'device':1,'expiresIn':86400}");
    const char *text = http_answer_text(&answer, "expiresAt");

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(clock_parse(text, strlen(text), &until_ms), 0, "%s", answer.body);
    cr_expect_lt(llabs(until_ms - now_ms - 86400000), 60000, "%s", text);
    http_answer_done(&answer);

    answer = put(admin.client, "{'family':4,'expiresIn':1}");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    http_answer_done(&answer);
    for (;;) { /* until it is over */
        answer = admin_get(admin.client, PATH);
        if (strcmp(http_answer_text(&answer, "source"), "settings") == 0)
            break;
        cr_assert_lt(clock_wall_ms() - now_ms, 30000, "%s", answer.body);
        http_answer_done(&answer);
    }
    expect_limits(answer, 10, 2, "settings");
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_change_is_told_in_feed_and_log)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_answer answer =
        admin_ask(admin.client, "PUT", PATH "?reason=upgrade", api_json("{'family':20}"));

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    http_answer_done(&answer);
    json_t *event = admin_event_of(admin.client, "f1", "limits_changed");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    cr_expect_str_eq(json_string_value(json_object_get(event, "cause")), "upgrade");
    json_decref(event);
    cr_expect_eq(api_status(admin_ask(admin.client, "DELETE", PATH "?reason=over", NULL)), 204);
    gateway_process_wait_log(admin.api.gateway, "change=delete_limits family=f1 reason=over");
    char *log = gateway_process_log(admin.api.gateway);
    cr_expect_not_null(strstr(log, "by=ops change=set_limits family=f1 reason=upgrade "
                                   "outcome=\"family 20, device by settings, for good\" code=ok"),
                       "%s", log);
    free(log);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(refuses_limits_that_are_none_and_names_the_member)
{
    static const struct {
        const char *body, *name;
    } cases[] = {
        {"{}", "family: "},
        {"{'expiresIn':60}", "family: "},
        {"{'limits':{'family':1}}", "family: "},
        {"{'family':-1}", "family: "},
        {"{'family':100001}", "family: "},
        {"{'family':'4'}", "family: "},
        {"{'family':4.5}", "family: "},
        {"{'family':null}", "family: "},
        {"{'family':1,'device':true}", "device: "},
        {"{'family':1,'expiresIn':0}", "expiresIn: "},
        {"{'family':1,'expiresIn':'1 day'}", "expiresIn: "},
        {"{'family':1,'expiresIn':315360001}", "expiresIn: "},
        {"[4]", "the body"},
    };
    struct admin_fixture admin = admin_fixture_start(store, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        admin_expect_refused_for(put(admin.client, cases[i].body), cases[i].name);
    api_expect_refused(put(admin.client, "{"), 400, "invalid_json");
    api_expect_refused(http_client_ask(admin.client, "PUT", PATH,
                                       ADMIN_HEADER "Content-Type: text/plain\r\n", "{}"),
                       415, "unsupported_media_type");
    admin_expect_refused_for(admin_ask(admin.client, "PUT", PATH, NULL), "family: ");
    admin_expect_refused_for(admin_ask(admin.client, "PUT", PATH "?block=1", "{\"family\":1}"),
                             "block: ");
    expect_limits(admin_get(admin.client, PATH), 10, 2, "settings");
    expect_limits(put(admin.client, "{'family':100000,'device':0,'more':[]}"), 100000, -1,
                  "override");
    admin_fixture_stop(&admin);
}
