/* /v1/authorize: what a reverse proxy asks for every segment, and the answers that it can bear. */
#include <string.h>

#include "api_fixture.h"
#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

static const char *const identity[] = {"X-Stream-Session", "X-Stream-User", "X-Stream-Family",
                                       "X-Stream-Device", "X-Stream-Media"};
enum { IDENTITIES = sizeof identity / sizeof identity[0] };

static struct http_answer authorize(struct http_client *client, const char *token)
{
    return http_client_ask(client, "GET", "/v1/authorize", api_token_header(token), NULL);
}

/* An answer of this status: no body, a length of 0, all identity headers on 200 and none else. */
static void expect_bare(const struct http_answer *answer, int status, const char *reason)
{
    cr_expect_eq(answer->status, status, "%d instead of %d", answer->status, status);
    cr_expect_str_eq(answer->body, "");
    api_expect_header(answer, "Content-Length", "0");
    api_expect_header(answer, "Content-Type", NULL);
    api_expect_header(answer, "WWW-Authenticate", NULL);
    api_expect_header(answer, "X-Stream-Reason", reason);
    for (size_t i = 0; i < IDENTITIES; i++) {
        cr_expect_eq(http_answer_header_at(answer, identity[i], 0) != NULL, status == 200, "%s",
                     identity[i]);
        cr_expect_null(http_answer_header_at(answer, identity[i], 1), "%s stands twice",
                       identity[i]);
    }
}

static void expect_status(struct http_answer answer, int status, const char *reason)
{
    expect_bare(&answer, status, reason);
    http_answer_done(&answer);
}

