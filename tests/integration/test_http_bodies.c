/* What the HTTP layer does with bodies, and with those that nobody wants. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

HTTP_SUITE(http_bodies);

#define POST_JSON(target, headers)                                                                 \
    "POST " target " HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n" headers "\r\n"

Test(http_bodies, reads_a_body_of_known_length)
{
    raw_expect(fd, POST_JSON("/json", "Content-Length: 5\r\n") "{\"a\"}", 200, "{\"a\"}");
    raw_expect(fd, POST_JSON("/json-later", "Content-Length: 5\r\n") "{\"b\"}", 200, "{\"b\"}");
    raw_expect(fd, POST_JSON("/json", "Content-Length: 0\r\n"), 200, "");
    raw_expect(fd, "POST /json HTTP/1.1\r\n" HOST "\r\n", 200, "");
}

Test(http_bodies, reads_a_body_that_comes_in_pieces)
{
    raw_send_text(fd, POST_JSON("/json", "Content-Length: 6\r\n") "ab");
    raw_send_text(fd, "cd");
    raw_expect(fd, "ef", 200, "abcdef");
}

Test(http_bodies, reads_a_chunked_body_with_trailers)
{
    raw_expect(
        fd,
        POST_JSON(
            "/json",
            "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: x\r\n\r\n",
        200, "abcde");
    raw_expect(fd, GET("/sync"), 200, "hello");
}

Test(http_bodies, takes_json_with_parameters_in_any_case)
{
    raw_expect(fd,
               "POST /json HTTP/1.1\r\n" HOST "Content-Type: Application/JSON ; charset=utf-8\r\n"
               "Content-Length: 2\r\n\r\n{}",
               200, "{}");
}

Test(http_bodies, another_content_type_is_a_415)
{
    cr_expect_eq(raw_ask_status(fd,
                                "POST /json HTTP/1.1\r\n" HOST "Content-Type: application/jsonp\r\n"
                                "Content-Length: 2\r\n\r\n{}"),
                 415);
}

Test(http_bodies, a_missing_content_type_is_a_415)
{
    cr_expect_eq(raw_ask_status(fd, "POST /json HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"),
                 415);
}

Test(http_bodies, a_body_that_is_announced_too_long_is_a_413_before_it_comes)
{
    struct raw_answer answer = raw_ask(fd, POST_JSON("/json", "Content-Length: 101\r\n"));

    cr_expect_eq(answer.status, 413);
    raw_expect_header(&answer, "Connection", "close");
    cr_expect_not_null(strstr(answer.body, "\"code\":\"payload_too_large\""));
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
    cr_expect_eq(http_fixture_handled(fixture), 0);
}

Test(http_bodies, a_chunked_body_is_a_413_as_soon_as_it_is_too_long)
{
    char chunk[200];
    struct raw_answer answer;

    memset(chunk, 'x', sizeof chunk);
    raw_send_text(
        fd, POST_JSON("/json", "X-Request-Id: r1\r\nTransfer-Encoding: chunked\r\n") "1000\r\n");
    raw_send(fd, chunk, sizeof chunk);
    answer = raw_read(fd);
    cr_expect_eq(answer.status, 413);
    raw_expect_header(&answer, "X-Request-Id", "r1");
    raw_expect_header(&answer, "Content-Type", "application/problem+json");
    cr_expect_not_null(strstr(answer.body, "\"code\":\"payload_too_large\""));
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
    cr_expect_eq(http_fixture_handled(fixture), 0);
    cr_expect_eq(http_fixture_reports(fixture), 1);
    cr_expect_eq(http_fixture_last_report(fixture).code, ERR_PAYLOAD_TOO_LARGE);
}

Test(http_bodies, an_ignored_body_may_be_of_any_type)
{
    cr_expect_eq(raw_ask_status(fd, "POST /ignored HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n"
                                    "Content-Length: 5\r\n\r\nhello"),
                 204);
    raw_expect(fd, GET("/sync"), 200, "hello");
    cr_expect_eq(
        raw_ask_status(fd, "POST /ignored HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n"), 413);
}

Test(http_bodies, a_body_that_nobody_reads_is_not_waited_for)
{
    struct raw_answer answer =
        raw_ask(fd, "POST /any HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n");

    cr_expect_eq(answer.status, 200);
    raw_expect_header(&answer, "Connection", "close");
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
}

Test(http_bodies, nor_is_it_where_the_answer_comes_later)
{
    struct raw_answer answer =
        raw_ask(fd, "POST /any-later HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");

    cr_expect_eq(answer.status, 200);
    raw_expect_header(&answer, "Connection", "close");
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
    cr_expect_eq(http_fixture_handled(fixture), 1);
}

Test(http_bodies, tells_a_client_that_asks_to_go_on_with_its_body)
{
    raw_expect(fd, POST_JSON("/json", "Expect: 100-continue\r\nContent-Length: 5\r\n"), 100, NULL);
    raw_expect(fd, "hello", 200, "hello");
    raw_expect(fd, GET("/sync"), 200, "hello");
}

Test(http_bodies, refuses_instead_of_asking_for_a_body_that_it_will_not_take)
{
    raw_expect(fd, POST_JSON("/json", "Expect: 100-continue\r\nContent-Length: 500\r\n"), 413,
               NULL);
}

Test(http_bodies, a_client_may_finish_a_body_that_was_refused)
{
    enum { SIZE = 4 * 1024 * 1024 };
    char *body = calloc(1, SIZE);

    raw_expect(fd, POST_JSON("/json", "Content-Length: 4194304\r\n"), 413, NULL);
    cr_expect(raw_send(fd, body, SIZE / 2));
    cr_expect(raw_send(fd, body, SIZE / 2));
    cr_expect(raw_is_closed(fd));
    free(body);
}

Test(http_bodies, a_client_that_sends_all_of_a_refused_body_still_gets_the_answer)
{
    enum { SIZE = 4 * 1024 * 1024 };
    char *body = calloc(1, SIZE);

    raw_send_text(fd, POST_JSON("/json", "Content-Length: 4194304\r\n"));
    cr_expect(raw_send(fd, body, SIZE));
    raw_expect(fd, "", 413, NULL);
    free(body);
}
