/* The store contract: what an operator changes, and that events tell who did and why. */
#include "contract.h"

#include <string.h>

#include "ask_operator.h"
#include "clock.h"
#include "feed.h"

enum { HOUR_MS = 3600000 };

static const char *const name = "anna \"ops\"", *const why = "chargeback \xe2\x98\x95 4711";

static const struct store_req *end_by(struct store_fixture *fixture, const struct session *session,
                                      enum end_reason reason, const char *by)
{
    struct store_req req = {.op = STORE_END, .session = *session, .end = {.reason = reason}};

    strcpy(req.end.by, by);
    return ask_by(fixture, &req, name, why);
}

static const struct store_req *revoke_by(struct store_fixture *fixture, const char *family,
                                         const char *device, int64_t for_ms)
{
    struct store_req req = {.op = STORE_REVOKE, .for_ms = for_ms};

    strcpy(req.session.family_id, family);
    strcpy(req.session.device_id, device);
    return ask_by(fixture, &req, name, why);
}

static const struct store_req *set_limits_by(struct store_fixture *fixture, const char *family,
                                             int family_limit)
{
    struct store_req req = {.op = STORE_SET_LIMITS, .create = ask_limits(family_limit, -1)};

    strcpy(req.session.family_id, family);
    return ask_by(fixture, &req, name, why);
}

/* That an entry tells of this session, or of these names. */
static void assert_told(const struct feed_entry *entry, const struct session *about,
                        const char *cause, const char *by)
{
    cr_assert_str_eq(entry->session_id, about->id);
    cr_assert_str_eq(entry->user_id, about->user_id);
    cr_assert_str_eq(entry->family_id, about->family_id);
    cr_assert_str_eq(entry->device_id, about->device_id);
    cr_assert_str_eq(entry->media_id, about->media_id);
    cr_assert_str_eq(entry->cause, cause);
    cr_assert_str_eq(entry->by, by);
    int64_t age_ms = clock_wall_ms() - entry->time_ms;
    cr_assert(age_ms > -5000 && age_ms < 5000, "%lld ms", (long long)age_ms);
}

static void assert_forbidden(struct store_fixture *fixture, const char *message)
{
    const struct session next = ask_session("f", "tv");
    const struct store_req *answer = ask_create(fixture, &next);

    ASSERT_ERR(answer, ERR_FORBIDDEN);
    cr_assert_str_eq(answer->end.message, message);
}

/* ---- Ending one ---- */

CONTRACT_TEST(operator, who_terminates_a_session_is_told_with_the_reason)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    cr_assert(end_by(fixture, &tv, END_TERMINATED, "")->ended);
    const struct feed_entry entry = feed_only(fixture, "terminated");
    assert_told(&entry, &tv, why, name);
    cr_assert_geq(entry.duration_s, 0);
    cr_assert_str_empty(ask_check(fixture, &tv)->end.by, "the viewer isn't told");
}

CONTRACT_TEST(operator, who_says_nothing_leaves_the_events_as_they_are_without_one)
{
    const struct session tv = ask_begin(fixture, "f", "tv");
    const struct store_req req = {
        .op = STORE_END, .session = tv, .end = {.reason = END_REPLACED, .by = "a phone"}};

    ask_by(fixture, &req, "", "");
    const struct feed_entry entry = feed_only(fixture, "replaced");
    assert_told(&entry, &tv, "replaced", "a phone");
}

CONTRACT_TEST(operator, may_give_a_name_or_a_reason_alone)
{
    const struct session tv = ask_begin(fixture, "f", "tv"),
                         phone = ask_begin(fixture, "f", "phone");
    const struct store_req named = {
        .op = STORE_END, .session = tv, .end = {.reason = END_TERMINATED}};
    const struct store_req reasoned = {
        .op = STORE_END, .session = phone, .end = {.reason = END_STOPPED, .by = "someone"}};

    ask_by(fixture, &named, name, "");
    struct feed_entry entry = feed_only(fixture, "terminated");
    assert_told(&entry, &tv, "terminated", name);
    ask_by(fixture, &reasoned, "", why);
    entry = feed_only(fixture, "stopped");
    assert_told(&entry, &phone, why, "someone");
}

