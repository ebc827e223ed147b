/* For tests of how sessions end and come back. */
#include "api_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "clock.h"
#include "redis_server.h"

enum { PATIENCE_MS = 20000, ENV_MAX = 32 };

struct api_fixture api_fixture_join(const struct api_fixture *first, const char *const *env)
{
    const char *all[ENV_MAX + 1] = {api_text("REDIS_URL=%s", redis_server_url(first->redis))};

    for (size_t count = 1; env != NULL && *env != NULL; env++) {
        cr_assert_lt(count, ENV_MAX);
        all[count++] = *env;
    }
    return api_fixture_start(API_EMBEDDED, all);
}

/* ---- asking ---- */

struct http_answer api_create_by_key(struct http_client *client, const char *family,
                                     const char *device, const char *more)
{
    return http_client_ask(
        client, "POST", "/v1/sessions", API_KEY_HEADER,
        api_json("{'userId':'u1','familyId':'%s','deviceId':'%s','mediaId':'m1'%s%s}", family,
                 device, more != NULL ? "," : "", more != NULL ? more : ""));
}

struct api_session api_session_of(const struct http_answer *answer)
{
    struct api_session session;

    cr_assert_eq(answer->status, 201, "%d %s", answer->status, answer->body);
    snprintf(session.id, sizeof session.id, "%s", http_answer_text(answer, "sessionId"));
    snprintf(session.token, sizeof session.token, "%s", http_answer_text(answer, "token"));
    return session;
}

struct api_session api_admit_by_key(struct http_client *client, const char *family,
                                    const char *device, const char *more)
{
    struct http_answer answer = api_create_by_key(client, family, device, more);
    struct api_session session = api_session_of(&answer);

    http_answer_done(&answer);
    return session;
}

struct http_answer api_watch(struct http_client *client, const struct api_session *session)
{
    return http_client_ask(client, "GET", "/v1/authorize", api_token_header(session->token), NULL);
}

struct http_answer api_beat_all(struct http_client *client,
                                const struct api_session *const *sessions, size_t count)
{
    struct buf body = BUF_EMPTY;

    buf_add_str(&body, "{\"tokens\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&body, "%s\"%s\"", i > 0 ? "," : "", sessions[i]->token);
    buf_add_str(&body, "]}");
    struct http_answer answer =
        http_client_ask(client, "POST", "/v1/heartbeats", NULL, buf_text(&body));
    buf_done(&body);
    return answer;
}

int64_t api_time_of(struct http_client *client, const struct api_session *session,
                    const char *member)
{
    struct http_answer answer = api_call(client, "GET", session, "");
    const char *text = http_answer_text(&answer, member);
    int64_t wall_ms = 0;

    cr_assert_eq(clock_parse(text, strlen(text), &wall_ms), 0, "%d %s", answer.status, answer.body);
    http_answer_done(&answer);
    return wall_ms;
}

static void rest(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

void api_wait_expired(struct http_client *client, const struct api_session *session)
{
    int64_t since_ms = clock_monotonic_ms();

    while (api_status(api_call(client, "GET", session, "")) == 200) {
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "it lives on");
        rest(5);
    }
}

void api_wait_tick(void)
{
    int64_t since_ms = clock_wall_ms();

    while (clock_wall_ms() < since_ms + 3)
        rest(1);
}

/* ---- expecting ---- */

void api_expect_ended(struct http_answer answer, const char *reason, const char *by)
{
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), reason, "%s", answer.body);
    if (by == NULL)
        cr_expect_null(http_answer_member(&answer, "by"), "%s", answer.body);
    else
        cr_expect_str_eq(http_answer_text(&answer, "by"), by, "%s", answer.body);
    http_answer_done(&answer);
}

void api_expect_allowed(struct http_answer answer, const struct api_session *session,
                        const char *media_id)
{
    const char *reason = http_answer_header(&answer, "X-Stream-Reason");

    cr_assert_eq(answer.status, 200, "%d, %s", answer.status, reason != NULL ? reason : "");
    api_expect_header(&answer, "X-Stream-Session", session->id);
    api_expect_header(&answer, "X-Stream-Media", media_id);
    http_answer_done(&answer);
}

void api_expect_denied(struct http_answer answer, int status, const char *reason)
{
    cr_assert_eq(answer.status, status, "%d instead of %d %s", answer.status, status, reason);
    cr_expect_eq(answer.body_len, 0);
    api_expect_header(&answer, "X-Stream-Reason", reason);
    api_expect_header(&answer, "X-Stream-Session", NULL);
    http_answer_done(&answer);
}

void api_expect_alive(struct http_client *client, const struct api_session *session)
{
    struct http_answer answer = api_call(client, "POST", session, "/heartbeat");

    cr_expect_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    http_answer_done(&answer);
}

void api_expect_gone(struct http_client *client, const struct api_session *session,
                     const char *reason, const char *by)
{
    api_expect_ended(api_call(client, "POST", session, "/heartbeat"), reason, by);
    api_expect_ended(api_call(client, "GET", session, ""), reason, by);
    api_expect_denied(api_watch(client, session), 403, reason);

    struct http_answer answer = api_beat_all(client, &session, 1);
    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "results.0.status"), "ended", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "results.0.reason"), reason, "%s", answer.body);
    http_answer_done(&answer);
}