ON_BOTH_STORES(allows_with_the_identity_percent_encoded)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_answer answer = http_client_ask(
        api.client, "POST", "/v1/sessions", NULL,
        api_json("{'userId':'ü%%1','familyId':'a b','deviceId':'~!\\\\<d','mediaId':"
                 "'/vod/日.m3u8?x=1&y'}"));
    struct api_session session;

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    snprintf(session.id, sizeof session.id, "%s", http_answer_text(&answer, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(&answer, "token"));
    http_answer_done(&answer);

    answer = http_client_ask(api.client, "GET", "/v1/authorize",
                             api_text("X-Stream-User: evil\r\nX-Stream-Family: evil\r\n%s",
                                      api_token_header(session.token)),
                             NULL);
    expect_bare(&answer, 200, NULL);
    api_expect_header(&answer, "X-Stream-Session", session.id);
    api_expect_header(&answer, "X-Stream-User", "%C3%BC%251");
    api_expect_header(&answer, "X-Stream-Family", "a%20b");
    api_expect_header(&answer, "X-Stream-Device", "~!\\<d");
    api_expect_header(&answer, "X-Stream-Media", "/vod/%E6%97%A5.m3u8?x=1&y");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

/* A viewer whose ids are told from another's, and of other lengths: "x" so many times. */
static struct api_session admit_long(struct http_client *client, int length)
{
    static const char xs[] = "xxxxxxxxxxxxxxxxxxxxxxxx";
    struct http_answer answer = http_client_ask(
        client, "POST", "/v1/sessions", NULL,
        api_json("{'userId':'u%.*s','familyId':'f%.*s','deviceId':'%.*sd','mediaId':'m%.*s'}",
                 length, xs, 2 * length, xs, length, xs, length % 3, xs));

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    struct api_session session = api_session_of(&answer);
    http_answer_done(&answer);
    return session;
}

ON_BOTH_STORES(tells_each_viewer_from_the_next_whatever_the_lengths_of_their_ids)
{
    enum { VIEWERS = 12 };
    static const char xs[] = "xxxxxxxxxxxxxxxxxxxxxxxx";
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session sessions[VIEWERS];
    struct http_client *clients[VIEWERS];

    for (int i = 0; i < VIEWERS; i++) {
        sessions[i] = admit_long(api.client, i);
        clients[i] = http_client_new(gateway_process_player(api.gateway));
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < VIEWERS; i++) /* all under way at once */
            http_client_send(clients[i], "GET", "/v1/authorize",
                             api_text("%s%s", api_token_header(sessions[i].token),
                                      i % 3 == round ? "X-Request-Id: mine\r\n" : ""),
                             NULL);
        for (int i = 0; i < VIEWERS; i++) {
            struct http_answer answer = http_client_read(clients[i]);

            expect_bare(&answer, 200, NULL);
            api_expect_header(&answer, "X-Stream-Session", sessions[i].id);
            api_expect_header(&answer, "X-Stream-User", api_text("u%.*s", i, xs));
            api_expect_header(&answer, "X-Stream-Family", api_text("f%.*s", 2 * i, xs));
            api_expect_header(&answer, "X-Stream-Device", api_text("%.*sd", i, xs));
            api_expect_header(&answer, "X-Stream-Media", api_text("m%.*s", i % 3, xs));
            cr_expect_eq(strcmp(http_answer_header(&answer, "X-Request-Id"), "mine") == 0,
                         i % 3 == round);
            http_answer_done(&answer);
        }
    }
    for (int i = 0; i < VIEWERS; i++)
        http_client_free(clients[i]);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_with_401_what_has_no_good_token)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect_status(http_client_ask(api.client, "GET", "/v1/authorize", NULL, NULL), 401,
                  "missing_token");
    expect_status(authorize(api.client, "of another shape"), 401, "missing_token");
    session.token[60] = session.token[60] == 'A' ? 'B' : 'A';
    expect_status(authorize(api.client, session.token), 401, "invalid_token");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_with_403_from_the_very_next_segment_what_has_ended)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session stopped = api_admit(api.client, "f1", "d1", NULL);
    struct api_session replaced = api_admit(api.client, "f1", "d1", NULL);

    expect_status(authorize(api.client, stopped.token), 200, NULL);
    expect_status(authorize(api.client, replaced.token), 200, NULL);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    expect_status(authorize(api.client, stopped.token), 403, "stopped");
    api_admit(api.client, "f1", "d1", api_text("'replace':['%s']", replaced.id));
    expect_status(authorize(api.client, replaced.token), 403, "replaced");
    cr_expect_eq(http_client_connections(api.client), 1);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(answers_every_method_alike_and_ignores_a_body)
{
    static const char *const methods[] = {"GET",   "HEAD",    "POST",     "PUT",  "DELETE",
                                          "PATCH", "OPTIONS", "PROPFIND", "PURGE"};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const char *header = api_token_header(session.token);

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        expect_status(http_client_ask(api.client, methods[i], "/v1/authorize", header, NULL), 200,
                      NULL);
        expect_status(http_client_ask(api.client, methods[i], "/v1/authorize", NULL, NULL), 401,
                      "missing_token");
    }
    expect_status(http_client_ask(api.client, "POST", "/v1/authorize", header, "{no JSON"), 200,
                  NULL);
    expect_status(http_client_ask(api.client, "PUT", "/v1/authorize", NULL, "{no JSON"), 401,
                  "missing_token");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_the_original_path_behind_its_own)
{
    static const char *const paths[] = {
        "/",           "/a.m3u8",     "/vod/m1/seg-1.ts?x=1",
        "/a//b/../c",  "/%E6%97%A5%", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n",
        "/v1/sessions"};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        expect_status(http_client_ask(api.client, "GET", api_text("/v1/authorize%s", paths[i]),
                                      api_token_header(session.token), NULL),
                      200, NULL);
    cr_expect_eq(api_status(http_client_ask(api.client, "GET", "/v1/authorizer",
                                            api_token_header(session.token), NULL)),
                 404);
    api_fixture_stop(&api);
}

/* The places that a token may come in, in the order in which they are looked at; %s is the token.
 */
