/* What browsers ask for and get: CORS, the token's cookie, headers that guard an answer. */
#include <string.h>

#include "api_fixture.h"

TestSuite(browsers, .timeout = 60);

#define APP "https://app.example.com"

static const char *const env[] = {"GATEWAY_CORS_ORIGINS=" APP ",http://localhost:3000",
                                  "GATEWAY_COOKIE_ENABLED=true",
                                  "GATEWAY_COOKIE_DOMAIN=example.com", NULL};

static struct http_answer preflight(struct http_client *client, const char *path,
                                    const char *origin)
{
    return http_client_ask(client, "OPTIONS", path,
                           api_text("Origin: %s\r\nAccess-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: content-type\r\n",
                                    origin),
                           NULL);
}

Test(browsers, a_page_that_may_call_is_told_how)
{
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, env);
    struct http_answer answer = preflight(fixture.client, "/v1/sessions", APP);

    cr_assert_eq(answer.status, 204);
    api_expect_header(&answer, "Access-Control-Allow-Origin", APP);
    api_expect_header(&answer, "Access-Control-Allow-Credentials", "true");
    api_expect_header(&answer, "Access-Control-Allow-Methods", "POST");
    api_expect_header(&answer, "Access-Control-Allow-Headers",
                      "Content-Type, Authorization, X-Stream-Token");
    api_expect_header(&answer, "Access-Control-Max-Age", "7200");
    api_expect_header(&answer, "Vary", "Origin");
    http_answer_done(&answer);

    answer = preflight(fixture.client, "/v1/sessions/abc", "http://localhost:3000");
    cr_assert_eq(answer.status, 204);
    api_expect_header(&answer, "Access-Control-Allow-Methods", "GET, HEAD, DELETE");
    http_answer_done(&answer);

    answer = preflight(fixture.client, "/v1/authorize", APP);
    cr_assert_eq(answer.status, 204);
    api_expect_header(&answer, "Access-Control-Allow-Origin", APP);
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

Test(browsers, a_page_that_may_not_is_told_nothing)
{
    static const char *const strangers[] = {"https://evil.example",
                                            APP ".evil.example",
                                            "http://app.example.com",
                                            "https://app.example.com:444",
                                            "null",
                                            "HTTPS://APP.EXAMPLE.COM"};
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, env);

    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct http_answer answer = preflight(fixture.client, "/v1/sessions", strangers[i]);

        cr_assert_eq(answer.status, 204);
        api_expect_header(&answer, "Access-Control-Allow-Origin", NULL);
        api_expect_header(&answer, "Access-Control-Allow-Credentials", NULL);
        api_expect_header(&answer, "Access-Control-Allow-Headers", NULL);
        api_expect_header(&answer, "Vary", "Origin");
        http_answer_done(&answer);
    }
    struct http_answer answer = preflight(fixture.client, "/nowhere", APP);
    api_expect_problem(&answer, 404, "not_found");
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

Test(browsers, every_answer_may_be_read_by_a_page_that_may_call)
{
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, env);
    const char *headers = "Origin: " APP "\r\n";
    struct {
        const char *method, *target, *body;
        int status;
    } const calls[] = {
        {"POST", "/v1/sessions",
         "{\"userId\":\"u\",\"familyId\":\"f\",\"deviceId\":\"d\",\"mediaId\":\"m\"}", 201},
        {"POST", "/v1/sessions", "{}", 400},
        {"GET", "/nowhere", NULL, 404},
        {"PUT", "/v1/sessions", NULL, 405},
        {"GET", "/v1/authorize", NULL, 401},
        {"GET", "/healthz", NULL, 200},
    };

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct http_answer answer = http_client_ask(fixture.client, calls[i].method,
                                                    calls[i].target, headers, calls[i].body);

        cr_assert_eq(answer.status, calls[i].status, "%s %s", calls[i].method, calls[i].target);
        api_expect_header(&answer, "Access-Control-Allow-Origin", APP);
        api_expect_header(&answer, "Access-Control-Expose-Headers",
                          "Location, Retry-After, X-Request-Id");
        cr_assert_null(http_answer_header_at(&answer, "Access-Control-Allow-Origin", 1));
        http_answer_done(&answer);
    }
    api_fixture_stop(&fixture);
}

