/* Heads of requests: how large they may be, their ids, and what is reported of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

HTTP_SUITE(http_heads);

/* ---- heads ---- */

Test(http_heads, reads_a_head_of_32_kib)
{
    enum { SIZE = 32 * 1024 };
    char head[SIZE + 1];
    size_t len = (size_t)sprintf(head, "GET /later HTTP/1.1\r\n" HOST "Cookie: ");

    for (int i = 0; i < 100; i++)
        len += (size_t)sprintf(head + len, "cookie%d=%030d; ", i, i);
    len += (size_t)sprintf(head + len, "a=b\r\n");
    for (int i = 0; i < 20; i++)
        len += (size_t)sprintf(head + len, "X-Small-%d: %d\r\n", i, i);
    while (len < SIZE - 1100)
        len += (size_t)sprintf(head + len, "X-Padding: %01000d\r\n", 0);
    len += (size_t)sprintf(head + len, "X-Last: %0*d\r\n\r\n", (int)(SIZE - len - 12), 0);
    cr_assert_eq(len, SIZE);

    raw_expect(fd, head, 200, "hello");
    raw_expect(fd, head, 200, "hello");
}

Test(http_heads, reads_long_lines_and_many_headers)
{
    static char head[12000];
    size_t len;

    sprintf(head, "GET /rest/%09000d HTTP/1.1\r\n" HOST "\r\n", 0);
    cr_expect_eq(raw_ask_status(fd, head), 200);
    sprintf(head, "GET /sync HTTP/1.1\r\n" HOST "X-Long: %09000d\r\n\r\n", 0);
    cr_expect_eq(raw_ask_status(fd, head), 200);
    len = (size_t)sprintf(head, "GET /sync HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 150; i++)
        len += (size_t)sprintf(head + len, "X-Many-%d: value\r\n", i);
    strcpy(head + len, "\r\n");
    cr_expect_eq(raw_ask_status(fd, head), 200);
}

Test(http_heads, a_head_that_is_far_too_long_is_a_431)
{
    static char head[80 * 1024];

    sprintf(head, "GET /sync HTTP/1.1\r\n" HOST "X-Long: %060000d\r\n\r\n", 0);
    cr_expect_eq(raw_ask_status(fd, head), 431);
}

/* ---- ids and the access log ---- */

Test(http_heads, repeats_a_sound_request_id_on_every_answer)
{
    const char *targets[] = {"/sync", "/later", "/nowhere", "/json", "/busy"};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char request[256];
        struct raw_answer answer;

        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\n" HOST "X-Request-Id: A-z.0_%zu\r\n\r\n", targets[i], i);
        answer = raw_ask(fd, request);
        snprintf(request, sizeof request, "A-z.0_%zu", i);
        raw_expect_header(&answer, "X-Request-Id", request);
        cr_expect_str_eq(http_fixture_last_report(fixture).request_id, request);
        raw_answer_done(&answer);
    }
}

Test(http_heads, makes_an_id_where_there_is_none_or_a_bad_one)
{
    const char *requests[] = {
        GET("/sync"),
        "GET /sync HTTP/1.1\r\n" HOST "X-Request-Id: a b\r\n\r\n",
        "GET /sync HTTP/1.1\r\n" HOST "X-Request-Id:\r\n\r\n",
        "GET /sync HTTP/1.1\r\n" HOST "X-Request-Id: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n",
    };
    char last[64] = "";

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct raw_answer answer = raw_ask(fd, requests[i]);
        char id[64];

        cr_assert(raw_header(&answer, "X-Request-Id", id, sizeof id));
        cr_expect_eq(strlen(id), 16);
        cr_expect_eq(strspn(id, "0123456789abcdef"), 16);
        cr_expect_str_neq(id, last);
        strcpy(last, id);
        raw_answer_done(&answer);
    }
}

Test(http_heads, reports_each_request_once)
{
    struct http_access report;

    raw_ask_status(fd, GET("/param/1/2?token=secret"));
    report = http_fixture_last_report(fixture);
    cr_expect_eq(http_fixture_reports(fixture), 1);
    cr_expect_str_eq(report.method, "GET");
    cr_expect_str_eq(report.route, "/param/{a}/{b}");
    cr_expect_eq(report.status, 200);
    cr_expect_eq(report.code, ERR_OK);
    cr_expect_geq(report.duration_us, 0);
    cr_expect_lt(report.duration_us, 10000000);

    raw_ask_status(fd, "DELETE /nowhere HTTP/1.1\r\n" HOST "\r\n");
    report = http_fixture_last_report(fixture);
    cr_expect_eq(http_fixture_reports(fixture), 2);
    cr_expect_str_eq(report.method, "DELETE");
    cr_expect_str_eq(report.route, "-");
    cr_expect_eq(report.status, 404);
    cr_expect_eq(report.code, ERR_NOT_FOUND);
}

Test(http_heads, reports_the_session_that_the_handler_noted)
{
    raw_send_text(fd, GET("/hold"));
    http_fixture_wait_held(fixture, 1);
    http_fixture_release(fixture);
    raw_answer_done(&(struct raw_answer[]){raw_read(fd)}[0]);
    cr_expect_str_eq(http_fixture_last_report(fixture).session_id,
                     "a-session-with-a-name-that-is-f");
}

Test(http_heads, reports_what_libmicrohttpd_refused_by_itself)
{
    cr_expect_eq(raw_ask_status(fd,
                                "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                                "Transfer-Encoding: gzip\r\n\r\n"),
                 400);
    cr_expect(raw_is_closed(fd));
    cr_expect_eq(http_fixture_reports(fixture), 1);
    cr_expect_eq(http_fixture_last_report(fixture).status, 400);
    cr_expect_eq(http_fixture_last_report(fixture).code, ERR_INVALID_REQUEST);
}

Test(http_heads, never_tells_the_target_to_libmicrohttpd)
{
    raw_send_text(fd, GET("/large?token=secret"));
    close(fd);
    fd = raw_connect(http_fixture_port(fixture));
    raw_ask_status(fd, GET("/large"));
    cr_expect_not(http_fixture_complained(fixture, "secret"));
}
