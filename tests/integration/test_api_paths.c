/* authorize.token_path and authorize.media_path: the token in a path, and the path bound to a title. */
#include <string.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

#define BOUND                                                                                      \
    "GATEWAY_AUTHORIZE_TOKEN_PATH=/s/{token}/", "GATEWAY_AUTHORIZE_MEDIA_PATH=/vod/{mediaId}/"

static const char *const bound[] = {BOUND, NULL};

/* Asks with a token in its header and these further ones, which end their lines themselves. */
static struct http_answer ask(struct http_client *client, const char *target, const char *token,
                              const char *headers)
{
    return http_client_ask(client, "GET", target,
                           api_text("%s%s", api_token_header(token), headers), NULL);
}

static void expect(struct http_answer answer, int status, const char *reason, const char *what)
{
    const char *said = http_answer_header(&answer, "X-Stream-Reason");

    cr_expect_eq(answer.status, status, "%s: %d instead of %d", what, answer.status, status);
    cr_expect_str_eq(said != NULL ? said : "", reason != NULL ? reason : "", "%s: %s", what, said);
    cr_expect_str_eq(answer.body, "", "%s", what);
    http_answer_done(&answer);
}

/* Expects the path in X-Original-URI to be allowed or forbidden. */
static void expect_path(struct http_client *client, const char *token, const char *path, int status)
{
    expect(ask(client, "/v1/authorize", token, api_text("X-Original-URI: %s\r\n", path)), status,
           status == 403 ? "forbidden" : NULL, path);
}

