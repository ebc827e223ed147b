/* The link to Redis, seen through the store: logging in, being cut off, and coming back without
 * help. */
#include <criterion/criterion.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "container_of.h"
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
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
    log_capture_stop();
}

TestSuite(redis_link, .init = set_up, .fini = tear_down, .timeout = 60);

static bool was_logged(const char *text)
{
    return log_capture_count(text, "") > 0;
}

/* Asks until the store isn't unavailable any more. */
static const struct store_req *check_until_answered(const struct session *session)
{
    int64_t give_up_ms = clock_monotonic_ms() + 10000;
    const struct store_req *answer;

    while ((answer = ask_check(&fixture, session))->err == ERR_STORE_UNAVAILABLE) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it doesn't come back");
        pump_for(&fixture.loop, 5);
    }
    return answer;
}

/* ---- Requests that wait ---- */

enum { CALLS = 50 };

static struct calls {
    struct store_req reqs[CALLS];
    enum err errs[CALLS];
    int64_t done_ms[CALLS]; /* when, by the monotonic clock */
    int outstanding;
} calls;

static void on_done(struct store_req *req)
{
    calls.errs[req - calls.reqs] = req->err;
    calls.done_ms[req - calls.reqs] = clock_monotonic_ms();
    calls.outstanding--;
}

/* Submits the n-th of them. */
static void submit(int n, enum store_op op, const struct session *session, int64_t within_ms)
{
    struct store *store = store_fixture_handle(&fixture, 0);

    uv_update_time(&fixture.loop.uv);
    calls.reqs[n] = (struct store_req){.op = op,
                                       .session = *session,
                                       .create = ask_limits(0, 0),
                                       .deadline_ms = clock_monotonic_ms() + within_ms,
                                       .done = on_done};
    calls.outstanding++;
    store_submit(store, &calls.reqs[n]);
}

static bool are_done(void *arg)
{
    (void)arg;
    return calls.outstanding == 0;
}

static bool is_away(void *arg)
{
    (void)arg;
    return store_state(store_fixture_handle(&fixture, 0)) == STORE_AWAY;
}

/* ---- Logging in ---- */

Test(redis_link, logs_in_with_a_password)
{
    redis_server_do(redis, "CONFIG SET requirepass secret");
    fixture.address.password = (char[]){"secret"};
    ask_begin(&fixture, "f", "tv");
}

Test(redis_link, logs_in_with_a_user_name)
{
    redis_server_do(redis, "CONFIG SET requirepass other");
    redis_server_do(redis, "ACL SETUSER gateway on >secret ~* &* +@all");
    fixture.address.user = (char[]){"gateway"};
    fixture.address.password = (char[]){"secret"};
    ask_begin(&fixture, "f", "tv");

    char *clients = redis_server_text(redis, "CLIENT LIST");
    cr_assert_not_null(strstr(clients, "user=gateway"));
    free(clients);
}

Test(redis_link, says_that_the_password_is_wrong_and_goes_on_when_it_is_right)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "CONFIG SET requirepass other");
    fixture.address.password = (char[]){"secret"};
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert(was_logged("WRONGPASS"));
    cr_assert_not(was_logged("secret"));
    redis_server_do(redis, "CONFIG SET requirepass secret");
    ASSERT_ENDED(check_until_answered(&tv), END_EXPIRED);
}

Test(redis_link, says_that_a_password_is_missing)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "CONFIG SET requirepass secret");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert(was_logged("NOAUTH"));
}

Test(redis_link, says_so_too_where_a_password_was_set_meanwhile)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "CONFIG SET requirepass secret");
    redis_server_do(redis, "CLIENT KILL TYPE normal SKIPME yes");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert(was_logged("NOAUTH"));
}

Test(redis_link, a_user_who_may_not_write_is_an_outage)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "ACL SETUSER gateway on >secret ~* &* +@all -set -sadd");
    fixture.address.user = (char[]){"gateway"};
    fixture.address.password = (char[]){"secret"};
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(redis_server_number(redis, "EXISTS session:%s", tv.id), 0);
}

Test(redis_link, uses_the_database_that_it_is_told)
{
    fixture.address.db = 3;
    ask_begin(&fixture, "f", "tv");
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 0);
    redis_server_do(redis, "SELECT 3");
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 1);
}

Test(redis_link, finds_a_host_by_its_name)
{
    struct redis_server *tcp = redis_server_start((struct redis_server_options){.tcp = true});

    fixture.timeout_ms = 5000;
    fixture.address =
        (struct redis_address){.host = (char[]){"localhost"}, .port = redis_server_port(tcp)};
    ask_begin(&fixture, "f", "tv");
    cr_assert_eq(redis_server_number(tcp, "EXISTS family_streams:f"), 1);
    redis_server_stop(tcp);
}

