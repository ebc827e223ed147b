/* The store contract: a session's life, and how it ends. */
#include "contract.h"

#include <string.h>

#include "clock.h"

enum {
    SLACK_MS = 5000, /* how far apart readings of one moment by two clocks may lie in a test */
    ROUNDING_MS = 2  /* what is lost where two clocks are cut to milliseconds */
};

static void assert_close(int64_t a_ms, int64_t b_ms)
{
    cr_assert(a_ms - b_ms < SLACK_MS && b_ms - a_ms < SLACK_MS, "%lld ms lie between them",
              (long long)(a_ms - b_ms));
}

/* A session that is alive, on the device "tv" of the family "f". */
static struct session begin(struct store_fixture *fixture)
{
    const struct session session = ask_session("f", "tv");

    ASSERT_ERR(ask_create(fixture, &session), ERR_OK);
    return session;
}

/* One that has been silent for longer than its TTL. */
static struct session begin_and_sleep(struct store_fixture *fixture)
{
    const struct session session = begin(fixture);

    store_fixture_age(fixture, session.id, fixture->options.ttl_ms + 1);
    return session;
}

/* ---- Alive ---- */

CONTRACT_TEST(life, begins_now_and_lasts_for_its_ttl)
{
    const struct session tv = ask_session("f", "tv");
    const struct store_req *answer = ask_create(fixture, &tv);

    ASSERT_ERR(answer, ERR_OK);
    assert_close(answer->now_ms, clock_wall_ms());
    cr_assert_eq(answer->session.started_ms, answer->now_ms);
    cr_assert_eq(answer->session.last_heartbeat_ms, answer->now_ms);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture->options.ttl_ms);
}

CONTRACT_TEST(life, gives_back_every_part_of_a_session)
{
    struct session tv = ask_session("family \"1\"", "d\\1");

    strcpy(tv.user_id, "\xc3\xbcser");
    strcpy(tv.media_id, "m/1");
    strcpy(tv.device_name, "Kitchen TV");
    strcpy(tv.media_title, "Blue Planet \xf0\x9f\x8c\x8d");
    strcpy(tv.platform, "tvOS");
    strcpy(tv.player_id, "tab-1");
    strcpy(tv.metadata, "{\"a\":[],\"b\":9007199254740993}");
    int64_t started_ms = ask_create(fixture, &tv)->session.started_ms;

    const struct store_req *answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.id, tv.id);
    cr_assert_str_eq(answer->session.user_id, tv.user_id);
    cr_assert_str_eq(answer->session.family_id, tv.family_id);
    cr_assert_str_eq(answer->session.device_id, tv.device_id);
    cr_assert_str_eq(answer->session.media_id, tv.media_id);
    cr_assert_str_eq(answer->session.device_name, tv.device_name);
    cr_assert_str_eq(answer->session.media_title, tv.media_title);
    cr_assert_str_eq(answer->session.platform, tv.platform);
    cr_assert_str_eq(answer->session.player_id, tv.player_id);
    cr_assert_str_eq(answer->session.metadata, tv.metadata);
    cr_assert_eq(answer->session.started_ms, started_ms);
    cr_assert_eq(answer->session.last_heartbeat_ms, started_ms);
}

CONTRACT_TEST(life, gives_back_the_longest_names)
{
    struct session tv = ask_session("f", "tv");

    memset(tv.user_id, 'u', SESSION_NAME_MAX);
    memset(tv.family_id, '"', SESSION_NAME_MAX);
    memset(tv.device_id, '\\', SESSION_NAME_MAX);
    memset(tv.media_id, 'm', SESSION_NAME_MAX);
    memset(tv.player_id, 'p', SESSION_PLAYER_MAX);
    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);

    const struct store_req *answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.user_id, tv.user_id);
    cr_assert_str_eq(answer->session.family_id, tv.family_id);
    cr_assert_str_eq(answer->session.device_id, tv.device_id);
    cr_assert_str_eq(answer->session.media_id, tv.media_id);
    cr_assert_str_eq(answer->session.player_id, tv.player_id);
}

CONTRACT_TEST(life, check_tells_the_title_and_the_last_sign_of_life)
{
    const struct session tv = begin(fixture);
    struct session known_by_its_id_alone = {0};

    strcpy(known_by_its_id_alone.id, tv.id);
    store_fixture_age(fixture, tv.id, 60000);

    const struct store_req *answer = ask_check(fixture, &known_by_its_id_alone);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.media_id, "media");
    assert_close(answer->now_ms, clock_wall_ms());
    assert_close(answer->now_ms - answer->session.last_heartbeat_ms, 60000);
}

