/* What the operator of Redis does to the gateway, and what the gateway's log tells him of it. */
#include <criterion/criterion.h>

#include "ask.h"
#include "clock.h"
#include "log_capture.h"
#include "pump.h"
#include "redis_server.h"

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.timeout_ms = 300;
    redis = fixture.server;
    log_capture_start();
    uv_update_time(&fixture.loop.uv); /* it wasn't run for a while */
}

static void tear_down(void)
{
    log_capture_stop();
    store_fixture_stop(&fixture);
}

TestSuite(redis_operator, .init = set_up, .fini = tear_down, .timeout = 60);

static bool is_said(void *arg)
{
    return log_capture_count(arg, "") > 0;
}

static bool were_made(void *arg)
{
    const long long *count = arg;

    return redis_server_connections(redis) >= *count;
}

/* Waits until the link has tried to connect several times more. */
static void wait_for_tries(void)
{
    long long count = redis_server_connections(redis) + 4;

    pump_until(&fixture.loop, were_made, &count);
}

/* That this, and what is at fault, is told once, however often it is tried. */
static void is_told_once(const char *word, const char *setting)
{
    wait_for_tries();
    cr_assert_eq(log_capture_count(" error Redis connection failed", ""), 1);
    cr_assert_eq(log_capture_count(" error Redis connection failed", word), 1);
    cr_assert_eq(log_capture_count(word, setting), 1);
}

/* Asks until the store isn't unavailable any more. */
static void wait_until_answered(const struct session *session)
{
    int64_t give_up_ms = clock_monotonic_ms() + 10000;

    while (ask_check(&fixture, session)->err == ERR_STORE_UNAVAILABLE) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it doesn't come back");
        pump_for(&fixture.loop, 5);
    }
}

static void log_in_as(char *user, char *password)
{
    fixture.address.user = user;
    fixture.address.password = password;
}

/* ---- Who may log in ---- */

Test(redis_operator, a_wrong_password_is_told_once_and_cured_without_a_restart)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "CONFIG SET requirepass right");
    log_in_as(NULL, (char[]){"wr0ng"});
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    is_told_once("WRONGPASS", "setting=\"redis.url (user and password)\"");
    cr_assert_eq(log_capture_count("wr0ng", ""), 0);
    redis_server_do(redis, "CONFIG SET requirepass wr0ng");
    wait_until_answered(&tv);
    cr_assert_eq(log_capture_count("Redis connected", ""), 1);
}

Test(redis_operator, a_password_where_there_is_none_is_told_once)
{
    const struct session tv = ask_session("f", "tv");

    log_in_as(NULL, (char[]){"s3cret"});
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    is_told_once("ERR AUTH", "setting=\"redis.url (password)\"");
    cr_assert_eq(log_capture_count("s3cret", ""), 0);
}

/* Redis closes the connections of a user who is no more. */
Test(redis_operator, a_user_who_is_removed_is_told_once_and_may_come_back)
{
    redis_server_do(redis, "ACL SETUSER gateway on >s3cret ~* &* +@all");
    log_in_as((char[]){"gateway"}, (char[]){"s3cret"});
    const struct session tv = ask_begin(&fixture, "f", "tv");
    redis_server_do(redis, "ACL DELUSER gateway");
    pump_until(&fixture.loop, is_said, (char[]){"WRONGPASS"});
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    is_told_once("WRONGPASS", "setting=\"redis.url (user and password)\"");
    redis_server_do(redis, "ACL SETUSER gateway on >s3cret ~* &* +@all");
    wait_until_answered(&tv);
}

Test(redis_operator, a_password_that_changes_is_noticed_at_the_next_connect)
{
    redis_server_do(redis, "CONFIG SET requirepass before");
    log_in_as(NULL, (char[]){"before"});
    const struct session tv = ask_begin(&fixture, "f", "tv");
    redis_server_do(redis, "CONFIG SET requirepass after");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
    cr_assert_eq(log_capture_count(" error ", ""), 0);

    redis_server_do(redis, "CLIENT KILL TYPE normal SKIPME yes");
    pump_until(&fixture.loop, is_said, (char[]){"WRONGPASS"});
    is_told_once("WRONGPASS", "setting=\"redis.url (user and password)\"");
    redis_server_do(redis, "CONFIG SET requirepass before");
    wait_until_answered(&tv);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
}

/* ---- What one may do ---- */

Test(redis_operator, a_user_who_may_load_no_scripts_is_told_once)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "ACL SETUSER gateway on >s3cret ~* &* +@all -script");
    log_in_as((char[]){"gateway"}, (char[]){"s3cret"});
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    is_told_once("NOPERM", "setting=\"redis.url (the user's ACL)\"");
    redis_server_do(redis, "ACL SETUSER gateway +script");
    wait_until_answered(&tv);
}

Test(redis_operator, a_command_that_the_user_may_not_use_is_told_once)
{
    redis_server_do(redis, "ACL SETUSER gateway on >s3cret ~* &* +@all -get");
    log_in_as((char[]){"gateway"}, (char[]){"s3cret"});
    const struct session tv = ask_session("f", "tv");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    for (int i = 0; i < 500; i++)
        ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(log_capture_count(" error ", ""), 1);
    cr_assert_eq(log_capture_count(" error Redis refused a command", "NOPERM"), 1);
    cr_assert_eq(log_capture_count("NOPERM", "setting=\"redis.url (the user's ACL)\""), 1);
    redis_server_do(redis, "ACL SETUSER gateway +get");
    ASSERT_ENDED(ask_check(&fixture, &tv), END_EXPIRED);
}

/* ---- Where ---- */

Test(redis_operator, a_database_that_there_is_not_is_told_once)
{
    const struct session tv = ask_session("f", "tv");

    fixture.address.db = 99;
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    is_told_once("ERR DB index is out of range", "setting=\"redis.url (database)\"");
}

Test(redis_operator, a_replica_is_told_once_and_used_once_it_is_a_master)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "REPLICAOF 127.0.0.1 1");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    wait_for_tries();
    cr_assert_eq(
        log_capture_count("Redis connection failed", "it is a replica, which takes no writes"), 1);
    redis_server_do(redis, "REPLICAOF NO ONE");
    wait_until_answered(&tv);
}
