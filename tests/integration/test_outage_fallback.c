/* Fallback: what the embedded store answers while Redis is away, and what Redis is told when it is
 * back. */
#include "outage_fixture.h"
#include "partition.h"

#include <string.h>

#include "clock.h"
#include "log_capture.h"
#include "memory.h"
#include "pump.h"
#include "redis_server.h"

static struct outage_fixture fixture;
static struct store_fixture *store = &fixture.store;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    outage_fixture_start(&fixture);
    redis = fixture.redis;
}

static void tear_down(void)
{
    outage_fixture_stop(&fixture);
}

TestSuite(fallback, .init = set_up, .fini = tear_down, .timeout = 60);

/* Redis hangs, and keeps its data. */
static void hang(void)
{
    const struct session nobody = ask_session("nobody", "nobody");

    redis_server_pause(redis);
    ask_list(store, "nobody");
    ask_end(store, &nobody, END_STOPPED);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
}

/* Redis is gone, and its data. */
static void lose(void)
{
    redis_server_kill(redis);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
}

static void come_back(void)
{
    outage_fixture_wait(&fixture, STORE_UP);
}

static const struct store_req *elsewhere(enum store_op op, const struct session *session)
{
    const struct store_req req = {
        .op = op, .session = *session, .create = ask_limits(-1, -1), .end.reason = END_TERMINATED};

    return outage_fixture_insist(&fixture, 1, &req);
}

static void assert_fallback(const struct store_req *answer)
{
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
}

/* ---- While Redis is away ---- */

Test(fallback, lets_a_known_session_go_on)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    lose();
    assert_fallback(ask_check(store, &tv));
    assert_fallback(ask_heartbeat(store, &tv));
    const struct store_req *answer = ask_get(store, &tv);
    assert_fallback(answer);
    cr_assert_eq(answer->session.started_ms, tv.started_ms);
    assert_fallback(ask_list(store, "f"));
    cr_assert_eq(ask_list(store, "f")->stream_count, 1);
}

Test(fallback, knows_what_other_gateways_let_in_once_it_was_asked_about_it)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    struct session tv = ask_session("f", "tv");

    ASSERT_ERR(elsewhere(STORE_CREATE, &tv), ERR_OK);
    ASSERT_ERR(ask_check(store, &tv), ERR_OK);
    cr_assert_eq(memory_count(fixture.memory), 1);
    lose();
    cr_assert_eq(ask_list(store, "f")->stream_count, 1);
}

Test(fallback, takes_a_session_that_it_never_saw_at_its_tokens_word_and_counts_it)
{
    static const enum store_op ops[] = {STORE_CHECK, STORE_HEARTBEAT, STORE_ZAP, STORE_REVIVE};
    struct session next = ask_session("f", "next");

    store->options.family_limit = 4;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    lose();
    for (int i = 0; i < 4; i++) {
        struct store_req req = {.op = ops[i], .session = ask_session("f", "tv")};

        req.session.started_ms = clock_wall_ms() - 3600000;
        assert_fallback(store_fixture_run(store, 0, &req));
        const struct store_req *answer = ask_get(store, &req.session);
        cr_assert_eq(answer->session.started_ms, req.session.started_ms);
    }
    cr_assert_eq(ask_list(store, "f")->stream_count, 4);
    ASSERT_ERR(ask_create(store, &next), ERR_FAMILY_LIMIT);
}

Test(fallback, invents_no_session_of_an_id_alone)
{
    struct session tv = ask_session("f", "tv");

    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    lose();
    tv.user_id[0] = tv.device_id[0] = tv.media_id[0] = '\0';
    ASSERT_ENDED(ask_get(store, &tv), END_EXPIRED);
    cr_assert_eq(memory_count(fixture.memory), 0);
}

