/* The store contract: which limits are in force, and what becomes of them. */
#include "contract.h"

#include <string.h>

#include "clock.h"

enum { SLACK_MS = 5000 };

static void assert_limits(const struct store_req *answer, uint32_t family, uint32_t device)
{
    cr_assert(answer->usage.family_limit == family && answer->usage.device_limit == device,
              "%u and %u, not %u and %u", answer->usage.family_limit, answer->usage.device_limit,
              family, device);
}

/* The limits that a create of the family meets, which stops again at once. */
static void assert_in_force(struct store_fixture *fixture, const char *family,
                            const struct store_create *create, uint32_t family_limit,
                            uint32_t device_limit)
{
    const struct session session = ask_session(family, "of its own");
    const struct store_req *answer = ask_create_with(fixture, &session, create);

    ASSERT_ERR(answer, ERR_OK);
    assert_limits(answer, family_limit, device_limit);
    ask_end(fixture, &session, END_STOPPED);
}

static void assert_alive(struct store_fixture *fixture, const struct session *sessions, int count)
{
    for (int i = 0; i < count; i++)
        ASSERT_ERR(ask_check(fixture, &sessions[i]), ERR_OK);
}

/* ---- In force ---- */

CONTRACT_TEST(limits, an_override_comes_before_a_claim_and_that_before_the_settings)
{
    const struct store_create nothing = ask_limits(-1, -1), claim = ask_limits(5, 4);

    assert_in_force(fixture, "f", &nothing, 10, 2);
    assert_in_force(fixture, "f", &claim, 5, 4);
    ASSERT_ERR(ask_set_limits(fixture, "f", 7, 3, 0), ERR_OK);
    assert_in_force(fixture, "f", &nothing, 7, 3);
    assert_in_force(fixture, "f", &claim, 7, 3);
}

CONTRACT_TEST(limits, an_override_may_say_a_part)
{
    const struct store_create nothing = ask_limits(-1, -1), claim = ask_limits(5, 4),
                              device_claim = ask_limits(-1, 4);

    ask_set_limits(fixture, "f", 7, -1, 0);
    assert_in_force(fixture, "f", &nothing, 7, 2);
    assert_in_force(fixture, "f", &claim, 7, 4);
    ask_set_limits(fixture, "f", -1, 3, 0); /* takes the place of the first one, wholly */
    assert_in_force(fixture, "f", &nothing, 10, 3);
    assert_in_force(fixture, "f", &claim, 5, 3);
    assert_in_force(fixture, "f", &device_claim, 10, 3);
}

CONTRACT_TEST(limits, an_override_is_for_its_family_alone)
{
    const struct store_create nothing = ask_limits(-1, -1);

    ask_set_limits(fixture, "f", 1, 1, 0);
    assert_in_force(fixture, "g", &nothing, 10, 2);
}

CONTRACT_TEST(limits, an_override_holds)
{
    struct session streams[3];
    const struct session fourth = ask_session("f", "another");
    const struct store_create claim = ask_limits(10, 10);

    ask_set_limits(fixture, "f", 3, -1, 0);
    ask_fill(fixture, "f", "d", streams, 3);
    ASSERT_ERR(ask_create(fixture, &fourth), ERR_FAMILY_LIMIT);
    const struct store_req *answer = ask_create_with(fixture, &fourth, &claim);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    assert_limits(answer, 3, 10);

    ask_set_limits(fixture, "f", 4, -1, 0);
    ASSERT_ACTIVE(ask_create(fixture, &fourth), 4, 1);
}

CONTRACT_TEST(limits, an_override_of_0_is_no_limit)
{
    fixture->options.family_limit = fixture->options.device_limit = 1;

    ask_set_limits(fixture, "f", 0, 0, 0);
    for (unsigned i = 1; i <= 20; i++) {
        const struct session session = ask_session("f", "tv");
        const struct store_req *answer = ask_create(fixture, &session);

        ASSERT_ERR(answer, ERR_OK);
        ASSERT_ACTIVE(answer, i, i);
        assert_limits(answer, 0, 0);
    }
}

CONTRACT_TEST(limits, an_override_counts_other_families_on_the_device)
{
    const struct session here = ask_session("f", "tv");

    ask_set_limits(fixture, "f", -1, 1, 0);
    ask_begin(fixture, "g", "tv");
    ASSERT_ERR(ask_create(fixture, &here), ERR_DEVICE_LIMIT);
    ask_begin(fixture, "g", "tv"); /* not of those limits */
}

CONTRACT_TEST(limits, an_override_is_lifted)
{
    const struct store_create nothing = ask_limits(-1, -1);

    ask_set_limits(fixture, "f", 1, 1, 0);
    ASSERT_ERR(ask_set_limits(fixture, "f", -1, -1, 0), ERR_OK);
    assert_in_force(fixture, "f", &nothing, 10, 2);
    ASSERT_ERR(ask_set_limits(fixture, "f", -1, -1, 1000),
               ERR_OK); /* and again, and one of nobody */
    ASSERT_ERR(ask_set_limits(fixture, "nobody", -1, -1, 0), ERR_OK);
    assert_in_force(fixture, "f", &nothing, 10, 2);
}

