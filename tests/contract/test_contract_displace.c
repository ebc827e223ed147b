/* The store contract: streams that have fallen silent give way to new ones. */
#include "contract.h"

#include "feed.h"
#include "redis_server.h"

enum { SECOND_MS = 1000, AFTER_MS = 90000 };

/* Limits of a family and of a device; silence of more than 90 s gives way. */
static void set_limits(struct store_fixture *fixture, uint32_t family, uint32_t device)
{
    fixture->options.family_limit = family;
    fixture->options.device_limit = device;
    fixture->options.displace_after_ms = AFTER_MS;
}

static struct session silent(struct store_fixture *fixture, const char *family, const char *device,
                             int64_t silent_s)
{
    return ask_begin_silent(fixture, family, device, silent_s * SECOND_MS);
}

static void assert_alive(struct store_fixture *fixture, const struct session *session)
{
    ASSERT_ERR(ask_check(fixture, session), ERR_OK);
}

/* That it is over, and that no set of Redis still has it. */
static void assert_displaced(struct store_fixture *fixture, const struct session *session)
{
    struct redis_server *redis = fixture->server;

    ASSERT_ENDED(ask_check(fixture, session), END_DISPLACED);
    ASSERT_ENDED(ask_heartbeat(fixture, session), END_DISPLACED);
    if (redis == NULL)
        return;
    const char *prefix = store_fixture_key_prefix(fixture, session->id);
    cr_assert_eq(redis_server_number(redis, "EXISTS %ssession:%s", prefix, session->id), 0);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER %sfamily_streams:%s %s", prefix,
                                     session->family_id, session->id),
                 0);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER %sdevice_streams:%s %s", prefix,
                                     session->device_id, session->id),
                 0);
}

CONTRACT_TEST(displace, gives_away_the_place_of_one_silent_for_more_than_90_s)
{
    set_limits(fixture, 2, 2);
    const struct session asleep = silent(fixture, "f", "tv", 91),
                         awake = ask_begin(fixture, "f", "phone"),
                         next = ask_session("f", "laptop");

    const struct store_req *answer = ask_create(fixture, &next);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 2, 1);
    assert_displaced(fixture, &asleep);
    assert_alive(fixture, &awake);
    assert_alive(fixture, &next);
}

CONTRACT_TEST(displace, leaves_one_that_was_heard_of_within_90_s)
{
    set_limits(fixture, 1, 2);
    const struct session quiet = silent(fixture, "f", "tv", 80), next = ask_session("f", "phone");

    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &quiet);
}

CONTRACT_TEST(displace, leaves_one_whose_heartbeat_came_back)
{
    set_limits(fixture, 1, 2);
    const struct session back = silent(fixture, "f", "tv", 200), next = ask_session("f", "phone");

    ASSERT_ERR(ask_heartbeat(fixture, &back), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &back);
}

CONTRACT_TEST(displace, takes_the_longest_silent_first)
{
    set_limits(fixture, 3, 2);
    const struct session streams[] = {silent(fixture, "f", "a", 120),
                                      silent(fixture, "f", "b", 250),
                                      silent(fixture, "f", "c", 180)};
    const int order[] = {1, 2, 0};

    for (int i = 0; i < 3; i++) {
        ask_begin(fixture, "f", i < 2 ? "new" : "newer");
        assert_displaced(fixture, &streams[order[i]]);
        for (int later = i + 1; later < 3; later++)
            assert_alive(fixture, &streams[order[later]]);
    }
}

CONTRACT_TEST(displace, takes_as_many_as_are_needed)
{
    const struct store_create three = ask_limits(3, -1);
    struct session streams[5];

    set_limits(fixture, 10, 2);
    ask_fill(fixture, "f", "d", streams, 5);
    for (int i = 0; i < 5; i++)
        store_fixture_age(fixture, streams[i].id, (100 + i) * SECOND_MS);

    const struct session next = ask_session("f", "tv");
    const struct store_req *answer = ask_create_with(fixture, &next, &three);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 3, 1);
    for (int i = 0; i < 2; i++)
        assert_alive(fixture, &streams[i]);
    for (int i = 2; i < 5; i++)
        assert_displaced(fixture, &streams[i]);
}

CONTRACT_TEST(displace, makes_room_on_the_device_before_it_makes_room_in_the_family)
{
    set_limits(fixture, 2, 1);
    const struct session here = silent(fixture, "f", "tv", 100),
                         elsewhere = silent(fixture, "f", "phone", 200),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create(fixture, &next), 2, 1);
    assert_displaced(fixture, &here);
    assert_alive(fixture, &elsewhere); /* though it had been silent for longer */
}

CONTRACT_TEST(displace, makes_room_for_both_limits)
{
    const struct store_create two = ask_limits(2, -1);

    set_limits(fixture, 10, 1);
    const struct session here = silent(fixture, "f", "tv", 100),
                         first = silent(fixture, "f", "phone", 200),
                         second = silent(fixture, "f", "laptop", 150),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create_with(fixture, &next, &two), 2, 1);
    assert_displaced(fixture, &here);
    assert_displaced(fixture, &first);
    assert_alive(fixture, &second);
}

CONTRACT_TEST(displace, takes_another_familys_on_the_device_too)
{
    set_limits(fixture, 10, 1);
    const struct session stranger = silent(fixture, "g", "tv", 100), next = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create(fixture, &next), 1, 1);
    assert_displaced(fixture, &stranger);
    cr_assert_eq(ask_list(fixture, "g")->usage.family_active, 0);
    const struct session another = ask_session("g", "phone");
    ASSERT_ACTIVE(ask_create(fixture, &another), 1, 1);
}

