/* What the benchmark's figures stand on: its histogram and its reading of answers. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "address.h"
#include "answer.h"
#include "latency.h"

static struct latency latency;

static void check_within_one_percent(uint64_t got, uint64_t wanted)
{
    uint64_t off = got > wanted ? got - wanted : wanted - got;

    cr_assert(off * 100 <= wanted, "%lu isn't within 1 %% of %lu", (unsigned long)got,
              (unsigned long)wanted);
}

Test(latency, knows_each_time_to_within_one_percent)
{
    for (uint64_t us = 1; us < UINT64_C(100) * 3600 * 1000000; us = us * 5 / 4 + 1) {
        struct latency one = {.count = 0};

        latency_add(&one, us);
        latency_add(&one, UINT64_C(1000) * 3600 * 1000000); /* else the most is known exactly */
        check_within_one_percent(latency_percentile(&one, 50), us);
    }
}

Test(latency, percentiles_of_a_thousand_even_times)
{
    for (uint64_t us = 1000; us <= 1000000; us += 1000)
        latency_add(&latency, us);
    check_within_one_percent(latency_percentile(&latency, 50), 500000);
    check_within_one_percent(latency_percentile(&latency, 99), 990000);
    cr_assert_eq(latency_percentile(&latency, 100), 1000000);
    cr_assert_eq(latency.max_us, 1000000);
}

Test(latency, is_zero_where_nothing_was_added)
{
    cr_assert_eq(latency_percentile(&latency, 99), 0);
}

Test(latency, merges_two_histograms)
{
    struct latency other = {.count = 0};

    latency_add(&latency, 10);
    latency_add(&other, 1000000);
    latency_merge(&latency, &other);
    cr_assert_eq(latency.count, 2);
    cr_assert_eq(latency_percentile(&latency, 50), 10);
    cr_assert_eq(latency.max_us, 1000000);
}

static int parse(const char *text, struct answer *ret_answer)
{
    return answer_parse(text, strlen(text), ret_answer);
}

Test(answer, is_whole_only_when_all_of_its_body_is_there)
{
    static const char text[] = "HTTP/1.1 409 Conflict\r\nX: y\r\ncontent-LENGTH:  5 \r\n\r\nhello";
    struct answer answer;

    for (size_t len = 0; len < sizeof text - 1; len++)
        cr_assert_eq(answer_parse(text, len, &answer), 0, "whole at %zu bytes", len);
    cr_assert_eq(parse(text, &answer), 1);
    cr_assert_eq(answer.status, 409);
    cr_assert_eq(answer.body_len, 5);
    cr_assert_str_eq(text + answer.head_len, "hello");
    cr_assert(!answer.closes);
}

Test(answer, tells_a_connection_that_closes)
{
    struct answer answer;

    cr_assert_eq(parse("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", &answer), 1);
    cr_assert(answer.closes);
    cr_assert_eq(parse("HTTP/1.0 204 No Content\r\n\r\n", &answer), 1);
    cr_assert(answer.closes);
}

Test(answer, refuses_what_it_cannot_frame)
{
    struct answer answer;

    cr_assert_eq(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &answer), -1);
    cr_assert_eq(parse("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", &answer), -1);
    cr_assert_eq(parse("SSH-2.0-OpenSSH", &answer), -1);
}

Test(answer, finds_a_header_by_its_whole_name)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nX-Stream-Users: many\r\nx-stream-user: "
                               "ada\r\nContent-Length: 0\r\n\r\n";
    struct answer answer;
    size_t len;

    cr_assert_eq(parse(text, &answer), 1);
    const char *value = answer_header(&answer, text, "X-Stream-User", &len);
    cr_assert_not_null(value);
    cr_assert(len == 3 && memcmp(value, "ada", 3) == 0);
    cr_assert_null(answer_header(&answer, text, "X-Stream", &len));
}

Test(address, reads_both_kinds_and_nothing_else)
{
    struct address address;

    cr_assert_eq(address_parse("127.0.0.1:8080", &address), 0);
    cr_assert_eq(address_parse("unix:/run/gateway.sock", &address), 0);
    cr_assert_eq(address_parse("unix:", &address), -1);
    cr_assert_eq(address_parse("127.0.0.1", &address), -1);
    cr_assert_eq(address_parse("127.0.0.1:0", &address), -1);
    cr_assert_eq(address_parse("127.0.0.1:80x", &address), -1);
    cr_assert_eq(address_parse("localhost:80", &address), -1);
}
