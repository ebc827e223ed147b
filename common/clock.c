/* Time: clocks, and RFC 3339 text made without the C library's locale and time zone. */
#include "clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define MS_PER_DAY 86400000LL
#define FIRST_MS   (-62167219200000LL) /* 0000-01-01T00:00:00.000Z */
#define LAST_MS    253402300799999LL   /* 9999-12-31T23:59:59.999Z */

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t clock_wall_coarse_ms(void)
{
    return clock_ms(CLOCK_REALTIME_COARSE);
}

/*
 * Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. Years begin in March
 * here, so that the leap day is the last of a year; 400 years are 146,097 days.
 */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    *ret_day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *ret_month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static char *put_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_LEN + 1])
{
    if (wall_ms < FIRST_MS)
        wall_ms = FIRST_MS;
    if (wall_ms > LAST_MS)
        wall_ms = LAST_MS;

    int64_t days = (wall_ms >= 0 ? wall_ms : wall_ms - (MS_PER_DAY - 1)) / MS_PER_DAY;
    int64_t ms = wall_ms - days * MS_PER_DAY;
    int64_t year;
    int month, day;

    date_from_days(days, &year, &month, &day);
    char *at = put_digits(ret_text, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, ms / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, ms / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, ms / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, ms % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

/* Reads exactly `digits` decimal digits; -1 where one is something else. */
static int take_digits(const char *at, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

int clock_parse(const char *text, size_t len, int64_t *ret_wall_ms)
{
    if (len != CLOCK_TEXT_LEN || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text[19] != '.' || text[23] != 'Z')
        return -1;

    int year = take_digits(text, 4), month = take_digits(text + 5, 2);
    int day = take_digits(text + 8, 2), hour = take_digits(text + 11, 2);
    int minute = take_digits(text + 14, 2), second = take_digits(text + 17, 2);
    int ms = take_digits(text + 20, 3);

    if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59 || ms < 0)
        return -1;

    int64_t days = days_from_date(year, month, day);
    int64_t same_year;
    int same_month, same_day;

    date_from_days(days, &same_year, &same_month, &same_day);
    if (same_month != month || same_day != day) /* such as February 30 */
        return -1;
    *ret_wall_ms = days * MS_PER_DAY + hour * 3600000LL + minute * 60000LL + second * 1000LL + ms;
    return 0;
}
