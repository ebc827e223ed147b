/* What the log is told of a Redis that can't be used. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "log_capture.h"
#include "redis_trouble.h"

#define SHA "5ff1211cc00b0e41d98d76dbc1b8602e91e92c01"
#define OOM "OOM command not allowed when used memory > 'maxmemory'."

enum { MINUTE_MS = 60000 };

static int64_t now_ms = 1000000;
static struct redis_trouble one, other; /* of two links */

static void tear_down(void)
{
    log_capture_stop();
    redis_trouble_clear(&one);
    redis_trouble_clear(&other);
}

TestSuite(redis_trouble, .init = log_capture_start, .fini = tear_down);

static void meet(struct redis_trouble *trouble, const char *server, const char *why)
{
    redis_trouble_log(trouble, &(struct redis_trouble_report){.kind = REDIS_TROUBLE_FAILED,
                                                              .link = "link",
                                                              .server = server,
                                                              .why = why,
                                                              .now_ms = now_ms});
}

static void expect_lines(int count)
{
    cr_assert_eq(log_capture_count("Redis connection failed", ""), count);
}

Test(redis_trouble, what_several_links_meet_is_told_once)
{
    for (int i = 0; i < 3; i++) {
        meet(&one, "a:1", "Connection refused");
        meet(&other, "a:1", "Connection refused");
    }
    expect_lines(1);
}

Test(redis_trouble, another_reason_and_another_server_are_faults_of_their_own)
{
    meet(&one, "a:1", "Connection refused");
    meet(&one, "b:1", "Connection refused");
    meet(&one, "a:1", "timed out");
    expect_lines(3);
}

Test(redis_trouble, it_is_over_once_it_is_over_for_all)
{
    meet(&one, "a:1", "Connection refused");
    meet(&other, "a:1", "Connection refused");
    redis_trouble_clear(&one);
    meet(&one, "a:1", "Connection refused");
    expect_lines(1);
    redis_trouble_clear(&one);
    redis_trouble_clear(&other);
    meet(&one, "a:1", "Connection refused");
    expect_lines(2);
}

Test(redis_trouble, one_that_lasts_is_not_repeated)
{
    for (int i = 0; i < 100; i++) {
        meet(&one, "a:1", "Connection refused");
        now_ms += MINUTE_MS / 2;
    }
    expect_lines(1);
}

Test(redis_trouble, one_that_nobody_has_met_for_a_minute_is_over)
{
    meet(&one, "a:1", "Connection refused");
    now_ms += MINUTE_MS + 1;
    meet(&other, "a:1", "Connection refused");
    meet(&one, "a:1", "Connection refused");
    expect_lines(2);
}

Test(redis_trouble, reasons_that_take_turns_are_each_told_once)
{
    for (int i = 0; i < 10; i++) {
        meet(&one, "a:1", "Connection refused");
        meet(&one, "a:1", "Network is unreachable");
    }
    expect_lines(2);
}

/* What Redis 7 and 6.2 answer a script with at this line of it. */
static const char *refusal_at(int line, bool wrapped)
{
    static char text[300];

    if (wrapped)
        snprintf(text, sizeof text,
                 "ERR Error running script (call to f_" SHA "): @user_script:%d: "
                 "@user_script: %d: -" OOM,
                 line, line);
    else
        snprintf(text, sizeof text, OOM " script: " SHA ", on @user_script:%d.", line);
    return text;
}

Test(redis_trouble, one_that_many_lines_of_scripts_meet_is_told_once_and_without_them)
{
    for (int i = 0; i < 100; i++) {
        meet(&one, NULL, refusal_at(i % 7, false));
        meet(&one, NULL, refusal_at(i % 7, true));
        meet(&one, NULL, OOM);
    }
    expect_lines(1);
    cr_assert_eq(log_capture_count("reason=\"" OOM "\"", ""), 1);
}

Test(redis_trouble, reasons_that_there_is_no_room_for_make_one_line_a_second)
{
    struct redis_trouble *const both[] = {&one, &other};
    enum { SECONDS = 5, REASONS = REDIS_TROUBLE_REASONS + 3 };

    for (int i = 0; i < SECONDS * 1000; i++, now_ms++) {
        char why[] = "NOPERM a";

        why[sizeof why - 2] += (char)(i % REASONS);
        meet(both[i / REASONS % 2], NULL, why);
    }
    int lines = log_capture_count("Redis connection failed", "");
    cr_assert_geq(lines, REDIS_TROUBLE_REASONS + SECONDS);
    cr_assert_leq(lines, 2 * REDIS_TROUBLE_REASONS + SECONDS);
}

Test(redis_trouble, one_that_waits_for_room_is_told_when_there_is)
{
    for (char why[] = "a"; why[0] < 'a' + REDIS_TROUBLE_REASONS + 2; why[0]++)
        meet(&one, NULL, why);
    expect_lines(REDIS_TROUBLE_REASONS + 1);
    for (int i = 0; i < 100; i++) {
        now_ms += 100;
        meet(&one, NULL, (const char[]){'a' + REDIS_TROUBLE_REASONS + 1, '\0'});
    }
    expect_lines(REDIS_TROUBLE_REASONS + 2);
}

Test(redis_trouble, an_error_names_the_setting_at_fault)
{
    meet(&one, "a:1", "WRONGPASS invalid username-password pair or user is disabled.");
    meet(&one, "nowhere:1", "unknown node or service");
    meet(&one, NULL, "sentinel nowhere:1: unknown node or service");
    meet(&one, "a:1",
         "ERR Error running script (call to f_1): @user_script:1: -NOPERM this user can't");
    meet(&one, "a:1", "Connection refused");
    cr_assert_eq(log_capture_count(" error ", "setting=\"redis.url (user and password)\""), 1);
    cr_assert_eq(log_capture_count(" error ", "setting=\"redis.url (host)\""), 1);
    cr_assert_eq(log_capture_count(" error ", "setting=redis.sentinels"), 1);
    cr_assert_eq(log_capture_count(" error ", "setting=\"redis.url (the user's ACL)\""), 1);
    cr_assert_eq(log_capture_count(" warn ", "server=a:1 reason=\"Connection refused\""), 1);
}
