/* The store contract: an operator looks at a family or a device. */
#include "contract.h"

#include <string.h>

#include "ask_operator.h"
#include "clock.h"

enum { SLACK_MS = 5000, HOUR_MS = 3600000 };

/* That a time lies so far ahead of the answer. */
static void assert_ahead(const struct store_req *answer, int64_t time_ms, int64_t ahead_ms)
{
    int64_t off_ms = time_ms - answer->now_ms - ahead_ms;

    cr_assert(off_ms > -SLACK_MS && off_ms < SLACK_MS, "off by %lld ms", (long long)off_ms);
}

static void assert_limits(const struct store_req *answer, uint32_t family, uint32_t device,
                          bool overridden)
{
    const struct store_description *description = &answer->query->description;

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(description->family_limit, family);
    cr_assert_eq(description->device_limit, device);
    cr_assert_eq(description->overridden, overridden);
}

static void assert_not_blocked(const struct store_req *answer)
{
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->query->description.blocked_until_ms, 0);
    cr_assert_str_empty(answer->query->description.message);
}

static void assert_blocked(const struct store_req *answer, int64_t ahead_ms, const char *message)
{
    ASSERT_ERR(answer, ERR_OK);
    assert_ahead(answer, answer->query->description.blocked_until_ms, ahead_ms);
    cr_assert_str_eq(answer->query->description.message, message);
}

/* ---- Streams ---- */

CONTRACT_TEST(describe, tells_all_of_a_familys_streams_and_of_no_others)
{
    struct session streams[3];

    ask_fill(fixture, "f", "d", streams, 3);
    ask_begin(fixture, "g", "d0");
    const struct store_req *answer = ask_describe(fixture, "f", "");
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 3);
    cr_assert_eq(answer->usage.family_active, 3);
    cr_assert_eq(answer->usage.family_limit, 10);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(answer->streams[i].session.family_id, "f");
}

CONTRACT_TEST(describe, tells_all_streams_on_a_device_whosever_they_are)
{
    fixture->options.device_limit = 4;
    const struct session streams[] = {ask_begin(fixture, "f", "tv"), ask_begin(fixture, "g", "tv"),
                                      ask_begin(fixture, "h", "tv")};

    ask_begin(fixture, "f", "phone");
    const struct store_req *answer = ask_describe(fixture, "", "tv");
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 3);
    cr_assert_eq(answer->usage.device_active, 3);
    cr_assert_eq(answer->usage.device_limit, 4);
    for (int i = 0; i < 3; i++) {
        bool found = false;

        for (size_t s = 0; s < answer->stream_count; s++)
            found |= strcmp(answer->streams[s].session.id, streams[i].id) == 0;
        cr_assert(found, "stream %d", i);
    }
}

CONTRACT_TEST(describe, begins_with_the_longest_silent)
{
    const int silent_s[] = {30, 90, 0, 60}, order[] = {1, 3, 0, 2};
    struct session streams[4];

    fixture->options.device_limit = 0;
    for (int i = 0; i < 4; i++)
        streams[i] = ask_begin_silent(fixture, i % 2 == 0 ? "f" : "g", "tv", silent_s[i] * 1000);
    const struct store_req *answer = ask_describe(fixture, "", "tv");
    cr_assert_eq(answer->stream_count, 4);
    for (int i = 0; i < 4; i++) {
        const struct store_stream *stream = &answer->streams[i];

        cr_assert_str_eq(stream->session.id, streams[order[i]].id, "at %d", i);
        cr_assert(stream->idle_s >= silent_s[order[i]] && stream->idle_s < silent_s[order[i]] + 9,
                  "%lld s", (long long)stream->idle_s);
    }
}

CONTRACT_TEST(describe, leaves_out_who_has_expired_or_ended)
{
    struct session streams[3];

    ask_fill(fixture, "f", "d", streams, 3);
    store_fixture_age(fixture, streams[0].id, fixture->options.ttl_ms + 1);
    ask_end(fixture, &streams[1], END_STOPPED);
    const struct store_req *answer = ask_describe(fixture, "f", "");
    cr_assert_eq(answer->stream_count, 1);
    cr_assert_eq(answer->usage.family_active, 1);
    cr_assert_str_eq(answer->streams[0].session.id, streams[2].id);
    cr_assert_eq(ask_describe(fixture, "", "d0")->stream_count, 0);
    cr_assert_eq(ask_describe(fixture, "", "d2")->usage.device_active, 1);
}

CONTRACT_TEST(describe, of_nobody_tells_the_settings)
{
    const struct store_req *answer = ask_describe(fixture, "f", "");

    assert_limits(answer, 10, 2, false);
    assert_not_blocked(answer);
    cr_assert_eq(answer->query->description.limits_until_ms, 0);
    cr_assert_eq(answer->stream_count, 0);
    cr_assert_eq(answer->usage.family_active, 0);
    cr_assert_eq(answer->usage.family_limit, 10);
    answer = ask_describe(fixture, "", "tv");
    assert_limits(answer, 10, 2, false);
    assert_not_blocked(answer);
    cr_assert_eq(answer->usage.device_limit, 2);
}

