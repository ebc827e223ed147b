/* The store contract: what happens is told in the feed, in the same step. */
#include "contract.h"

#include <string.h>

#include "clock.h"
#include "feed.h"
#include "memory.h"

enum { SLACK_MS = 5000 };

static struct session of_all(const char *family, const char *device, const char *user,
                             const char *media)
{
    struct session session = ask_session(family, device);

    strcpy(session.user_id, user);
    strcpy(session.media_id, media);
    return session;
}

static struct session begin(struct store_fixture *fixture, const struct session *wanted)
{
    struct session session = *wanted;
    const struct store_req *answer = ask_create(fixture, &session);

    ASSERT_ERR(answer, ERR_OK);
    session.started_ms = answer->session.started_ms;
    return session;
}

/* That an entry tells of this session. mediaId isn't known of one that expired. */
static void assert_about(const struct feed_entry *entry, const struct session *session)
{
    cr_assert_str_eq(entry->user_id, session->user_id);
    cr_assert_str_eq(entry->family_id, session->family_id);
    cr_assert_str_eq(entry->device_id, session->device_id);
    if (strcmp(entry->type, "expired") != 0)
        cr_assert_str_eq(entry->media_id, session->media_id);
    int64_t age_ms = clock_wall_ms() - entry->time_ms;
    cr_assert(age_ms > -SLACK_MS && age_ms < SLACK_MS, "%lld ms", (long long)age_ms);
}

/* The same, with its sessionId, of one that has ended for this cause. */
static void assert_end(const struct feed_entry *entry, const struct session *session,
                       const char *cause, const char *by)
{
    assert_about(entry, session);
    cr_assert_str_eq(entry->session_id, session->id);
    cr_assert_str_eq(entry->cause, cause);
    cr_assert_str_eq(entry->by, by);
    cr_assert(entry->duration_s >= 0 && entry->duration_s <= 2 + SLACK_MS / 1000, "%lld s",
              (long long)entry->duration_s);
}

CONTRACT_TEST(events, tell_a_start)
{
    const struct session wanted = of_all("f \"1\"", "tv", "\xc3\xbcser", "m/1");
    const struct session tv = begin(fixture, &wanted);
    const struct feed_entry entry = feed_only(fixture, "started");

    assert_about(&entry, &tv);
    cr_assert_str_eq(entry.session_id, tv.id);
    cr_assert_eq(entry.time_ms, tv.started_ms);
    cr_assert_str_empty(entry.cause);
    cr_assert_str_empty(entry.by);
    cr_assert_eq(entry.duration_s, -1);
    cr_assert_eq(feed_read(fixture)->count, 1);
}

CONTRACT_TEST(events, tell_a_stop_and_a_termination)
{
    const struct session tv = ask_begin(fixture, "f", "tv"),
                         phone = ask_begin(fixture, "f", "phone");

    ask_end(fixture, &tv, END_STOPPED);
    ask_end(fixture, &phone, END_TERMINATED);
    struct feed_entry entry = feed_only(fixture, "stopped");
    assert_end(&entry, &tv, "stopped", "");
    entry = feed_only(fixture, "terminated");
    assert_end(&entry, &phone, "terminated", "");
}

CONTRACT_TEST(events, tell_who_replaced_a_session_that_was_ended_so)
{
    const struct session tv = ask_begin(fixture, "f", "tv");
    const struct store_end end = {.reason = END_REPLACED, .by = "Anna's phone"};

    ask_end_with(fixture, &tv, &end);
    const struct feed_entry entry = feed_only(fixture, "replaced");
    assert_end(&entry, &tv, "replaced", "Anna's phone");
}

CONTRACT_TEST(events, tell_how_long_a_session_lasted)
{
    struct session tv = ask_begin(fixture, "f", "tv");

    store_fixture_age(fixture, tv.id, fixture->options.ttl_ms + 1);
    tv.started_ms -= 100000;
    ASSERT_ERR(ask_revive(fixture, &tv, tv.started_ms), ERR_OK);
    ask_end(fixture, &tv, END_STOPPED);
    int64_t duration_s = feed_only(fixture, "stopped").duration_s;
    cr_assert(duration_s >= 100 && duration_s <= 100 + SLACK_MS / 1000, "%lld s",
              (long long)duration_s);
}

