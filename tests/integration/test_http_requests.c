/* How the HTTP layer finds routes and answers, at once and later. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

HTTP_SUITE(http_requests);

/* ---- answers ---- */

Test(http_requests, answers_at_once_and_later_on_one_connection)
{
    for (int i = 0; i < 3; i++) {
        raw_expect(fd, GET("/sync"), 200, "hello");
        raw_expect(fd, GET("/later"), 200, "hello");
    }
    cr_expect_eq(http_fixture_handled(fixture), 6);
}

Test(http_requests, answers_pipelined_requests_in_order)
{
    static const char three[] = GET("/param/1/x") GET("/later") GET("/param/3/x");
    const char *bodies[] = {"1|x", "hello", "3|x"};

    raw_send_text(fd, three);
    for (int i = 0; i < 3; i++) {
        struct raw_answer answer = raw_read(fd);

        cr_expect_eq(answer.status, 200);
        cr_expect_str_eq(answer.body, bodies[i]);
        raw_answer_done(&answer);
    }
}

Test(http_requests, answers_head_as_get_without_a_body)
{
    struct raw_answer answer;

    raw_send_text(fd, "HEAD /sync HTTP/1.1\r\n" HOST "\r\n");
    answer = raw_read_head(fd);
    cr_expect_eq(answer.status, 200);
    raw_expect_header(&answer, "Content-Length", "5");
    raw_answer_done(&answer);
    raw_expect(fd, GET("/sync"), 200, "hello");
}

Test(http_requests, an_empty_answer_has_a_content_length_and_keeps_the_connection)
{
    struct raw_answer answer = raw_ask(fd, GET("/any"));

    raw_expect_header(&answer, "Content-Length", "0");
    raw_expect_header(&answer, "Connection", NULL);
    raw_answer_done(&answer);
    raw_expect(fd, GET("/any"), 200, "");
}

Test(http_requests, sends_a_large_answer_whole)
{
    struct raw_answer answer = raw_ask(fd, GET("/large"));

    cr_expect_eq(answer.body_len, HTTP_FIXTURE_LARGE);
    cr_expect_eq(strspn(answer.body, "x"), HTTP_FIXTURE_LARGE);
    raw_answer_done(&answer);
    raw_expect(fd, GET("/sync"), 200, "hello");
}

Test(http_requests, a_header_for_one_answer_does_not_stay_on_a_shared_response)
{
    for (int i = 0; i < 2; i++) {
        struct raw_answer own = raw_ask(fd, GET("/own-header"));
        struct raw_answer other = raw_ask(fd, GET("/sync"));

        raw_expect_header(&own, "X-Own", "mine");
        raw_expect_header(&own, "X-Broken", NULL);
        raw_expect_header(&own, "X-Forged", NULL);
        raw_expect_header(&other, "X-Own", NULL);
        raw_answer_done(&own);
        raw_answer_done(&other);
    }
}

Test(http_requests, speaks_http_1_0)
{
    struct raw_answer kept = raw_ask(fd, "GET /sync HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

    cr_expect_eq(kept.status, 200);
    raw_expect_header(&kept, "Connection", "Keep-Alive");
    raw_answer_done(&kept);
    raw_expect(fd, "GET /later HTTP/1.0\r\n\r\n", 200, "hello");
    cr_expect(raw_is_closed(fd));
}

Test(http_requests, closes_when_the_client_asks_for_it)
{
    struct raw_answer answer =
        raw_ask(fd, "GET /sync HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");

    raw_expect_header(&answer, "Connection", "close");
    raw_answer_done(&answer);
    cr_expect(raw_is_closed(fd));
}

Test(http_requests, a_missing_response_is_a_500)
{
    struct raw_answer answer = raw_ask(fd, GET("/no-memory"));

    cr_expect_eq(answer.status, 500);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"internal\""));
    raw_answer_done(&answer);
}

