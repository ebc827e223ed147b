/* What the access log leaves out. */
#include <criterion/criterion.h>

#include "access_log.h"
#include "http_server.h"
#include "log.h"
#include "log_capture.h"

static struct access_log access_log;
static enum err code;    /* of the requests */
static const char *peer; /* who sends them */

/* Writes one request to the log, and returns how many lines with this text stderr got. */
static int lines_with(const char *text, const char *route, int status, const char *session_id)
{
    const struct http_access access = {.method = "GET",
                                       .route = route,
                                       .request_id = "r1",
                                       .session_id = session_id,
                                       .peer = peer,
                                       .code = code,
                                       .status = status};

    log_capture_start();
    access_log_write(&access_log, &access);
    int lines = log_capture_count(text, "");
    log_capture_stop();
    return lines;
}

static int lines_for(const char *route, int status, const char *session_id)
{
    return lines_with("", route, status, session_id);
}

Test(access_log, writes_a_line_for_each_call_but_authorize)
{
    cr_assert_eq(lines_for("/v1/sessions", 201, "s1"), 1);
    cr_assert_eq(lines_for("/v1/sessions", 201, "s1"), 1);
}

Test(access_log, leaves_out_allowed_authorizes)
{
    cr_assert_eq(lines_for("/v1/authorize", 200, "s1"), 0);
    cr_assert_eq(lines_for("/v1/authorize/{path*}", 200, "s1"), 0);
}

Test(access_log, writes_a_refused_authorize_once_a_second_for_each_session)
{
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 0);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s2"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 401, ""), 1);
    cr_assert_eq(lines_for("/v1/authorize", 401, ""), 0);
}

Test(access_log, writes_connections_that_it_has_no_room_for_once_a_second)
{
    code = ERR_OVERLOADED;
    cr_assert_eq(lines_for("-", 503, ""), 1);
    cr_assert_eq(lines_for("-", 503, ""), 0);
}

Test(access_log, writes_what_is_above_a_rate_once_a_second_for_each_client)
{
    code = ERR_RATE_LIMITED;
    peer = "192.0.2.1";
    cr_assert_eq(lines_for("/v1/sessions", 429, ""), 1);
    cr_assert_eq(lines_for("/v1/sessions", 429, ""), 0);
    peer = "192.0.2.2";
    cr_assert_eq(lines_for("/v1/sessions", 429, ""), 1);
}

Test(access_log, writes_an_authorize_without_a_session_once_a_second_for_each_client)
{
    peer = "192.0.2.1";
    cr_assert_eq(lines_for("/v1/authorize", 401, ""), 1);
    cr_assert_eq(lines_for("/v1/authorize", 401, ""), 0);
    peer = "192.0.2.2";
    cr_assert_eq(lines_for("/v1/authorize", 401, ""), 1);
}

Test(access_log, writes_health_when_its_status_changes_and_503_is_no_error)
{
    code = ERR_STORE_UNAVAILABLE;
    cr_assert_eq(lines_with(" info request", "/readyz", 503, ""), 1);
    cr_assert_eq(lines_for("/readyz", 503, ""), 0);
    code = ERR_OK;
    cr_assert_eq(lines_for("/healthz", 200, ""), 1);
    cr_assert_eq(lines_for("/readyz", 200, ""), 1);
    cr_assert_eq(lines_for("/readyz", 200, ""), 0);
    cr_assert_eq(lines_for("/readyz", 503, ""), 1);
    cr_assert_eq(lines_for("/healthz", 200, ""), 0);
}

Test(access_log, writes_each_failure_of_a_health_route_as_an_error)
{
    code = ERR_INTERNAL;
    cr_assert_eq(lines_with(" error request", "/readyz", 500, ""), 1);
    cr_assert_eq(lines_with(" error request", "/readyz", 500, ""), 1);
    code = ERR_OK;
    cr_assert_eq(lines_with(" info request", "/readyz", 200, ""), 1);
}

Test(access_log, writes_an_answer_of_500_or_more_as_an_error)
{
    cr_assert_eq(lines_with(" error request", "/v1/sessions", 503, ""), 1);
}

Test(access_log, writes_all_at_debug)
{
    log_setup(LOG_DEBUG, LOG_TEXT);
    cr_assert_eq(lines_for("/v1/authorize", 200, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
    cr_assert_eq(lines_for("/readyz", 503, ""), 1);
    cr_assert_eq(lines_for("/readyz", 503, ""), 1);
}
