/* The store contract: a session that is gone comes back by its token. */
#include "contract.h"

#include <string.h>

#include "clock.h"
#include "feed.h"

enum { SLACK_MS = 5000 };

/* One that has slept past its TTL. */
static struct session begin_asleep(struct store_fixture *fixture, const char *family,
                                   const char *device)
{
    const struct session session = ask_begin(fixture, family, device);

    store_fixture_age(fixture, session.id, fixture->options.ttl_ms + 1);
    return session;
}

/* By a token issued at its start. */
static const struct store_req *revive(struct store_fixture *fixture, const struct session *session)
{
    return ask_revive(fixture, session, session->started_ms);
}

/* ---- Revived ---- */

CONTRACT_TEST(revive, brings_back_one_that_slept_under_its_id_and_start)
{
    struct session tv = begin_asleep(fixture, "f", "tv");

    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_EXPIRED);
    tv.started_ms -= 3600000; /* longer ago than can be mistaken */
    const struct store_req *answer = revive(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    cr_assert_eq(answer->session.started_ms, tv.started_ms);
    cr_assert_eq(answer->session.last_heartbeat_ms, answer->now_ms);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture->options.ttl_ms);
    int64_t now_ms = answer->now_ms;

    answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->session.started_ms, tv.started_ms);
    cr_assert_eq(answer->session.last_heartbeat_ms, now_ms);
    cr_assert_str_eq(answer->session.media_id, "media");
    ASSERT_ERR(ask_heartbeat(fixture, &tv), ERR_OK);
}

CONTRACT_TEST(revive, counts_it_again)
{
    fixture->options.family_limit = 1;
    const struct session tv = begin_asleep(fixture, "f", "tv"), next = ask_session("f", "phone");

    ASSERT_ERR(revive(fixture, &tv), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    ASSERT_ERR(ask_end(fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ACTIVE(ask_create(fixture, &next), 1, 1);
}

CONTRACT_TEST(revive, brings_back_all_after_a_loss_of_data)
{
    struct session streams[10];

    for (int i = 0; i < 10; i++) {
        char device[16];

        snprintf(device, sizeof device, "d%d", i);
        streams[i] = ask_begin(fixture, "f", device);
    }
    store_fixture_lose(fixture);
    for (int i = 0; i < 10; i++)
        ASSERT_ENDED(ask_check(fixture, &streams[i]), END_EXPIRED);
    for (unsigned i = 0; i < 10; i++)
        ASSERT_ACTIVE(revive(fixture, &streams[i]), i + 1, 1);
    for (int i = 0; i < 10; i++)
        ASSERT_ERR(ask_check(fixture, &streams[i]), ERR_OK);
}

CONTRACT_TEST(revive, brings_back_no_more_than_the_limit_after_a_loss_of_data)
{
    fixture->options.family_limit = 3;
    struct session streams[3];
    int revived = 0;

    for (int i = 0; i < 3; i++)
        streams[i] = ask_begin(fixture, "f", i < 2 ? "tv" : "phone");
    store_fixture_lose(fixture);
    ask_begin(fixture, "f", "laptop"); /* somebody was faster */
    for (int i = 0; i < 3; i++)
        revived += revive(fixture, &streams[i])->err == ERR_OK;
    cr_assert_eq(revived, 2);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 3);
}

CONTRACT_TEST(revive, is_ok_and_changes_nothing_where_it_lives)
{
    struct session tv = ask_begin(fixture, "f", "tv");
    int64_t started_ms = tv.started_ms;

    store_fixture_age(fixture, tv.id, 60000);
    tv.started_ms -= 1000;
    const struct store_req *answer = ask_revive(fixture, &tv, tv.started_ms);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    cr_assert_eq(answer->session.started_ms, started_ms);
    answer = ask_get(fixture, &tv);
    cr_assert_eq(answer->session.started_ms, started_ms);
    cr_assert_lt(answer->session.last_heartbeat_ms, started_ms);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 250000);
    cr_assert_eq(feed_count(fixture, "revived"), 0);
}

CONTRACT_TEST(revive, is_ok_where_it_lives_though_its_family_is_over_its_limit)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    ask_begin(fixture, "f", "phone");
    ask_set_limits(fixture, "f", 1, 1, 0);
    ASSERT_ERR(revive(fixture, &tv), ERR_OK);
    ASSERT_ERR(revive(fixture, &tv), ERR_OK);
}

