/* The store contract: an operator ends all streams of a family or on a device, and keeps new ones
 * out. */
#include "contract.h"

#include <string.h>

#include "clock.h"

enum { SLACK_MS = 5000, LONG_MS = 600000 };

static void assert_alive(struct store_fixture *fixture, const struct session *session)
{
    ASSERT_ERR(ask_check(fixture, session), ERR_OK);
}

static void assert_terminated(struct store_fixture *fixture, const struct session *session,
                              const char *message)
{
    const struct store_req *answer = ask_heartbeat(fixture, session);

    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, message);
}

static void assert_forbidden(struct store_fixture *fixture, const char *family, const char *device,
                             const char *message)
{
    const struct session session = ask_session(family, device);
    const struct store_req *answer = ask_create(fixture, &session);

    ASSERT_ERR(answer, ERR_FORBIDDEN);
    cr_assert_str_eq(answer->end.message, message);
}

/* ---- Who ends ---- */

CONTRACT_TEST(revoke, ends_all_streams_of_a_family)
{
    struct session streams[5];
    const struct session stranger = ask_begin(fixture, "g", "d0");

    ask_fill(fixture, "f", "d", streams, 5);
    const struct store_req *answer = ask_revoke(fixture, "f", "", "The account was closed.", 0);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->ended_count, 5);
    for (int i = 0; i < 5; i++)
        assert_terminated(fixture, &streams[i], "The account was closed.");
    assert_alive(fixture, &stranger);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
}

CONTRACT_TEST(revoke, ends_all_streams_on_a_device_whosever_they_are)
{
    fixture->options.device_limit = 3;
    const struct session streams[] = {ask_begin(fixture, "f", "tv"), ask_begin(fixture, "g", "tv"),
                                      ask_begin(fixture, "h", "tv")},
                         elsewhere = ask_begin(fixture, "f", "phone");

    const struct store_req *answer = ask_revoke(fixture, "", "tv", "stolen", 0);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->ended_count, 3);
    for (int i = 0; i < 3; i++)
        assert_terminated(fixture, &streams[i], "stolen");
    assert_alive(fixture, &elsewhere);
}

CONTRACT_TEST(revoke, leaves_their_places_in_the_family_and_on_the_device)
{
    fixture->options.family_limit = 2;
    ask_begin(fixture, "f", "tv");
    ask_begin(fixture, "f", "tv");
    ask_revoke(fixture, "f", "", "", 0);
    const struct session stranger = ask_session("g", "tv"), again = ask_session("f", "phone");
    ASSERT_ACTIVE(ask_create(fixture, &stranger), 1, 1);
    ASSERT_ACTIVE(ask_create(fixture, &again), 1, 1);

    ask_begin(fixture, "f", "tv");
    ask_revoke(fixture, "", "tv", "", 0);
    const struct session next = ask_session("f", "laptop"), next_stranger = ask_session("g", "tv");
    ASSERT_ACTIVE(ask_create(fixture, &next), 2, 1);
    ASSERT_ACTIVE(ask_create(fixture, &next_stranger), 1, 1);
}

CONTRACT_TEST(revoke, of_nobody_ends_nobody)
{
    cr_assert_eq(ask_revoke(fixture, "f", "", "", 0)->ended_count, 0);
    ASSERT_ERR(ask_revoke(fixture, "", "tv", "", 0), ERR_OK);
}

CONTRACT_TEST(revoke, counts_none_that_had_expired_or_ended)
{
    const struct session asleep = ask_begin(fixture, "f", "tv"),
                         stopped = ask_begin(fixture, "f", "phone"),
                         alive = ask_begin(fixture, "f", "laptop");

    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ask_end(fixture, &stopped, END_STOPPED);
    cr_assert_eq(ask_revoke(fixture, "f", "", "out", 0)->ended_count, 1);
    assert_terminated(fixture, &alive, "out");
    ASSERT_ENDED(ask_check(fixture, &stopped), END_STOPPED);
    cr_assert_eq(ask_revoke(fixture, "f", "", "out", 0)->ended_count, 0);
}

CONTRACT_TEST(revoke, ends_very_many)
{
    enum { STREAMS = 1200 };
    const struct store_create none = ask_limits(0, 0);

    for (int i = 0; i < STREAMS; i++) {
        const struct session session = ask_session("f", "tv");
        ASSERT_ERR(ask_create_with(fixture, &session, &none), ERR_OK);
    }
    cr_assert_eq(ask_revoke(fixture, "f", "", "", 0)->ended_count, STREAMS);
    const struct session next = ask_session("f", "tv");
    ASSERT_ACTIVE(ask_create(fixture, &next), 1, 1);
}

