/* What the access log leaves out. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "http_server.h"
#include "log.h"

static struct access_log access_log;
static enum err code; /* of the requests */

/* Writes one request to the log, and returns how many lines stderr got. */
static int lines_for(const char *route, int status, const char *session_id)
{
    const struct http_access access = {.method = "GET",
                                       .route = route,
                                       .request_id = "r1",
                                       .session_id = session_id,
                                       .code = code,
                                       .status = status};
    char text[1024] = "";
    int pipe_fds[2], saved = dup(STDERR_FILENO), lines = 0;

    cr_assert_eq(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    access_log_write(&access_log, &access);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    cr_assert_geq(read(pipe_fds[0], text, sizeof text - 1), 0);
    close(pipe_fds[0]);
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
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

Test(access_log, writes_all_at_debug)
{
    log_setup(LOG_DEBUG, LOG_TEXT);
    cr_assert_eq(lines_for("/v1/authorize", 200, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
    cr_assert_eq(lines_for("/v1/authorize", 403, "s1"), 1);
}
