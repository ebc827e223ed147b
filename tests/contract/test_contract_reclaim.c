/* The store contract: a player that comes back takes its own place again, never a second one. */
#include "contract.h"

#include <string.h>

static struct session of_player(const char *family, const char *device, const char *player)
{
    struct session session = ask_session(family, device);

    strcpy(session.player_id, player);
    return session;
}

/* Creates one that must be let in. */
static struct session begin(struct store_fixture *fixture, const char *family, const char *device,
                            const char *player)
{
    struct session session = of_player(family, device, player);
    const struct store_req *answer = ask_create(fixture, &session);

    ASSERT_ERR(answer, ERR_OK);
    session.started_ms = answer->session.started_ms;
    return session;
}

static void assert_alive(struct store_fixture *fixture, const struct session *session)
{
    ASSERT_ERR(ask_check(fixture, session), ERR_OK);
}

CONTRACT_TEST(reclaim, takes_the_place_of_the_same_player_though_there_is_room)
{
    const struct session before = begin(fixture, "f", "tv", "tab"),
                         after = of_player("f", "tv", "tab");
    const struct store_req *answer = ask_create(fixture, &after);

    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    answer = ask_heartbeat(fixture, &before);
    ASSERT_ENDED(answer, END_REPLACED);
    cr_assert_str_eq(answer->end.by, "tv");
    assert_alive(fixture, &after);
}

CONTRACT_TEST(reclaim, takes_it_where_both_limits_are_full)
{
    fixture->options.family_limit = fixture->options.device_limit = 1;

    for (int i = 0; i < 5; i++) {
        const struct session again = of_player("f", "tv", "tab");

        ASSERT_ACTIVE(ask_create(fixture, &again), 1, 1);
    }
    const struct session other = of_player("f", "tv", "other tab");
    ASSERT_ERR(ask_create(fixture, &other), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(reclaim, gives_the_place_in_the_sets_back)
{
    for (int i = 0; i < 5; i++)
        begin(fixture, "f", "tv", "tab");
    const struct session second = of_player("f", "tv", "other tab"),
                         third = of_player("g", "tv", "third tab");
    ASSERT_ACTIVE(ask_create(fixture, &second), 2, 2);
    ASSERT_ERR(ask_create(fixture, &third), ERR_DEVICE_LIMIT);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 2);
}

CONTRACT_TEST(reclaim, leaves_the_same_player_on_another_device)
{
    const struct session tv = begin(fixture, "f", "tv", "tab"),
                         phone = begin(fixture, "f", "phone", "tab");

    assert_alive(fixture, &tv);
    assert_alive(fixture, &phone);
}

CONTRACT_TEST(reclaim, leaves_the_same_player_of_another_family_on_the_device)
{
    const struct session stranger = begin(fixture, "g", "tv", "tab"),
                         own = begin(fixture, "f", "tv", "tab");

    assert_alive(fixture, &stranger);
    assert_alive(fixture, &own);
    const struct session next = of_player("h", "tv", "tab");
    ASSERT_ERR(ask_create(fixture, &next), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(reclaim, leaves_another_player_and_one_that_has_no_name)
{
    fixture->options.device_limit = 3;
    const struct session other = begin(fixture, "f", "tv", "tab 1"),
                         nameless = begin(fixture, "f", "tv", ""),
                         own = begin(fixture, "f", "tv", "tab");

    assert_alive(fixture, &other);
    assert_alive(fixture, &nameless);
    assert_alive(fixture, &own);
}

CONTRACT_TEST(reclaim, two_that_have_no_name_are_not_the_same)
{
    const struct session first = begin(fixture, "f", "tv", ""),
                         second = begin(fixture, "f", "tv", "");

    assert_alive(fixture, &first);
    assert_alive(fixture, &second);
}

CONTRACT_TEST(reclaim, a_create_sent_twice_under_one_id_ends_nobody)
{
    const struct session tv = begin(fixture, "f", "tv", "tab");

    for (int i = 0; i < 3; i++)
        ASSERT_ACTIVE(ask_create(fixture, &tv), 1, 1);
    assert_alive(fixture, &tv);
}

CONTRACT_TEST(reclaim, ends_all_that_the_player_left_behind)
{
    const struct session first = begin(fixture, "f", "tv", "tab");

    store_fixture_age(fixture, first.id, fixture->options.ttl_ms + 1);
    const struct session second = begin(fixture, "f", "tv", "tab");
    ASSERT_ERR(ask_revive(fixture, &first, first.started_ms), ERR_OK);
    assert_alive(fixture, &second);

    const struct session third = of_player("f", "tv", "tab");
    ASSERT_ACTIVE(ask_create(fixture, &third), 1, 1);
    ASSERT_ENDED(ask_check(fixture, &first), END_REPLACED);
    ASSERT_ENDED(ask_check(fixture, &second), END_REPLACED);
}

CONTRACT_TEST(reclaim, counts_one_that_is_given_up_by_name_too_once)
{
    const struct session before = begin(fixture, "f", "tv", "tab"),
                         other = begin(fixture, "f", "tv", "other tab"),
                         after = of_player("f", "tv", "tab");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &before);
    ASSERT_ACTIVE(ask_create_with(fixture, &after, &create), 2, 2);
    ASSERT_ENDED(ask_check(fixture, &before), END_REPLACED);
    assert_alive(fixture, &other);
}

CONTRACT_TEST(reclaim, ends_nobody_where_the_create_is_refused_all_the_same)
{
    const struct session own = begin(fixture, "f", "tv", "tab"), next = of_player("f", "tv", "tab");
    const struct store_create two = ask_limits(2, -1);
    struct session others[3];

    ask_fill(fixture, "f", "d", others, 3);
    const struct store_req *answer = ask_create_with(fixture, &next, &two);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 4, 1);
    assert_alive(fixture, &own);
}

CONTRACT_TEST(reclaim, finds_the_player_among_very_many_streams)
{
    const struct store_create none = ask_limits(0, 0);
    const struct session own = begin(fixture, "f", "tv", "tab");

    for (int i = 0; i < 1200; i++) {
        const struct session other = ask_session("f", "tv");
        ASSERT_ERR(ask_create_with(fixture, &other, &none), ERR_OK);
    }
    const struct session next = of_player("f", "tv", "tab");
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &none), 1201, 1201);
    ASSERT_ENDED(ask_check(fixture, &own), END_REPLACED);
}