Test(fallback, refuses_what_is_known_to_have_ended)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session stopped = ask_begin(store, "f", "tv"),
                         terminated = ask_begin(store, "f", "tv"),
                         late = ask_begin(store, "f", "phone"),
                         revoked = ask_begin(store, "g", "laptop");

    ASSERT_ERR(ask_end(store, &stopped, END_STOPPED), ERR_OK);
    ASSERT_ERR(elsewhere(STORE_END, &terminated), ERR_OK);
    ASSERT_ENDED(ask_heartbeat(store, &terminated), END_TERMINATED); /* so it learns of it */
    ASSERT_ERR(ask_revoke(store, "g", "", "out", 0), ERR_OK);
    lose();
    ASSERT_ERR(ask_end(store, &late, END_STOPPED), ERR_OK);
    for (int i = 0; i < 2; i++) {
        ASSERT_ENDED(ask_check(store, &stopped), END_STOPPED);
        ASSERT_ENDED(ask_heartbeat(store, &terminated), END_TERMINATED);
        ASSERT_ENDED(ask_check(store, &late), END_STOPPED);
        ASSERT_ENDED(ask_check(store, &revoked), END_TERMINATED);
        ASSERT_ENDED(ask_revive(store, &late, late.started_ms), END_STOPPED);
    }
}

Test(fallback, admits_by_the_same_limits_over_what_it_has_seen)
{
    store->options.family_limit = 3;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    ask_begin(store, "f", "tv");
    ASSERT_ERR(ask_set_limits(store, "g", 1, -1, 0), ERR_OK);
    lose();

    const struct session second = ask_session("f", "phone"), third = ask_session("f", "laptop"),
                         fourth = ask_session("f", "tablet"), g1 = ask_session("g", "d1"),
                         g2 = ask_session("g", "d2");
    assert_fallback(ask_create(store, &second));
    assert_fallback(ask_create(store, &third));
    const struct store_req *answer = ask_create(store, &fourth);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    cr_assert(answer->fallback);
    cr_assert_eq(answer->stream_count, 3);
    ASSERT_ERR(ask_create(store, &g1), ERR_OK);
    ASSERT_ERR(ask_create(store, &g2), ERR_FAMILY_LIMIT); /* the override is remembered */
}

Test(fallback, leaves_an_operators_word_to_redis)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    lose();
    ASSERT_ERR(ask_revoke(store, "f", "", "out", 0), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_set_limits(store, "f", 1, 1, 0), ERR_STORE_UNAVAILABLE);
}

/* ---- When it is back ---- */

Test(fallback, what_was_let_in_or_kept_alive_is_adopted_over_the_limits)
{
    enum { SEEN = 2, NEW = 3 };
    struct session seen[SEEN], new[NEW], unasked;

    store->options.family_limit = 5;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    ask_fill(store, "f", "seen", seen, SEEN);
    unasked = ask_begin(store, "h", "tv");
    const int64_t started_ms = ask_get(store, &seen[0])->session.started_ms;
    lose();
    for (int i = 0; i < SEEN; i++)
        assert_fallback(ask_check(store, &seen[i]));
    ask_fill(store, "f", "new", new, NEW);
    redis_server_launch(redis);
    redis_server_wait(redis);
    redis_server_do(redis, "SADD family_streams:f another"); /* somebody was faster */
    come_back();
    for (int i = 0; i < SEEN; i++)
        ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &seen[i]), ERR_OK);
    for (int i = 0; i < NEW; i++)
        ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &new[i]), ERR_OK);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), SEEN + NEW + 1);
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &unasked), END_EXPIRED);
    cr_assert_eq(log_capture_count("Redis is up adopted=5 ended=0", ""), 1);
    int64_t drift_ms = elsewhere(STORE_GET, &seen[0])->session.started_ms - started_ms;
    cr_assert(drift_ms > -100 && drift_ms < 100, "%lld ms", (long long)drift_ms);
}

Test(fallback, hundreds_of_sessions_are_adopted_some_at_a_time)
{
    enum { MANY = 500 };
    static struct session many[MANY];

    store->options.family_limit = store->options.device_limit = 0;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    lose();
    ask_fill(store, "f", "d", many, MANY);
    redis_server_restart(redis);
    come_back();
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), MANY);
    for (int i = 0; i < MANY; i++)
        ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &many[i]), ERR_OK);
}

