/* What the HTTP layer does with connections that it has no room for. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

#define HOST        "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

TestSuite(http_overload, .timeout = 60);

/* Reads one answer and expects it to be what a connection above the limit is told. */
static void expect_refusal(int fd)
{
    struct raw_answer answer = raw_read(fd);

    cr_expect_eq(answer.status, 503);
    raw_expect_header(&answer, "Retry-After", "1");
    raw_expect_header(&answer, "Connection", "close");
    raw_expect_header(&answer, "Content-Type", "application/problem+json");
    cr_assert_not_null(answer.body);
    cr_expect_not_null(strstr(answer.body, "\"status\":503"), "%s", answer.body);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"overloaded\""), "%s", answer.body);
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
}

/* A connection that has a place: it was served. */
static int connect_served(struct http_fixture *fixture)
{
    int fd = raw_connect(http_fixture_port(fixture));

    raw_expect(fd, GET("/sync"), 200, "hello");
    return fd;
}

Test(http_overload, refuses_connections_above_the_limit_and_serves_those_below)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 2});
    int first = connect_served(fixture), second = connect_served(fixture);

    raw_send_text(first, GET("/hold"));
    http_fixture_wait_held(fixture, 1);
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect(http_fixture_port(fixture));

        raw_send_text(fd, GET("/sync"));
        expect_refusal(fd);
        close(fd);
        raw_expect(second, GET("/later"), 200, "hello");
    }
    http_fixture_release(fixture);
    raw_expect(first, "", 200, "hello");
    close(first);
    close(second);
    http_fixture_stop(fixture);
}

Test(http_overload, serves_a_new_connection_as_soon_as_a_place_is_free)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 1});

    for (int i = 0; i < 10; i++) {
        int status, fd = raw_connect(http_fixture_port(fixture));

        /* the last round's client has closed, but the server may not have seen that yet */
        while ((status = raw_ask_status(fd, GET("/sync"))) == 503) {
            close(fd);
            fd = raw_connect(http_fixture_port(fixture));
        }
        cr_expect_eq(status, 200);
        close(fd);
    }
    http_fixture_stop(fixture);
}

Test(http_overload, a_client_that_sends_much_gets_its_refusal)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 1});
    int served = connect_served(fixture);
    char *body = calloc(1, SIZE);

    for (int i = 0; i < 5; i++) {
        int fd = raw_connect(http_fixture_port(fixture));

        raw_send_text(fd, "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                          "Content-Length: 4194304\r\n\r\n");
        cr_expect(raw_send(fd, body, SIZE), "the connection was reset");
        expect_refusal(fd);
        close(fd);
    }
    free(body);
    close(served);
    http_fixture_stop(fixture);
}

Test(http_overload, a_connection_without_a_request_is_told_nothing_and_closed_in_time)
{
    struct http_fixture *fixture = http_fixture_start(
        (struct http_fixture_limits){.connections = 1, .request_timeout_ms = 300});
    int served = connect_served(fixture);
    int fd = raw_connect(http_fixture_port(fixture));

    cr_expect(raw_is_closed(fd));
    close(fd);
    close(served);
    http_fixture_stop(fixture);
}

Test(http_overload, refuses_no_more_than_so_many_at_once_and_closes_the_rest)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 1});
    int served = connect_served(fixture);
    int silent[HTTP_LINGERS_MAX];

    for (int i = 0; i < HTTP_LINGERS_MAX; i++)
        silent[i] = raw_connect(http_fixture_port(fixture));
    for (int i = 0; i < 3; i++) {
        int fd = raw_connect(http_fixture_port(fixture));

        cr_expect(raw_is_closed(fd));
        close(fd);
        raw_expect(served, GET("/sync"), 200, "hello");
    }
    for (int i = 0; i < HTTP_LINGERS_MAX; i++) {
        raw_send_text(silent[i], GET("/sync"));
        expect_refusal(silent[i]);
        close(silent[i]);
    }
    close(served);
    http_fixture_stop(fixture);
}

Test(http_overload, a_refused_connection_is_reported)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 1});
    int served = connect_served(fixture);
    int fd = raw_connect(http_fixture_port(fixture));

    raw_send_text(fd, GET("/sync"));
    expect_refusal(fd);
    struct http_access report = http_fixture_last_report(fixture);
    cr_expect_eq(report.code, ERR_OVERLOADED);
    cr_expect_eq(report.status, 503);
    cr_expect_str_eq(report.route, "-");
    cr_expect_eq(http_fixture_reports(fixture), 2);
    cr_expect_eq(http_fixture_handled(fixture), 1);
    close(fd);
    close(served);
    http_fixture_stop(fixture);
}

Test(http_overload, a_connection_handed_over_is_refused_like_any_other)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.no_listener = true, .connections = 1});
    int first[2], second[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, first), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, second), 0);
    http_fixture_hand_over(fixture, first[1]);
    http_fixture_hand_over(fixture, second[1]);
    raw_send_text(second[0], GET("/sync"));
    expect_refusal(second[0]);
    raw_expect(first[0], GET("/sync"), 200, "hello");
    close(first[0]);
    close(second[0]);
    http_fixture_stop(fixture);
}

Test(http_overload, stops_while_it_refuses)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.connections = 1});
    int served = connect_served(fixture);
    int told = raw_connect(http_fixture_port(fixture));
    int silent = raw_connect(http_fixture_port(fixture));

    raw_send_text(told, GET("/sync"));
    while (http_fixture_reports(fixture) < 3)
        ;
    http_fixture_stop(fixture);
    cr_expect(raw_is_closed(silent));
    close(told);
    close(silent);
    close(served);
}