CONTRACT_TEST(operator, ends_a_session_by_its_id_alone)
{
    const struct session tv = ask_begin(fixture, "f", "tv"),
                         other = ask_begin(fixture, "f", "phone");

    const struct store_req *answer = ask_end_by_id(fixture, tv.id, END_TERMINATED);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->ended);
    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_TERMINATED);
    ASSERT_ERR(ask_check(fixture, &other), ERR_OK);
    const struct feed_entry entry = feed_only(fixture, "terminated");
    assert_told(&entry, &tv, "terminated", "");
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 1);
    cr_assert_eq(ask_describe(fixture, "", "tv")->stream_count, 0);
    cr_assert_not(ask_end_by_id(fixture, tv.id, END_TERMINATED)->ended);
}

CONTRACT_TEST(operator, frees_the_places_of_one_ended_by_its_id_alone)
{
    fixture->options.family_limit = fixture->options.device_limit = 1;

    for (int i = 0; i < 3; i++) {
        const struct session tv = ask_session("f", "tv");

        ASSERT_ACTIVE(ask_create(fixture, &tv), 1, 1);
        ask_end_by_id(fixture, tv.id, END_TERMINATED);
    }
}

CONTRACT_TEST(operator, ends_one_that_no_store_knows_so_that_it_is_not_revived)
{
    const struct session asleep = ask_begin(fixture, "f", "tv");

    store_fixture_lose(fixture);
    const struct store_req *answer = ask_end_by_id(fixture, asleep.id, END_TERMINATED);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_not(answer->ended);
    ASSERT_ENDED(ask_revive(fixture, &asleep, asleep.started_ms), END_TERMINATED);
    ASSERT_ENDED(ask_heartbeat(fixture, &asleep), END_TERMINATED);
    cr_assert_eq(feed_read(fixture)->count, 0, "nothing that was known has changed");
}

/* ---- Ending all ---- */

CONTRACT_TEST(operator, who_terminates_a_family_is_told_of_each_stream)
{
    const struct session streams[] = {ask_begin(fixture, "f", "tv"),
                                      ask_begin(fixture, "f", "phone")};

    cr_assert_eq(revoke_by(fixture, "f", "", 0)->ended_count, 2);
    cr_assert_eq(feed_count(fixture, "terminated"), 2);
    const struct feed *feed = feed_read(fixture);
    for (size_t i = 0; i < feed->count; i++) {
        const struct feed_entry *entry = &feed->entries[i];
        bool first = strcmp(entry->session_id, streams[0].id) == 0;

        if (strcmp(entry->type, "terminated") == 0)
            assert_told(entry, &streams[first ? 0 : 1], why, name);
    }
    cr_assert_eq(feed->count, 4, "two starts, two ends");
}

CONTRACT_TEST(operator, who_blocks_is_told_and_who_lifts_a_block)
{
    const struct session family = {.family_id = "f"}, device = {.device_id = "tv"};

    revoke_by(fixture, "f", "", HOUR_MS);
    struct feed_entry entry = feed_only(fixture, "blocked");
    assert_told(&entry, &family, why, name);
    cr_assert_eq(entry.duration_s, -1);
    revoke_by(fixture, "f", "", 0);
    entry = feed_only(fixture, "unblocked");
    assert_told(&entry, &family, why, name);

    store_fixture_lose(fixture);
    revoke_by(fixture, "", "tv", HOUR_MS);
    entry = feed_only(fixture, "blocked");
    assert_told(&entry, &device, why, name);
    ask_revoke(fixture, "", "tv", "", 0);
    entry = feed_only(fixture, "unblocked");
    assert_told(&entry, &device, "", "");
}

CONTRACT_TEST(operator, lifting_no_block_tells_nothing)
{
    revoke_by(fixture, "f", "", 0);
    revoke_by(fixture, "f", "", -1);
    revoke_by(fixture, "", "tv", 0);
    cr_assert_eq(feed_read(fixture)->count, 0);

    revoke_by(fixture, "f", "", HOUR_MS);
    revoke_by(fixture, "f", "", 0);
    revoke_by(fixture, "f", "", 0);
    cr_assert_eq(feed_count(fixture, "unblocked"), 1);
}