/* ---- With a tombstone ---- */

CONTRACT_TEST(revive, brings_back_none_that_was_ended)
{
    const enum end_reason reasons[] = {END_STOPPED, END_REPLACED, END_DISPLACED, END_TERMINATED};

    for (int i = 0; i < 4; i++) {
        const struct session tv = ask_begin(fixture, "f", "tv");
        const struct store_end end = {.reason = reasons[i], .by = "phone", .message = "a word"};

        ask_end_with(fixture, &tv, &end);
        const struct store_req *answer = revive(fixture, &tv);
        ASSERT_ENDED(answer, reasons[i]);
        cr_assert_str_eq(answer->end.by, "phone");
        cr_assert_str_eq(answer->end.message, "a word");
        ASSERT_ENDED(ask_check(fixture, &tv), reasons[i]);
    }
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
}

CONTRACT_TEST(revive, brings_back_none_that_was_ended_in_its_sleep)
{
    const struct session tv = begin_asleep(fixture, "f", "tv");

    ask_end(fixture, &tv, END_STOPPED);
    ASSERT_ENDED(revive(fixture, &tv), END_STOPPED);
}

CONTRACT_TEST(revive, brings_back_none_that_lost_its_place)
{
    fixture->options.family_limit = 1;
    fixture->options.displace_after_ms = 90000;
    const struct session silent = ask_begin_silent(fixture, "f", "tv", 100000),
                         displacer = ask_begin(fixture, "f", "phone"),
                         replacer = ask_session("f", "laptop");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &displacer);
    ASSERT_ERR(ask_create_with(fixture, &replacer, &create), ERR_OK);
    ask_end(fixture, &replacer, END_STOPPED);
    ASSERT_ENDED(revive(fixture, &silent), END_DISPLACED);
    ASSERT_ENDED(revive(fixture, &displacer), END_REPLACED);
}

/* ---- Without room ---- */

CONTRACT_TEST(revive, brings_back_none_past_a_limit)
{
    fixture->options.family_limit = 2;
    fixture->options.device_limit = 1;
    const struct session asleep = begin_asleep(fixture, "f", "tv"),
                         next = ask_begin(fixture, "g", "tv");

    ASSERT_ENDED(revive(fixture, &asleep), END_EXPIRED); /* the device is full */
    ask_end(fixture, &next, END_STOPPED);
    const struct session phone = ask_begin(fixture, "f", "phone");
    ask_begin(fixture, "f", "laptop");
    ASSERT_ENDED(revive(fixture, &asleep), END_EXPIRED); /* the family is */
    ASSERT_ENDED(ask_check(fixture, &asleep), END_EXPIRED);
    ask_end(fixture, &phone, END_STOPPED);
    ASSERT_ACTIVE(revive(fixture, &asleep), 2, 1);
}

CONTRACT_TEST(revive, ends_nobody_for_the_room_that_it_needs)
{
    fixture->options.family_limit = 2;
    fixture->options.displace_after_ms = 90000;
    struct session asleep = ask_session("f", "tv");

    strcpy(asleep.player_id, "tab");
    struct store_req req = {.op = STORE_REVIVE, .session = asleep, .create = ask_limits(-1, -1)};
    req.session.started_ms = ask_create(fixture, &asleep)->session.started_ms;
    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    struct session player = ask_session("f", "tv");
    strcpy(player.player_id, "tab");
    ASSERT_ERR(ask_create(fixture, &player), ERR_OK);
    const struct session silent = ask_begin_silent(fixture, "f", "phone", 200000);

    req.create.evict = true;
    ask_replace(&req.create, &silent);
    ASSERT_ENDED(store_fixture_run(fixture, 0, &req), END_EXPIRED);
    ASSERT_ERR(ask_check(fixture, &player), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &silent), ERR_OK);
    cr_assert_eq(feed_count(fixture, "denied"), 0, "a refused revival writes no event");
}

