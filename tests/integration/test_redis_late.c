/* What Redis carries out after it hung, when nobody waits for it any more; and the time after an outage. */
#include <criterion/criterion.h>

#include "ask.h"
#include "clock.h"
#include "outage_fixture.h"
#include "pump.h"
#include "redis_server.h"

enum { SECOND_MS = 1000, LATE_MS = 1500 /* more than a create may be late by */ };

static struct outage_fixture fixture;
static struct store_fixture *const store = &fixture.store;

static void set_up(void)
{
    outage_fixture_start(&fixture);
    store->options.displace_after_ms = 90 * SECOND_MS;
}

static void tear_down(void)
{
    outage_fixture_stop(&fixture);
}

TestSuite(redis_late, .init = set_up, .fini = tear_down);

static bool is_past(void *arg)
{
    return clock_monotonic_ms() >= *(int64_t *)arg;
}

static bool done;

static void note_done(struct store_req *req)
{
    (void)req;
    done = true;
}

static bool is_done(void *arg)
{
    (void)arg;
    return done;
}

/* Whether Redis has run so many scripts since its statistics were reset. */
static bool has_run(void *arg)
{
    return redis_server_calls(fixture.redis, "evalsha") >= *(int *)arg;
}

/* Outages of the policy deny: what Redis does late isn't mixed with what is adopted. */
Test(redis_late, a_create_that_redis_gets_to_too_late_changes_nothing)
{
    int64_t until_ms;
    int one = 1;

    outage_fixture_open_up(&fixture, OUTAGE_DENY);
    ask_begin(store, "family", "device 1");
    redis_server_do(fixture.redis, "CONFIG RESETSTAT");
    redis_server_pause(fixture.redis);

    const struct session session = ask_session("family", "device 2");
    struct store_req create = {.op = STORE_CREATE,
                               .deadline_ms = clock_monotonic_ms() + store->timeout_ms,
                               .done = note_done,
                               .session = session,
                               .create = ask_limits(-1, -1)};
    store_submit(store->handles[0], &create);
    pump_until(&store->loop, is_done, NULL);
    ASSERT_ERR(&create, ERR_STORE_UNAVAILABLE);
    until_ms = clock_monotonic_ms() + store->timeout_ms + LATE_MS;
    pump_until(&store->loop, is_past, &until_ms);

    redis_server_resume(fixture.redis);
    pump_until(&store->loop, has_run, &one);
    cr_assert_eq(redis_server_number(fixture.redis, "SCARD family_streams:family"), 1);
    cr_assert_eq(redis_server_number(fixture.redis, "EXISTS session:%s", session.id), 0);
}

Test(redis_late, for_some_time_after_an_outage_nobody_gives_way_for_silence)
{
    outage_fixture_open_up(&fixture, OUTAGE_DENY);
    for (int i = 0; i < 2; i++)
        ask_begin_silent(store, "family", "device", 100 * SECOND_MS);
    redis_server_pause(fixture.redis);
    outage_fixture_wait(&fixture, STORE_AWAY);
    redis_server_resume(fixture.redis);
    outage_fixture_wait(&fixture, STORE_UP);

    const struct session session = ask_session("family", "device");
    const struct store_req *answer = ask_create(store, &session);
    while (answer->err == ERR_STORE_UNAVAILABLE) /* this handle's own link may be back later */
        answer = ask_create(store, &session);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
}

Test(redis_late, a_loop_that_has_not_turned_for_long_makes_no_outage)
{
    struct loop other;
    int64_t until_ms = clock_monotonic_ms() + 2 * store->timeout_ms;

    cr_assert_eq(loop_init(&other), 0);
    pump_until(&other, is_past, &until_ms); /* the store's own loop stands still meanwhile */
    loop_done(&other);
    outage_fixture_open(&fixture, OUTAGE_DENY);
    outage_fixture_wait(&fixture, STORE_UP);
    cr_assert_eq(outage_count(fixture.outage), 0);
}
