/* Cleaning up after sessions that expired: the sweep, by any number of gateways at once. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "container_of.h"
#include "feed.h"
#include "redis_server.h"

enum { SLACK_MS = 8000 };

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_sweep, .init = set_up, .fini = tear_down, .timeout = 100);

static uint32_t sweep(void)
{
    const struct store_req *answer = ask_sweep(&fixture);

    ASSERT_ERR(answer, ERR_OK);
    return answer->ended_count;
}

static long long count_entries(void)
{
    return redis_server_number(redis, "ZCARD session_expiry");
}

/* Lets a session expire now, as Redis would, and makes its entry due. */
static void expire(const struct session *session)
{
    redis_server_do(redis, "DEL session:%s", session->id);
    redis_server_do(redis, "EVAL %s 1 session_expiry %s",
                    "for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                    "if string.find(entry, ARGV[1], 1, true) == 1 then "
                    "redis.call('ZADD', KEYS[1], 1, entry) end end",
                    session->id);
}

/* Makes all entries due. */
static void make_all_due(void)
{
    redis_server_do(redis, "EVAL %s 1 session_expiry",
                    "for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                    "redis.call('ZADD', KEYS[1], 1, entry) end");
}

/* ---- One sweep ---- */

Test(redis_sweep, takes_a_session_that_expired_out_of_both_sets)
{
    const struct session tv = ask_begin(&fixture, "f \"1\"%", "tv set"),
                         other = ask_begin(&fixture, "f \"1\"%", "tv set");

    expire(&tv);
    cr_assert_eq(sweep(), 1);
    cr_assert_eq(redis_server_number(redis, "SCARD %s", "family_streams:f \"1\"%"), 1);
    cr_assert_eq(redis_server_number(redis, "SCARD %s", "device_streams:tv set"), 1);
    cr_assert_eq(count_entries(), 1);
    const struct feed_entry entry = feed_only(&fixture, "expired");
    cr_assert_str_eq(entry.session_id, tv.id);
    cr_assert_str_eq(entry.family_id, "f \"1\"%");
    cr_assert_str_eq(entry.device_id, "tv set");
    ASSERT_ERR(ask_check(&fixture, &other), ERR_OK);
    cr_assert_eq(sweep(), 0);
}

Test(redis_sweep, tells_how_long_it_lasted_without_the_time_that_it_lay_unswept)
{
    const struct session tv = ask_session("f", "tv");
    int64_t started_ms = clock_wall_ms() - 3600000;
    char time[CLOCK_TEXT_LEN + 1], due[32];

    clock_format(started_ms, time);
    snprintf(due, sizeof due, "%lld", (long long)(started_ms + 100999));
    redis_server_do(redis, "EVAL %s 1 session_expiry %s %s %s",
                    "redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2] .. ' f tv user ' .. ARGV[3])",
                    due, tv.id, time);
    cr_assert_eq(sweep(), 1);
    cr_assert_eq(feed_only(&fixture, "expired").duration_s, 100);
}

Test(redis_sweep, arms_one_that_is_alive_again_to_the_end_of_its_ttl)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    make_all_due();
    cr_assert_eq(sweep(), 1);
    cr_assert_eq(count_entries(), 1);
    cr_assert_eq(sweep(), 0, "it is no longer due");
    cr_assert_eq(feed_count(&fixture, "expired"), 0);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);

    redisReply *reply = redis_server_command(redis, "ZRANGE session_expiry 0 -1 WITHSCORES");
    int64_t due_ms = strtoll(reply->element[1]->str, NULL, 10),
            end_ms = ask_get(&fixture, &tv)->expires_ms;
    cr_assert(due_ms - end_ms < 10 && end_ms - due_ms < 10, "%lld ms",
              (long long)(due_ms - end_ms));
    freeReplyObject(reply);
}

