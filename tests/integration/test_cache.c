/* The cache of answers over a real Redis: what it spares, what it must not keep, and who corrects it. */
#include <string.h>

#include "cache_fixture.h"
#include "clock.h"
#include "outage_keeper.h"
#include "pump.h"
#include "redis_server.h"

static struct cache_fixture fixture;
static struct store_fixture *store; /* its */

static void set_up(void)
{
    cache_fixture_start(&fixture);
    store = &fixture.outage.store;
}

static void tear_down(void)
{
    cache_fixture_stop(&fixture);
}

TestSuite(cache, .init = set_up, .fini = tear_down, .timeout = 60);

/* How often Redis was asked for a session's value. */
static long long reads(void)
{
    return redis_server_calls(fixture.outage.redis, "get");
}

static void expect_alive(const struct session *session, const char *media)
{
    cr_assert(cache_fixture_peek(&fixture, session), "it isn't cached");
    ASSERT_ERR(&fixture.peeked, ERR_OK);
    cr_assert_str_eq(fixture.peeked.session.media_id, media);
}

static void expect_unbelieved(const struct session *session)
{
    cr_assert_not(cache_fixture_peek(&fixture, session), "the cached answer is still believed");
}

/* A session that lives, and that the cache says so of. */
static struct session begin_cached(const char *family, const char *device)
{
    const struct session session = ask_begin(store, family, device);

    cache_fixture_fill(&fixture, &session);
    return session;
}

/* ---- What it spares ---- */

Test(cache, answers_the_second_check_without_asking_redis)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin(store, "f", "d");
    const struct store_req first = *ask_check(store, &session);
    long long before = reads();

    cr_assert_gt(before, 0, "a check isn't counted as the test thinks");
    for (int i = 0; i < 100; i++)
        expect_alive(&session, "media");
    cr_assert_eq(fixture.peeked.session.last_heartbeat_ms, first.session.last_heartbeat_ms);
    cr_assert_geq(fixture.peeked.now_ms, first.now_ms);
    cr_assert_not(fixture.peeked.fallback);
    cr_assert_eq(reads(), before);
}

Test(cache, its_answers_go_on_with_redis_clock)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    int64_t then_ms = fixture.peeked.now_ms;

    pump_for(&store->loop, 20);
    expect_alive(&session, "media");
    cr_assert_geq(fixture.peeked.now_ms, then_ms + 15);
}

Test(cache, repeats_why_a_session_ended)
{
    const struct store_end end = {.reason = END_TERMINATED, .message = "ask the bank"};

    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin(store, "f", "d");
    ask_end_with(store, &session, &end);
    cache_fixture_fill(&fixture, &session);
    ASSERT_ENDED(&fixture.peeked, END_TERMINATED);
    cr_assert_str_eq(fixture.peeked.end.message, "ask the bank");
}

Test(cache, repeats_who_replaced_a_session)
{
    struct store_create create = ask_limits(-1, -1);

    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin(store, "f", "d1"), other = ask_session("f", "d2");
    ask_replace(&create, &session);
    ASSERT_ERR(ask_create_with(store, &other, &create), ERR_OK);
    cache_fixture_fill(&fixture, &session);
    ASSERT_ENDED(&fixture.peeked, END_REPLACED);
    cr_assert_str_eq(fixture.peeked.end.by, "d2");
}

Test(cache, keeps_no_more_than_it_may)
{
    enum { SESSIONS = 10, MOST = 4 };
    struct session sessions[SESSIONS];
    int cached = 0;

    fixture.most = MOST;
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    ask_fill(store, "f", "d", sessions, SESSIONS);
    for (int i = 0; i < SESSIONS; i++)
        cache_fixture_fill(&fixture, &sessions[i]);
    for (int i = 0; i < SESSIONS; i++)
        cached += cache_fixture_peek(&fixture, &sessions[i]);
    cr_assert_eq(cached, MOST);
}

Test(cache, believes_nothing_older_than_it_may)
{
    fixture.cache_ms = 30;
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin(store, "f", "d");
    ask_check(store, &session);
    cache_fixture_wait_unbelieved(&fixture, &session);
}

/* ---- What it must not keep ---- */