CONTRACT_TEST(limits, an_override_ends_in_time)
{
    const struct session next = ask_session("f", "phone");

    ask_begin(fixture, "f", "tv");
    int64_t before_ms = clock_monotonic_ms();
    ASSERT_ERR(ask_set_limits(fixture, "f", 1, -1, 100), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    while (ask_create(fixture, &next)->err != ERR_OK)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never does");
    cr_assert_geq(clock_monotonic_ms(), before_ms + 98);
}

CONTRACT_TEST(limits, an_override_set_anew_lasts_as_long_as_the_new_one)
{
    const struct store_create nothing = ask_limits(-1, -1);

    ask_set_limits(fixture, "g", 1, -1, 50);
    ask_set_limits(fixture, "f", 1, -1, 50);
    ask_set_limits(fixture, "f", 3, -1, 0);
    while (ask_list(fixture, "g")->usage.family_limit == 1)
        ;
    assert_in_force(fixture, "f", &nothing, 3, 2);
}

/* ---- Lowered ---- */

CONTRACT_TEST(limits, lowering_one_ends_nobody_and_refuses_until_there_is_room)
{
    struct session streams[5];
    const struct session next = ask_session("f", "another");

    ask_fill(fixture, "f", "d", streams, 5);
    ask_set_limits(fixture, "f", 3, -1, 0);
    assert_alive(fixture, streams, 5);
    for (unsigned left = 5; left >= 3; left--) {
        const struct store_req *answer = ask_create(fixture, &next);

        ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
        ASSERT_ACTIVE(answer, left, 0);
        cr_assert_eq(answer->stream_count, left);
        assert_alive(fixture, streams, (int)left);
        ask_end(fixture, &streams[left - 1], END_STOPPED);
    }
    ASSERT_ACTIVE(ask_create(fixture, &next), 3, 1);
}

CONTRACT_TEST(limits, lowering_one_leaves_heartbeats_and_repeats_alone)
{
    struct session streams[3];

    ask_fill(fixture, "f", "d", streams, 3);
    ask_set_limits(fixture, "f", 1, 1, 0);
    for (int i = 0; i < 3; i++) {
        ASSERT_ERR(ask_heartbeat(fixture, &streams[i]), ERR_OK);
        ASSERT_ERR(ask_create(fixture, &streams[i]), ERR_OK);
    }
}

/* ---- Only counted ---- */

static void only_count(struct store_fixture *fixture, uint32_t family, uint32_t device)
{
    fixture->options.family_limit = family;
    fixture->options.device_limit = device;
    fixture->options.dry_run = true;
}

CONTRACT_TEST(limits, a_dry_run_lets_in_and_tells_what_would_have_refused)
{
    only_count(fixture, 2, 1);
    const struct session streams[] = {ask_session("f", "tv"), ask_session("f", "phone"),
                                      ask_session("f", "laptop"), ask_session("f", "tv")};
    const enum err would_deny[] = {ERR_OK, ERR_OK, ERR_FAMILY_LIMIT, ERR_DEVICE_LIMIT};

    for (unsigned i = 0; i < 4; i++) {
        const struct store_req *answer = ask_create(fixture, &streams[i]);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_eq(answer->would_deny, would_deny[i], "%u", i);
        ASSERT_ACTIVE(answer, i + 1, i == 3 ? 2u : 1u);
        assert_limits(answer, 2, 1);
        cr_assert_eq(answer->stream_count, 0);
    }
    assert_alive(fixture, streams, 4);
}

CONTRACT_TEST(limits, a_dry_run_ends_nobody_on_the_limits_account)
{
    only_count(fixture, 1, 1);
    fixture->options.displace_after_ms = 90000;
    const struct session silent = ask_begin_silent(fixture, "f", "tv", 200000),
                         next = ask_session("f", "tv"), third = ask_session("f", "tv");
    struct store_create create = ask_limits(-1, -1);

    create.evict = true;
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 2, 2);
    cr_assert_eq(answer->would_deny, ERR_OK, "the silent one would have given way");
    answer = ask_create(fixture, &third);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->would_deny, ERR_DEVICE_LIMIT);
    ASSERT_ACTIVE(answer, 3, 3);
    assert_alive(fixture, &silent, 1);
    assert_alive(fixture, &next, 1);
}

CONTRACT_TEST(limits, a_dry_run_gives_up_what_the_viewer_gives_up)
{
    only_count(fixture, 1, 2);
    const struct session given_up = ask_begin(fixture, "f", "tv"),
                         other = ask_begin(fixture, "f", "phone");
    struct session next = ask_session("f", "laptop"), again = ask_session("f", "laptop");
    struct store_create create = ask_limits(-1, -1);

    strcpy(next.player_id, "tab");
    strcpy(again.player_id, "tab");
    ask_replace(&create, &given_up);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 2, 1);
    cr_assert_eq(answer->would_deny, ERR_FAMILY_LIMIT);
    ASSERT_ENDED(ask_check(fixture, &given_up), END_REPLACED);

    ASSERT_ACTIVE(ask_create(fixture, &again), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &next), END_REPLACED);
    assert_alive(fixture, &other, 1);
}

CONTRACT_TEST(limits, a_dry_run_would_not_have_denied_what_room_was_made_for)
{
    only_count(fixture, 1, 1);
    const struct session tv = ask_begin(fixture, "f", "tv"), next = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &tv);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->would_deny, ERR_OK);
    ASSERT_ACTIVE(answer, 1, 1);
}

CONTRACT_TEST(limits, a_dry_run_revives_past_a_limit)
{
    only_count(fixture, 1, 1);
    const struct session asleep = ask_begin(fixture, "f", "tv");

    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ask_begin(fixture, "f", "phone");
    const struct store_req *answer = ask_revive(fixture, &asleep, asleep.started_ms);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->would_deny, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 2, 1);
}