CONTRACT_TEST(events, tell_an_expiry_once_with_its_duration)
{
    fixture->options.ttl_ms = 1100;
    const struct session wanted = of_all("f 1%", "d\"1", "u\xc3\xbc", "m");
    const struct session tv = begin(fixture, &wanted);

    int64_t before_ms = clock_monotonic_ms();
    while (feed_count(fixture, "expired") == 0) {
        ASSERT_ERR(ask_sweep(fixture), ERR_OK);
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it is never told");
    }
    ask_sweep(fixture);
    ask_heartbeat(fixture, &tv);
    const struct feed_entry entry = feed_only(fixture, "expired");
    assert_end(&entry, &tv, "expired", "");
    cr_assert_geq(entry.duration_s, 1);
}

CONTRACT_TEST(events, tell_who_took_the_place_of_one_given_up)
{
    const struct session tv = ask_begin(fixture, "f", "tv");
    struct session next = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    strcpy(next.device_name, "Anna's phone");
    ask_replace(&create, &tv);
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_OK);
    const struct feed_entry entry = feed_only(fixture, "replaced");
    assert_end(&entry, &tv, "replaced", "Anna's phone");
    cr_assert_eq(feed_count(fixture, "started"), 2);
}

CONTRACT_TEST(events, tell_who_took_the_place_of_one_evicted_or_reclaimed)
{
    fixture->options.family_limit = 1;
    const struct session tv = ask_begin(fixture, "f", "tv");
    struct session next = ask_session("f", "phone"), again = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    create.evict = true;
    strcpy(next.player_id, "tab");
    strcpy(again.player_id, "tab");
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &again), ERR_OK);

    const struct feed *feed = feed_read(fixture);
    const char *const types[] = {"started", "replaced", "started", "replaced", "started"};
    const struct session *about[] = {&tv, &tv, &next, &next, &again};
    cr_assert_eq(feed->count, 5);
    for (int i = 0; i < 5; i++) {
        cr_assert_str_eq(feed->entries[i].type, types[i], "at %d", i);
        cr_assert_str_eq(feed->entries[i].session_id, about[i]->id, "at %d", i);
    }
    assert_end(&feed->entries[1], &tv, "replaced", "phone");
    assert_end(&feed->entries[3], &next, "replaced", "phone");
}

CONTRACT_TEST(events, tell_a_displacement)
{
    fixture->options.device_limit = 1;
    fixture->options.displace_after_ms = 90000;
    const struct session stranger = ask_begin_silent(fixture, "g", "tv", 100000);

    ask_begin(fixture, "f", "tv");
    const struct feed_entry entry = feed_only(fixture, "displaced");
    assert_end(&entry, &stranger, "displaced", "tv");
}

CONTRACT_TEST(events, tell_a_revival)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    store_fixture_lose(fixture);
    ASSERT_ERR(ask_revive(fixture, &tv, tv.started_ms), ERR_OK);
    ASSERT_ERR(ask_revive(fixture, &tv, tv.started_ms), ERR_OK); /* it lives: nothing to tell */
    const struct feed_entry entry = feed_only(fixture, "revived");
    assert_about(&entry, &tv);
    cr_assert_str_eq(entry.session_id, tv.id);
    cr_assert_eq(entry.duration_s, -1);
    cr_assert_eq(feed_read(fixture)->count, 1);
}

CONTRACT_TEST(events, tell_each_stream_that_was_revoked)
{
    fixture->options.device_limit = 3;
    const struct session streams[] = {ask_begin(fixture, "f", "tv"), ask_begin(fixture, "g", "tv")};

    ask_revoke(fixture, "", "tv", "stolen", 0);
    cr_assert_eq(feed_count(fixture, "terminated"), 2);
    const struct feed *feed = feed_read(fixture);
    for (size_t i = 0; i < feed->count; i++) {
        const struct feed_entry *entry = &feed->entries[i];
        bool first = strcmp(entry->session_id, streams[0].id) == 0;

        if (strcmp(entry->type, "terminated") == 0)
            assert_end(entry, &streams[first ? 0 : 1], "terminated", "");
    }
}