Test(cache, does_not_keep_that_a_session_expired)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = ask_session("f", "d");
    ASSERT_ENDED(ask_check(store, &session), END_EXPIRED);
    expect_unbelieved(&session);
}

Test(cache, has_nothing_while_nobody_listens)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    generations_set_fed(fixture.generations, false);
    expect_unbelieved(&session);
    ask_check(store, &session);
    expect_unbelieved(&session);
    generations_set_fed(fixture.generations, true);
    expect_unbelieved(&session);
}

static void note_done(struct store_req *req)
{
    req->done = NULL;
}

static bool is_answered(void *arg)
{
    return ((const struct store_req *)arg)->done == NULL;
}

Test(cache, does_not_keep_what_was_said_in_redis_place)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_ALLOW);
    const struct session session = ask_begin(store, "f", "d");
    ask_end(store, &session, END_STOPPED);

    redis_server_pause(fixture.outage.redis); /* too slow for this one, and no outage yet */
    uv_update_time(&store->loop.uv);
    struct store_req late = {.op = STORE_CHECK,
                             .session = session,
                             .deadline_ms = clock_monotonic_ms() + 20,
                             .done = note_done};
    store_submit(store->handles[0], &late);
    pump_until(&store->loop, is_answered, &late);
    redis_server_resume(fixture.outage.redis);
    ASSERT_ERR(&late, ERR_OK);
    cr_assert_eq(store_state(store->handles[0]), STORE_UP);
    expect_unbelieved(&session);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
}

/* ---- The own ends, of which no feed has told yet ---- */

Test(cache, an_own_end_is_known_with_its_answer)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    ASSERT_ERR(ask_end(store, &session, END_STOPPED), ERR_OK);
    expect_unbelieved(&session);
}

Test(cache, an_own_zap_is_known_with_its_answer)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    ASSERT_ERR(ask_zap(store, &session, "other", ""), ERR_OK);
    expect_unbelieved(&session);
    ask_check(store, &session);
    expect_alive(&session, "other");
}

Test(cache, an_own_revocation_is_known_with_its_answer)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    ASSERT_ERR(ask_revoke(store, "f", "", "no more", 0), ERR_OK);
    expect_unbelieved(&session);
    ASSERT_ENDED(ask_check(store, &session), END_TERMINATED);
}

Test(cache, a_session_given_up_for_an_own_create_is_known_with_its_answer)
{
    struct store_create create = ask_limits(-1, -1);

    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d1"), other = ask_session("f", "d2");
    ask_replace(&create, &session);
    ASSERT_ERR(ask_create_with(store, &other, &create), ERR_OK);
    expect_unbelieved(&session);
}

Test(cache, a_heartbeat_that_finds_a_session_ended_is_believed_rather_than_the_cache)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    cache_fixture_ask(&fixture, 1, STORE_END, &session);
    expect_alive(&session, "media"); /* nobody told */
    ASSERT_ENDED(ask_heartbeat(store, &session), END_STOPPED);
    expect_unbelieved(&session);
}

Test(cache, a_heartbeat_is_a_newer_sign_of_life)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin_silent(store, "f", "d", 100000);
    cache_fixture_fill(&fixture, &session);
    cr_assert_geq(fixture.peeked.now_ms - fixture.peeked.session.last_heartbeat_ms, 100000);

    const struct store_req *answer = ask_heartbeat(store, &session);
    ASSERT_ERR(answer, ERR_OK);
    int64_t alive_ms = answer->now_ms;
    expect_alive(&session, "media");
    cr_assert_eq(fixture.peeked.session.last_heartbeat_ms, alive_ms);
}

/* ---- Others' ends, of which the feed tells ---- */

Test(cache, an_end_elsewhere_is_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    cache_fixture_ask(&fixture, 1, STORE_END, &session);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
}

Test(cache, a_termination_elsewhere_is_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d");
    const struct store_req end = {.op = STORE_END,
                                  .session = session,
                                  .end = {.reason = END_TERMINATED, .message = "ask the bank"}};

    store_fixture_run(store, 1, &end);
    cache_fixture_wait_unbelieved(&fixture, &session);
    const struct store_req *answer = ask_check(store, &session);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "ask the bank");
}

