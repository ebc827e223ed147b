/* Whether Redis is there: the state, how it changes, and how long anybody waits meanwhile. */
#include "outage_fixture.h"

#include <string.h>

#include "clock.h"
#include "log_capture.h"
#include "pump.h"
#include "redis_server.h"

enum { SLACK_MS = 150, CALLS = 100 };

static struct outage_fixture fixture;
static struct store_fixture *store = &fixture.store;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    outage_fixture_start(&fixture);
    redis = fixture.redis;
}

static struct redis_server *slow; /* of one test; the store has its address until it is closed */

static void tear_down(void)
{
    outage_fixture_stop(&fixture);
    if (slow != NULL)
        redis_server_stop(slow);
}

TestSuite(outage, .init = set_up, .fini = tear_down, .timeout = 60);

static enum store_state state(void)
{
    return store_state(store->handles[0]);
}

/* ---- Requests with a deadline of their own ---- */

static struct calls {
    struct store_req reqs[CALLS];
    enum err errs[CALLS];
    bool fallbacks[CALLS];
    int64_t done_ms; /* of the last one, by the monotonic clock */
    int outstanding;
} calls;

static void on_done(struct store_req *req)
{
    calls.errs[req - calls.reqs] = req->err;
    calls.fallbacks[req - calls.reqs] = req->fallback;
    calls.done_ms = clock_monotonic_ms();
    calls.outstanding--;
}

static void submit(int n, enum store_op op, const struct session *session, int64_t within_ms)
{
    uv_update_time(&store->loop.uv);
    calls.reqs[n] = (struct store_req){.op = op,
                                       .session = *session,
                                       .create = ask_limits(-1, -1),
                                       .deadline_ms = clock_monotonic_ms() + within_ms,
                                       .done = on_done};
    calls.outstanding++;
    store_submit(store->handles[0], &calls.reqs[n]);
}

static bool are_done(void *arg)
{
    (void)arg;
    return calls.outstanding == 0;
}

/* ---- The state ---- */

Test(outage, is_starting_until_redis_has_answered)
{
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    cr_assert_eq(state(), STORE_STARTING);
    outage_fixture_wait(&fixture, STORE_UP);
    cr_assert_eq(log_capture_count("Redis is up", ""), 1);
    cr_assert_eq(outage_count(fixture.outage), 0);
}

Test(outage, goes_away_with_a_killed_redis_and_comes_back_with_the_next)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    redis_server_kill(redis);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    redis_server_restart(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    cr_assert_eq(outage_count(fixture.outage), 1);
    cr_assert_eq(log_capture_count("Redis is away state=fallback", ""), 1);
    cr_assert_eq(log_capture_count("Redis is up", ""), 2);
}

Test(outage, a_redis_that_is_back_within_the_timeout_was_never_away)
{
    store->timeout_ms = 5000;
    outage_fixture_open_up(&fixture, OUTAGE_DENY);
    const struct session tv = ask_session("f", "tv");

    redis_server_restart(redis);
    ASSERT_ERR(ask_create(store, &tv), ERR_OK);
    cr_assert_eq(outage_count(fixture.outage), 0);
}

Test(outage, one_request_waits_and_none_after_it)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_pause(redis);
    int64_t since_ms = clock_monotonic_ms();
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_OK);
    int64_t took_ms = clock_monotonic_ms() - since_ms;
    cr_assert_leq(took_ms, store->timeout_ms + SLACK_MS, "%lld ms", (long long)took_ms);
    cr_assert_eq(state(), STORE_FALLBACK);

    since_ms = clock_monotonic_ms();
    for (int i = 0; i < CALLS; i++)
        ASSERT_ERR(ask_heartbeat(store, &tv), ERR_OK);
    took_ms = clock_monotonic_ms() - since_ms;
    cr_assert_lt(took_ms, store->timeout_ms, "%d requests took %lld ms", CALLS, (long long)took_ms);

    redis_server_resume(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    const struct store_req req = {.op = STORE_HEARTBEAT, .session = tv};
    ASSERT_ERR(outage_fixture_insist(&fixture, 0, &req), ERR_OK);
    cr_assert_eq(outage_count(fixture.outage), 1);
}