Test(redis_sweep, drops_the_entry_of_one_that_was_ended_where_its_value_did_not_tell_it)
{
    static const char *const values[] = {"{", "{}", "{\"familyId\":\"g\",\"deviceId\":\"tv\"}"};
    const size_t count = sizeof values / sizeof values[0];

    for (size_t i = 0; i < count; i++) {
        const struct session tv = ask_begin(&fixture, "f", "tv");

        redis_server_do(redis, "SET session:%s %s", tv.id, values[i]);
        ask_end(&fixture, &tv, END_STOPPED);
    }
    cr_assert_eq(count_entries(), count);
    make_all_due();
    cr_assert_eq(sweep(), count);
    cr_assert_eq(count_entries(), 0);
    cr_assert_eq(feed_count(&fixture, "expired"), 0);
}

Test(redis_sweep, tells_once_of_one_that_was_stopped_in_its_sleep)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    expire(&tv);
    ask_end(&fixture, &tv, END_STOPPED);
    cr_assert_eq(count_entries(), 1);
    cr_assert_eq(sweep(), 1);
    cr_assert_eq(feed_count(&fixture, "expired"), 1);
    cr_assert_eq(feed_count(&fixture, "stopped"), 0);
    cr_assert_eq(sweep(), 0);
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f device_streams:tv"), 0);
}

/* ---- Entries that go before they are due ---- */

/* One whose names the gateway writes in other characters into the entry than into the value. */
static struct session begin_odd(void)
{
    struct session tv = ask_session("f \"1\"%/\\", "tv \xc3\xa9");

    strcpy(tv.user_id, "u%20{\xf0\x9f\x8c\x8d}~!$&");
    tv.started_ms = ask_create(&fixture, &tv)->session.started_ms;
    cr_assert_eq(count_entries(), 1);
    return tv;
}

Test(redis_sweep, an_entry_goes_with_the_session_that_is_ended)
{
    struct session tv = begin_odd();

    ask_end(&fixture, &tv, END_STOPPED);
    cr_assert_eq(count_entries(), 0);

    tv = begin_odd();
    ask_revoke(&fixture, tv.family_id, "", "", 0);
    cr_assert_eq(count_entries(), 0);

    tv = begin_odd();
    ask_revoke(&fixture, "", tv.device_id, "", 0);
    cr_assert_eq(count_entries(), 0);

    tv = begin_odd();
    memset(tv.family_id, 0, sizeof tv.family_id);
    ask_end(&fixture, &tv, END_TERMINATED);
    cr_assert_eq(count_entries(), 0);
    cr_assert_eq(redis_server_number(redis, "EXISTS %s", "family_streams:f \"1\"%/\\"), 0);
}

Test(redis_sweep, an_entry_goes_with_the_session_that_gives_way)
{
    struct session tv = begin_odd(), next = tv;
    struct store_create create = ask_limits(-1, -1);

    next.id[SESSION_ID_LEN - 1] ^= 1;
    ask_replace(&create, &tv);
    ASSERT_ERR(ask_create_with(&fixture, &next, &create), ERR_OK);
    cr_assert_eq(count_entries(), 1);

    create = ask_limits(1, -1);
    create.evict = true;
    next = ask_session(tv.family_id, "phone");
    ASSERT_ERR(ask_create_with(&fixture, &next, &create), ERR_OK);
    cr_assert_eq(count_entries(), 1);
    make_all_due();
    cr_assert_eq(sweep(), 1);
    ASSERT_ERR(ask_check(&fixture, &next), ERR_OK);
    cr_assert_eq(feed_count(&fixture, "expired"), 0);
}

