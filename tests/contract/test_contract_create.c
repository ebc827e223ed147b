/* The store contract: who is let in, and what the refused are told. */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

/* A session that must be let in; answers its usage. */
static struct store_usage let_in(struct store_fixture *fixture, const struct session *session)
{
    const struct store_req *answer = ask_create(fixture, session);

    ASSERT_ERR(answer, ERR_OK);
    return answer->usage;
}

/* Creates a session that must be let in. */
static struct session begin(struct store_fixture *fixture, const char *family, const char *device)
{
    const struct session session = ask_session(family, device);

    let_in(fixture, &session);
    return session;
}

static void assert_alive(struct store_fixture *fixture, const struct session *sessions, int count)
{
    for (int i = 0; i < count; i++)
        ASSERT_ERR(ask_check(fixture, &sessions[i]), ERR_OK);
}

/* ---- Limits ---- */

CONTRACT_TEST(create, counts_the_streams_of_the_family_and_of_the_device)
{
    begin(fixture, "f", "tv");
    begin(fixture, "f", "phone");
    begin(fixture, "other", "laptop");

    const struct session second = ask_session("f", "tv");
    const struct store_req *answer = ask_create(fixture, &second);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 3, 2);
    cr_assert_eq(answer->usage.family_limit, 10);
    cr_assert_eq(answer->usage.device_limit, 2);
}

CONTRACT_TEST(create, refuses_the_eleventh_stream_of_a_family)
{
    struct session sessions[10];
    const struct session eleventh = ask_session("f", "another");

    ask_fill(fixture, "f", "d", sessions, 10);
    const struct store_req *answer = ask_create(fixture, &eleventh);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 10, 0);
    cr_assert_eq(answer->usage.family_limit, 10);
    cr_assert_eq(answer->stream_count, 10);
}

CONTRACT_TEST(create, refuses_the_third_stream_on_a_device)
{
    const struct session third = ask_session("f", "tv");

    begin(fixture, "f", "tv");
    begin(fixture, "f", "tv");
    begin(fixture, "f", "phone");
    const struct store_req *answer = ask_create(fixture, &third);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    ASSERT_ACTIVE(answer, 3, 2);
    cr_assert_eq(answer->usage.device_limit, 2);
    cr_assert_eq(answer->stream_count, 2, "the phone is not in the way");
}

