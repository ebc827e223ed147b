/* What the access log leaves out. */
#include <criterion/criterion.h>

#include "access_log.h"
#include "http_server.h"
#include "log.h"
#include "log_capture.h"

static struct access_log access_log;
static enum err code;    /* of the requests */
static const char *peer; /* who sends them */

/* Writes one request to the log, and returns how many lines stderr got. */
static int lines_for(const char *route, int status, const char *session_id)
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
    int lines = log_capture_count("", "");
    log_capture_stop();
    return lines;
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

Test(access_log, writes_all_at_debug)
{
    log_setup(LOG_DEBUG, LOG_TEXT);
    cr_assert_eq(lines_for("/v1/authorize", 200, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
}
