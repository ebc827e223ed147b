/*
 * The check as each proxy sends it, byte by byte as its documentation or its source says, to a gateway with
 * the settings of deploy/<proxy>/gateway.json. nginx, Caddy and HAProxy are also tested for real (tests/e2e).
 */
#include <string.h>

#include "api_fixture.h"

TestSuite(proxies, .timeout = 60);

/* What a proxy asks about a viewer's GET; %1$s is the path, %2$s the token, which may be absent. */
struct shape {
    const char *name;    /* of the folder in deploy */
    const char *target;  /* what the gateway is asked */
    const char *headers; /* all of them */
};

static const struct shape nginx = {"nginx", "/v1/authorize",
                                   "Cookie: stream_token=%2$s\r\nX-Original-URI: %1$s?x=1\r\n"
                                   "X-Forwarded-For: 192.0.2.1\r\nX-Request-Id: a1\r\n"};
static const struct shape caddy = {
    "caddy", "/v1/authorize?x=1",
    "User-Agent: hls\r\nAccept-Encoding: gzip\r\nCookie: stream_token=%2$s\r\n"
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: media.test\r\nX-Forwarded-Method: GET\r\n"
    "X-Forwarded-Proto: https\r\nX-Forwarded-Uri: %1$s?x=1\r\n"};
static const struct shape haproxy = {"haproxy", "/v1/authorize",
                                     "cookie: stream_token=%2$s\r\nx-original-uri: %1$s?x=1\r\n"};
static const struct shape traefik = {
    "traefik", "/v1/authorize",
    "User-Agent: hls\r\nAccept-Encoding: gzip\r\nCookie: stream_token=%2$s\r\n"
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: media.test\r\nX-Forwarded-Method: GET\r\n"
    "X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Server: t\r\n"
    "X-Forwarded-Uri: %1$s?x=1\r\n"};
static const struct shape envoy = {
    "envoy", "/v1/authorize%1$s?x=1",
    "content-length: 0\r\ncookie: stream_token=%2$s\r\nx-envoy-internal: true\r\n"
    "x-forwarded-for: 192.0.2.1\r\n"};

static const struct shape *const shapes[] = {&nginx, &caddy, &haproxy, &traefik, &envoy};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Fills in a shape's text. */
static void fill(char *out, size_t size, const char *text, const char *path, const char *token)
{
    size_t len = 0;

    while (*text != '\0' && len + 1 < size) {
        bool is_path = strncmp(text, "%1$s", 4) == 0, is_token = strncmp(text, "%2$s", 4) == 0;

        if (is_path || is_token) {
            len += (size_t)snprintf(out + len, size - len, "%s", is_path ? path : token);
            text += 4;
        } else {
            out[len++] = *text++;
        }
    }
    cr_assert_lt(len, size);
    out[len] = '\0';
}

static struct http_answer ask(struct http_client *client, const struct shape *shape,
                              const char *method, const char *path, const char *token)
{
    char target[2048], headers[4096];

    fill(target, sizeof target, shape->target, path, token);
    fill(headers, sizeof headers, shape->headers, path, token);
    return http_client_ask(client, method, target, headers, NULL);
}

/* The gateway with the proxy's sample; nginx's alone binds no path. */
static struct api_fixture start(const struct shape *shape)
{
    const char *env[] = {"GATEWAY_AUTHORIZE_MEDIA_PATH=/vod/{mediaId}/", NULL};
    const char *args[] = {"--config", api_text(SOURCE_DIR "/deploy/%s/gateway.json", shape->name),
                          NULL};
    struct api_fixture fixture = {.gateway = gateway_process_spawn(env, args)};

    gateway_process_wait_ready(fixture.gateway);
    fixture.client = http_client_new(gateway_process_player(fixture.gateway));
    return fixture;
}

static void expect(struct http_answer answer, int status, const char *reason, const char *name)
{
    cr_expect_eq(answer.status, status, "%s: %d instead of %d", name, answer.status, status);
    cr_expect_eq(http_answer_header(&answer, "X-Stream-User") != NULL, status == 200, "%s", name);
    api_expect_header(&answer, "X-Stream-Reason", reason);
    api_expect_header(&answer, "Content-Length", "0");
    cr_expect_str_eq(answer.body, "", "%s", name);
    http_answer_done(&answer);
}

Test(proxies, every_proxys_check_is_allowed_and_refused_over_one_connection)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const struct shape *shape = shapes[i];
        struct api_fixture api = start(shape);
        struct api_session session = api_admit(api.client, "f1", "d1", NULL);
        const char *token = session.token;

        expect(ask(api.client, shape, "GET", "/vod/m1/a.ts", token), 200, NULL, shape->name);
        expect(ask(api.client, shape, "GET", "/vod/m2/a.ts", token), 403, "forbidden", shape->name);
        expect(ask(api.client, shape, "GET", "/vod/m1/../m2/a.ts", token), 403, "forbidden",
               shape->name);
        expect(ask(api.client, shape, "GET", "/vod/m1/a.ts", "none"), 401, "missing_token",
               shape->name);
        expect(ask(api.client, shape, "GET", api_text("/s/%s/vod/m1/a.ts", token), "none"), 200,
               NULL, shape->name);
        expect(ask(api.client, shape, "GET", api_text("/vod/m1/a.ts?stream_token=%s&y=", token),
                   "none"),
               200, NULL, shape->name);
        cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
        expect(ask(api.client, shape, "GET", "/vod/m1/a.ts", token), 403, "stopped", shape->name);
        cr_expect_eq(http_client_connections(api.client), 1, "%s", shape->name);
        api_fixture_stop(&api);
    }
}

Test(proxies, envoys_check_has_the_viewers_method)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    struct api_fixture api = start(&envoy);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        expect(ask(api.client, &envoy, methods[i], "/vod/m1/a.ts", session.token), 200, NULL,
               methods[i]);
        expect(ask(api.client, &envoy, methods[i], "/vod/m1/a.ts", "none"), 401, "missing_token",
               methods[i]);
    }
    cr_expect_eq(http_client_connections(api.client), 1);
    api_fixture_stop(&api);
}

Test(proxies, a_viewer_behind_envoy_binds_nothing_by_headers_of_its_own)
{
    struct api_fixture api = start(&envoy);
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    const char *headers =
        api_text("%sX-Original-URI: /vod/m1/a.ts\r\nX-Forwarded-Uri: /vod/m1/a.ts\r\n"
                 "X-Envoy-Original-Path: /vod/m1/a.ts\r\nX-Stream-Media: m1\r\n",
                 api_token_header(session.token));

    expect(http_client_ask(api.client, "GET", "/v1/authorize/vod/m2/a.ts", headers, NULL), 403,
           "forbidden", "envoy");
    api_fixture_stop(&api);
}
