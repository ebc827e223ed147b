/* The store contract: how many sessions live, and how many users were seen lately. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

#include "ask_operator.h"
#include "clock.h"

enum { SLACK_MS = 10000 };

static struct session begin(struct store_fixture *fixture, const char *family, const char *user)
{
    struct session session = ask_session(family, family); /* on a device of its own */

    strcpy(session.user_id, user);
    ASSERT_ERR(ask_create(fixture, &session), ERR_OK);
    return session;
}

static void assert_count(struct store_fixture *fixture, uint64_t sessions, uint64_t users)
{
    const struct store_count count = ask_count(fixture);

    cr_assert_eq(count.sessions, sessions, "%llu sessions, not %llu",
                 (unsigned long long)count.sessions, (unsigned long long)sessions);
    cr_assert_eq(count.users_online, users, "%llu users, not %llu",
                 (unsigned long long)count.users_online, (unsigned long long)users);
}

CONTRACT_TEST(count, of_an_empty_store_is_0)
{
    assert_count(fixture, 0, 0);
}

CONTRACT_TEST(count, tells_how_many_sessions_live)
{
    struct session streams[7];

    ask_fill(fixture, "f", "d", streams, 7);
    cr_assert_eq(ask_count(fixture).sessions, 7);
    for (int i = 0; i < 7; i++) {
        ask_end(fixture, &streams[i], i % 2 == 0 ? END_STOPPED : END_TERMINATED);
        cr_assert_eq(ask_count(fixture).sessions, (uint64_t)(6 - i));
    }
}

CONTRACT_TEST(count, a_session_that_gave_way_or_was_revoked_counts_no_longer)
{
    fixture->options.family_limit = 1;
    const struct session tv = ask_begin(fixture, "f", "tv"), next = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &tv);
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_OK);
    cr_assert_eq(ask_count(fixture).sessions, 1);
    ask_begin(fixture, "g", "tv");
    ask_revoke(fixture, "f", "", "", 0);
    cr_assert_eq(ask_count(fixture).sessions, 1);
}

CONTRACT_TEST(count, a_session_that_expired_counts_no_longer_once_it_is_swept)
{
    fixture->options.ttl_ms = 1000;
    ask_begin(fixture, "f", "tv");

    int64_t before_ms = clock_monotonic_ms();
    while (ask_count(fixture).sessions != 0) {
        ASSERT_ERR(ask_sweep(fixture), ERR_OK);
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it counts for ever");
    }
}

CONTRACT_TEST(count, a_repeat_a_heartbeat_and_a_zap_count_nothing)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    ask_heartbeat(fixture, &tv);
    ask_zap(fixture, &tv, "other", "");
    ask_end(fixture, &tv, END_STOPPED);
    ask_end(fixture, &tv, END_TERMINATED);
    cr_assert_eq(ask_count(fixture).sessions, 0);
}

CONTRACT_TEST(count, one_that_was_revived_counts_again)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    store_fixture_lose(fixture);
    cr_assert_eq(ask_count(fixture).sessions, 0);
    ASSERT_ERR(ask_revive(fixture, &tv, tv.started_ms), ERR_OK);
    assert_count(fixture, 1, 1);
}

/* ---- Users ---- */

CONTRACT_TEST(count, each_user_counts_once)
{
    begin(fixture, "f", "anna");
    begin(fixture, "g", "anna");
    begin(fixture, "h", "bert");
    assert_count(fixture, 3, 2);
}

CONTRACT_TEST(count, a_user_who_was_refused_counts_not)
{
    fixture->options.family_limit = 1;
    struct session next = ask_session("f", "phone");

    begin(fixture, "f", "anna");
    strcpy(next.user_id, "bert");
    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    cr_assert_eq(ask_count(fixture).users_online, 1);
}

CONTRACT_TEST(count, a_user_who_left_was_still_seen)
{
    const struct session tv = begin(fixture, "f", "anna");

    ask_end(fixture, &tv, END_STOPPED);
    assert_count(fixture, 0, 1);
}

CONTRACT_TEST(count, a_user_who_is_heard_of_counts_on_and_one_who_is_not_is_forgotten)
{
    fixture->options.ttl_ms = 1000;
    const struct session anna = begin(fixture, "f", "anna");

    begin(fixture, "g", "bert");
    int64_t before_ms = clock_monotonic_ms();
    while (ask_count(fixture).users_online == 2) {
        ASSERT_ERR(ask_heartbeat(fixture, &anna), ERR_OK);
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "he counts for ever");
    }
    cr_assert_eq(ask_count(fixture).users_online, 1);
    while (ask_count(fixture).users_online != 0)
        cr_assert_lt(clock_monotonic_ms(), before_ms + 2 * SLACK_MS, "she counts for ever");
}

CONTRACT_TEST(count, very_many_users_are_counted_to_a_few_in_a_hundred)
{
    enum { USERS = 3000 };

    for (int i = 0; i < USERS; i++) {
        char name[32];

        snprintf(name, sizeof name, "user-%d", i);
        begin(fixture, name, name);
    }
    const struct store_count count = ask_count(fixture);
    cr_assert_eq(count.sessions, USERS);
    cr_assert(count.users_online > USERS * 0.96 && count.users_online < USERS * 1.04, "%llu",
              (unsigned long long)count.users_online);
}