Test(fallback, an_end_is_told_to_redis_and_before_all_else)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), brief = ask_session("f", "phone");
    struct session terminated = ask_begin(store, "f", "laptop");
    const struct store_end end = {.reason = END_TERMINATED, .message = "out"};

    hang();
    assert_fallback(ask_heartbeat(store, &tv));
    assert_fallback(ask_create(store, &brief));
    ASSERT_ERR(ask_end(store, &tv, END_STOPPED), ERR_OK);
    ASSERT_ERR(ask_end(store, &brief, END_STOPPED), ERR_OK);
    ASSERT_ERR(ask_end_with(store, &terminated, &end), ERR_OK);

    struct store_req first;
    cr_assert(memory_take_dirty(fixture.memory, 0, PARTITION_COUNT, &first));
    cr_assert_eq(first.op, STORE_END);
    memory_return_dirty(fixture.memory, &first);

    redis_server_resume(redis);
    come_back();
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &tv), END_STOPPED);
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &brief), END_STOPPED);
    const struct store_req *answer = outage_fixture_check_elsewhere(&fixture, &terminated);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "out");
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 0);
}

Test(fallback, brings_back_none_that_was_terminated_or_revoked_by_others)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session terminated = ask_begin(store, "f", "tv"),
                         revoked = ask_begin(store, "g", "tv");

    ASSERT_ERR(elsewhere(STORE_END, &terminated), ERR_OK); /* and this gateway doesn't know */
    struct session family = {.family_id = "g"};
    ASSERT_ERR(elsewhere(STORE_REVOKE, &family), ERR_OK);
    hang();
    assert_fallback(ask_heartbeat(store, &terminated));
    assert_fallback(ask_heartbeat(store, &revoked));
    redis_server_resume(redis);
    come_back();
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &terminated), END_TERMINATED);
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &revoked), END_TERMINATED);
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f family_streams:g"), 0);
    lose(); /* it has learnt of it */
    ASSERT_ENDED(ask_heartbeat(store, &terminated), END_TERMINATED);
    ASSERT_ENDED(ask_heartbeat(store, &revoked), END_TERMINATED);
}

Test(fallback, a_zap_is_told_to_redis)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    hang();
    assert_fallback(ask_zap(store, &tv, "next", "Blue Planet"));
    cr_assert_str_eq(ask_check(store, &tv)->session.media_id, "next");
    redis_server_resume(redis);
    come_back();
    const struct store_req *answer = elsewhere(STORE_GET, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.media_id, "next");
    cr_assert_str_eq(answer->session.media_title, "Blue Planet");
}

Test(fallback, what_redis_lost_again_is_told_again)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");

    for (int i = 0; i < 3; i++) {
        lose();
        assert_fallback(ask_check(store, &tv));
        redis_server_restart(redis);
        come_back();
        ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
    }
}

Test(fallback, what_one_request_alone_was_answered_is_told_too)
{
    const struct session tv = ask_session("f", "tv");

    store->timeout_ms = 10000;
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    memory_stand_in(
        fixture.memory,
        &(struct store_req){.op = STORE_CREATE, .session = tv, .create = ask_limits(-1, -1)});
    while (outage_fixture_check_elsewhere(&fixture, &tv)->err != ERR_OK)
        pump_for(&store->loop, 1);
}

/* ---- What the embedded store keeps in mind ---- */

Test(fallback, a_late_word_that_it_lives_does_not_undo_an_end_that_redis_does_not_know_of)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv");
    const struct store_end expired = {.reason = END_REPLACED};

    lose();
    ASSERT_ERR(ask_end(store, &tv, END_STOPPED), ERR_OK);
    memory_see(fixture.memory, &tv, true);
    ASSERT_ENDED(ask_check(store, &tv), END_STOPPED);
    memory_see_end(fixture.memory, &tv, &expired);
    ASSERT_ENDED(ask_check(store, &tv), END_STOPPED);
    redis_server_restart(redis);
    come_back();
    ASSERT_ENDED(outage_fixture_check_elsewhere(&fixture, &tv), END_STOPPED);
}

Test(fallback, a_check_is_told_of_once_an_outage)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    struct store_req req = {.op = STORE_CHECK, .session = ask_begin(store, "f", "tv")}, change;

    lose();
    for (int i = 0; i < 2; i++) {
        ASSERT_ERR((memory_stand_in(fixture.memory, &req), &req), ERR_OK);
        cr_assert(memory_take_dirty(fixture.memory, 0, PARTITION_COUNT, &change));
        cr_assert_eq(change.op, STORE_ADOPT);
        memory_stand_in(fixture.memory, &req);
        cr_assert_not(memory_take_dirty(fixture.memory, 0, PARTITION_COUNT, &change),
                      "else it would never end");
        memory_begin_outage(fixture.memory);
    }
}
