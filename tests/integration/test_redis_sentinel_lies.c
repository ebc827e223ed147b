/* The store behind Sentinels that lie, hang, contradict each other, or know better than the master. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "fake_sentinel.h"
#include "log_capture.h"
#include "pump.h"
#include "redis_sentinel.h"
#include "redis_server.h"

enum { FAKES = 3, NOBODY = 1 /* a port where nobody listens */ };

static struct store_fixture fixture;
static struct redis_server *master, *other; /* two masters, until a test says otherwise */
static struct fake_sentinel *fakes[FAKES];
static struct redis_node_address where[FAKES];
static struct redis_sentinel_options sentinel;

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.address = (struct redis_address){0};
    fixture.timeout_ms = 300;
    fixture.sentinel = &sentinel;
    master = redis_server_start((struct redis_server_options){.tcp = true});
    other = redis_server_start((struct redis_server_options){.tcp = true});
    for (int i = 0; i < FAKES; i++) {
        fakes[i] = fake_sentinel_start(&fixture.loop);
        fake_sentinel_name(fakes[i], redis_server_port(master));
        strcpy(where[i].host, "127.0.0.1");
        where[i].port = fake_sentinel_port(fakes[i]);
    }
    sentinel = (struct redis_sentinel_options){
        .nodes = where, .count = FAKES, .master = "streams", .timeout_ms = 300};
    log_capture_start();
    uv_update_time(&fixture.loop.uv); /* it wasn't run for a while */
}

static void tear_down(void)
{
    log_capture_stop();
    for (int i = 0; i < STORE_FIXTURE_HANDLES; i++) {
        if (fixture.handles[i] != NULL)
            store_fixture_close(fixture.handles[i]);
        fixture.handles[i] = NULL;
    }
    for (int i = 0; i < FAKES; i++)
        fake_sentinel_stop(fakes[i]);
    redis_server_stop(other);
    redis_server_stop(master);
    store_fixture_stop(&fixture);
}

TestSuite(redis_sentinel_lies, .init = set_up, .fini = tear_down, .timeout = 60);

static void make_replica(struct redis_server *replica, const struct redis_server *of)
{
    redis_server_do(replica, "REPLICAOF 127.0.0.1 %d", redis_server_port(of));
}

/* Creates a session, insisting for as long as there is an outage: it must go to this server. */
static void goes_to(struct redis_server *server, const char *family)
{
    const struct session session = ask_session(family, family);
    int64_t give_up_ms = clock_monotonic_ms() + 10000;
    const struct store_req *answer;

    while ((answer = ask_create(&fixture, &session))->err == ERR_STORE_UNAVAILABLE) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it doesn't come back");
        pump_for(&fixture.loop, 5);
    }
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(redis_server_number(server, "EXISTS family_streams:%s", family), 1);
}

static bool is_said(void *arg)
{
    return log_capture_count(arg, "") > 0;
}

static bool all_listen(void *arg)
{
    (void)arg;
    for (int i = 0; i < FAKES; i++)
        if (fake_sentinel_listeners(fakes[i]) != 1)
            return false;
    return true;
}

static bool were_asked(void *arg)
{
    const size_t *times = arg;

    return fake_sentinel_questions(fakes[FAKES - 1]) >= *times;
}

/* That they have been asked for the master so often since the beginning. */
static void wait_for_questions(size_t times)
{
    pump_until(&fixture.loop, were_asked, &times);
}

/* ---- One of them ---- */

static void is_outvoted(const char *family)
{
    fixture.timeout_ms = sentinel.timeout_ms = 10000;
    int64_t since_ms = clock_monotonic_ms();
    goes_to(master, family);
    cr_assert_lt(clock_monotonic_ms() - since_ms, 10000);
    cr_assert_eq(log_capture_count(" warn ", ""), 0);
    cr_assert_eq(log_capture_count(" error ", ""), 0);
}

Test(redis_sentinel_lies, one_that_names_a_replica_is_outvoted)
{
    make_replica(other, master);
    fake_sentinel_name(fakes[0], redis_server_port(other));
    is_outvoted("f");
}

Test(redis_sentinel_lies, one_that_names_a_dead_address_is_outvoted)
{
    fake_sentinel_name(fakes[0], NOBODY);
    is_outvoted("f");
}

Test(redis_sentinel_lies, one_that_does_anything_else_is_outvoted)
{
    static const enum fake_sentinel_mood moods[] = {
        FAKE_SENTINEL_NIL,   FAKE_SENTINEL_NOAUTH, FAKE_SENTINEL_CLOSES,
        FAKE_SENTINEL_HANGS, FAKE_SENTINEL_RAVES,
    };

    for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++) {
        fake_sentinel_set_mood(fakes[0], moods[i]);
        is_outvoted((char[]){(char)('a' + i), '\0'});
        store_fixture_close(fixture.handles[0]);
        fixture.handles[0] = NULL;
    }
}

/* ---- Most of them ---- */

Test(redis_sentinel_lies, a_dead_address_that_all_but_one_name_is_tried_once_and_then_the_other)
{
    fake_sentinel_name(fakes[0], NOBODY);
    fake_sentinel_name(fakes[1], NOBODY);
    goes_to(master, "f");
    cr_assert_eq(log_capture_count("Connection refused", ""), 1);
}

