/* The store contract: what a viewer gives up for a new stream. */
#include "contract.h"

#include <string.h>

/* Creates a session that must be let in. */
static struct session begin(struct store_fixture *fixture, const char *family, const char *device)
{
    const struct session session = ask_session(family, device);

    ASSERT_ERR(ask_create(fixture, &session), ERR_OK);
    return session;
}

/* A create that gives one session up. */
static struct store_create instead_of(const struct session *session)
{
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, session);
    return create;
}

CONTRACT_TEST(replace, takes_the_place_of_a_stream_given_up)
{
    struct session sessions[10];
    const struct session next = ask_session("f", "another");

    ask_fill(fixture, "f", "d", sessions, 10);
    const struct store_create create = instead_of(&sessions[4]);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 10, 1);
    ASSERT_ERR(ask_check(fixture, &next), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &sessions[4]), END_REPLACED);
}

CONTRACT_TEST(replace, tells_the_device_that_took_the_place)
{
    const struct session first = begin(fixture, "f", "tv");
    struct session second = ask_session("f", "phone"), third = ask_session("f", "laptop");
    struct store_create create = instead_of(&first);

    ASSERT_ERR(ask_create_with(fixture, &second, &create), ERR_OK);
    cr_assert_str_eq(ask_heartbeat(fixture, &first)->end.by, "phone");

    strcpy(third.device_name, "Anna's laptop");
    create = instead_of(&second);
    ASSERT_ERR(ask_create_with(fixture, &third, &create), ERR_OK);
    cr_assert_str_eq(ask_heartbeat(fixture, &second)->end.by, "Anna's laptop");
}

CONTRACT_TEST(replace, ends_what_is_given_up_though_there_is_room)
{
    const struct session tv = begin(fixture, "f", "tv"), next = ask_session("f", "phone");
    const struct store_create create = instead_of(&tv);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);

    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    ASSERT_ENDED(ask_check(fixture, &tv), END_REPLACED);
}

CONTRACT_TEST(replace, gives_the_other_devices_place_back)
{
    begin(fixture, "f", "tv");
    const struct session given_up = begin(fixture, "f", "tv"), next = ask_session("f", "phone");
    const struct store_create create = instead_of(&given_up);

    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_OK);
    const struct session again = ask_session("f", "tv"), too_many = ask_session("f", "tv");
    ASSERT_ACTIVE(ask_create(fixture, &again), 3, 2);
    ASSERT_ERR(ask_create(fixture, &too_many), ERR_DEVICE_LIMIT);
}

CONTRACT_TEST(replace, gives_up_several_at_once)
{
    struct session sessions[10];
    struct store_create create = ask_limits(-1, -1);
    const struct session next = ask_session("f", "another");

    ask_fill(fixture, "f", "d", sessions, 10);
    for (int i = 0; i < 10; i++)
        ask_replace(&create, &sessions[i]);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
    for (int i = 0; i < 10; i++)
        ASSERT_ENDED(ask_check(fixture, &sessions[i]), END_REPLACED);
}

CONTRACT_TEST(replace, counts_a_stream_named_twice_once)
{
    fixture->options.family_limit = 2;

    const struct session tv = begin(fixture, "f", "tv"), next = ask_session("f", "tv");
    struct store_create create = instead_of(&tv);

    begin(fixture, "f", "phone");
    ask_replace(&create, &tv);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
}

CONTRACT_TEST(replace, passes_over_a_strangers_stream)
{
    const struct session stranger = begin(fixture, "g", "elsewhere"), next = ask_session("f", "tv");
    const struct store_create create = instead_of(&stranger);

    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 1, 1);
    ASSERT_ERR(ask_check(fixture, &stranger), ERR_OK);
}

CONTRACT_TEST(replace, passes_over_a_strangers_stream_on_the_same_device)
{
    const struct session strangers[] = {begin(fixture, "g", "tv"), begin(fixture, "h", "tv")};
    const struct session next = ask_session("f", "tv");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &strangers[0]);
    ask_replace(&create, &strangers[1]);
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_DEVICE_LIMIT);
    ASSERT_ERR(ask_check(fixture, &strangers[0]), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &strangers[1]), ERR_OK);
}

CONTRACT_TEST(replace, passes_over_what_has_ended_and_leaves_its_reason)
{
    const struct session stopped = begin(fixture, "f", "tv"), next = ask_session("f", "tv");
    const struct store_create create = instead_of(&stopped);

    ask_end(fixture, &stopped, END_STOPPED);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 1, 1);
    ASSERT_ENDED(ask_check(fixture, &stopped), END_STOPPED);
}

CONTRACT_TEST(replace, passes_over_what_has_expired_or_never_was)
{
    const struct session asleep = begin(fixture, "f", "tv"), nobody = ask_session("f", "tv"),
                         next = ask_session("f", "tv");
    struct store_create create = instead_of(&asleep);

    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ask_replace(&create, &nobody);
    ask_replace(&create, &next);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 1, 1);
    ASSERT_ENDED(ask_check(fixture, &asleep), END_EXPIRED);
    ASSERT_ENDED(ask_check(fixture, &nobody), END_EXPIRED);
}

CONTRACT_TEST(replace, ends_nobody_where_it_is_still_refused)
{
    const struct session phone = begin(fixture, "f", "phone"), next = ask_session("f", "tv");
    const struct session in_the_way[] = {begin(fixture, "f", "tv"), begin(fixture, "f", "tv")};
    const struct store_create create = instead_of(&phone);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);

    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    ASSERT_ACTIVE(answer, 3, 2);
    cr_assert_eq(answer->stream_count, 2);
    ASSERT_ERR(ask_check(fixture, &phone), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &in_the_way[0]), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &in_the_way[1]), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &next), END_EXPIRED);
}

CONTRACT_TEST(replace, ends_nobody_where_the_family_was_over_its_limit_already)
{
    struct session sessions[5];
    const struct session next = ask_session("f", "another");
    struct store_create create = ask_limits(2, -1);

    ask_fill(fixture, "f", "d", sessions, 5);
    for (int i = 0; i < 3; i++) /* a fourth would have made room */
        ask_replace(&create, &sessions[i]);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 5, 0);
    cr_assert_eq(answer->stream_count, 5, "those named are in the way, too");
    for (int i = 0; i < 5; i++)
        ASSERT_ERR(ask_check(fixture, &sessions[i]), ERR_OK);

    ask_replace(&create, &sessions[3]);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
}
