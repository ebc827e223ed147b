/* Who may create sessions: auth.mode. */
#include "api_fixture.h"

TestSuite(credentials, .timeout = 60);

static struct http_answer create_with(struct http_client *client, const char *headers)
{
    return http_client_ask(client, "POST", "/v1/sessions", headers,
                           api_json("{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m'}"));
}

static const char *const api_key[] = {"GATEWAY_AUTH_MODE=api_key",
                                      "GATEWAY_AUTH_API_KEYS=web:first-secret,tv:second:secret",
                                      "GATEWAY_LIMITS_DEVICE=0", "GATEWAY_LIMITS_FAMILY=0", NULL};

Test(credentials, a_create_needs_one_of_the_api_keys)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Authorization: Bearer first-secret\r\n", 201},
        {"Authorization: Bearer second:secret\r\n", 201},
        {"authorization: bearer first-secret\r\n", 201},
        {NULL, 401},
        {"Authorization: Bearer wrong\r\n", 401},
        {"Authorization: Bearer first-secre\r\n", 401},
        {"Authorization: Bearer first-secrets\r\n", 401},
        {"Authorization: Bearer FIRST-SECRET\r\n", 401},
        {"Authorization: Bearer web:first-secret\r\n", 401},
        {"Authorization: Bearer web\r\n", 401},
        {"Authorization: Bearer \r\n", 401},
        {"Authorization: Basic first-secret\r\n", 401},
        {"Authorization: first-secret\r\n", 401},
        {"X-Stream-Token: first-secret\r\n", 401},
    };
    struct api_fixture api = api_fixture_start(API_EMBEDDED, api_key);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer answer = create_with(api.client, cases[i].headers);

        if (cases[i].status == 401)
            api_expect_problem(&answer, 401, "unauthorized");
        else
            cr_expect_eq(answer.status, 201, "%s: %s", cases[i].headers, answer.body);
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

Test(credentials, a_create_without_credentials_learns_nothing_of_its_body)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, api_key);

    api_expect_refused(http_client_ask(api.client, "POST", "/v1/sessions", NULL, "{"), 401,
                       "unauthorized");
    api_fixture_stop(&api);
}

Test(credentials, calls_with_a_token_need_no_api_key)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, api_key);
    struct http_answer answer = create_with(api.client, "Authorization: Bearer first-secret\r\n");
    struct api_session session;

    snprintf(session.id, sizeof session.id, "%s", http_answer_text(&answer, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(&answer, "token"));
    http_answer_done(&answer);
    cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
    cr_expect_eq(api_status(http_client_ask(api.client, "GET", "/v1/authorize",
                                            api_token_header(session.token), NULL)),
                 200);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    api_fixture_stop(&api);
}

static const char *const proxied[] = {
    "Forwarded: for=192.0.2.1\r\n",      "Via: 1.1 proxy\r\n",
    "X-Real-IP: 192.0.2.1\r\n",          "X-Forwarded-For: 192.0.2.1\r\n",
    "X-Forwarded-Proto: https\r\n",      "X-Forwarded-Host: media.test\r\n",
    "X-Forwarded-Uri: /v1/sessions\r\n", "x-forwarded-for: \r\n",
    "X-Forwarded-Port: 443\r\n",         "X-Forwarded-Server: proxy\r\n",
};

Test(credentials, where_no_mode_is_said_a_create_through_a_proxy_is_401_and_names_the_setting)
{
    static const char *const env[] = {"GATEWAY_AUTH_MODE", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    struct api_session session = api_admit(api.client, "f", "d", NULL);

    for (size_t i = 0; i < sizeof proxied / sizeof proxied[0]; i++) {
        struct http_answer answer = create_with(api.client, proxied[i]);

        cr_expect_eq(answer.status, 401, "%d to %s", answer.status, proxied[i]);
        if (answer.status == 401) {
            api_expect_problem(&answer, 401, "unauthorized");
            api_expect_detail(&answer, "auth.mode");
        }
        http_answer_done(&answer);
        /* what a player does with its token isn't the setting's matter */
        cr_expect_eq(api_status(http_client_ask(
                         api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.token),
                         proxied[i], NULL)),
                     200);
    }
    api_fixture_stop(&api);
}

Test(credentials, where_the_mode_is_open_a_create_may_come_through_a_proxy)
{
    static const char *const env[] = {"GATEWAY_AUTH_MODE=open", "GATEWAY_LIMITS_DEVICE=0", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(api_status(create_with(api.client, proxied[i])), 201);
    api_fixture_stop(&api);
}