Test(redis_sweep, the_entry_of_one_that_was_zapped_revived_or_adopted_goes_with_it_too)
{
    struct session tv = begin_odd();

    ask_zap(&fixture, &tv, "m2", "title");
    redis_server_do(redis, "DEL session:%s", tv.id);
    ASSERT_ERR(ask_revive(&fixture, &tv, tv.started_ms), ERR_OK);
    ask_zap(&fixture, &tv, "m3", "");
    ask_end(&fixture, &tv, END_STOPPED);
    cr_assert_eq(count_entries(), 0);

    tv = ask_session("f", "tv 2");
    tv.started_ms = clock_wall_ms() - 100000;
    const struct store_req adopt = {.op = STORE_ADOPT, .session = tv};
    ASSERT_ERR(store_fixture_run(&fixture, 0, &adopt), ERR_OK);
    cr_assert_eq(count_entries(), 1);
    ask_end(&fixture, &tv, END_STOPPED);
    cr_assert_eq(count_entries(), 0);
}

Test(redis_sweep, drops_what_is_no_entry)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    const char *const entries[] = {"", "theirs", "a b c", "a b c d e f", "  ", "\xff \xff"};

    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        redis_server_do(redis, "ZADD session_expiry 1 %s", entries[i]);
    redis_server_do(redis, "ZADD session_expiry -inf never");
    cr_assert_eq(sweep(), 7);
    cr_assert_eq(count_entries(), 1);
    cr_assert_eq(feed_count(&fixture, "expired"), 0);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
}

Test(redis_sweep, reads_an_entry_whose_times_make_no_sense)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "EVAL %s 1 session_expiry %s",
                    "redis.call('ZADD', KEYS[1], 1, ARGV[1] .. ' f%zz tv%00%41 user%2 when')",
                    tv.id);
    cr_assert_eq(sweep(), 1);
    cr_assert_eq(count_entries(), 0);
}

Test(redis_sweep, handles_at_most_so_many_at_once_and_says_that_there_are_more)
{
    enum { STREAMS = 2 * SWEEP_MAX + 50 };
    const struct store_create none = ask_limits(0, 0);

    for (int i = 0; i < STREAMS; i++) {
        const struct session session = ask_session("f", "tv");

        ASSERT_ERR(ask_create_with(&fixture, &session, &none), ERR_OK);
        redis_server_do(redis, "DEL session:%s", session.id);
    }
    make_all_due();
    cr_assert_eq(sweep(), SWEEP_MAX);
    cr_assert_eq(sweep(), SWEEP_MAX);
    cr_assert_eq(sweep(), 50);
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f device_streams:tv"), 0);
    cr_assert_eq(feed_count(&fixture, "expired"), STREAMS);
    cr_assert_eq(count_entries(), 0);
}

/* ---- Many gateways ---- */

enum { SWEEPERS = 4 };

struct sweeper {
    struct store_req req;
    struct store *store;
    int *outstanding;
    int64_t due; /* entries met */
};

static void sweep_again(struct sweeper *sweeper);

static void on_swept(struct store_req *req)
{
    struct sweeper *sweeper = CONTAINER_OF(req, struct sweeper, req);

    ASSERT_ERR(req, ERR_OK);
    sweeper->due += req->ended_count;
    if (req->ended_count > 0)
        sweep_again(sweeper);
    else if (--*sweeper->outstanding == 0)
        uv_stop(&fixture.loop.uv);
}

static void sweep_again(struct sweeper *sweeper)
{
    sweeper->req.op = STORE_SWEEP;
    sweeper->req.done = on_swept;
    sweeper->req.deadline_ms = clock_monotonic_ms() + 20000;
    store_submit(sweeper->store, &sweeper->req);
}

Test(redis_sweep, each_session_is_handled_once_however_many_sweep_together)
{
    enum { STREAMS = 400 };
    const struct store_create none = ask_limits(0, 0);
    struct sweeper sweepers[SWEEPERS];
    int outstanding = SWEEPERS;
    int64_t due = 0;

    for (int i = 0; i < STREAMS; i++) {
        const struct session session = ask_session("f", "tv");

        ASSERT_ERR(ask_create_with(&fixture, &session, &none), ERR_OK);
        redis_server_do(redis, "DEL session:%s", session.id);
    }
    make_all_due();
    for (int i = 0; i < SWEEPERS; i++) {
        sweepers[i] = (struct sweeper){.store = store_fixture_open(&fixture, &fixture.loop),
                                       .outstanding = &outstanding};
        sweep_again(&sweepers[i]);
    }
    loop_run(&fixture.loop);
    for (int i = 0; i < SWEEPERS; i++) {
        due += sweepers[i].due;
        store_fixture_close(sweepers[i].store);
    }
    cr_assert_eq(due, STREAMS);
    cr_assert_eq(feed_count(&fixture, "expired"), STREAMS);
}

