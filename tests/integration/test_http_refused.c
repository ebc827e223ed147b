/*
 * What the HTTP layer refuses, each of it with a closed connection and before any handler is
 * called: every kind of check that dropseed/h1spec has, and then some. Behind each refused request
 * a second one is sent, which must not be served: that is what request smuggling looks like.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http_fixture.h"
#include "raw_http.h"

#define JSON   "Content-Type: application/json\r\n"
#define SECOND "GET /sync HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"

struct refused {
    char name[64];     /* what is wrong */
    char request[400]; /* the request, up to the first NUL unless len says more */
    int status;        /* the answer; 0 where the connection is closed without one */
    size_t len;        /* of the request, where it holds a NUL */
};

static struct refused cases[] = {
    /* ---- the request line ---- */
    {"no version", "GET /sync\r\n" HOST "\r\n", 400, 0},
    {"HTTP/2.0", "GET /sync HTTP/2.0\r\n" HOST "\r\n", 505, 0},
    {"HTTP/0.9", "GET /sync HTTP/0.9\r\n" HOST "\r\n", 505, 0},
    {"lower-case version", "GET /sync http/1.1\r\n" HOST "\r\n", 400, 0},
    {"two blanks", "GET  /sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"blank at the end", "GET /sync HTTP/1.1 \r\n" HOST "\r\n", 400, 0},
    {"blank in the target", "GET /sy nc HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"tab as a blank", "GET\t/sync\tHTTP/1.1\r\n" HOST "\r\n", 0, 0},
    {"bare CR in the line", "GET /sy\rnc HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"bare LF after the line", "GET /sync HTTP/1.1\n" HOST "\r\n", 400, 0},
    {"NUL in the target", "GET /sy\0nc HTTP/1.1\r\n" HOST "\r\n", 0, 40},
    {"control character in the target", "GET /sy\x01nc HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"UTF-8 in the target", "GET /s\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"fragment in the target", "GET /sync#top HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"method with a colon", "GET: /sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"method with brackets", "G(E)T /sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"authority where it does not belong", "GET localhost:80 HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"asterisk where it does not belong", "GET * HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"path for CONNECT", "CONNECT /any HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"path without a slash", "GET sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"another scheme", "GET ftp://localhost/sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"user in the authority", "GET http://a@b/sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"no authority", "GET http:///sync HTTP/1.1\r\n" HOST "\r\n", 400, 0},

    /* ---- Host ---- */
    {"no Host", "GET /sync HTTP/1.1\r\n\r\n", 400, 0},
    {"two Hosts", "GET /sync HTTP/1.1\r\n" HOST "Host: example.com\r\n\r\n", 400, 0},
    {"the same Host twice", "GET /sync HTTP/1.1\r\n" HOST "hOST: localhost\r\n\r\n", 400, 0},
    {"blank in Host", "GET /sync HTTP/1.1\r\nHost: bad host\r\n\r\n", 400, 0},
    {"path in Host", "GET /sync HTTP/1.1\r\nHost: localhost/a\r\n\r\n", 400, 0},
    {"user in Host", "GET /sync HTTP/1.1\r\nHost: a@localhost\r\n\r\n", 400, 0},
    {"list in Host", "GET /sync HTTP/1.1\r\nHost: a, b c\r\n\r\n", 400, 0},
    {"port that is no number", "GET /sync HTTP/1.1\r\nHost: localhost:80a\r\n\r\n", 400, 0},
    {"open bracket in Host", "GET /sync HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, 0},
    {"text behind an IPv6 address", "GET /sync HTTP/1.1\r\nHost: [::1]80\r\n\r\n", 400, 0},
    {"UTF-8 in Host", "GET /sync HTTP/1.1\r\nHost: caf\xc3\xa9\r\n\r\n", 400, 0},
    {"Host on 1.0 is checked as well", "GET /sync HTTP/1.0\r\nHost: bad host\r\n\r\n", 400, 0},

    /* ---- headers ---- */
    {"blank in a name", "GET /sync HTTP/1.1\r\n" HOST "Bad Header: x\r\n\r\n", 400, 0},
    {"blank before the colon", "GET /sync HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, 0},
    {"brackets in a name", "GET /sync HTTP/1.1\r\n" HOST "Bad(er): x\r\n\r\n", 400, 0},
    {"UTF-8 in a name", "GET /sync HTTP/1.1\r\n" HOST "X-\xc3\xa9: x\r\n\r\n", 400, 0},
    {"control character in a name", "GET /sync HTTP/1.1\r\n" HOST "X-\x01: x\r\n\r\n", 400, 0},
    {"no name", "GET /sync HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400, 0},
    {"no colon", "GET /sync HTTP/1.1\r\n" HOST "Something\r\n\r\n", 400, 0},
    {"folded line", "GET /sync HTTP/1.1\r\n" HOST "X-A: b\r\n  continued\r\n\r\n", 400, 0},
    {"blank before the first header", "GET /sync HTTP/1.1\r\n " HOST "\r\n", 400, 0},
    {"NUL in a value", "GET /sync HTTP/1.1\r\nHost: local\0host\r\n\r\n", 400, 40},
    {"control character in a value", "GET /sync HTTP/1.1\r\n" HOST "X-A: a\x01z\r\n\r\n", 400, 0},
    {"DEL in a value", "GET /sync HTTP/1.1\r\n" HOST "X-A: a\x7fz\r\n\r\n", 400, 0},
    {"bare CR in a value", "GET /sync HTTP/1.1\r\n" HOST "X-A: a\rX-B: b\r\n\r\n", 400, 0},
    {"bare LF after a header", "GET /sync HTTP/1.1\r\n" HOST "X-A: a\nX-B: b\r\n\r\n", 400, 0},
    {"bare LFs", "GET /sync HTTP/1.1\nHost: localhost\n\n", 400, 0},

    /* ---- where the body ends ---- */
    {"Transfer-Encoding on HTTP/1.0",
     "POST /json HTTP/1.0\r\n" HOST JSON
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"length and chunks",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"unknown coding",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: nonsense\r\n\r\nhello", 400, 0},
    {"chunked is not the last coding",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked, gzip\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"a coding before chunked",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"two Transfer-Encodings",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"chunked in quotes",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, 0},
    {"conflicting lengths",
     "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!",
     400, 0},
    {"the same length twice",
     "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400,
     0},
    {"a list of lengths", "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 5, 5\r\n\r\nhello",
     400, 0},
    {"length that is no number",
     "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: xyz\r\n\r\nhello", 400, 0},
    {"length with a sign", "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: +5\r\n\r\nhello",
     400, 0},
    {"negative length", "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: -5\r\n\r\nhello", 400,
     0},
    {"hexadecimal length", "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 0x5\r\n\r\nhello",
     400, 0},
    {"empty length", "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length:\r\n\r\nhello", 400, 0},
    {"length beyond 64 bits",
     "POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999999999999999\r\n\r\nhello",
     413, 0},

    /* ---- chunks ---- */
    {"chunk size that is no number",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "Z\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"negative chunk size",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "-5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"chunk size with a prefix",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "0x5\r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"chunk size beyond 64 bits",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
     413, 0},
    {"no line end behind a chunk",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello0\r\n\r\n",
     400, 0},
    {"chunk longer than it says",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello!\r\n0\r\n\r\n",
     400, 0},
    {"bare LF behind a chunk size",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "5\nhello\r\n0\r\n\r\n",
     400, 0},
    {"blank behind a chunk size",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "5 \r\nhello\r\n0\r\n\r\n",
     400, 0},
    {"broken trailer",
     "POST /json HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
     400, 0},
};

ParameterizedTestParameters(http_refused, refuses_and_closes)
{
    return cr_make_param_array(struct refused, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refused *refused, http_refused, refuses_and_closes, .timeout = 60)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    char bytes[sizeof refused->request + sizeof SECOND];
    size_t len = refused->len > 0 ? refused->len : strlen(refused->request);
    int answers, status;

    memcpy(bytes, refused->request, len);
    memcpy(bytes + len, SECOND, sizeof SECOND - 1);
    status = raw_exchange(http_fixture_port(fixture), bytes, len + sizeof SECOND - 1, &answers);
    cr_expect_eq(status, refused->status, "%s: %d", refused->name, status);
    cr_expect_eq(answers, refused->status != 0, "%s: %d answers", refused->name, answers);
    cr_expect_eq(http_fixture_handled(fixture), 0, "%s: a handler was called", refused->name);
    http_fixture_stop(fixture);
}

Test(http_refused, our_own_refusals_say_why_and_carry_the_request_id, .timeout = 60)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    int fd = raw_connect(http_fixture_port(fixture));
    struct raw_answer answer;
    char value[128];

    raw_send_text(fd, "GET /sync HTTP/1.1\r\nX-Request-Id: r1\r\nHost: a\r\nHost: b\r\n\r\n");
    answer = raw_read(fd);
    cr_expect_eq(answer.status, 400);
    cr_expect_not_null(strstr(answer.body, "more than one Host"));
    cr_expect_not_null(strstr(answer.body, "\"code\":\"invalid_request\""));
    cr_expect(raw_header(&answer, "X-Request-Id", value, sizeof value));
    cr_expect_str_eq(value, "r1");
    cr_expect(raw_header(&answer, "Connection", value, sizeof value));
    cr_expect_str_eq(value, "close");
    cr_expect(raw_is_closed(fd));
    cr_expect_eq(http_fixture_reports(fixture), 1);
    cr_expect_str_eq(http_fixture_last_report(fixture).route, "-");
    raw_answer_done(&answer);
    close(fd);
    http_fixture_stop(fixture);
}

/* Nobody may be refused for these. */
static struct refused sound_cases[] = {
    {"Host with a port", "GET /sync HTTP/1.1\r\nHost: example.com:8080\r\n", 200, 0},
    {"an address", "GET /sync HTTP/1.1\r\nHost: 127.0.0.1\r\n", 200, 0},
    {"an IPv6 address", "GET /sync HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n", 200, 0},
    {"an nginx upstream's name", "GET /sync HTTP/1.1\r\nHost: stream_gateway\r\n", 200, 0},
    {"an empty Host", "GET /sync HTTP/1.1\r\nHost:\r\n", 200, 0},
    {"no Host on HTTP/1.0", "GET /sync HTTP/1.0\r\n", 200, 0},
    {"UTF-8 and a tab in a value", "GET /sync HTTP/1.1\r\n" HOST "X-A: \xc3\xa9\tb\r\n", 200, 0},
    {"an empty value", "GET /sync HTTP/1.1\r\n" HOST "X-A:\r\n", 200, 0},
    {"odd but allowed in a name", "GET /sync HTTP/1.1\r\n" HOST "!#$%&'*+-.^_`|~9a: x\r\n", 200, 0},
    {"odd but common in a target", "GET /sync?a={b}|\"c\"[d] HTTP/1.1\r\n" HOST, 200, 0},
    {"HTTP/1.9", "GET /sync HTTP/1.9\r\n" HOST, 200, 0},
    {"a cookie that is none", "GET /sync HTTP/1.1\r\n" HOST "Cookie: a b=\"c; =\r\n", 200, 0},
    {"unknown expectation", "GET /sync HTTP/1.1\r\n" HOST "Expect: miracles\r\n", 200, 0},
    {"an upgrade", "GET /sync HTTP/1.1\r\n" HOST "Upgrade: h2c\r\n", 200, 0},
};

ParameterizedTestParameters(http_refused, lets_sound_requests_by)
{
    return cr_make_param_array(struct refused, sound_cases,
                               sizeof sound_cases / sizeof sound_cases[0]);
}

ParameterizedTest(struct refused *sound, http_refused, lets_sound_requests_by, .timeout = 60)
{
    struct http_fixture *fixture = http_fixture_start((struct http_fixture_limits){0});
    char text[sizeof sound->request + 64];
    int len = snprintf(text, sizeof text, "%sConnection: close\r\n\r\n", sound->request);
    int status = raw_exchange(http_fixture_port(fixture), text, (size_t)len, NULL);

    cr_expect_eq(status, sound->status, "%s: %d", sound->name, status);
    http_fixture_stop(fixture);
}