/* ---- Refusals ---- */

/* That there is one refusal, of this session and for this cause; it has no sessionId, since it
 * never was. */
static void assert_denied(struct store_fixture *fixture, const struct session *session,
                          const char *cause)
{
    const struct feed_entry entry = feed_only(fixture, "denied");

    assert_about(&entry, session);
    cr_assert_str_empty(entry.session_id);
    cr_assert_str_eq(entry.cause, cause);
    cr_assert_str_empty(entry.by);
    cr_assert_eq(entry.duration_s, -1);
}

CONTRACT_TEST(events, tell_a_refusal_for_the_familys_limit)
{
    fixture->options.family_limit = 1;
    const struct session next = of_all("f", "phone", "u2", "m2");

    ask_begin(fixture, "f", "tv");
    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_denied(fixture, &next, "family_limit");
}

CONTRACT_TEST(events, tell_a_refusal_for_the_devices_limit)
{
    fixture->options.device_limit = 1;
    const struct session next = of_all("g", "tv", "u2", "m2");

    ask_begin(fixture, "f", "tv");
    ASSERT_ERR(ask_create(fixture, &next), ERR_DEVICE_LIMIT);
    assert_denied(fixture, &next, "device_limit");
}

CONTRACT_TEST(events, tell_a_refusal_for_the_rate)
{
    fixture->options.create_rate = 1;
    const struct session next = of_all("g", "phone", "user", "m2");

    ask_begin(fixture, "f", "tv");
    ASSERT_ERR(ask_create(fixture, &next), ERR_RATE_LIMITED);
    assert_denied(fixture, &next, "rate_limited");
}

CONTRACT_TEST(events, tell_a_refusal_of_one_that_is_blocked)
{
    const struct session next = of_all("f", "tv", "u", "m");

    ask_revoke(fixture, "f", "", "out", 60000);
    ASSERT_ERR(ask_create(fixture, &next), ERR_FORBIDDEN);
    assert_denied(fixture, &next, "forbidden");
    ASSERT_ERR(ask_revive(fixture, &next, clock_wall_ms()), ERR_FORBIDDEN);
    cr_assert_eq(feed_count(fixture, "denied"), 1, "a refused revival writes no event");
}

CONTRACT_TEST(events, tell_what_would_have_been_refused)
{
    fixture->options.family_limit = 1;
    fixture->options.dry_run = true;
    const struct session next = of_all("f", "phone", "u2", "m2");

    ask_begin(fixture, "f", "tv");
    ASSERT_ERR(ask_create(fixture, &next), ERR_OK);
    const struct feed_entry entry = feed_only(fixture, "would_deny");
    assert_about(&entry, &next);
    cr_assert_str_eq(entry.session_id, next.id);
    cr_assert_str_eq(entry.cause, "family_limit");
    cr_assert_eq(feed_count(fixture, "denied"), 0);
    cr_assert_eq(feed_count(fixture, "started"), 2);
}

/* ---- Nothing to tell ---- */

CONTRACT_TEST(events, tell_nothing_of_what_changes_nothing)
{
    const struct session tv = ask_begin(fixture, "f", "tv"), nobody = ask_session("f", "tv");

    ask_heartbeat(fixture, &tv);
    ask_check(fixture, &tv);
    ask_get(fixture, &tv);
    ask_list(fixture, "f");
    ask_create(fixture, &tv);
    ask_end(fixture, &nobody, END_STOPPED);
    ask_end(fixture, &nobody, END_TERMINATED);
    ask_heartbeat(fixture, &nobody);
    ask_revive(fixture, &nobody, 0);
    ask_revoke(fixture, "g", "", "", 0);
    ask_set_limits(fixture, "g", -1, -1, 0);
    ask_sweep(fixture);
    cr_assert_eq(feed_read(fixture)->count, 1, "the start alone");
}
