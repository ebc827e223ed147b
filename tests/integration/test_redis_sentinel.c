/* The store behind real Sentinels: finding the master, following a failover, logging in to them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "log_capture.h"
#include "pump.h"
#include "sentinel_set.h"

static struct store_fixture fixture;
static struct sentinel_set set;
static struct redis_sentinel_options sentinel;

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.address = (struct redis_address){0};
    fixture.sentinel = &sentinel;
    log_capture_start();
}

static void tear_down(void)
{
    log_capture_stop();
    store_fixture_stop(&fixture);
    sentinel_set_stop(&set);
}

TestSuite(redis_sentinel, .init = set_up, .fini = tear_down, .timeout = 110);

static void start(int sentinels, int64_t timeout_ms)
{
    sentinel_set_start(&set, sentinels);
    fixture.timeout_ms = timeout_ms;
    sentinel = sentinel_set_options(&set, timeout_ms);
    uv_update_time(&fixture.loop.uv); /* it wasn't run for a while */
}

/* Creates a session, insisting for as long as there is an outage: it must go to this node, a master. */
static void goes_to(int node, const char *family)
{
    const struct session session = ask_session(family, family);
    int64_t give_up_ms = clock_monotonic_ms() + 20000;
    const struct store_req *answer;

    while ((answer = ask_create(&fixture, &session))->err == ERR_STORE_UNAVAILABLE) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it doesn't come back");
        pump_for(&fixture.loop, 5);
    }
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(sentinel_set_is_master(&set, node));
    cr_assert_eq(redis_server_number(set.nodes[node], "EXISTS family_streams:%s", family), 1);
}

static bool is_said(void *arg)
{
    return log_capture_count(arg, "") > 0;
}

/* Has the sentinels begin a failover, and runs the loop until the link has been told of its outcome. */
static void fail_over(void)
{
    log_capture_stop();
    log_capture_start();
    sentinel_set_fail_over(&set);
    pump_until(&fixture.loop, is_said, (char[]){"the sentinels made another server the master"});
}

/* ---- Finding ---- */

Test(redis_sentinel, finds_the_master)
{
    start(3, 5000);
    goes_to(0, "f");
    cr_assert_eq(log_capture_count(" warn ", ""), 0);
}

Test(redis_sentinel, one_that_is_down_or_hangs_is_not_waited_for)
{
    start(3, 10000);
    redis_server_kill(set.sentinels[0]);
    int64_t since_ms = clock_monotonic_ms();
    goes_to(0, "down");
    cr_assert_lt(clock_monotonic_ms() - since_ms, fixture.timeout_ms);

    store_fixture_close(fixture.handles[0]);
    fixture.handles[0] = NULL;
    redis_server_restart(set.sentinels[0]);
    redis_server_pause(set.sentinels[0]);
    since_ms = clock_monotonic_ms();
    goes_to(0, "hangs");
    cr_assert_lt(clock_monotonic_ms() - since_ms, fixture.timeout_ms);
}

Test(redis_sentinel, one_that_answers_is_enough)
{
    start(3, 300);
    redis_server_kill(set.sentinels[0]);
    redis_server_pause(set.sentinels[1]);
    goes_to(0, "f");
}

Test(redis_sentinel, nobody_there_at_the_start_is_an_outage_until_they_are)
{
    const struct session tv = ask_session("f", "tv");

    start(1, 300);
    redis_server_kill(set.sentinels[0]);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(log_capture_count("Redis connection failed", "Connection refused"), 1);
    cr_assert_eq(log_capture_count("sentinel 127.0.0.1:", "Connection refused"), 1);
    redis_server_restart(set.sentinels[0]);
    goes_to(0, "f");
}

Test(redis_sentinel, a_master_once_found_is_used_while_no_sentinel_is_there)
{
    start(1, 300);
    goes_to(0, "with");
    redis_server_kill(set.sentinels[0]);
    pump_for(&fixture.loop, 500);
    goes_to(0, "without");
    cr_assert_eq(log_capture_count(" warn ", ""), 0);
}