CONTRACT_TEST(life, check_and_get_prolong_nothing)
{
    const struct session tv = begin(fixture);

    store_fixture_age(fixture, tv.id, 200000);
    ASSERT_ERR(ask_check(fixture, &tv), ERR_OK);
    ASSERT_ERR(ask_get(fixture, &tv), ERR_OK);

    const struct store_req *answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    assert_close(answer->expires_ms, answer->now_ms + 100000);
    assert_close(answer->session.last_heartbeat_ms, answer->now_ms - 200000);
}

CONTRACT_TEST(life, a_heartbeat_begins_the_ttl_anew)
{
    const struct session tv = begin(fixture);

    for (int i = 0; i < 3; i++) {
        store_fixture_age(fixture, tv.id, 290000);
        const struct store_req *answer = ask_heartbeat(fixture, &tv);
        ASSERT_ERR(answer, ERR_OK);
        assert_close(answer->now_ms, clock_wall_ms());
        cr_assert_eq(answer->expires_ms, answer->now_ms + fixture->options.ttl_ms);
    }
}

CONTRACT_TEST(life, a_heartbeat_is_seen_and_leaves_the_rest_as_it_was)
{
    const struct session tv = begin(fixture);
    int64_t started_ms = ask_get(fixture, &tv)->session.started_ms;

    store_fixture_age(fixture, tv.id, 290000);
    int64_t heartbeat_ms = ask_heartbeat(fixture, &tv)->now_ms;

    const struct store_req *answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->session.last_heartbeat_ms, heartbeat_ms);
    cr_assert_eq(answer->session.started_ms, started_ms);
    cr_assert_str_eq(answer->session.device_id, "tv");
    cr_assert_eq(ask_check(fixture, &tv)->session.last_heartbeat_ms, heartbeat_ms);
}

CONTRACT_TEST(life, what_one_handle_does_another_sees)
{
    const struct session tv = begin(fixture);
    const struct store_req check = {.op = STORE_CHECK, .session = tv};

    ASSERT_ERR(store_fixture_run(fixture, 1, &check), ERR_OK);
    ASSERT_ERR(ask_end(fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ENDED(store_fixture_run(fixture, 1, &check), END_STOPPED);
}

/* ---- Silent ---- */

CONTRACT_TEST(life, ends_as_expired_after_its_ttl_of_silence)
{
    const struct session tv = begin_and_sleep(fixture);

    ASSERT_ENDED(ask_check(fixture, &tv), END_EXPIRED);
    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_EXPIRED);
    ASSERT_ENDED(ask_get(fixture, &tv), END_EXPIRED);
    cr_assert_str_empty(ask_get(fixture, &tv)->end.by);
    cr_assert_str_empty(ask_get(fixture, &tv)->end.message);
}

CONTRACT_TEST(life, lives_to_the_end_of_its_ttl)
{
    const struct session tv = begin(fixture);

    store_fixture_age(fixture, tv.id, fixture->options.ttl_ms - SLACK_MS);
    ASSERT_ERR(ask_check(fixture, &tv), ERR_OK);
}

CONTRACT_TEST(life, expires_by_the_clock_too)
{
    fixture->options.ttl_ms = 150;

    const struct session tv = ask_session("f", "tv");
    int64_t before_ms = clock_monotonic_ms();
    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    while (ask_check(fixture, &tv)->err == ERR_OK)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it lives on");
    cr_assert_geq(clock_monotonic_ms(), before_ms + 150 - ROUNDING_MS);
    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_EXPIRED);
}

CONTRACT_TEST(life, leaves_its_place_when_it_expires)
{
    fixture->options.family_limit = 1;

    const struct session late = ask_session("f", "phone");
    begin_and_sleep(fixture);
    const struct store_req *answer = ask_create(fixture, &late);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
}

CONTRACT_TEST(life, of_one_that_never_was_nothing_is_known)
{
    const struct session nobody = ask_session("f", "tv");

    ASSERT_ENDED(ask_check(fixture, &nobody), END_EXPIRED);
    ASSERT_ENDED(ask_heartbeat(fixture, &nobody), END_EXPIRED);
    ASSERT_ENDED(ask_get(fixture, &nobody), END_EXPIRED);
}

/* ---- Ended ---- */

CONTRACT_TEST(life, is_over_for_everybody_once_it_was_ended)
{
    const struct session tv = begin(fixture);

    ASSERT_ERR(ask_end(fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &tv), END_STOPPED);
    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_STOPPED);
    ASSERT_ENDED(ask_get(fixture, &tv), END_STOPPED);
}