Test(browsers, any_page_may_call_without_cookies_where_the_settings_say_so)
{
    static const char *const any[] = {"GATEWAY_CORS_ORIGINS=*", NULL};
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, any);
    struct http_answer answer = preflight(fixture.client, "/v1/sessions", "https://any.example");

    api_expect_header(&answer, "Access-Control-Allow-Origin", "*");
    api_expect_header(&answer, "Access-Control-Allow-Credentials", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

Test(browsers, without_the_setting_no_page_may_call)
{
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, NULL);
    struct http_answer answer = preflight(fixture.client, "/v1/sessions", APP);

    api_expect_problem(&answer, 405, "method_not_allowed");
    api_expect_header(&answer, "Access-Control-Allow-Origin", NULL);
    http_answer_done(&answer);

    answer = api_create(fixture.client, "f1", "d1", NULL);
    api_expect_header(&answer, "Set-Cookie", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

/* What the answer's cookie must be, of a token in the answer. */
static void expect_cookie(const struct http_answer *answer, const char *max_age, const char *rest)
{
    char wanted[2048];

    snprintf(wanted, sizeof wanted,
             "stream_token=%s; Path=/; Max-Age=%s%s; HttpOnly; Secure; "
             "SameSite=None",
             http_answer_text(answer, "token"), max_age, rest);
    api_expect_header(answer, "Set-Cookie", wanted);
}

Test(browsers, a_token_is_also_set_as_a_cookie_with_which_segments_are_allowed)
{
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, env);
    struct http_answer answer = api_create(fixture.client, "f1", "d1", NULL);

    cr_assert_eq(answer.status, 201);
    expect_cookie(&answer, "86400", "; Domain=example.com");
    int status = api_status(http_client_ask(
        fixture.client, "GET", "/v1/authorize",
        api_text("Cookie: a=b; stream_token=%s\r\n", http_answer_text(&answer, "token")), NULL));
    cr_assert_eq(status, 200);
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

Test(browsers, a_renewed_token_is_set_anew)
{
    static const char *const zapping[] = {"GATEWAY_COOKIE_ENABLED=true",
                                          "GATEWAY_SESSION_MAX_AGE=600", NULL};
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, zapping);
    struct api_session session = api_admit(fixture.client, "f1", "d1", NULL);
    struct http_answer answer =
        http_client_ask(fixture.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.id),
                        api_token_header(session.token), "{\"mediaId\":\"m2\"}");

    cr_assert_eq(answer.status, 200);
    expect_cookie(&answer, "600", "");
    http_answer_done(&answer);

    answer = api_call(fixture.client, "POST", &session, "/heartbeat");
    cr_assert_eq(answer.status, 200);
    api_expect_header(&answer, "Set-Cookie", NULL);
    http_answer_done(&answer);
    api_fixture_stop(&fixture);
}

Test(browsers, answers_are_kept_out_of_caches_and_are_what_they_say)
{
    struct api_fixture fixture = api_fixture_start(API_EMBEDDED, NULL);
    struct http_answer answers[] = {
        api_create(fixture.client, "f1", "d1", NULL),
        http_client_ask(fixture.client, "GET", "/nowhere", NULL, NULL),
        http_client_ask(fixture.client, "GET", "/readyz", NULL, NULL),
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        api_expect_header(&answers[i], "Cache-Control", "no-store");
        api_expect_header(&answers[i], "X-Content-Type-Options", "nosniff");
        http_answer_done(&answers[i]);
    }
    api_fixture_stop(&fixture);
}