ON_BOTH_STORES(takes_the_token_from_the_path_of_every_address)
{
    static const char *const addresses[] = {"X-Original-URI: /s/%s/live/x.ts\r\n",
                                            "X-Forwarded-Uri: /s/%s/live/x.ts?a=b\r\n",
                                            "X-Original-URL: https://h/s/%s/live/x.ts\r\n"};
    static const char *const env[] = {"GATEWAY_AUTHORIZE_TOKEN_PATH=/s/{token}/", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        const char *place = strstr(addresses[i], "%s");
        const char *headers = api_text("%.*s%s%s", (int)(place - addresses[i]), addresses[i],
                                       session.token, place + 2);

        expect(http_client_ask(api.client, "GET", "/v1/authorize", headers, NULL), 200, NULL,
               addresses[i]);
    }
    expect(http_client_ask(api.client, "GET",
                           api_text("/v1/authorize/s/%s/live/x.ts?a", session.token), NULL, NULL),
           200, NULL, "its own path");
    expect(http_client_ask(api.client, "GET", api_text("/v1/authorize/x/%s/x.ts", session.token),
                           NULL, NULL),
           401, "missing_token", "another path");
    expect(http_client_ask(api.client, "GET", "/v1/authorize",
                           api_text("X-Original-URI: /s/x/y?stream_token=%s\r\n", session.token),
                           NULL),
           200, NULL, "a segment that is no token, and a query with one");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_no_token_from_a_path_unless_told_so)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect(http_client_ask(api.client, "GET", "/v1/authorize",
                           api_text("X-Original-URI: /s/%s/x.ts\r\n", session.token), NULL),
           401, "missing_token", "a path");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(passes_over_parameters_and_cookies_that_are_no_tokens)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    static char longer[1500];

    memset(longer, 'A', sizeof longer - 1);
    expect(http_client_ask(
               api.client, "GET", "/v1/authorize",
               api_text("X-Original-URI: /a?stream_token=x&stream_token=%s\r\n", session.token),
               NULL),
           200, NULL, "x");
    expect(
        http_client_ask(api.client, "GET",
                        api_text("/v1/authorize?stream_token=%%zz&stream_token=%s&stream_token=%s",
                                 longer, session.token),
                        NULL, NULL),
        200, NULL, "too long");
    expect(http_client_ask(api.client, "GET", "/v1/authorize",
                           api_text("Cookie: stream_token=; stream_token=%s; stream_token=%s\r\n",
                                    longer, session.token),
                           NULL),
           200, NULL, "cookies");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(lets_a_session_watch_its_own_title_alone)
{
    struct api_fixture api = api_fixture_start(store, bound);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const char *own = api_text("/s/%s/vod/m1/a.ts", session.token);

    expect_path(api.client, session.token, "/vod/m1/index.m3u8", 200);
    expect_path(api.client, session.token, "/vod/%6D1/720p/a.ts?x=/../y", 200);
    expect(http_client_ask(api.client, "GET", "/v1/authorize",
                           api_text("X-Original-URI: %s\r\n", own), NULL),
           200, NULL, "the token in the path");
    expect_path(api.client, session.token, "/vod/m2/index.m3u8", 403);
    expect_path(api.client, session.token, "/vod/m1x/a.ts", 403);
    expect_path(api.client, session.token, "/vod/m1", 403);
    expect_path(api.client, session.token, "/live/m1/a.ts", 403);
    expect_path(api.client, session.token, api_text("/s/%s/vod/m2/a.ts", session.token), 403);
    expect_path(api.client, session.token, "/s/anything/vod/m2/a.ts", 403);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(forbids_spellings_of_a_path_that_servers_read_differently)
{
    static const char *const attacks[] = {"/vod/m1/../m2/a.ts",
                                          "/vod/m1/%2e%2e/m2/a.ts",
                                          "/vod/m1/.%2e/m2/a.ts",
                                          "/vod/m1/%2E./m2/a.ts",
                                          "/vod/m1/..%2fm2/a.ts",
                                          "/vod/m1/%2e%2e%2Fm2/a.ts",
                                          "/vod/m1/..%5cm2/a.ts",
                                          "/vod/m1/..\\m2\\a.ts",
                                          "/vod/m1//a.ts",
                                          "//vod/m1/a.ts",
                                          "/vod/m1/./a.ts",
                                          "/vod/m1/..;/m2/a.ts",
                                          "/vod/m1/%00",
                                          "/vod/m1/%0a",
                                          "/vod/m1/a%",
                                          "/vod/m1#/../m2/a.ts",
                                          "/vod/m2/../m1/a.ts",
                                          "/x/../vod/m1/a.ts",
                                          "/vod/%2e%2e/vod/m1/a.ts",
                                          "/vod/m1%2fa.ts",
                                          "",
                                          "https://x?/vod/m1/a.ts"};
    struct api_fixture api = api_fixture_start(store, bound);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++)
        expect_path(api.client, session.token, attacks[i], 403);
    expect_path(api.client, session.token, "/vod/m1/%252e%252e/m2/a.ts", 200); /* a name with % */
    api_fixture_stop(&api);
}