Test(cache, a_zap_elsewhere_is_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    struct session session = begin_cached("f", "d");
    strcpy(session.media_id, "other");
    ASSERT_ERR(cache_fixture_ask(&fixture, 1, STORE_ZAP, &session), ERR_OK);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ask_check(store, &session);
    expect_alive(&session, "other");
}

Test(cache, a_revocation_elsewhere_is_known_by_the_next_check)
{
    const struct store_req revoke = {.op = STORE_REVOKE, .session = {.family_id = "f"}};

    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session sessions[] = {begin_cached("f", "d1"), begin_cached("f", "d2")};
    const struct session other = begin_cached("another", "d");
    store_fixture_run(store, 1, &revoke);
    for (int i = 0; i < 2; i++) {
        cache_fixture_wait_unbelieved(&fixture, &sessions[i]);
        ASSERT_ENDED(ask_check(store, &sessions[i]), END_TERMINATED);
    }
    expect_alive(&other, "media");
}

Test(cache, a_session_replaced_elsewhere_is_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f", "d1");
    struct store_req create = {
        .op = STORE_CREATE, .session = ask_session("f", "d2"), .create = ask_limits(-1, -1)};

    ask_replace(&create.create, &session);
    ASSERT_ERR(store_fixture_run(store, 1, &create), ERR_OK);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_REPLACED);
}

Test(cache, a_session_displaced_elsewhere_is_known_by_the_next_check)
{
    store->options.displace_after_ms = 90000;
    store->options.family_limit = 1;
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = ask_begin_silent(store, "f", "d1", 100000);
    cache_fixture_fill(&fixture, &session);
    const struct session other = ask_session("f", "d2");
    ASSERT_ERR(cache_fixture_ask(&fixture, 1, STORE_CREATE, &other), ERR_OK);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_DISPLACED);
}

Test(cache, listens_below_its_prefix_alone)
{
    store->prefix = "mine:";
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session one = begin_cached("f", "d1"), two = begin_cached("f", "d2");
    redis_server_do(fixture.outage.redis, "PUBLISH stream_ended %s", one.id);
    cache_fixture_ask(&fixture, 1, STORE_END, &two);
    cache_fixture_wait_unbelieved(&fixture, &two); /* told after the other */
    expect_alive(&one, "media");
}

/* ---- Without Redis ---- */

/* Redis is taken for away, and nobody finds out that it isn't, while the feed goes on. */
static void go_away(void)
{
    outage_keeper_stop(fixture.outage.keeper);
    fixture.outage.keeper = NULL;
    outage_note_away(fixture.outage.outage, 0);
    cr_assert_eq(store_state(store->handles[0]), STORE_FALLBACK);
}

Test(cache, in_fallback_a_check_is_answered_at_once)
{
    store->timeout_ms = 300;
    cache_fixture_open(&fixture, OUTAGE_FALLBACK);
    const struct session session = ask_begin(store, "f", "d"), ended = ask_begin(store, "f", "e");
    ask_end(store, &ended, END_STOPPED);
    redis_server_kill(fixture.outage.redis);
    outage_fixture_wait(&fixture.outage, STORE_FALLBACK);

    expect_alive(&session, "media");
    cr_assert(fixture.peeked.fallback);
    cr_assert(cache_fixture_peek(&fixture, &ended));
    ASSERT_ENDED(&fixture.peeked, END_STOPPED);
}

Test(cache, an_end_in_fallback_is_believed_rather_than_the_cache)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_FALLBACK);
    const struct session session = begin_cached("f", "d");
    struct store_req end = {.op = STORE_END, .session = session, .end = {.reason = END_STOPPED}};

    go_away();
    cr_assert(store_peek(store->handles[0], &end), "it has to be waited for");
    ASSERT_ERR(&end, ERR_OK);
    cr_assert(cache_fixture_peek(&fixture, &session));
    ASSERT_ENDED(&fixture.peeked, END_STOPPED);
}

Test(cache, a_zap_in_fallback_is_believed_rather_than_the_cache)
{
    cache_fixture_open_deaf(&fixture, OUTAGE_FALLBACK);
    const struct session session = begin_cached("f", "d");
    struct store_req zap = {.op = STORE_ZAP, .session = session};

    strcpy(zap.session.media_id, "other");
    go_away();
    cr_assert(store_peek(store->handles[0], &zap));
    expect_alive(&session, "other");
}