Test(redis_sentinel_lies, a_replica_that_all_but_one_name_is_tried_once_and_then_the_other)
{
    make_replica(other, master);
    fake_sentinel_name(fakes[0], redis_server_port(other));
    fake_sentinel_name(fakes[1], redis_server_port(other));
    goes_to(master, "f");
    cr_assert_eq(log_capture_count("it is a replica", ""), 1);
}

Test(redis_sentinel_lies, where_one_hangs_and_one_lies_the_third_is_believed_in_the_end)
{
    fake_sentinel_set_mood(fakes[0], FAKE_SENTINEL_HANGS);
    fake_sentinel_name(fakes[1], NOBODY);
    goes_to(master, "f");
}

Test(redis_sentinel_lies, a_replica_that_all_of_them_name_is_refused_until_it_is_a_master)
{
    const struct session tv = ask_session("f", "tv");
    size_t more;

    make_replica(other, master);
    for (int i = 0; i < FAKES; i++)
        fake_sentinel_name(fakes[i], redis_server_port(other));
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    more = fake_sentinel_questions(fakes[FAKES - 1]) + 3;
    wait_for_questions(more);
    cr_assert_eq(log_capture_count("it is a replica, which takes no writes", ""), 1);
    redis_server_do(other, "REPLICAOF NO ONE");
    goes_to(other, "g");
}

Test(redis_sentinel_lies, what_is_wrong_with_all_of_them_is_told_once)
{
    const struct session tv = ask_session("f", "tv");

    fake_sentinel_set_mood(fakes[0], FAKE_SENTINEL_NIL);
    fake_sentinel_set_mood(fakes[1], FAKE_SENTINEL_NOAUTH);
    fake_sentinel_set_mood(fakes[2], FAKE_SENTINEL_CLOSES);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    wait_for_questions(8);
    cr_assert_eq(log_capture_count("Redis connection failed", ""), 1);
    char *line = log_capture_line("Redis connection failed", "setting=redis.sentinel_password");
    cr_assert_not_null(strstr(line, "knows no master named streams"), "%s", line);
    cr_assert_not_null(strstr(line, "NOAUTH"), "%s", line);
    free(line);
}

/* ---- Changes ---- */

/*
 * Redis leaves clients connected when a command makes it a replica (Sentinel's own scripts kill them), and
 * goes on answering reads: only the question for its role tells.
 */
Test(redis_sentinel_lies, a_master_demoted_by_hand_is_left_though_it_keeps_its_connections)
{
    goes_to(master, "before");
    for (int i = 0; i < FAKES; i++)
        fake_sentinel_name(fakes[i], redis_server_port(other));
    make_replica(master, other);
    pump_until(&fixture.loop, is_said, (char[]){"it is a replica, which takes no writes"});
    cr_assert_eq(log_capture_count("connection closed", ""), 0);
    goes_to(other, "after");
}

/* The others learn of a failover a little later, and the old master last. */
Test(redis_sentinel_lies, the_word_of_one_is_enough_to_leave_a_master_that_says_it_is_one)
{
    goes_to(master, "before");
    pump_until(&fixture.loop, all_listen, NULL);
    fake_sentinel_name(fakes[1], redis_server_port(other));
    fake_sentinel_publish(fakes[1], "streams", redis_server_port(master), redis_server_port(other));
    pump_until(&fixture.loop, is_said, (char[]){"the sentinels made another server the master"});
    goes_to(other, "after");
}

Test(redis_sentinel_lies, a_false_alarm_leads_back_to_the_master)
{
    make_replica(other, master);
    goes_to(master, "before");
    pump_until(&fixture.loop, all_listen, NULL);
    fake_sentinel_name(fakes[1], redis_server_port(other));
    fake_sentinel_publish(fakes[1], "streams", redis_server_port(master), redis_server_port(other));
    pump_until(&fixture.loop, is_said, (char[]){"the sentinels made another server the master"});
    goes_to(master, "after");
}

Test(redis_sentinel_lies, what_they_say_of_other_masters_is_no_concern_of_ours)
{
    goes_to(master, "before");
    pump_until(&fixture.loop, all_listen, NULL);
    size_t asked = fake_sentinel_questions(fakes[0]);
    for (int i = 0; i < FAKES; i++) {
        fake_sentinel_publish(fakes[i], "streams2", 6379, 6380);
        fake_sentinel_publish(fakes[i], "stream", 6379, 6380);
        fake_sentinel_publish(fakes[i], "streams", 6379, redis_server_port(master));
    }
    pump_for(&fixture.loop, 100);
    cr_assert_eq(log_capture_count(" warn ", ""), 0);
    cr_assert_eq(fake_sentinel_questions(fakes[0]), asked);
}

Test(redis_sentinel_lies, one_that_let_nobody_listen_is_listened_to_once_it_does)
{
    fake_sentinel_set_mood(fakes[0], FAKE_SENTINEL_NOAUTH);
    goes_to(master, "f");
    fake_sentinel_name(fakes[0], redis_server_port(master));
    pump_until(&fixture.loop, all_listen, NULL);
}

/* ---- Closing ---- */

Test(redis_sentinel_lies, can_be_closed_while_they_hang)
{
    const struct session tv = ask_session("f", "tv");

    for (int i = 0; i < FAKES; i++)
        fake_sentinel_set_mood(fakes[i], FAKE_SENTINEL_HANGS);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    wait_for_questions(2);
}