Test(http_requests, a_problem_is_json_that_says_what_is_wrong)
{
    struct raw_answer answer = raw_ask(fd, GET("/busy"));

    cr_expect_eq(answer.status, 503);
    raw_expect_header(&answer, "Content-Type", "application/problem+json");
    raw_expect_header(&answer, "Retry-After", "1");
    cr_expect_str_eq(answer.body,
                     "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                     "\"detail\":\"Say \\\"please\\\"\\u000a\\\\ twice.\","
                     "\"code\":\"store_unavailable\"}");
    raw_answer_done(&answer);
}

/* ---- routes ---- */

Test(http_requests, an_unknown_path_is_a_404_and_keeps_the_connection)
{
    struct raw_answer answer = raw_ask(fd, GET("/nowhere"));

    cr_expect_eq(answer.status, 404);
    cr_expect_not_null(strstr(answer.body, "\"code\":\"not_found\""));
    raw_answer_done(&answer);
    raw_expect(fd, GET("/sync"), 200, "hello");
}

Test(http_requests, a_wrong_method_is_a_405_that_lists_the_right_ones)
{
    struct raw_answer answer = raw_ask(fd, "DELETE /sync HTTP/1.1\r\n" HOST "\r\n");

    cr_expect_eq(answer.status, 405);
    raw_expect_header(&answer, "Allow", "GET, HEAD");
    raw_answer_done(&answer);
    cr_expect_eq(raw_ask_status(fd, "OPTIONS /sync HTTP/1.1\r\n" HOST "\r\n"), 405);
    cr_expect_eq(raw_ask_status(fd, "get /sync HTTP/1.1\r\n" HOST "\r\n"), 405);
}

Test(http_requests, a_route_for_any_method_takes_made_up_ones)
{
    cr_expect_eq(raw_ask_status(fd, "PURGE /any HTTP/1.1\r\n" HOST "\r\n"), 200);
    cr_expect_eq(raw_ask_status(fd, "OPTIONS /any HTTP/1.1\r\n" HOST "\r\n"), 200);
    cr_expect_eq(raw_ask_status(fd, "PROPFIND /any-later HTTP/1.1\r\n" HOST "\r\n"), 200);
}

Test(http_requests, an_absolute_target_is_the_same_as_its_path)
{
    raw_expect(fd, GET("http://localhost/param/a/b?c=d"), 200, "a|b");
    cr_expect_eq(raw_ask_status(fd, GET("http://localhost")), 404);
    cr_expect_eq(raw_ask_status(fd, GET("http://localhost?a=b")), 404);
}

Test(http_requests, asterisk_and_authority_are_understood_but_name_no_resource)
{
    cr_expect_eq(raw_ask_status(fd, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 404);
    cr_expect_eq(raw_ask_status(fd, "CONNECT example.com:443 HTTP/1.1\r\n" HOST "\r\n"), 404);
}

Test(http_requests, a_path_is_decoded_once_segment_by_segment)
{
    raw_expect(fd, GET("/%70aram/a%2Fb/%2541"), 200, "a/b|%41");
    raw_expect(fd, GET("/rest/a%2Fb/../c?d"), 200, "a%2Fb/../c");
    cr_expect_eq(raw_ask_status(fd, GET("/param/a/b/")), 404);
    cr_expect_eq(raw_ask_status(fd, GET("/x/../sync")), 404);
}

Test(http_requests, an_ill_encoded_path_is_a_400)
{
    cr_expect_eq(raw_ask_status(fd, GET("/param/%zz/b")), 400);
    cr_expect_eq(raw_ask_status(fd, GET("/param/%00/b")), 400);
}

Test(http_requests, a_method_that_is_none_is_not_reported_since_it_may_be_a_token)
{
    size_t before = http_fixture_reports(fixture);

    raw_ask_status(fd, "stream_token=secret /sync HTTP/1.1\r\n" HOST "\r\n");
    while (http_fixture_reports(fixture) == before)
        sched_yield();
    cr_assert_str_eq(http_fixture_last_report(fixture).method, "-");
}
