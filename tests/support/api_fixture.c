/* What the tests of the HTTP API share. */
#include "api_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

enum {
    ENV_MAX = 32,         /* settings of a test */
    TEXTS = 8,            /* that api_json and api_text keep */
    TEXT_SIZE = 64 * 1024 /* of each */
};

struct api_fixture api_fixture_start(enum api_store store, const char *const *env)
{
    struct api_fixture fixture = {0};
    const char *all[ENV_MAX + 1] = {
        /* a sanitizer under load is no outage */
        "GATEWAY_REDIS_TIMEOUT_MS=5000",
        "GATEWAY_AUTHORIZE_TIMEOUT_MS=5000",
    };
    size_t count = 2;

    if (store == API_REDIS) {
        fixture.redis = redis_server_start((struct redis_server_options){0});
        all[count++] = api_text("REDIS_URL=%s", redis_server_url(fixture.redis));
    }
    for (; env != NULL && *env != NULL; env++) {
        cr_assert_lt(count, ENV_MAX);
        all[count++] = *env;
    }
    fixture.gateway = gateway_process_start(all);
    fixture.client = http_client_new(gateway_process_player(fixture.gateway));
    return fixture;
}

void api_fixture_stop(struct api_fixture *fixture)
{
    http_client_free(fixture->client);
    gateway_process_stop(fixture->gateway);
    if (fixture->redis != NULL)
        redis_server_stop(fixture->redis);
}

/* ---- asking ---- */

static char *format_text(const char *format, va_list args)
{
    static char texts[TEXTS][TEXT_SIZE];
    static size_t next;
    char *text = texts[next++ % TEXTS];

    cr_assert_lt(vsnprintf(text, TEXT_SIZE, format, args), TEXT_SIZE, "too long for api_text");
    return text;
}

const char *api_text(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const char *text = format_text(format, args);
    va_end(args);
    return text;
}

const char *api_json(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    for (char *at = text; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    return text;
}

const char *api_token_header(const char *token)
{
    return api_text("X-Stream-Token: %s\r\n", token);
}

struct http_answer api_create(struct http_client *client, const char *family, const char *device,
                              const char *more)
{
    const char *body =
        api_json("{'userId':'u1','familyId':'%s','deviceId':'%s','mediaId':'m1'%s%s}", family,
                 device, more != NULL ? "," : "", more != NULL ? more : "");

    return http_client_ask(client, "POST", "/v1/sessions", NULL, body);
}

struct api_session api_admit(struct http_client *client, const char *family, const char *device,
                             const char *more)
{
    struct http_answer answer = api_create(client, family, device, more);
    struct api_session session;

    cr_assert_eq(answer.status, 201, "a create for %s on %s: %d %s", family, device, answer.status,
                 answer.body);
    snprintf(session.id, sizeof session.id, "%s", http_answer_text(&answer, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(&answer, "token"));
    http_answer_done(&answer);
    return session;
}

struct http_answer api_call(struct http_client *client, const char *method,
                            const struct api_session *session, const char *what)
{
    return http_client_ask(client, method, api_text("/v1/sessions/%s%s", session->id, what),
                           api_token_header(session->token), NULL);
}

/* ---- expecting ---- */

int api_status(struct http_answer answer)
{
    int status = answer.status;

    http_answer_done(&answer);
    return status;
}

void api_expect_header(const struct http_answer *answer, const char *name, const char *value)
{
    const char *found = http_answer_header(answer, name);

    if (value == NULL)
        cr_expect_null(found, "there is %s: %s", name, found);
    else
        cr_expect(found != NULL && strcmp(found, value) == 0, "%s is %s instead of %s", name,
                  found != NULL ? found : "absent", value);
}

void api_expect_problem(const struct http_answer *answer, int status, const char *code)
{
    cr_assert_eq(answer->status, status, "%d instead of %d %s: %s", answer->status, status, code,
                 answer->body);
    api_expect_header(answer, "Content-Type", "application/problem+json");
    api_expect_header(answer, "WWW-Authenticate", status == 401 ? "Bearer" : NULL);
    cr_expect_not_null(http_answer_header(answer, "X-Request-Id"));
    if (status == 429 || status == 503)
        cr_expect_gt(atoi(http_answer_header(answer, "Retry-After") != NULL
                              ? http_answer_header(answer, "Retry-After")
                              : "0"),
                     0, "without Retry-After: %s", answer->body);
    cr_expect_str_eq(http_answer_text(answer, "code"), code, "%s", answer->body);
    cr_expect_str_eq(http_answer_text(answer, "type"), "about:blank", "%s", answer->body);
    cr_expect_eq(http_answer_number(answer, "status"), status, "%s", answer->body);
    cr_expect_str_neq(http_answer_text(answer, "title"), "", "%s", answer->body);
}

void api_expect_refused(struct http_answer answer, int status, const char *code)
{
    api_expect_problem(&answer, status, code);
    http_answer_done(&answer);
}

void api_expect_detail(const struct http_answer *answer, const char *text)
{
    const char *detail = http_answer_text(answer, "detail");

    cr_expect_not_null(strstr(detail, text), "the detail \"%s\" doesn't say \"%s\"", detail, text);
}
