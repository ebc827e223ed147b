/* Clients that are slow: how long the HTTP layer bears with them. */
#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "http_fixture.h"
#include "raw_http.h"

TestSuite(http_deadlines, .timeout = 60);

/* Sends a byte of text at a time, faster than any inactivity could be noticed, until the server
 * closes. */
static void drip(int fd, const char *start)
{
    int64_t began = clock_monotonic_ms();

    raw_send_text(fd, start);
    while (clock_monotonic_ms() - began < 10000) {
        struct timespec pause = {.tv_nsec =
                                     20 * 1000 * 1000}; /* the client's slowness, not a wait */

        if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
            break;
        nanosleep(&pause, NULL);
    }
    cr_expect_lt(clock_monotonic_ms() - began, 5000);
    cr_expect(raw_is_closed(fd));
}

Test(http_deadlines, a_head_that_drips_in_is_cut_off)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 300});
    int fd = raw_connect(http_fixture_port(fixture));

    drip(fd, "GET /sync HTTP/1.1\r\nX-Drip: ");
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, a_request_line_that_drips_in_is_cut_off)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 300});
    int fd = raw_connect(http_fixture_port(fixture));

    drip(fd, "GET /");
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, a_body_that_drips_in_is_cut_off)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 300});
    int fd = raw_connect(http_fixture_port(fixture));

    drip(fd, "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
             "Content-Length: 99\r\n\r\n");
    cr_expect_eq(http_fixture_handled(fixture), 0);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, the_second_request_of_a_connection_has_a_deadline_too)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 300});
    int fd = raw_connect(http_fixture_port(fixture));

    raw_expect(fd, GET("/sync"), 200, "hello");
    drip(fd, "GET /sync HTTP/1.1\r\nX-Drip: ");
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, a_connection_that_says_nothing_is_closed)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 200});
    int fd = raw_connect(http_fixture_port(fixture));

    cr_expect(raw_is_closed(fd));
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, an_idle_connection_is_kept_for_a_while_and_closed_then)
{
    struct http_fixture *fixture = http_fixture_start(
        (struct http_fixture_limits){.request_timeout_ms = 100, .idle_timeout_s = 1});
    int fd = raw_connect(http_fixture_port(fixture));
    int64_t began;

    raw_expect(fd, GET("/later"), 200, "hello");
    began = clock_monotonic_ms();
    cr_expect(raw_is_closed(fd));
    cr_expect_geq(clock_monotonic_ms() - began, 900);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_deadlines, a_request_that_waits_for_its_handler_has_no_deadline)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 100});
    int waiting = raw_connect(http_fixture_port(fixture));
    int silent;

    raw_send_text(waiting, GET("/hold"));
    http_fixture_wait_held(fixture, 1);
    for (int i = 0; i < 3; i++) { /* three deadlines of others pass */
        silent = raw_connect(http_fixture_port(fixture));
        cr_expect(raw_is_closed(silent));
        close(silent);
    }
    http_fixture_release(fixture);
    raw_expect_answer(waiting, 200, "hello");
    close(waiting);
    http_fixture_stop(fixture);
}

Test(http_deadlines, a_client_that_does_not_read_its_answer_is_cut_off)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 200});
    int fd = raw_connect(http_fixture_port(fixture));
    int silent = raw_connect(http_fixture_port(fixture));
    size_t got = 0;
    ssize_t more;
    char bytes[65536];

    raw_send_text(fd, GET("/large"));
    while (http_fixture_busy(fixture) == 0 && http_fixture_reports(fixture) == 0)
        ;
    cr_expect(raw_is_closed(silent));
    while (http_fixture_busy(fixture) > 0)
        ; /* its deadline is a moment later than the other's */
    while ((more = recv(fd, bytes, sizeof bytes, 0)) > 0)
        got += (size_t)more;
    cr_expect_lt(got, HTTP_FIXTURE_LARGE);
    close(silent);
    close(fd);
    http_fixture_stop(fixture);
}

/*
 * libmicrohttpd 1.0.1 refuses such a request, and then, more often than not, forgets to tell its end.
 */
Test(http_deadlines, requests_that_end_in_endless_chunk_extensions_are_let_go)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.request_timeout_ms = 300});
    char extension[60000];

    memset(extension, 'e', sizeof extension);
    do { /* on a busy machine all of them may be too late, and nothing is said of their chunks */
        for (int i = 0; i < 20; i++) {
            int fd = raw_connect(http_fixture_port(fixture));

            raw_send_text(fd, "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;");
            raw_send(fd, extension, sizeof extension);
            close(fd);
        }
        while (http_fixture_busy(fixture) > 0)
            sched_yield();
    } while (!http_fixture_complained(fixture, "chunk size line"));
    while (http_fixture_busy(fixture) > 0)
        sched_yield();
    http_fixture_stop(fixture);
}
