/* For tests of the admin listener. */
#include "admin_fixture.h"

#include <string.h>

#include "clock.h"

enum { ENV_MAX = 24, PATIENCE_MS = 10000 };

struct admin_fixture admin_fixture_start(enum api_store store, const char *const *env)
{
    struct admin_fixture fixture;
    const char *all[ENV_MAX + 2] = {ADMIN_TOKEN};
    size_t count = 1;

    for (; env != NULL && *env != NULL; env++) {
        cr_assert_lt(count, ENV_MAX);
        all[count++] = *env;
    }
    fixture.api = api_fixture_start(store, all);
    fixture.client = http_client_new(gateway_process_admin(fixture.api.gateway));
    /* the admin thread's own link to Redis may come up later than the players' */
    while (api_status(http_client_ask(fixture.client, "GET", "/readyz", NULL, NULL)) != 200)
        ;
    return fixture;
}

void admin_fixture_stop(struct admin_fixture *fixture)
{
    http_client_free(fixture->client);
    api_fixture_stop(&fixture->api);
}

struct http_answer admin_ask(struct http_client *client, const char *method, const char *target,
                             const char *body)
{
    return http_client_ask(client, method, target, ADMIN_HEADER, body);
}

struct http_answer admin_get(struct http_client *client, const char *target)
{
    struct http_answer answer = admin_ask(client, "GET", target, NULL);

    cr_assert_eq(answer.status, 200, "%s: %d %s", target, answer.status, answer.body);
    api_expect_header(&answer, "Content-Type", "application/json");
    return answer;
}

void admin_expect_terminated(struct http_client *client, const char *target, long long count)
{
    struct http_answer answer = admin_ask(client, "DELETE", target, NULL);

    cr_assert_eq(answer.status, 200, "%s: %d %s", target, answer.status, answer.body);
    cr_expect_eq(json_object_size(answer.json), 1, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "terminated"), count, "%s: %s", target, answer.body);
    http_answer_done(&answer);
}

void admin_expect_refused_for(struct http_answer answer, const char *name)
{
    const char *detail;

    api_expect_problem(&answer, 400, "invalid_request");
    detail = http_answer_text(&answer, "detail");
    cr_expect_eq(strncmp(detail, name, strlen(name)), 0, "\"%s\" doesn't begin with \"%s\"", detail,
                 name);
    http_answer_done(&answer);
}

json_t *admin_event_of(struct http_client *client, const char *family, const char *type)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;

    do {
        struct http_answer answer = admin_get(client, api_text("/admin/v1/families/%s", family));
        const json_t *events = http_answer_member(&answer, "events");
        json_t *found = NULL;

        for (size_t i = 0; found == NULL && i < json_array_size(events); i++) {
            json_t *event = json_array_get(events, i);

            if (strcmp(json_string_value(json_object_get(event, "type")), type) == 0)
                found = json_incref(event);
        }
        http_answer_done(&answer);
        if (found != NULL)
            return found;
    } while (clock_monotonic_ms() < until_ms);
    cr_assert_fail("no event %s of %s", type, family);
    return NULL;
}