Test(redis_sentinel, says_that_they_know_no_master_of_this_name)
{
    const struct session tv = ask_session("f", "tv");

    start(1, 300);
    sentinel.master = "steams";
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(log_capture_count(" error ", "setting=redis.sentinel_master"), 1);
    cr_assert_eq(log_capture_count("knows no master named steams", ""), 1);
}

/* ---- Failovers ---- */

/* The old master says for several seconds that it is one: it is the sentinels' word that counts. */
Test(redis_sentinel, follows_failovers_there_and_back)
{
    start(3, 1000);
    goes_to(0, "before");
    fail_over();
    goes_to(1, "after");
    sentinel_set_wait_replica(&set, 0);
    goes_to(1, "later");
    fail_over();
    goes_to(0, "back");
}

Test(redis_sentinel, a_killed_master_that_returns_as_a_replica_is_not_used)
{
    start(3, 1000);
    goes_to(0, "before");
    redis_server_kill(set.nodes[0]);
    goes_to(1, "meanwhile");
    redis_server_restart(set.nodes[0]);
    goes_to(1, "after");
    sentinel_set_wait_replica(&set, 0);
    redis_server_do(set.nodes[1], "CLIENT KILL TYPE normal SKIPME yes");
    goes_to(1, "again");
}

Test(redis_sentinel, a_paused_master_is_left_for_the_next_and_not_used_when_it_goes_on)
{
    start(3, 300);
    goes_to(0, "before");
    redis_server_pause(set.nodes[0]);
    goes_to(1, "meanwhile");
    /* From here on it says that it is a master, until a sentinel demotes it. */
    redis_server_resume(set.nodes[0]);
    goes_to(1, "after");
    sentinel_set_wait_replica(&set, 0);
    goes_to(1, "later");
}

/* ---- Logging in to sentinels ---- */

/* Makes the one sentinel want a password of its default user. */
static void start_with_password(void)
{
    start(1, 300);
    redis_server_do(set.sentinels[0], "ACL SETUSER default resetpass >s3cret");
}

/* That it is refused, and said to be the fault of the setting; by the cure all is well again. */
static void is_refused(const char *word, char *setting, const char *cure)
{
    const struct session tv = ask_session("f", "tv");

    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    pump_until(&fixture.loop, is_said, setting);
    pump_for(&fixture.loop, 500); /* it is tried again, and not said again */
    cr_assert_eq(log_capture_count(" error ", setting), 1);
    cr_assert_eq(log_capture_count(setting, word), 1);
    cr_assert_eq(log_capture_count("s3cret", ""), 0);
    redis_server_do(set.sentinels[0], cure);
    goes_to(0, "f");
}

Test(redis_sentinel, logs_in_to_them)
{
    start_with_password();
    sentinel.password = "s3cret";
    goes_to(0, "f");
    fail_over();
    goes_to(1, "after");
}

Test(redis_sentinel, logs_in_to_them_as_a_user)
{
    start_with_password();
    redis_server_do(set.sentinels[0], "ACL SETUSER gateway on >s3cret &* -@all +auth "
                                      "+sentinel|get-master-addr-by-name +subscribe");
    sentinel.user = "gateway";
    sentinel.password = "s3cret";
    goes_to(0, "f");
    cr_assert_eq(log_capture_count(" error ", ""), 0);
}

Test(redis_sentinel, says_that_they_want_a_password)
{
    start_with_password();
    is_refused("NOAUTH", (char[]){"setting=redis.sentinel_password"}, "ACL SETUSER default nopass");
}

Test(redis_sentinel, says_that_their_password_is_another)
{
    start_with_password();
    sentinel.password = "wrong";
    is_refused("WRONGPASS", (char[]){"setting=redis.sentinel_password"},
               "ACL SETUSER default nopass");
}

Test(redis_sentinel, says_that_their_user_may_not_ask)
{
    start_with_password();
    redis_server_do(set.sentinels[0], "ACL SETUSER gateway on >s3cret -@all +auth");
    sentinel.user = "gateway";
    sentinel.password = "s3cret";
    is_refused("NOPERM", (char[]){"setting=\"redis.sentinel_username (the user's ACL)\""},
               "ACL SETUSER gateway +@all &*");
}
