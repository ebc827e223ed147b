/* The store contract: a family's live streams. */
#include "contract.h"

#include <string.h>

CONTRACT_TEST(list, tells_all_of_a_familys_streams_and_of_no_others)
{
    struct session streams[3];

    ask_fill(fixture, "f", "d", streams, 3);
    ask_begin(fixture, "g", "d0");
    const struct store_req *answer = ask_list(fixture, "f");
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 3);
    cr_assert_eq(answer->usage.family_active, 3);
    cr_assert_eq(answer->usage.family_limit, 10);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(answer->streams[i].session.family_id, "f");
}

CONTRACT_TEST(list, begins_with_the_longest_silent)
{
    const int silent_s[] = {30, 90, 0, 120, 60}, order[] = {3, 1, 4, 0, 2};
    struct session streams[5];

    ask_fill(fixture, "f", "d", streams, 5);
    for (int i = 0; i < 5; i++)
        store_fixture_age(fixture, streams[i].id, silent_s[i] * 1000);
    const struct store_req *answer = ask_list(fixture, "f");
    cr_assert_eq(answer->stream_count, 5);
    for (int i = 0; i < 5; i++) {
        const struct store_stream *stream = &answer->streams[i];

        cr_assert_str_eq(stream->session.id, streams[order[i]].id, "at %d", i);
        cr_assert(stream->idle_s >= silent_s[order[i]] && stream->idle_s < silent_s[order[i]] + 9,
                  "%lld s", (long long)stream->idle_s);
    }
}

CONTRACT_TEST(list, tells_all_of_a_stream)
{
    struct session tv = ask_session("f", "tv");

    strcpy(tv.device_name, "Kitchen TV");
    strcpy(tv.media_title, "Blue Planet");
    strcpy(tv.platform, "tvOS");
    strcpy(tv.player_id, "tab");
    strcpy(tv.metadata, "{\"a\":[]}");
    int64_t started_ms = ask_create(fixture, &tv)->session.started_ms;

    const struct store_req *answer = ask_list(fixture, "f");
    cr_assert_eq(answer->stream_count, 1);
    const struct session *listed = &answer->streams[0].session;
    cr_assert_str_eq(listed->id, tv.id);
    cr_assert_str_eq(listed->user_id, "user");
    cr_assert_str_eq(listed->device_id, "tv");
    cr_assert_str_eq(listed->media_id, "media");
    cr_assert_str_eq(listed->device_name, "Kitchen TV");
    cr_assert_str_eq(listed->media_title, "Blue Planet");
    cr_assert_str_eq(listed->platform, "tvOS");
    cr_assert_str_eq(listed->player_id, "tab");
    cr_assert_str_eq(listed->metadata, "{\"a\":[]}");
    cr_assert_eq(listed->started_ms, started_ms);
    cr_assert_eq(listed->last_heartbeat_ms, started_ms);
}

CONTRACT_TEST(list, of_a_family_without_streams_is_empty)
{
    const struct store_req *answer = ask_list(fixture, "f");

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 0);
    cr_assert_eq(answer->usage.family_active, 0);
    cr_assert_eq(answer->usage.family_limit, 10);
}

CONTRACT_TEST(list, leaves_out_who_has_expired_or_ended)
{
    struct session streams[3];

    ask_fill(fixture, "f", "d", streams, 3);
    store_fixture_age(fixture, streams[0].id, fixture->options.ttl_ms + 1);
    ask_end(fixture, &streams[1], END_STOPPED);
    const struct store_req *answer = ask_list(fixture, "f");
    cr_assert_eq(answer->stream_count, 1);
    cr_assert_eq(answer->usage.family_active, 1);
    cr_assert_str_eq(answer->streams[0].session.id, streams[2].id);
}

CONTRACT_TEST(list, tells_the_limit_in_force)
{
    ask_set_limits(fixture, "f", 4, -1, 0);
    cr_assert_eq(ask_list(fixture, "f")->usage.family_limit, 4);
    ask_set_limits(fixture, "f", -1, 1, 0);
    cr_assert_eq(ask_list(fixture, "f")->usage.family_limit, 10);
    ask_set_limits(fixture, "f", 0, -1, 0);
    cr_assert_eq(ask_list(fixture, "f")->usage.family_limit, 0);
}

CONTRACT_TEST(list, changes_nothing)
{
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 200000);

    for (int i = 0; i < 3; i++)
        ask_list(fixture, "f");
    const struct store_req *answer = ask_get(fixture, &tv);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 100001);
    cr_assert_leq(answer->session.last_heartbeat_ms, answer->now_ms - 200000);
}

CONTRACT_TEST(list, counts_very_many_and_tells_the_longest_silent)
{
    enum { STREAMS = STORE_STREAMS_MAX + 200 };
    const struct store_create none = ask_limits(0, 0);
    struct session sleeper = ask_session("f", "tv");

    for (int i = 0; i < STREAMS; i++) {
        const struct session session = i == STREAMS - 1 ? sleeper : ask_session("f", "tv");
        ASSERT_ERR(ask_create_with(fixture, &session, &none), ERR_OK);
    }
    store_fixture_age(fixture, sleeper.id, 60000);
    const struct store_req *answer = ask_list(fixture, "f");
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->usage.family_active, STREAMS);
    cr_assert_eq(answer->stream_count, STORE_STREAMS_MAX);
    cr_assert_str_eq(answer->streams[0].session.id, sleeper.id);
}