Test(outage, stays_while_redis_hangs)
{
    outage_fixture_open_up(&fixture, OUTAGE_DENY);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_pause(redis);
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_STORE_UNAVAILABLE);
    for (int64_t since_ms = clock_monotonic_ms();
         clock_monotonic_ms() < since_ms + 5 * store->timeout_ms;) {
        pump_for(&store->loop, 10);
        cr_assert_eq(state(), STORE_AWAY);
    }
    redis_server_resume(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    const struct store_req req = {.op = STORE_HEARTBEAT, .session = tv};
    ASSERT_ERR(outage_fixture_insist(&fixture, 0, &req), ERR_OK);
    cr_assert_eq(log_capture_count("Redis is away", ""), 1);
}

Test(outage, starts_without_redis)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_kill(redis);
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    const struct store_req *answer = ask_create(store, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    cr_assert_eq(log_capture_count("Redis connection failed; serving from the "
                                   "embedded store until it is back",
                                   ""),
                 1);
    redis_server_restart(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
}

Test(outage, lasts_while_redis_loads_its_data)
{
    slow = redis_server_start((struct redis_server_options){
        .config = "key-load-delay 20000\nloading-process-events-interval-bytes 1024"});

    store->address = redis_server_address(slow);
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), next = ask_session("f", "phone");
    for (int i = 0; i < 40; i++)
        redis_server_do(slow, "SET filler-%d %01000d", i, i);
    redis_server_do(slow, "SAVE");
    redis_server_kill(slow);
    redis_server_launch(slow);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    ASSERT_ERR(ask_check(store, &tv), ERR_OK);
    ASSERT_ERR(ask_create(store, &next), ERR_OK);
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &next), ERR_OK);
}

Test(outage, lasts_while_redis_takes_no_writes)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), next = ask_session("f", "tv");

    redis_server_do(redis, "REPLICAOF 127.0.0.1 1");
    const struct store_req *answer = ask_create(store, &next);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
    for (int i = 0; i < 30; i++) {
        pump_for(&store->loop, 10);
        cr_assert_eq(state(), STORE_FALLBACK);
    }
    redis_server_do(redis, "REPLICAOF NO ONE");
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_OK);
    cr_assert_eq(log_capture_count("Redis is away", ""), 1);
}

Test(outage, is_seen_at_the_start_without_any_request_where_redis_takes_no_writes)
{
    redis_server_do(redis, "REPLICAOF 127.0.0.1 1");
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    redis_server_do(redis, "REPLICAOF NO ONE");
    outage_fixture_wait(&fixture, STORE_UP);
}

Test(outage, a_redis_that_has_no_room_for_what_it_is_told_is_not_asked_without_end)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "CONFIG SET maxmemory 1");
    ASSERT_ERR(ask_create(store, &tv), ERR_OK);
    pump_for(&store->loop, 1000);
    cr_assert_leq(log_capture_count("Redis is away", ""), 5);
    redis_server_do(redis, "CONFIG SET maxmemory 0");
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
}

Test(outage, counts_each_time_that_redis_goes_away_once)
{
    enum { TIMES = 5 };

    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    for (int i = 1; i <= TIMES; i++) {
        redis_server_kill(redis);
        outage_fixture_wait(&fixture, STORE_FALLBACK);
        redis_server_restart(redis);
        /* asked all the while, over a link that may be made again later than the keeper's */
        for (int64_t since_ms = clock_monotonic_ms();
             state() != STORE_UP || ask_check(store, &tv)->fallback;) {
            cr_assert_lt(clock_monotonic_ms() - since_ms, 20000);
            ASSERT_ERR(ask_check(store, &tv), ERR_OK);
            pump_for(&store->loop, 1);
        }
        cr_assert_eq(outage_count(fixture.outage), i, "%d: %llu", i,
                     (unsigned long long)outage_count(fixture.outage));
    }
    cr_assert_eq(log_capture_count("Redis is away state=", ""), TIMES);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
}

/* ---- A deadline that passes ---- */