CONTRACT_TEST(life, keeps_each_reason_for_having_ended)
{
    for (int reason = 0; reason < END_REASON_COUNT; reason++) {
        const struct session tv = begin(fixture);

        ASSERT_ERR(ask_end(fixture, &tv, (enum end_reason)reason), ERR_OK);
        ASSERT_ENDED(ask_heartbeat(fixture, &tv), (enum end_reason)reason);
    }
}

CONTRACT_TEST(life, keeps_who_ended_it_and_what_was_said)
{
    const struct session tv = begin(fixture);
    const struct store_end end = {.reason = END_TERMINATED,
                                  .by = "Kitchen \"TV\" \xe2\x98\x95",
                                  .message = "The account was closed. \\o/"};

    ASSERT_ERR(ask_end_with(fixture, &tv, &end), ERR_OK);
    const struct store_req *answer = ask_check(fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.by, end.by);
    cr_assert_str_eq(answer->end.message, end.message);
}

CONTRACT_TEST(life, keeps_the_longest_message)
{
    const struct session tv = begin(fixture);
    struct store_end end = {.reason = END_TERMINATED};

    memset(end.by, 'b', sizeof end.by - 1);
    memset(end.message, 'm', sizeof end.message - 1);
    ASSERT_ERR(ask_end_with(fixture, &tv, &end), ERR_OK);
    const struct store_req *answer = ask_check(fixture, &tv);
    cr_assert_str_eq(answer->end.by, end.by);
    cr_assert_str_eq(answer->end.message, end.message);
}

CONTRACT_TEST(life, tells_which_call_ended_it)
{
    const struct session tv = begin(fixture);

    cr_assert(ask_end(fixture, &tv, END_STOPPED)->ended);
    cr_assert_not(ask_end(fixture, &tv, END_STOPPED)->ended);
    cr_assert_not(ask_end(fixture, &tv, END_TERMINATED)->ended);
}

CONTRACT_TEST(life, the_first_reason_stands)
{
    const struct session tv = begin(fixture);

    ask_end(fixture, &tv, END_REPLACED);
    ask_end(fixture, &tv, END_STOPPED);
    ASSERT_ENDED(ask_check(fixture, &tv), END_REPLACED);
}

CONTRACT_TEST(life, an_operators_word_takes_the_place_of_any_other_reason)
{
    const struct session tv = begin(fixture);
    const struct store_end first = {.reason = END_TERMINATED, .message = "first"};
    const struct store_end second = {.reason = END_TERMINATED, .message = "second"};

    ask_end(fixture, &tv, END_STOPPED);
    ask_end_with(fixture, &tv, &first);
    ASSERT_ENDED(ask_check(fixture, &tv), END_TERMINATED);
    ask_end_with(fixture, &tv, &second);
    ask_end(fixture, &tv, END_STOPPED);
    ASSERT_ENDED(ask_check(fixture, &tv), END_TERMINATED);
}

CONTRACT_TEST(life, one_that_sleeps_can_be_ended)
{
    const enum end_reason reasons[] = {END_STOPPED, END_TERMINATED};

    for (int i = 0; i < 2; i++) {
        const struct session tv = begin_and_sleep(fixture);
        const struct store_req *answer = ask_end(fixture, &tv, reasons[i]);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_not(answer->ended);
        ASSERT_ENDED(ask_heartbeat(fixture, &tv), reasons[i]);
    }
}

CONTRACT_TEST(life, leaves_its_place_when_it_is_ended)
{
    fixture->options.family_limit = 1;

    for (int i = 0; i < 3; i++) {
        const struct session tv = ask_session("f", "tv");
        const struct store_req *answer = ask_create(fixture, &tv);

        ASSERT_ERR(answer, ERR_OK);
        ASSERT_ACTIVE(answer, 1, 1);
        cr_assert(ask_end(fixture, &tv, END_STOPPED)->ended);
    }
}

CONTRACT_TEST(life, its_reason_is_kept_for_two_ttls_and_an_operators_for_longer)
{
    fixture->options.ttl_ms = 100;

    const struct session stopped = begin(fixture), terminated = begin(fixture);
    ask_end(fixture, &terminated, END_TERMINATED);
    int64_t before_ms = clock_monotonic_ms();
    ask_end(fixture, &stopped, END_STOPPED);
    while (ask_check(fixture, &stopped)->end.reason == END_STOPPED)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it is kept for ever");
    cr_assert_geq(clock_monotonic_ms(), before_ms + 200 - ROUNDING_MS);
    ASSERT_ENDED(ask_check(fixture, &stopped), END_EXPIRED);
    ASSERT_ENDED(ask_check(fixture, &terminated), END_TERMINATED);
}