Test(redis_sweep, finds_sessions_that_expired_by_the_clock_within_one_sweep)
{
    fixture.options.ttl_ms = 300;
    const struct session tv = ask_begin(&fixture, "f", "tv"),
                         alive = ask_begin(&fixture, "f", "phone");

    int64_t before_ms = clock_monotonic_ms();
    while (redis_server_number(redis, "EXISTS session:%s", tv.id) == 1) {
        ASSERT_ERR(ask_heartbeat(&fixture, &alive), ERR_OK);
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never expires");
    }
    sweep();
    cr_assert_eq(redis_server_number(redis, "EXISTS device_streams:tv"), 0);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 1);
    cr_assert_str_eq(feed_only(&fixture, "expired").session_id, tv.id);
    ASSERT_ERR(ask_heartbeat(&fixture, &alive), ERR_OK);
}

Test(redis_sweep, finds_one_that_was_revived_and_expired_again)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    for (unsigned i = 1; i <= 3; i++) {
        expire(&tv);
        sweep();
        cr_assert_eq(feed_count(&fixture, "expired"), i);
        ASSERT_ERR(ask_revive(&fixture, &tv, tv.started_ms), ERR_OK);
        cr_assert_eq(count_entries(), 1);
    }
    expire(&tv); /* revived before a sweep has met it: it never expired */
    ASSERT_ERR(ask_revive(&fixture, &tv, tv.started_ms), ERR_OK);
    cr_assert_eq(sweep(), 0);
    cr_assert_eq(count_entries(), 1);
    cr_assert_eq(feed_count(&fixture, "expired"), 3);
}

/* ---- Users online ---- */

/* As DESIGN.md section 4 says: the users of this window and of the last. */
static long long count_online(void)
{
    long long window = redis_server_number(
        redis, "EVAL %s 0", "local t = redis.call('TIME') return math.floor(t[1] / 300)");

    return redis_server_number(redis, "PFCOUNT online_users:%lld online_users:%lld", window,
                               window - 1);
}

Test(redis_sweep, users_online_are_counted_once_each)
{
    for (int i = 0; i < 30; i++) {
        struct session session = ask_session("f", "tv");
        const struct store_create none = ask_limits(0, 0);

        snprintf(session.user_id, sizeof session.user_id, "user %d", i % 10);
        ASSERT_ERR(ask_create_with(&fixture, &session, &none), ERR_OK);
        ASSERT_ERR(ask_heartbeat(&fixture, &session), ERR_OK);
    }
    cr_assert_eq(count_online(), 10);
}

Test(redis_sweep, a_heartbeat_and_a_revival_show_a_user_online)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "EVAL %s 0",
                    "for _, key in ipairs(redis.call('KEYS', 'online_users:*')) do "
                    "redis.call('DEL', key) end");
    cr_assert_eq(count_online(), 0);
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    cr_assert_eq(count_online(), 1);
    redisReply *keys = redis_server_command(redis, "KEYS online_users:*");
    cr_assert_eq(keys->elements, 1);
    int64_t left_ms = redis_server_number(redis, "PTTL %s", keys->element[0]->str);
    cr_assert(left_ms > 300000 && left_ms <= 600000, "%lld ms", (long long)left_ms);
    redis_server_do(redis, "DEL %s session:%s", keys->element[0]->str, tv.id);
    freeReplyObject(keys);
    ASSERT_ERR(ask_revive(&fixture, &tv, tv.started_ms), ERR_OK);
    cr_assert_eq(count_online(), 1);
}