CONTRACT_TEST(displace, takes_no_other_familys_elsewhere)
{
    set_limits(fixture, 1, 1);
    const struct session stranger = silent(fixture, "g", "phone", 200),
                         own = ask_begin(fixture, "f", "tv"), next = ask_session("f", "phone-2");

    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &stranger);
    assert_alive(fixture, &own);
}

CONTRACT_TEST(displace, takes_one_of_the_family_that_is_not_on_the_device_for_the_family_alone)
{
    set_limits(fixture, 10, 1);
    const struct session elsewhere = silent(fixture, "f", "phone", 200),
                         here = ask_begin(fixture, "f", "tv"), next = ask_session("f", "tv");

    ASSERT_ERR(ask_create(fixture, &next), ERR_DEVICE_LIMIT);
    assert_alive(fixture, &elsewhere);
    assert_alive(fixture, &here);
}

CONTRACT_TEST(displace, gives_the_place_on_the_other_device_back)
{
    set_limits(fixture, 2, 2);
    const struct session on_tv[] = {silent(fixture, "f", "tv", 120),
                                    silent(fixture, "f", "tv", 110)};

    ask_begin(fixture, "f", "phone");
    assert_displaced(fixture, &on_tv[0]);
    ask_begin(fixture, "f", "phone");
    assert_displaced(fixture, &on_tv[1]);

    const struct session again[] = {ask_session("g", "tv"), ask_session("g", "tv"),
                                    ask_session("h", "tv")};
    ASSERT_ACTIVE(ask_create(fixture, &again[0]), 1, 1);
    ASSERT_ACTIVE(ask_create(fixture, &again[1]), 2, 2);
    ASSERT_ERR(ask_create(fixture, &again[2]), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(displace, is_off_at_0)
{
    set_limits(fixture, 1, 1);
    fixture->options.displace_after_ms = 0;
    const struct session asleep = silent(fixture, "f", "tv", 290), next = ask_session("f", "phone");

    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &asleep);
}

CONTRACT_TEST(displace, takes_nobody_while_there_is_room)
{
    set_limits(fixture, 2, 2);
    const struct session asleep = silent(fixture, "f", "tv", 290), next = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create(fixture, &next), 2, 2);
    assert_alive(fixture, &asleep);
}

CONTRACT_TEST(displace, takes_nobody_where_one_that_expired_leaves_room)
{
    set_limits(fixture, 2, 2);
    const struct session asleep = silent(fixture, "f", "tv", 290),
                         ghost = ask_begin(fixture, "f", "phone"),
                         next = ask_session("f", "laptop");

    store_fixture_age(fixture, ghost.id, fixture->options.ttl_ms + 1);
    ASSERT_ACTIVE(ask_create(fixture, &next), 2, 1);
    assert_alive(fixture, &asleep);
}

CONTRACT_TEST(displace, takes_nobody_where_what_is_given_up_leaves_room)
{
    set_limits(fixture, 2, 2);
    const struct session asleep = silent(fixture, "f", "tv", 290),
                         given_up = ask_begin(fixture, "f", "phone"),
                         next = ask_session("f", "laptop");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &given_up);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &given_up), END_REPLACED);
    assert_alive(fixture, &asleep);
}

CONTRACT_TEST(displace, takes_what_is_still_needed_beside_what_is_given_up)
{
    set_limits(fixture, 3, 2);
    const struct session asleep = silent(fixture, "f", "tv", 200),
                         given_up = silent(fixture, "f", "phone", 250),
                         awake = ask_begin(fixture, "f", "laptop"),
                         next = ask_session("f", "radio");
    struct store_create create = ask_limits(2, -1);

    ask_replace(&create, &given_up);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &given_up), END_REPLACED);
    assert_displaced(fixture, &asleep);
    assert_alive(fixture, &awake);
}

CONTRACT_TEST(displace, ends_nobody_where_too_few_are_silent)
{
    set_limits(fixture, 10, 2);
    const struct session asleep = silent(fixture, "f", "tv", 200),
                         given_up = ask_begin(fixture, "f", "phone"),
                         awake[] = {ask_begin(fixture, "f", "laptop"),
                                    ask_begin(fixture, "f", "radio")},
                         next = ask_session("f", "watch");
    struct store_create create = ask_limits(2, -1);

    ask_replace(&create, &given_up);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 4, 0);
    cr_assert_eq(answer->stream_count, 4);
    cr_assert_str_eq(answer->streams[0].session.id, asleep.id);
    assert_alive(fixture, &asleep);
    assert_alive(fixture, &given_up);
    assert_alive(fixture, &awake[0]);
    assert_alive(fixture, &awake[1]);
    cr_assert_eq(feed_count(fixture, "displaced"), 0);
    cr_assert_eq(feed_count(fixture, "replaced"), 0);
}

CONTRACT_TEST(displace, ends_nobody_on_the_device_where_the_family_stays_full)
{
    set_limits(fixture, 10, 1);
    const struct session asleep = silent(fixture, "g", "tv", 200),
                         own = ask_begin(fixture, "f", "phone"), next = ask_session("f", "tv");
    const struct store_create one = ask_limits(1, -1);

    ASSERT_ERR(ask_create_with(fixture, &next, &one), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &asleep);
    assert_alive(fixture, &own);
}