CONTRACT_TEST(revoke, keeps_the_longest_and_oddest_message)
{
    const struct session tv = ask_begin(fixture, "f", "tv");
    struct store_end end = {.message = "\"\\/ \xf0\x9f\x8c\x8d %s {} '"};
    size_t len = strlen(end.message);

    memset(end.message + len, 'm', sizeof end.message - 1 - len);
    ask_revoke(fixture, "f", "", end.message, LONG_MS);
    assert_terminated(fixture, &tv, end.message);
    assert_forbidden(fixture, "f", "tv", end.message);
}

/* ---- Who is kept out ---- */

CONTRACT_TEST(revoke, without_a_time_keeps_nobody_out)
{
    ask_begin(fixture, "f", "tv");
    ask_revoke(fixture, "f", "", "out", 0);
    ask_revoke(fixture, "", "tv", "out", 0);
    ask_begin(fixture, "f", "tv");
}

CONTRACT_TEST(revoke, keeps_a_family_out_on_every_device)
{
    ASSERT_ERR(ask_revoke(fixture, "f", "", "not paid", LONG_MS), ERR_OK);
    assert_forbidden(fixture, "f", "tv", "not paid");
    assert_forbidden(fixture, "f", "phone", "not paid");
    ask_begin(fixture, "g", "tv");
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
}

CONTRACT_TEST(revoke, keeps_every_family_off_a_device)
{
    ASSERT_ERR(ask_revoke(fixture, "", "tv", "stolen", LONG_MS), ERR_OK);
    assert_forbidden(fixture, "f", "tv", "stolen");
    assert_forbidden(fixture, "g", "tv", "stolen");
    ask_begin(fixture, "f", "phone");
}

CONTRACT_TEST(revoke, keeps_out_without_a_word_too)
{
    ask_revoke(fixture, "f", "", "", LONG_MS);
    assert_forbidden(fixture, "f", "tv", "");
}

CONTRACT_TEST(revoke, a_family_and_a_device_of_one_name_are_two)
{
    ask_revoke(fixture, "x", "", "", LONG_MS);
    ask_begin(fixture, "f", "x");
}

CONTRACT_TEST(revoke, ends_nobody_for_one_that_is_kept_out)
{
    const struct session stranger = ask_begin(fixture, "g", "tv"), next = ask_session("f", "tv");
    struct store_create create = ask_limits(1, 1);

    ask_revoke(fixture, "f", "", "out", LONG_MS);
    ask_replace(&create, &stranger);
    create.evict = true;
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_FORBIDDEN);
    assert_alive(fixture, &stranger);
}

CONTRACT_TEST(revoke, lets_in_again_once_it_is_lifted)
{
    ask_revoke(fixture, "f", "", "out", LONG_MS);
    ask_revoke(fixture, "", "tv", "stolen", LONG_MS);
    ask_revoke(fixture, "f", "", "", 0);
    assert_forbidden(fixture, "f", "tv", "stolen");
    ask_begin(fixture, "f", "phone");
    ask_revoke(fixture, "", "tv", "", 0);
    ask_begin(fixture, "f", "tv");
}

CONTRACT_TEST(revoke, lets_in_again_after_its_time)
{
    const struct session next = ask_session("f", "tv");

    int64_t before_ms = clock_monotonic_ms();
    ask_revoke(fixture, "f", "", "out", 100);
    assert_forbidden(fixture, "f", "tv", "out");
    while (ask_create(fixture, &next)->err != ERR_OK)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never does");
    cr_assert_geq(clock_monotonic_ms(), before_ms + 98);
}

CONTRACT_TEST(revoke, a_block_longer_than_a_tokens_life_lasts_as_long_as_it_says)
{
    fixture->options.max_age_ms = 50;
    const struct session other = ask_begin(fixture, "g", "phone");

    ask_revoke(fixture, "f", "", "out", LONG_MS);
    ask_end(fixture, &other, END_TERMINATED);
    while (ask_check(fixture, &other)->end.reason == END_TERMINATED)
        ; /* max_age has passed */
    assert_forbidden(fixture, "f", "tv", "out");
}