CONTRACT_TEST(operator, a_block_that_another_partition_tells_of_holds_and_is_not_told)
{
    struct store_req req = {.op = STORE_REVOKE, .for_ms = HOUR_MS, .told_elsewhere = true};

    strcpy(req.session.device_id, "tv");
    ASSERT_ERR(ask_by(fixture, &req, name, why), ERR_OK);
    const struct session next = ask_session("f", "tv");
    ASSERT_ERR(ask_create(fixture, &next), ERR_FORBIDDEN);
    cr_assert_eq(feed_count(fixture, "blocked"), 0);
    req.for_ms = 0;
    ASSERT_ERR(ask_by(fixture, &req, name, why), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &next), ERR_OK);
    cr_assert_eq(feed_count(fixture, "unblocked"), 0);
}

CONTRACT_TEST(operator, leaves_a_block_as_it_is)
{
    ask_revoke(fixture, "f", "", "not paid", HOUR_MS);
    const struct store_req *answer = ask_describe(fixture, "f", "");
    int64_t until_ms = answer->query->description.blocked_until_ms;

    ASSERT_ERR(ask_revoke(fixture, "f", "", "bye", -1), ERR_OK);
    assert_forbidden(fixture, "not paid");
    answer = ask_describe(fixture, "f", "");
    int64_t moved_ms = answer->query->description.blocked_until_ms - until_ms;
    cr_assert(moved_ms >= -2 && moved_ms <= 2, "%lld ms", (long long)moved_ms);
    cr_assert_str_eq(answer->query->description.message, "not paid");
    cr_assert_eq(feed_count(fixture, "blocked"), 1);
    cr_assert_eq(feed_count(fixture, "unblocked"), 0);
}

CONTRACT_TEST(operator, makes_no_block_by_leaving_it_as_it_is)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    cr_assert_eq(ask_revoke(fixture, "f", "", "bye", -1)->ended_count, 1);
    const struct store_req *answer = ask_check(fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "bye");
    ask_begin(fixture, "f", "tv");
}

CONTRACT_TEST(operator, who_leaves_a_block_as_it_is_still_revokes)
{
    const struct session asleep = ask_begin(fixture, "f", "tv");

    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ask_revoke(fixture, "f", "", "bye", -1);
    ASSERT_ENDED(ask_revive(fixture, &asleep, asleep.started_ms), END_TERMINATED);
}

/* ---- Limits ---- */

CONTRACT_TEST(operator, who_changes_limits_is_told)
{
    const struct session family = {.family_id = "f"};

    set_limits_by(fixture, "f", 4);
    const struct feed_entry entry = feed_only(fixture, "limits_changed");
    assert_told(&entry, &family, why, name);
    cr_assert_eq(entry.duration_s, -1);
    set_limits_by(fixture, "f", -1);
    cr_assert_eq(feed_count(fixture, "limits_changed"), 2);
    set_limits_by(fixture, "f", -1);
    cr_assert_eq(feed_count(fixture, "limits_changed"), 2, "there was nothing to change");
}

/* ---- Notes ---- */

CONTRACT_TEST(operator, a_note_is_told_as_it_is)
{
    const struct session nobody = {0};
    struct session tv = ask_session("f \"1\"", "tv");

    strcpy(tv.user_id, "\xc3\xbcser");
    ASSERT_ERR(ask_note(fixture, EVENT_DRAIN_STARTED, &nobody, name, why), ERR_OK);
    struct feed_entry entry = feed_only(fixture, "drain_started");
    assert_told(&entry, &nobody, why, name);
    cr_assert_eq(entry.duration_s, -1);
    ASSERT_ERR(ask_note(fixture, EVENT_DRAIN_ENDED, &tv, "", ""), ERR_OK);
    entry = feed_only(fixture, "drain_ended");
    assert_told(&entry, &tv, "", "");
    cr_assert_eq(ask_count(fixture).sessions, 0);
}

CONTRACT_TEST(operator, the_longest_name_and_reason_are_kept)
{
    const struct session nobody = {0};
    session_name longest_name, longest_why;

    memset(longest_name, 'n', sizeof longest_name - 1);
    memset(longest_why, '"', sizeof longest_why - 1);
    longest_name[sizeof longest_name - 1] = longest_why[sizeof longest_why - 1] = '\0';
    ask_note(fixture, EVENT_DRAIN_STARTED, &nobody, longest_name, longest_why);
    const struct feed_entry entry = feed_only(fixture, "drain_started");
    assert_told(&entry, &nobody, longest_why, longest_name);
}