static void expect_late(enum outage_policy policy, enum err expected)
{
    store->timeout_ms = 10000;
    outage_fixture_open_up(&fixture, policy);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_pause(redis);
    int64_t since_ms = clock_monotonic_ms();
    submit(0, STORE_CHECK, &tv, 150);
    pump_until(&store->loop, are_done, NULL);
    cr_assert_eq(calls.errs[0], expected, "%s", err_word(calls.errs[0]));
    cr_assert_leq(calls.done_ms - since_ms, 150 + SLACK_MS);
    cr_assert_eq(state(), STORE_UP);
    cr_assert_eq(outage_count(fixture.outage), 0);
    redis_server_resume(redis);
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_OK);
}

Test(outage, a_late_answer_is_no_outage_and_fallback_allows)
{
    expect_late(OUTAGE_FALLBACK, ERR_OK);
    cr_assert(calls.fallbacks[0]);
}

Test(outage, a_late_answer_is_no_outage_and_allow_allows)
{
    expect_late(OUTAGE_ALLOW, ERR_OK);
}

Test(outage, a_late_answer_is_no_outage_and_deny_denies)
{
    expect_late(OUTAGE_DENY, ERR_STORE_UNAVAILABLE);
}

/* ---- deny, allow ---- */

Test(outage, deny_answers_nothing_while_redis_is_away)
{
    outage_fixture_open_up(&fixture, OUTAGE_DENY);
    const struct session tv = ask_begin(store, "f", "tv"), next = ask_session("f", "tv");

    redis_server_kill(redis);
    outage_fixture_wait(&fixture, STORE_AWAY);
    ASSERT_ERR(ask_create(store, &next), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_check(store, &tv), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_end(store, &tv, END_STOPPED), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_list(store, "f"), ERR_STORE_UNAVAILABLE);
    redis_server_restart(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &tv), END_EXPIRED);
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &next), END_EXPIRED);
}

Test(outage, allow_lets_everybody_in_and_counts_nobody)
{
    store->options.family_limit = 1;
    outage_fixture_open_up(&fixture, OUTAGE_ALLOW);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_kill(redis);
    outage_fixture_wait(&fixture, STORE_ALLOW);
    for (int i = 0; i < 5; i++) {
        const struct session next = ask_session("f", "tv");
        const struct store_req *answer = ask_create(store, &next);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_eq(answer->expires_ms - answer->now_ms, store->options.ttl_ms);
        cr_assert_gt(answer->session.started_ms, 0);
        ASSERT_ERR(ask_check(store, &next), ERR_OK);
        ASSERT_ERR(ask_heartbeat(store, &next), ERR_OK);
    }
    ASSERT_ERR(ask_check(store, &tv), ERR_OK);
    ASSERT_ERR(ask_zap(store, &tv, "next", ""), ERR_OK);
    redis_server_restart(redis);
    outage_fixture_wait(&fixture, STORE_UP);
    cr_assert_eq(redis_server_number(redis, "DBSIZE"), 0);
}

/* ---- Stopping ---- */

Test(outage, can_be_closed_with_changes_on_their_way)
{
    store->timeout_ms = 10000;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    redis_server_pause(redis);
    for (int i = 0; i < CALLS; i++) {
        const struct session session = ask_session("f", "tv");

        submit(i, STORE_CHECK, &session, 10);
    }
    pump_until(&store->loop, are_done, NULL);
    pump_for(&store->loop, 50); /* the keeper has begun to tell of them */
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_OK);
    outage_fixture_close(&fixture);
    cr_assert_eq(outage_count(fixture.outage), 0, "a stop is no outage");
}

Test(outage, can_be_closed_while_redis_is_asked_whether_it_is_back)
{
    store->timeout_ms = 100;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_pause(redis);
    ASSERT_ERR(ask_heartbeat(store, &tv), ERR_OK);
    pump_for(&store->loop, 40);
    outage_fixture_close(&fixture);
}

Test(outage, can_be_closed_before_anything_was_answered)
{
    redis_server_pause(redis);
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    outage_fixture_close(&fixture);
}

Test(outage, tells_those_who_wait_that_it_closes)
{
    store->timeout_ms = 10000;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    redis_server_pause(redis);
    for (int i = 0; i < CALLS; i++)
        submit(i, STORE_HEARTBEAT, &tv, 10000);
    outage_fixture_close(&fixture);
    cr_assert_eq(calls.outstanding, 0);
    for (int i = 0; i < CALLS; i++)
        cr_assert_eq(calls.errs[i], ERR_SHUTTING_DOWN);
}