ON_BOTH_STORES(reads_the_title_from_the_one_place_that_is_named)
{
    static const char *const forwarded[] = {BOUND, "GATEWAY_AUTHORIZE_URI_HEADER=X-Forwarded-Uri",
                                            NULL};
    struct api_fixture api = api_fixture_start(store, forwarded);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const char *other = "X-Original-URI: /vod/m1/a\r\nX-Original-URL: https://h/vod/m1/a\r\n";

    expect(ask(api.client, "/v1/authorize", session.token, "X-Forwarded-Uri: /vod/m1/a\r\n"), 200,
           NULL, "the header");
    expect(ask(api.client, "/v1/authorize/vod/m1/a", session.token, other), 403, "forbidden",
           "every other place");
    expect(ask(api.client, "/v1/authorize/vod/m1/a", session.token,
               api_text("%sX-Forwarded-Uri: /vod/m2/a\r\n", other)),
           403, "forbidden", "every other place, and another title in the header");
    expect(ask(api.client, "/v1/authorize/vod/m2/a", session.token,
               "X-Original-URI: /vod/m2/a\r\nX-Forwarded-Uri: /vod/m1/a\r\n"),
           200, NULL, "another title in every other place");
    expect(ask(api.client, "/v1/authorize", session.token,
               "X-Forwarded-Uri: /vod/m1/a\r\nX-Forwarded-Uri: /vod/m2/a\r\n"),
           403, "forbidden", "the header twice");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(reads_the_title_from_its_own_path_where_that_is_named)
{
    static const char *const path[] = {BOUND, "GATEWAY_AUTHORIZE_URI_HEADER=path", NULL};
    struct api_fixture api = api_fixture_start(store, path);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect(ask(api.client, "/v1/authorize/vod/m1/a?x", session.token, ""), 200, NULL, "its own");
    expect(ask(api.client, "/v1/%61uthorize/vod/m1/a", session.token, ""), 200, NULL, "encoded");
    expect(http_client_ask(api.client, "GET",
                           api_text("/v1/authorize/s/%s/vod/m1/a", session.token), NULL, NULL),
           200, NULL, "the token in it");
    expect(ask(api.client, "/v1/authorize/vod/m2/a", session.token,
               "X-Original-URI: /vod/m1/a\r\nX-Forwarded-Uri: /vod/m1/a\r\n"),
           403, "forbidden", "another's");
    expect(ask(api.client, "/v1/authorize//vod/m1/a", session.token, ""), 403, "forbidden", "//");
    expect(ask(api.client, "/v1/authorize/vod/m1/../m2/a", session.token, ""), 403, "forbidden",
           "..");
    expect(ask(api.client, "/v1/authorize", session.token, "X-Original-URI: /vod/m1/a\r\n"), 403,
           "forbidden", "none");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(the_token_is_looked_at_before_the_path)
{
    struct api_fixture api = api_fixture_start(store, bound);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect(http_client_ask(api.client, "GET", "/v1/authorize", "X-Original-URI: /x\r\n", NULL), 401,
           "missing_token", "no token");
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    expect(ask(api.client, "/v1/authorize", session.token, "X-Original-URI: /vod/m1/a\r\n"), 403,
           "stopped", "a session that has ended");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(after_a_zap_the_new_title_alone_may_be_watched)
{
    struct api_fixture api = api_fixture_start(store, bound);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect_path(api.client, session.token, "/vod/m1/a.ts", 200);
    cr_expect_eq(api_status(http_client_ask(
                     api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.id),
                     api_token_header(session.token), api_json("{'mediaId':'m2'}"))),
                 200);
    expect_path(api.client, session.token, "/vod/m2/a.ts", 200);
    expect_path(api.client, session.token, "/vod/m1/a.ts", 403);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_forbidden_segment_keeps_nothing_alive)
{
    static const char *const env[] = {BOUND, "GATEWAY_SESSION_TTL=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    int64_t until_ms = clock_monotonic_ms() + 10000;
    bool expired = false;

    while (!expired && clock_monotonic_ms() < until_ms) {
        struct http_answer answer =
            ask(api.client, "/v1/authorize", session.token, "X-Original-URI: /vod/m2/a\r\n");
        const char *reason = http_answer_header(&answer, "X-Stream-Reason");

        cr_assert_eq(answer.status, 403);
        expired = reason != NULL && strcmp(reason, "expired") == 0;
        http_answer_done(&answer);
    }
    cr_expect(expired, "it lives on");
    expect_path(api.client, session.token, "/vod/m1/a.ts", 200); /* and its own brings it back */
    api_fixture_stop(&api);
}

Test(redis, while_redis_is_away_the_title_of_the_token_counts)
{
    static const char *const env[] = {BOUND, "GATEWAY_REDIS_TIMEOUT_MS=300",
                                      "GATEWAY_REDIS_ON_OUTAGE=allow", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    redis_server_pause(api.redis);
    expect_path(api.client, session.token, "/vod/m1/a.ts", 200);
    expect_path(api.client, session.token, "/vod/m2/a.ts", 403);
    redis_server_resume(api.redis);
    api_fixture_stop(&api);
}
