/* /healthz and /readyz, on both listeners; draining; and a store that is away. */
#include <signal.h>
#include <string.h>

#include "api_fixture.h"
#include "redis_server.h"

API_SUITES;

/* What both answers say of a store. */
static void expect_store(const struct http_answer *answer, enum api_store store, const char *state)
{
    cr_expect_str_eq(http_answer_text(answer, "store.kind"),
                     store == API_REDIS ? "redis" : "memory", "%s", answer->body);
    cr_expect_str_eq(http_answer_text(answer, "store.state"), state, "%s", answer->body);
}

ON_BOTH_STORES(both_listeners_tell_health_and_readiness)
{
    static const char *const targets[] = {"/healthz", "/readyz"};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_client *admin = http_client_new(gateway_process_admin(api.gateway));
    struct http_client *clients[] = {api.client, admin};

    /* a thread's own link to Redis may come up later than another's */
    while (api_status(http_client_ask(admin, "GET", "/readyz", NULL, NULL)) != 200)
        ;
    for (size_t i = 0; i < 4; i++) {
        struct http_answer answer =
            http_client_ask(clients[i / 2], "GET", targets[i % 2], NULL, NULL);

        cr_expect_eq(answer.status, 200, "%s", answer.body);
        api_expect_header(&answer, "Content-Type", "application/json");
        cr_expect_eq(json_object_size(answer.json), 1, "%s", answer.body);
        expect_store(&answer, store, "up");
        http_answer_done(&answer);
    }
    http_client_free(admin);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(the_admin_listener_takes_no_players_calls)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_client *admin = http_client_new(gateway_process_admin(api.gateway));

    api_expect_refused(api_create(admin, "f1", "d1", NULL), 404, "not_found");
    api_expect_refused(http_client_ask(admin, "GET", "/v1/authorize", NULL, NULL), 404,
                       "not_found");
    http_client_free(admin);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(while_draining_nothing_new_begins_and_the_rest_goes_on)
{
    static const char *const env[] = {"GATEWAY_SHUTDOWN_DELAY_MS=1500", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    gateway_process_signal(api.gateway, SIGTERM);
    gateway_process_wait_log(api.gateway, "stopping");
    struct http_answer answer = http_client_ask(api.client, "GET", "/readyz", NULL, NULL);
    api_expect_problem(&answer, 503, "shutting_down");
    expect_store(&answer, store, "up");
    http_answer_done(&answer);
    api_expect_refused(api_create(api.client, "f1", "d1", NULL), 503, "shutting_down");
    cr_expect_eq(api_status(http_client_ask(api.client, "GET", "/healthz", NULL, NULL)), 200);
    cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
    cr_expect_eq(api_status(http_client_ask(api.client, "GET", "/v1/authorize",
                                            api_token_header(session.token), NULL)),
                 200);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    api_fixture_stop(&api);
}

Test(redis, says_deny_while_redis_is_away_and_up_when_it_is_back)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=200",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer;

    redis_server_kill(api.redis);
    while ((answer = http_client_ask(api.client, "GET", "/readyz", NULL, NULL)).status == 200)
        http_answer_done(&answer);
    api_expect_problem(&answer, 503, "store_unavailable");
    expect_store(&answer, API_REDIS, "deny");
    http_answer_done(&answer);
    answer = http_client_ask(api.client, "GET", "/healthz", NULL, NULL);
    cr_expect_eq(answer.status, 200, "%s", answer.body);
    expect_store(&answer, API_REDIS, "deny");
    http_answer_done(&answer);

    api_expect_refused(api_create(api.client, "f1", "d1", NULL), 503, "store_unavailable");
    api_expect_refused(api_call(api.client, "POST", &session, "/heartbeat"), 503,
                       "store_unavailable");
    api_expect_refused(api_call(api.client, "GET", &session, ""), 503, "store_unavailable");
    api_expect_refused(api_call(api.client, "DELETE", &session, ""), 503, "store_unavailable");

    redis_server_restart(api.redis);
    while (api_status(http_client_ask(api.client, "GET", "/readyz", NULL, NULL)) != 200)
        ;
    while (api_status(api_create(api.client, "f1", "d1", NULL)) != 201)
        ; /* the worker's own link may be back a little later */
    api_fixture_stop(&api);
}
