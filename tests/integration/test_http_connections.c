/* What the HTTP layer does with connections: clients that leave, many of them, the end. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

#define HOST        "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

TestSuite(http_connections, .timeout = 60);

/* Reads one answer and expects it to be a 200 with "hello". */
static void expect_hello(int fd)
{
    struct raw_answer answer = raw_read(fd);

    cr_expect_eq(answer.status, 200);
    if (answer.body != NULL)
        cr_expect_str_eq(answer.body, "hello");
    raw_answer_done(&answer);
}

/* ---- half-closed clients ---- */

Test(http_connections, a_half_closed_client_gets_its_answer)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    const char *requests[] = {
        GET("/sync"),
        GET("/later"),
        "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 5\r\n\r\nhello",
        "POST /json-later HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    };
    int bystander = raw_connect(http_fixture_port(fixture)); /* an older connection, idle */

    for (size_t i = 0; i < 10 * sizeof requests / sizeof requests[0]; i++) {
        int fd = raw_connect(http_fixture_port(fixture));

        raw_send_text(fd, requests[i % (sizeof requests / sizeof requests[0])]);
        raw_half_close(fd);
        expect_hello(fd);
        cr_expect(raw_is_closed(fd));
        close(fd);
    }
    close(bystander);
    http_fixture_stop(fixture);
}

Test(http_connections, a_client_that_half_closes_while_it_waits_gets_its_answer)
{
    enum { COUNT = 20 };
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int fds[COUNT];

    for (int i = 0; i < COUNT; i++) {
        fds[i] = raw_connect(http_fixture_port(fixture));
        raw_send_text(fds[i], GET("/hold"));
    }
    http_fixture_wait_held(fixture, COUNT);
    for (int i = 0; i < COUNT; i++)
        raw_half_close(fds[i]);
    http_fixture_release(fixture);
    for (int i = 0; i < COUNT; i++) {
        expect_hello(fds[i]);
        cr_expect(raw_is_closed(fds[i]));
        close(fds[i]);
    }
    http_fixture_stop(fixture);
}

/* ---- clients that leave ---- */

Test(http_connections, a_client_that_leaves_while_it_waits_harms_nobody)
{
    enum { COUNT = 20 };
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd;

    for (int i = 0; i < COUNT; i++) {
        fd = raw_connect(http_fixture_port(fixture));
        raw_send_text(fd, GET("/hold"));
        http_fixture_wait_held(fixture, (size_t)i + 1);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    cr_expect_eq(http_fixture_busy(fixture), COUNT);
    http_fixture_release(fixture);
    fd = raw_connect(http_fixture_port(fixture));
    raw_send_text(fd, GET("/later"));
    expect_hello(fd);
    cr_expect_eq(http_fixture_reports(fixture), COUNT + 1);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_connections, a_client_that_leaves_in_mid_request_harms_nobody)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    const char *starts[] = {
        "",
        "GET",
        "GET /sync HTTP/1.1\r\nHos",
        "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 50\r\n\r\nhel",
    };
    int fd;

    for (size_t i = 0; i < 40; i++) {
        fd = raw_connect(http_fixture_port(fixture));
        raw_send_text(fd, starts[i % 4]);
        close(fd);
    }
    fd = raw_connect(http_fixture_port(fixture));
    raw_send_text(fd, GET("/sync"));
    expect_hello(fd);
    cr_expect_eq(http_fixture_reports(fixture), 1);
    close(fd);
    http_fixture_stop(fixture);
}

/* ---- many ---- */

Test(http_connections, serves_many_connections_at_once)
{
    enum { COUNT = 400 };
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int fds[COUNT];

    for (int i = 0; i < COUNT; i++)
        fds[i] = raw_connect(http_fixture_port(fixture));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++)
            raw_send_text(fds[i], GET("/hold"));
        http_fixture_wait_held(fixture, COUNT);
        cr_expect_eq(http_fixture_busy(fixture), COUNT);
        http_fixture_release(fixture);
        for (int i = 0; i < COUNT; i++)
            expect_hello(fds[i]);
    }
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    http_fixture_stop(fixture);
}

Test(http_connections, answers_thousands_of_pipelined_requests)
{
    enum { COUNT = 2000 };
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int fd = raw_connect(http_fixture_port(fixture));
    static const char pair[] = GET("/sync") GET("/later");

    for (int i = 0; i < COUNT; i++)
        raw_send_text(fd, pair);
    for (int i = 0; i < 2 * COUNT; i++)
        expect_hello(fd);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_connections, a_connection_is_handed_over)
{
    struct http_fixture *fixture =
        http_fixture_start((struct http_fixture_limits){.no_listener = true});
    int pair[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    http_fixture_hand_over(fixture, pair[1]);
    for (int i = 0; i < 3; i++) {
        raw_send_text(pair[0], GET("/sync") GET("/later"));
        expect_hello(pair[0]);
        expect_hello(pair[0]);
    }
    raw_send_text(pair[0], GET("/hold"));
    http_fixture_wait_held(fixture, 1);
    raw_half_close(pair[0]);
    http_fixture_release(fixture);
    expect_hello(pair[0]);
    cr_expect(raw_is_closed(pair[0]));
    close(pair[0]);
    http_fixture_stop(fixture);
}

/* ---- the end ---- */

Test(http_connections, a_quiesced_server_finishes_what_it_has_and_takes_nothing_new)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int waiting = raw_connect(http_fixture_port(fixture));
    int kept = raw_connect(http_fixture_port(fixture));
    struct raw_answer answer;
    char value[32];

    raw_send_text(kept, GET("/sync"));
    expect_hello(kept);
    raw_send_text(waiting, GET("/hold"));
    http_fixture_wait_held(fixture, 1);
    http_fixture_quiesce(fixture);
    cr_expect_not(raw_can_connect(http_fixture_port(fixture)));

    raw_send_text(kept, GET("/sync"));
    answer = raw_read(kept);
    cr_expect(raw_header(&answer, "Connection", value, sizeof value));
    cr_expect_str_eq(value, "close");
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(kept));

    http_fixture_release(fixture);
    expect_hello(waiting);
    cr_expect(raw_is_closed(waiting));
    close(kept);
    close(waiting);
    http_fixture_stop(fixture);
}

Test(http_connections, stopping_sends_what_was_answered_just_before)
{
    enum { COUNT = 10 };
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int fds[COUNT];

    for (int i = 0; i < COUNT; i++) {
        fds[i] = raw_connect(http_fixture_port(fixture));
        raw_send_text(fds[i], GET("/hold"));
    }
    http_fixture_wait_held(fixture, COUNT);
    http_fixture_stop(fixture); /* answers them, and stops in the same breath */
    for (int i = 0; i < COUNT; i++) {
        expect_hello(fds[i]);
        cr_expect(raw_is_closed(fds[i]));
        close(fds[i]);
    }
}

Test(http_connections, stopping_closes_connections_in_every_state)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    const char *starts[] = {
        "",
        "GET /sy",
        "GET /sync HTTP/1.1\r\nX-A: ",
        "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 50\r\n\r\nhel",
        GET("/large"),
        GET("/sync"),
    };
    enum { COUNT = sizeof starts / sizeof starts[0] };
    int fds[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        fds[i] = raw_connect(http_fixture_port(fixture));
        raw_send_text(fds[i], starts[i]);
    }
    while (http_fixture_reports(fixture) < 2)
        ;
    http_fixture_stop(fixture);
    for (size_t i = 0; i < COUNT; i++) {
        char bytes[65536];

        while (recv(fds[i], bytes, sizeof bytes, 0) > 0)
            ;
        close(fds[i]);
    }
}