CONTRACT_TEST(revive, obeys_the_limits_of_the_token_and_of_an_override)
{
    const struct session asleep = begin_asleep(fixture, "f", "tv");
    struct store_req req = {.op = STORE_REVIVE, .session = asleep, .create = ask_limits(1, -1)};

    ask_begin(fixture, "f", "phone");
    ASSERT_ENDED(store_fixture_run(fixture, 0, &req), END_EXPIRED);
    ask_set_limits(fixture, "f", 2, -1, 0);
    const struct store_req *answer = store_fixture_run(fixture, 0, &req);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->usage.family_limit, 2);
}

CONTRACT_TEST(revive, takes_the_place_of_one_that_expired)
{
    fixture->options.family_limit = 1;
    const struct session first = begin_asleep(fixture, "f", "tv"),
                         second = begin_asleep(fixture, "f", "phone");

    ASSERT_ACTIVE(revive(fixture, &first), 1, 1);
    ASSERT_ENDED(revive(fixture, &second), END_EXPIRED);
}

/* ---- Revoked ---- */

CONTRACT_TEST(revive, brings_back_none_whose_family_or_device_was_revoked_since)
{
    const struct session tv = begin_asleep(fixture, "f", "tv"),
                         phone = begin_asleep(fixture, "g", "phone");

    ASSERT_ERR(ask_revoke(fixture, "f", "", "the family is out", 0), ERR_OK);
    const struct store_req *answer = revive(fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "the family is out");

    ASSERT_ERR(ask_revoke(fixture, "", "phone", "the device is out", 0), ERR_OK);
    answer = revive(fixture, &phone);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "the device is out");
}

CONTRACT_TEST(revive, brings_back_one_whose_token_was_issued_since)
{
    const struct session before = ask_begin(fixture, "f", "tv");

    int64_t revoked_ms = clock_wall_ms();
    ask_revoke(fixture, "f", "", "", 0);
    ASSERT_ENDED(revive(fixture, &before), END_TERMINATED);
    while (clock_wall_ms() <= revoked_ms + 20)
        ;
    const struct session since = begin_asleep(fixture, "f", "tv");
    ASSERT_ERR(revive(fixture, &since), ERR_OK);
}

CONTRACT_TEST(revive, counts_the_tokens_issue_and_not_the_sessions_start)
{
    const struct session tv = begin_asleep(fixture, "f", "tv");

    ask_revoke(fixture, "f", "", "", 0);
    ASSERT_ENDED(ask_revive(fixture, &tv, clock_wall_ms() - 1000), END_TERMINATED);
    ASSERT_ERR(ask_revive(fixture, &tv, clock_wall_ms() + SLACK_MS), ERR_OK);
}

CONTRACT_TEST(revive, is_forbidden_while_the_family_or_device_is_blocked)
{
    const struct session tv = begin_asleep(fixture, "f", "tv"),
                         phone = begin_asleep(fixture, "g", "phone");
    int64_t later_ms = clock_wall_ms() + SLACK_MS; /* a token issued since doesn't help */

    ask_revoke(fixture, "f", "", "the family is out", 60000);
    ask_revoke(fixture, "", "phone", "the device is out", 60000);
    const struct store_req *answer = ask_revive(fixture, &tv, later_ms);
    ASSERT_ERR(answer, ERR_FORBIDDEN);
    cr_assert_str_eq(answer->end.message, "the family is out");
    answer = ask_revive(fixture, &phone, later_ms);
    ASSERT_ERR(answer, ERR_FORBIDDEN);
    cr_assert_str_eq(answer->end.message, "the device is out");

    ask_revoke(fixture, "f", "", "", 0);
    ASSERT_ENDED(revive(fixture, &tv), END_TERMINATED);
    ASSERT_ERR(ask_revive(fixture, &tv, later_ms), ERR_OK);
}

CONTRACT_TEST(revive, tells_how_it_ended_before_that_it_is_blocked)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    ask_revoke(fixture, "f", "", "out", 60000);
    const struct store_req *answer = revive(fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "out");
}