CONTRACT_TEST(describe, a_family_and_a_device_of_one_name_are_two)
{
    ask_begin(fixture, "x", "tv");
    ask_revoke(fixture, "", "x", "stolen", HOUR_MS);
    assert_not_blocked(ask_describe(fixture, "x", ""));
    cr_assert_eq(ask_describe(fixture, "x", "")->stream_count, 1);
    cr_assert_eq(ask_describe(fixture, "", "x")->stream_count, 0);
}

CONTRACT_TEST(describe, changes_nothing)
{
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 200000);

    for (int i = 0; i < 3; i++)
        ask_describe(fixture, "f", "");
    const struct store_req *answer = ask_get(fixture, &tv);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 100001);
}

/* ---- Limits ---- */

CONTRACT_TEST(describe, tells_an_override_and_its_end)
{
    const struct store_req *answer;

    ask_set_limits(fixture, "f", 4, 1, HOUR_MS);
    answer = ask_describe(fixture, "f", "");
    assert_limits(answer, 4, 1, true);
    assert_ahead(answer, answer->query->description.limits_until_ms, HOUR_MS);
    cr_assert_eq(answer->usage.family_limit, 4);
    assert_limits(ask_describe(fixture, "g", ""), 10, 2, false);
}

CONTRACT_TEST(describe, tells_an_override_without_an_end)
{
    ask_set_limits(fixture, "f", 4, 1, 0);
    const struct store_req *answer = ask_describe(fixture, "f", "");
    assert_limits(answer, 4, 1, true);
    cr_assert_eq(answer->query->description.limits_until_ms, 0);
}

CONTRACT_TEST(describe, fills_a_part_of_an_override_from_the_settings)
{
    ask_set_limits(fixture, "f", 4, -1, 0);
    assert_limits(ask_describe(fixture, "f", ""), 4, 2, true);
    ask_set_limits(fixture, "f", -1, 0, 0);
    assert_limits(ask_describe(fixture, "f", ""), 10, 0, true);
}

CONTRACT_TEST(describe, tells_the_settings_once_an_override_is_gone)
{
    ask_set_limits(fixture, "f", 4, 1, 0);
    ask_set_limits(fixture, "f", -1, -1, 0);
    assert_limits(ask_describe(fixture, "f", ""), 10, 2, false);

    int64_t before_ms = clock_monotonic_ms();
    ask_set_limits(fixture, "f", 4, 1, 100);
    while (ask_describe(fixture, "f", "")->query->description.overridden)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never goes");
    const struct store_req *answer = ask_describe(fixture, "f", "");
    assert_limits(answer, 10, 2, false);
    cr_assert_eq(answer->query->description.limits_until_ms, 0);
}

CONTRACT_TEST(describe, tells_no_limits_as_0)
{
    fixture->options.family_limit = fixture->options.device_limit = 0;

    assert_limits(ask_describe(fixture, "f", ""), 0, 0, false);
    cr_assert_eq(ask_describe(fixture, "f", "")->usage.family_limit, 0);
}

/* ---- Blocks ---- */

CONTRACT_TEST(describe, tells_a_block_its_end_and_its_message)
{
    ask_revoke(fixture, "f", "", "not paid \"yet\" \xe2\x98\x95", HOUR_MS);
    ask_revoke(fixture, "", "tv", "stolen", 2 * HOUR_MS);
    assert_blocked(ask_describe(fixture, "f", ""), HOUR_MS, "not paid \"yet\" \xe2\x98\x95");
    assert_blocked(ask_describe(fixture, "", "tv"), 2 * HOUR_MS, "stolen");
    assert_not_blocked(ask_describe(fixture, "g", ""));
    assert_not_blocked(ask_describe(fixture, "", "phone"));
}

CONTRACT_TEST(describe, tells_the_longest_message)
{
    char message[257];

    memset(message, '"', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    ask_revoke(fixture, "f", "", message, HOUR_MS);
    assert_blocked(ask_describe(fixture, "f", ""), HOUR_MS, message);
}

CONTRACT_TEST(describe, tells_no_block_where_all_were_merely_terminated)
{
    ask_begin(fixture, "f", "tv");
    ask_revoke(fixture, "f", "", "out", 0);
    assert_not_blocked(ask_describe(fixture, "f", ""));
}

CONTRACT_TEST(describe, tells_no_block_once_it_is_lifted_or_over)
{
    ask_revoke(fixture, "f", "", "out", HOUR_MS);
    ask_revoke(fixture, "f", "", "", 0);
    assert_not_blocked(ask_describe(fixture, "f", ""));

    int64_t before_ms = clock_monotonic_ms();
    ask_revoke(fixture, "f", "", "out", 100);
    while (ask_describe(fixture, "f", "")->query->description.blocked_until_ms != 0)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never goes");
    assert_not_blocked(ask_describe(fixture, "f", ""));
}