/* ---- Scripts ---- */

Test(redis_link, loads_the_scripts_again_where_redis_has_forgotten_them)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "SCRIPT FLUSH");
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    redis_server_do(redis, "SCRIPT FLUSH");
    ask_begin(&fixture, "f", "tv");
    redis_server_do(redis, "SCRIPT FLUSH");
    ASSERT_ERR(ask_get(&fixture, &tv), ERR_OK);
    redis_server_do(redis, "SCRIPT FLUSH");
    cr_assert(ask_end(&fixture, &tv, END_STOPPED)->ended);
}

Test(redis_link, loads_them_again_for_many_calls_under_way)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "SCRIPT FLUSH");
    for (int i = 0; i < CALLS; i++)
        submit(i, i % 2 == 0 ? STORE_HEARTBEAT : STORE_GET, &tv, 10000);
    pump_until(&fixture.loop, are_done, NULL);
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_OK);
}

/* ---- Cut off ---- */

Test(redis_link, asks_again_what_was_unanswered_when_it_was_cut_off)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CALLS; i++)
            submit(i, STORE_HEARTBEAT, &tv, 10000);
        if (round % 2 == 0)
            pump_for(&fixture.loop, 0);
        redis_server_do(redis, "CLIENT KILL TYPE normal SKIPME yes");
        pump_until(&fixture.loop, are_done, NULL);
        for (int i = 0; i < CALLS; i++)
            cr_assert_eq(calls.errs[i], ERR_OK, "%s", err_word(calls.errs[i]));
    }
}

Test(redis_link, asks_a_server_that_was_started_again_what_the_old_one_left_unanswered)
{
    fixture.timeout_ms = 10000;
    ask_begin(&fixture, "f", "tv");
    redis_server_pause(redis);
    for (int i = 0; i < CALLS; i++) {
        const struct session session = ask_session("f", "tv");

        submit(i, STORE_CREATE, &session, 10000);
    }
    pump_for(&fixture.loop, 20);
    cr_assert_eq(calls.outstanding, CALLS);
    redis_server_restart(redis);
    pump_until(&fixture.loop, are_done, NULL);
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_OK);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), CALLS);
}

Test(redis_link, comes_back_when_a_killed_server_is_started_again)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_kill(redis);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    pump_until(&fixture.loop, is_away, NULL);
    redis_server_restart(redis);
    ASSERT_ENDED(check_until_answered(&tv), END_EXPIRED);
    cr_assert_eq(store_state(store_fixture_handle(&fixture, 0)), STORE_UP);
    ask_begin(&fixture, "f", "tv");
}

Test(redis_link, starts_before_the_server_does)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_kill(redis);
    cr_assert_eq(store_state(store_fixture_handle(&fixture, 0)), STORE_STARTING);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(store_state(store_fixture_handle(&fixture, 0)), STORE_AWAY);
    cr_assert(was_logged("Redis connection failed"));
    redis_server_restart(redis);
    check_until_answered(&tv);
    ask_begin(&fixture, "f", "tv");
}

Test(redis_link, waits_for_a_server_that_is_loading_its_data)
{
    struct redis_server *slow = redis_server_start((struct redis_server_options){
        .config = "key-load-delay 20000\nloading-process-events-interval-bytes 1024"});

    fixture.address = redis_server_address(slow);
    const struct session tv = ask_begin(&fixture, "f", "tv");
    for (int i = 0; i < 40; i++)
        redis_server_do(slow, "SET filler-%d %01000d", i, i);
    redis_server_do(slow, "SAVE");
    redis_server_kill(slow);
    redis_server_launch(slow);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(check_until_answered(&tv), ERR_OK);
    redis_server_stop(slow);
}

/* ---- Deadlines ---- */

Test(redis_link, keeps_a_deadline_while_the_server_hangs)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_pause(redis);
    int64_t before_ms = clock_monotonic_ms();
    submit(0, STORE_HEARTBEAT, &tv, 100);
    pump_until(&fixture.loop, are_done, NULL);
    redis_server_resume(redis);
    cr_assert_eq(calls.errs[0], ERR_STORE_UNAVAILABLE);
    cr_assert_geq(calls.done_ms[0], before_ms + 100);
    cr_assert_lt(calls.done_ms[0], before_ms + 100 + 150, "%lld ms",
                 (long long)(calls.done_ms[0] - before_ms));
}

