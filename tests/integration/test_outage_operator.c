/* What operators are answered while Redis is away, and what Redis is told of what they did. */
#include "outage_fixture.h"

#include <string.h>

#include "ask_operator.h"
#include "feed.h"
#include "redis_server.h"

enum { HOUR_MS = 3600000 };

static struct outage_fixture fixture;
static struct store_fixture *store = &fixture.store;
static const struct store_filter everybody;

static void set_up(void)
{
    outage_fixture_start(&fixture);
}

static void tear_down(void)
{
    outage_fixture_stop(&fixture);
}

TestSuite(outage_operator, .init = set_up, .fini = tear_down, .timeout = 60);

static void lose(void)
{
    redis_server_kill(fixture.redis);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
}

static void assert_fallback(const struct store_req *answer)
{
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
}

Test(outage_operator, sees_what_this_gateway_has_seen)
{
    store_cursor cursor = "";

    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), phone = ask_begin(store, "g", "phone");
    lose();
    const struct store_req *answer = ask_page(store, &everybody, 10, cursor);
    assert_fallback(answer);
    cr_assert_eq(answer->stream_count, 2);
    answer = ask_describe(store, "f", "");
    assert_fallback(answer);
    cr_assert_eq(answer->stream_count, 1);
    cr_assert_str_eq(answer->streams[0].session.id, tv.id);
    answer = ask_describe(store, "", "phone");
    assert_fallback(answer);
    cr_assert_str_eq(answer->streams[0].session.id, phone.id);
    const struct store_count count = ask_count(store);
    cr_assert_eq(count.sessions, 2);
    cr_assert_eq(count.users_online, 1);
}

Test(outage_operator, knows_the_limits_and_blocks_that_were_set_here)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    ASSERT_ERR(ask_set_limits(store, "f", 4, -1, HOUR_MS), ERR_OK);
    ASSERT_ERR(ask_revoke(store, "f", "", "not paid", HOUR_MS), ERR_OK);
    lose();
    const struct store_req *answer = ask_describe(store, "f", "");
    assert_fallback(answer);
    const struct store_description *description = &answer->query->description;
    cr_assert(description->overridden);
    cr_assert_eq(description->family_limit, 4);
    cr_assert_gt(description->limits_until_ms, answer->now_ms);
    cr_assert_gt(description->blocked_until_ms, answer->now_ms);
    cr_assert_str_eq(description->message, "not paid");
}

Test(outage_operator, reads_on_what_happens_from_where_he_was)
{
    struct store_events wanted = {.most = 10};

    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    lose();
    /* An id as Redis writes it. */
    event_id_format((uint64_t)ask_list(store, "f")->now_ms - 1, 3, wanted.after);
    const struct session tv = ask_begin(store, "f", "tv");
    const struct store_events *answer = ask_events(store, &wanted);
    cr_assert_eq(answer->count, 1);
    cr_assert_not(answer->gap);
    cr_assert_eq(answer->events[0].type, EVENT_STARTED);
    cr_assert_str_eq(answer->events[0].session_id, tv.id);
}

Test(outage_operator, changes_nothing_but_what_he_ends)
{
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), nobody = {0};

    lose();
    ASSERT_ERR(ask_note(store, EVENT_DRAIN_STARTED, &nobody, "anna", ""), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_revoke(store, "f", "", "out", -1), ERR_STORE_UNAVAILABLE);
    ASSERT_ERR(ask_set_limits(store, "f", 1, 1, 0), ERR_STORE_UNAVAILABLE);
    assert_fallback(ask_end_by_id(store, tv.id, END_TERMINATED));
    ASSERT_ENDED(ask_check(store, &tv), END_TERMINATED);
}

Test(outage_operator, whose_end_of_a_session_is_told_to_redis_with_his_name)
{
    struct store_req end = {.op = STORE_END, .end = {.reason = END_TERMINATED, .message = "out"}};

    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session tv = ask_begin(store, "f", "tv"), nobody = ask_session("f", "nobody");
    redis_server_pause(fixture.redis);
    ask_list(store, "nobody");
    ask_end(store, &nobody, END_STOPPED);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    strcpy(end.session.id, tv.id);
    assert_fallback(ask_by(store, &end, "anna", "chargeback"));

    redis_server_resume(fixture.redis);
    outage_fixture_wait(&fixture, STORE_UP);
    const struct store_req *answer = outage_fixture_check_elsewhere(&fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "out");
    const struct feed_entry entry = feed_only(store, "terminated");
    cr_assert_str_eq(entry.session_id, tv.id);
    cr_assert_str_eq(entry.by, "anna");
    cr_assert_str_eq(entry.cause, "chargeback");
}

static void assert_nothing_answered(enum outage_policy policy, enum store_state state)
{
    struct store_query query = {.page = {.most = 10}};
    static const enum store_op ops[] = {STORE_PAGE, STORE_DESCRIBE, STORE_COUNT, STORE_EVENTS,
                                        STORE_NOTE};

    outage_fixture_open_up(&fixture, policy);
    redis_server_kill(fixture.redis);
    outage_fixture_wait(&fixture, state);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        const struct store_req req = {.op = ops[i], .query = &query};

        query = (struct store_query){0};
        if (ops[i] == STORE_EVENTS)
            query.events.most = 10;
        ASSERT_ERR(store_fixture_run(store, 0, &req), ERR_STORE_UNAVAILABLE);
    }
}

Test(outage_operator, is_answered_nothing_under_deny)
{
    assert_nothing_answered(OUTAGE_DENY, STORE_AWAY);
}

Test(outage_operator, is_answered_nothing_under_allow)
{
    assert_nothing_answered(OUTAGE_ALLOW, STORE_ALLOW);
}