CONTRACT_TEST(create, reports_the_device_where_both_are_full)
{
    fixture->options.family_limit = 2;
    begin(fixture, "f", "tv");
    begin(fixture, "f", "tv");

    const struct session third = ask_session("f", "tv");
    ASSERT_ERR(ask_create(fixture, &third), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(create, lets_one_in_where_the_limit_is_one)
{
    fixture->options.family_limit = fixture->options.device_limit = 1;
    begin(fixture, "f", "tv");

    const struct session elsewhere = ask_session("f", "phone"), here = ask_session("g", "tv");
    ASSERT_ERR(ask_create(fixture, &elsewhere), ERR_FAMILY_LIMIT);
    ASSERT_ERR(ask_create(fixture, &here), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(create, lets_everybody_in_where_the_limit_is_zero)
{
    fixture->options.family_limit = fixture->options.device_limit = 0;

    for (unsigned i = 1; i <= 30; i++) {
        const struct session session = ask_session("f", "tv");
        const struct store_req *answer = ask_create(fixture, &session);

        ASSERT_ERR(answer, ERR_OK);
        ASSERT_ACTIVE(answer, i, i);
        cr_assert_eq(answer->usage.family_limit, 0);
        cr_assert_eq(answer->usage.device_limit, 0);
    }
}

CONTRACT_TEST(create, puts_the_callers_limits_before_the_settings)
{
    const struct store_create family_of_two = ask_limits(2, -1), device_of_one = ask_limits(-1, 1),
                              no_limits = ask_limits(0, 0);
    const struct session next = ask_session("f", "tv");

    begin(fixture, "f", "tv");
    begin(fixture, "f", "phone");
    const struct store_req *answer = ask_create_with(fixture, &next, &family_of_two);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    cr_assert_eq(answer->usage.family_limit, 2);
    cr_assert_eq(answer->usage.device_limit, 2, "that of the settings");

    answer = ask_create_with(fixture, &next, &device_of_one);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    cr_assert_eq(answer->usage.family_limit, 10, "that of the settings");
    cr_assert_eq(answer->usage.device_limit, 1);

    begin(fixture, "f", "tv");
    ASSERT_ERR(ask_create_with(fixture, &next, &no_limits), ERR_OK);
}

CONTRACT_TEST(create, ends_nobody_where_a_limit_was_lowered)
{
    struct session sessions[5];
    const struct store_create lowered = ask_limits(2, -1);
    const struct session next = ask_session("f", "another");

    ask_fill(fixture, "f", "d", sessions, 5);
    const struct store_req *answer = ask_create_with(fixture, &next, &lowered);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 5, 0);
    assert_alive(fixture, sessions, 5);
}

CONTRACT_TEST(create, counts_other_families_on_the_device)
{
    const struct session stranger = begin(fixture, "g", "tv"), third = ask_session("f", "tv");

    begin(fixture, "f", "tv");
    const struct store_req *answer = ask_create(fixture, &third);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    ASSERT_ACTIVE(answer, 1, 2);
    cr_assert_eq(answer->stream_count, 2);
    bool is_listed = strcmp(answer->streams[0].session.id, stranger.id) == 0 ||
                     strcmp(answer->streams[1].session.id, stranger.id) == 0;
    cr_assert(is_listed);
}

CONTRACT_TEST(create, does_not_count_who_has_expired)
{
    struct session sessions[10];

    ask_fill(fixture, "f", "d", sessions, 10);
    for (int i = 0; i < 4; i++)
        store_fixture_age(fixture, sessions[i].id, fixture->options.ttl_ms + 1);

    const struct session next = ask_session("f", "d0");
    const struct store_req *answer = ask_create(fixture, &next);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 7, 1);
    assert_alive(fixture, sessions + 4, 6);
}

/* ---- Refusals ---- */

CONTRACT_TEST(create, changes_nothing_where_it_refuses)
{
    struct session sessions[10];
    const struct session eleventh = ask_session("f", "another");

    ask_fill(fixture, "f", "d", sessions, 10);
    for (int i = 0; i < 3; i++)
        ASSERT_ACTIVE(ask_create(fixture, &eleventh), 10, 0);
    assert_alive(fixture, sessions, 10);
    ASSERT_ENDED(ask_check(fixture, &eleventh), END_EXPIRED);

    ask_end(fixture, &sessions[0], END_STOPPED);
    ASSERT_ACTIVE(ask_create(fixture, &eleventh), 10, 1);
}

CONTRACT_TEST(create, lists_who_is_in_the_way_longest_silent_first)
{
    const int silent_s[] = {30, 90, 0, 120, 60}, order[] = {3, 1, 4, 0, 2};
    const struct store_create five = ask_limits(5, -1);
    const struct session next = ask_session("f", "another");
    struct session sessions[5];

    ask_fill(fixture, "f", "d", sessions, 5);
    for (int i = 0; i < 5; i++)
        store_fixture_age(fixture, sessions[i].id, silent_s[i] * 1000);

    const struct store_req *answer = ask_create_with(fixture, &next, &five);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    cr_assert_eq(answer->stream_count, 5);
    for (int i = 0; i < 5; i++) {
        const struct store_stream *stream = &answer->streams[i];

        cr_assert_str_eq(stream->session.id, sessions[order[i]].id, "at %d", i);
        cr_assert(stream->idle_s >= silent_s[order[i]] && stream->idle_s < silent_s[order[i]] + 9,
                  "%lld s", (long long)stream->idle_s);
    }
}

CONTRACT_TEST(create, lists_all_of_a_stream)
{
    const struct store_create one = ask_limits(1, -1);
    const struct session next = ask_session("f", "phone");
    struct session tv = ask_session("f", "tv");

    strcpy(tv.device_name, "Kitchen TV");
    strcpy(tv.media_title, "Blue Planet");
    strcpy(tv.platform, "tvOS");
    int64_t started_ms = ask_create(fixture, &tv)->session.started_ms;

    const struct store_req *answer = ask_create_with(fixture, &next, &one);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    const struct session *listed = &answer->streams[0].session;
    cr_assert_str_eq(listed->id, tv.id);
    cr_assert_str_eq(listed->family_id, "f");
    cr_assert_str_eq(listed->device_id, "tv");
    cr_assert_str_eq(listed->device_name, "Kitchen TV");
    cr_assert_str_eq(listed->media_title, "Blue Planet");
    cr_assert_str_eq(listed->platform, "tvOS");
    cr_assert_eq(listed->started_ms, started_ms);
    cr_assert_eq(listed->last_heartbeat_ms, started_ms);
}

CONTRACT_TEST(create, lists_the_longest_silent_of_very_many)
{
    enum { STREAMS = STORE_STREAMS_MAX + 300 };
    const struct store_create none = ask_limits(0, 0), one = ask_limits(1, 1);
    const struct session next = ask_session("f", "tv");
    struct session sleeper = ask_session("f", "tv");

    for (int i = 0; i < STREAMS; i++) {
        const struct session session = i == STREAMS - 1 ? sleeper : ask_session("f", "tv");

        ASSERT_ERR(ask_create_with(fixture, &session, &none), ERR_OK);
    }
    store_fixture_age(fixture, sleeper.id, 60000);
    const struct store_req *answer = ask_create_with(fixture, &next, &one);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    ASSERT_ACTIVE(answer, STREAMS, STREAMS);
    cr_assert_eq(answer->stream_count, STORE_STREAMS_MAX);
    cr_assert_str_eq(answer->streams[0].session.id, sleeper.id);
}

/* ---- Repeats ---- */

CONTRACT_TEST(create, a_repeat_is_a_success_that_changes_nothing)
{
    const struct session tv = begin(fixture, "f", "tv");
    int64_t started_ms = ask_get(fixture, &tv)->session.started_ms;

    store_fixture_age(fixture, tv.id, 60000);
    const struct store_req *answer = ask_create(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    cr_assert_eq(answer->session.started_ms, started_ms);
    int64_t last_ms = answer->session.last_heartbeat_ms, expires_ms = answer->expires_ms;

    answer = ask_get(fixture, &tv);
    cr_assert_eq(answer->session.last_heartbeat_ms, last_ms);
    cr_assert_lt(answer->session.last_heartbeat_ms, started_ms, "the repeat was no heartbeat");
    cr_assert(answer->expires_ms - expires_ms < 1000 && expires_ms - answer->expires_ms < 1000);
}

CONTRACT_TEST(create, a_repeat_is_a_success_where_there_is_no_room_left)
{
    struct session sessions[10];

    ask_fill(fixture, "f", "d", sessions, 10);
    const struct store_req *answer = ask_create(fixture, &sessions[3]);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 10, 1);
}

CONTRACT_TEST(create, a_repeat_gives_nothing_up_twice)
{
    const struct session old = begin(fixture, "f", "tv"), tv = ask_session("f", "tv");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &old);
    ASSERT_ERR(ask_create_with(fixture, &tv, &create), ERR_OK);
    const struct session phone = begin(fixture, "f", "phone");
    ask_replace(&create, &phone);
    ASSERT_ERR(ask_create_with(fixture, &tv, &create), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &phone), ERR_OK);
}
