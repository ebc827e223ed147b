/* What the log is told of a Redis that can't be used. */
#include <criterion/criterion.h>

#include "log_capture.h"
#include "redis_trouble.h"

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