static const struct {
    const char *header; /* a line, or NULL */
    const char *query;  /* of the target, or NULL */
} sources[] = {
    {"X-Stream-Token: %s\r\n", NULL},
    {"Authorization: Bearer %s\r\n", NULL},
    {"X-Original-URI: /a.ts?x=stream_token&stream_token=%s\r\n", NULL},
    {"X-Forwarded-Uri: /a.ts?stream_token=%s&y=2\r\n", NULL},
    {"X-Original-URL: https://media.test/a.ts?stream_token=%s\r\n", NULL},
    {NULL, "?stream_token=%s"},
    {"Cookie: a=b; stream_token=%s; c=d\r\n", NULL},
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

/* Asks with tokens in some of the sources; NULL where there is none. */
static struct http_answer ask_from(struct http_client *client, const char *const *tokens)
{
    char headers[8192] = "", target[2048] = "/v1/authorize";

    for (size_t i = 0; i < SOURCES; i++) {
        bool in_header = sources[i].header != NULL;
        char *to = in_header ? headers : target;
        size_t size = in_header ? sizeof headers : sizeof target;
        const char *format = in_header ? sources[i].header : sources[i].query;
        const char *place = strstr(format, "%s");

        if (tokens[i] == NULL)
            continue;
        snprintf(to + strlen(to), size - strlen(to), "%.*s%s%s", (int)(place - format), format,
                 tokens[i], place + 2);
    }
    return http_client_ask(client, "GET", target, headers, NULL);
}

ON_BOTH_STORES(finds_a_token_wherever_it_may_be)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < SOURCES; i++) {
        const char *tokens[SOURCES] = {0};

        tokens[i] = session.token;
        struct http_answer answer = ask_from(api.client, tokens);
        cr_expect_eq(answer.status, 200, "source %zu: %d", i, answer.status);
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(looks_at_the_places_of_a_token_in_their_order)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session first = api_admit(api.client, "f1", "d1", NULL);
    struct api_session second = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i + 1 < SOURCES; i++) {
        const char *tokens[SOURCES] = {0};

        tokens[i] = first.token;
        for (size_t j = i + 1; j < SOURCES; j++)
            tokens[j] = second.token;
        struct http_answer answer = ask_from(api.client, tokens);
        api_expect_header(&answer, "X-Stream-Session", first.id);
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(passes_over_what_has_not_the_shape_of_a_token)
{
    static const char *const shapeless[] = {
        "x", "", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "%41%42"};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t last = 1; last < SOURCES; last++) {
        const char *tokens[SOURCES] = {0};

        for (size_t i = 0; i < last; i++)
            tokens[i] = shapeless[(i + last) % (sizeof shapeless / sizeof shapeless[0])];
        tokens[last] = session.token;
        struct http_answer answer = ask_from(api.client, tokens);
        cr_expect_eq(answer.status, 200, "source %zu: %d", last, answer.status);
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_token_that_fails_to_open_is_not_passed_over)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct api_session forged = session;
    const char *tokens[SOURCES] = {forged.token, session.token};

    forged.token[50] = forged.token[50] == 'A' ? 'B' : 'A';
    expect_status(ask_from(api.client, tokens), 401, "invalid_token");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(decodes_a_token_in_a_query_and_unquotes_one_in_a_cookie)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    expect_status(http_client_ask(api.client, "GET", "/v1/authorize",
                                  api_text("X-Original-URI: /a?stream_token=%%%02X%s\r\n",
                                           session.token[0], session.token + 1),
                                  NULL),
                  200, NULL);
    expect_status(http_client_ask(api.client, "GET", "/v1/authorize",
                                  api_text("Cookie: stream_token=\"%s\"\r\n", session.token), NULL),
                  200, NULL);
    api_fixture_stop(&api);
}

/* Watches for so long, or until a segment is refused; returns the status of the last segment. */
static int watch(struct http_client *client, const struct api_session *session, int ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms;
    int status = 200;

    while (status == 200 && clock_monotonic_ms() < until_ms)
        status = api_status(authorize(client, session->token));
    return status;
}

ON_BOTH_STORES(keeps_alive_what_is_watched)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=3",
                                      "GATEWAY_SESSION_HEARTBEAT_INTERVAL=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    /* a sign of life past the interval, long before there would be anything to revive */
    cr_expect_eq(watch(api.client, &session, 1500), 200);
    struct http_answer answer = api_call(api.client, "GET", &session, "");
    cr_expect_str_neq(http_answer_text(&answer, "lastHeartbeat"),
                      http_answer_text(&answer, "startedAt"), "%s", answer.body);
    http_answer_done(&answer);
    cr_expect_eq(watch(api.client, &session, 1800), 200);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(lets_expire_what_is_watched_where_keepalive_is_off)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=1", "GATEWAY_AUTHORIZE_KEEPALIVE=false",
                                      NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    cr_expect_eq(watch(api.client, &session, 5000), 403);
    expect_status(authorize(api.client, session.token), 403, "expired");
    api_fixture_stop(&api);
}

Test(redis, refuses_with_503_and_nothing_else_where_redis_does_not_answer)
{
    static const char *const env[] = {"GATEWAY_AUTHORIZE_TIMEOUT_MS=100",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    int64_t since_ms = clock_monotonic_ms();

    redis_server_pause(api.redis);
    expect_status(authorize(api.client, session.token), 503, NULL);
    cr_expect_lt(clock_monotonic_ms() - since_ms, 4000, "it waits for longer than it may");
    expect_status(authorize(api.client, "x"), 401, "missing_token");
    redis_server_resume(api.redis);
    while (api_status(authorize(api.client, session.token)) == 503)
        ;
    expect_status(authorize(api.client, session.token), 200, NULL);
    api_fixture_stop(&api);
}