Test(redis_link, a_deadline_shorter_than_the_timeout_leaves_the_link_as_it_is)
{
    fixture.timeout_ms = 10000;
    const struct session tv = ask_begin(&fixture, "f", "tv"), nobody = ask_session("f", "tv");
    long long before = redis_server_connections(redis);

    redis_server_pause(redis);
    for (int i = 0; i < CALLS; i++)
        submit(i, i % 2 == 0 ? STORE_CHECK : STORE_GET, &nobody, 50);
    pump_until(&fixture.loop, are_done, NULL);
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_STORE_UNAVAILABLE);

    /* Their replies, which come late, are nobody else's. */
    submit(0, STORE_CHECK, &tv, 10000);
    redis_server_resume(redis);
    pump_until(&fixture.loop, are_done, NULL);
    cr_assert_eq(calls.errs[0], ERR_OK);
    cr_assert_eq(redis_server_connections(redis), before);
}

Test(redis_link, nothing_waits_any_more_once_the_server_is_away)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    long long before = redis_server_connections(redis);

    redis_server_pause(redis);
    submit(0, STORE_CHECK, &tv, 10000);
    pump_until(&fixture.loop, are_done, NULL);
    cr_assert_eq(calls.errs[0], ERR_STORE_UNAVAILABLE);
    cr_assert_eq(store_state(store_fixture_handle(&fixture, 0)), STORE_AWAY);
    cr_assert(was_logged("Redis connection lost"));

    int64_t asked_ms = clock_monotonic_ms();
    for (int i = 0; i < CALLS; i++)
        submit(i, STORE_CHECK, &tv, 10000);
    pump_until(&fixture.loop, are_done, NULL);
    for (int i = 0; i < CALLS; i++) {
        cr_assert_eq(calls.errs[i], ERR_STORE_UNAVAILABLE);
        cr_assert_lt(calls.done_ms[i], asked_ms + 100);
    }

    redis_server_resume(redis);
    ASSERT_ERR(check_until_answered(&tv), ERR_OK);
    cr_assert_gt(redis_server_connections(redis), before,
                 "a link that was late is never used again");
}

/* ---- Answers that are outages ---- */

Test(redis_link, a_replica_that_takes_no_writes_is_an_outage)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"), next = ask_session("f", "tv");

    store_fixture_age(&fixture, tv.id, 1000); /* a heartbeat has something to write */
    redis_server_do(redis, "REPLICAOF 127.0.0.1 1");
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_create(&fixture, &next), ERR_STORE_UNAVAILABLE);
    redis_server_do(redis, "CONFIG SET replica-serve-stale-data no");
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    redis_server_do(redis, "REPLICAOF NO ONE");
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
}

/* ---- Closing ---- */

/* Closes the store with a request pending, which must be told so. */
static void close_with_a_request_pending(void)
{
    const struct session tv = ask_session("f", "tv");

    submit(0, STORE_CHECK, &tv, 10000);
    store_fixture_close(store_fixture_handle(&fixture, 0));
    fixture.handles[0] = NULL;
    cr_assert_eq(calls.outstanding, 0);
    cr_assert_eq(calls.errs[0], ERR_SHUTTING_DOWN, "%s", err_word(calls.errs[0]));
}

Test(redis_link, can_be_closed_before_it_was_connected)
{
    close_with_a_request_pending();
}

Test(redis_link, can_be_closed_while_its_name_is_being_resolved)
{
    fixture.address = (struct redis_address){.host = (char[]){"localhost"}, .port = 1};
    close_with_a_request_pending();
}

Test(redis_link, can_be_closed_while_the_server_does_not_greet)
{
    redis_server_pause(redis);
    store_fixture_handle(&fixture, 0);
    pump_for(&fixture.loop, 20);
    close_with_a_request_pending();
}

Test(redis_link, can_be_closed_while_it_waits_to_connect_again)
{
    fixture.timeout_ms = 10000;
    ask_begin(&fixture, "f", "tv");
    redis_server_kill(redis);
    pump_for(&fixture.loop, 20);
    close_with_a_request_pending();
}

Test(redis_link, can_be_closed_with_requests_sent)
{
    ask_begin(&fixture, "f", "tv");
    redis_server_pause(redis);
    const struct session tv = ask_session("f", "tv");
    for (int i = 1; i < CALLS; i++)
        submit(i, STORE_HEARTBEAT, &tv, 10000);
    pump_for(&fixture.loop, 20);
    close_with_a_request_pending();
    for (int i = 1; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_SHUTTING_DOWN);
}
