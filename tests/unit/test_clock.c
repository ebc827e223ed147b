/* Clocks, and RFC 3339 text. */
#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

#include "clock.h"

static void is_written(int64_t wall_ms, const char *expected)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(wall_ms, text);
    cr_assert_str_eq(text, expected);
}

static int parse(const char *text)
{
    int64_t wall_ms = -4711;
    int rc = clock_parse(text, strlen(text), &wall_ms);

    if (rc != 0)
        cr_assert_eq(wall_ms, -4711, "%s has left its mark", text);
    return rc;
}

Test(clock, writes_known_times)
{
    is_written(0, "1970-01-01T00:00:00.000Z");
    is_written(-1, "1969-12-31T23:59:59.999Z");
    is_written(1795218000123, "2026-11-20T23:40:00.123Z");
    is_written(951782400000, "2000-02-29T00:00:00.000Z");
    is_written(951868799999, "2000-02-29T23:59:59.999Z");
    is_written(-2203891200001, "1900-02-28T23:59:59.999Z");
    is_written(-2203891200000, "1900-03-01T00:00:00.000Z");
}

Test(clock, stays_within_four_digits_of_year)
{
    is_written(INT64_MIN, "0000-01-01T00:00:00.000Z");
    is_written(INT64_MAX, "9999-12-31T23:59:59.999Z");
    is_written(-62167219200000, "0000-01-01T00:00:00.000Z");
    is_written(253402300799999, "9999-12-31T23:59:59.999Z");
}

Test(clock, agrees_with_the_c_library_on_every_day_of_eight_centuries)
{
    const int64_t first = -11676096000; /* 1600-01-01 */

    for (int64_t day = 0; day < 800 * 366; day++) {
        time_t at = (time_t)(first + day * 86400 + day % 86400);
        char text[CLOCK_TEXT_LEN + 1], expected[64];
        int64_t back;
        struct tm tm;

        gmtime_r(&at, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z", &tm);
        clock_format((int64_t)at * 1000 + 7, text);
        cr_assert_str_eq(text, expected);
        cr_assert_eq(clock_parse(text, CLOCK_TEXT_LEN, &back), 0);
        cr_assert_eq(back, (int64_t)at * 1000 + 7);
    }
}

Test(clock, reads_back_the_extremes)
{
    int64_t wall_ms;

    cr_assert_eq(clock_parse("0000-01-01T00:00:00.000Z", 24, &wall_ms), 0);
    cr_assert_eq(wall_ms, -62167219200000);
    cr_assert_eq(clock_parse("9999-12-31T23:59:59.999Z", 24, &wall_ms), 0);
    cr_assert_eq(wall_ms, 253402300799999);
}

Test(clock, refuses_dates_that_the_calendar_does_not_have)
{
    cr_assert_eq(parse("2024-02-29T00:00:00.000Z"), 0);
    cr_assert_eq(parse("2023-02-29T00:00:00.000Z"), -1);
    cr_assert_eq(parse("1900-02-29T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-04-31T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-00-10T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-13-10T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-01-00T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-01-32T00:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-12-99T00:00:00.000Z"), -1);
}

Test(clock, refuses_hours_minutes_and_seconds_that_a_day_does_not_have)
{
    cr_assert_eq(parse("2024-01-01T24:00:00.000Z"), -1);
    cr_assert_eq(parse("2024-01-01T00:60:00.000Z"), -1);
    cr_assert_eq(parse("2024-12-31T23:59:60.000Z"), -1);
}

Test(clock, refuses_every_other_way_of_writing)
{
    static const char *const wrong[] = {
        "",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.00Z",
        "2024-01-01T00:00:00.0000Z",
        "2024-01-01t00:00:00.000z",
        "2024-01-01 00:00:00.000Z",
        "2024-01-01T00:00:00.000+",
        "2024-01-01T00:00:00,000Z",
        "2024/01/01T00:00:00.000Z",
        "+024-01-01T00:00:00.000Z",
        "2024- 1-01T00:00:00.000Z",
        "2024-01-01T00:00:00.-01Z",
        "2024-01-01T0a:00:00.000Z",
        " 2024-01-01T00:00:00.000Z",
        "2024-01-01T00:00:00.000Z ",
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(parse(wrong[i]), -1, "%s was accepted", wrong[i]);
}

Test(clock, refuses_a_text_with_something_wrong_in_any_place)
{
    static const char right[] = "2024-11-21T13:14:15.016Z";

    cr_assert_eq(parse(right), 0);
    for (size_t i = 0; i < CLOCK_TEXT_LEN; i++) {
        char text[] = "2024-11-21T13:14:15.016Z";

        text[i] = 'x';
        cr_assert_eq(parse(text), -1, "%s was accepted", text);
    }
}

Test(clock, never_runs_back)
{
    int64_t last = clock_monotonic_ms();

    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_monotonic_ms();

        cr_assert_geq(now, last);
        last = now;
    }
}

Test(clock, shows_the_systems_time)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = clock_wall_ms();

    cr_assert_geq(now, before - 1000); /* time() may lag by a tick */
    cr_assert_lt(now, before + 60000);
}
