/* The store contract: the oldest stream of a family gives way to a new one, where that is wished.
 */
#include "contract.h"

#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "feed.h"

enum { SLACK_MS = 5000 };

static void set_limits(struct store_fixture *fixture, uint32_t family, uint32_t device)
{
    fixture->options.family_limit = family;
    fixture->options.device_limit = device;
}

/* Creates a session that must be let in, at a time of its own: what is older than another is clear.
 */
static struct session begin(struct store_fixture *fixture, const char *family, const char *device)
{
    const struct session session = ask_begin(fixture, family, device);

    while (clock_wall_ms() <= session.started_ms)
        ;
    return session;
}

/* A create that evicts, with limits of the caller's. */
static struct store_create evicting(int family_limit, int device_limit)
{
    struct store_create create = ask_limits(family_limit, device_limit);

    create.evict = true;
    return create;
}

static const struct store_req *evict(struct store_fixture *fixture, const struct session *session)
{
    const struct store_create create = evicting(-1, -1);

    return ask_create_with(fixture, session, &create);
}

static void assert_alive(struct store_fixture *fixture, const struct session *session)
{
    ASSERT_ERR(ask_check(fixture, session), ERR_OK);
}

CONTRACT_TEST(evict, ends_the_oldest_of_the_family)
{
    set_limits(fixture, 3, 2);
    const struct session oldest = begin(fixture, "f", "tv"), second = begin(fixture, "f", "phone"),
                         third = begin(fixture, "f", "radio"), next = ask_session("f", "laptop");

    ASSERT_ACTIVE(evict(fixture, &next), 3, 1);
    ASSERT_ENDED(ask_check(fixture, &oldest), END_REPLACED);
    assert_alive(fixture, &second);
    assert_alive(fixture, &third);
    assert_alive(fixture, &next);
}

CONTRACT_TEST(evict, counts_age_by_the_start_and_not_by_silence)
{
    set_limits(fixture, 2, 2);
    const struct session oldest = begin(fixture, "f", "tv"), silent = begin(fixture, "f", "phone"),
                         next = ask_session("f", "laptop");

    store_fixture_age(fixture, silent.id, 80000);
    ASSERT_ERR(evict(fixture, &next), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &oldest), END_REPLACED);
    assert_alive(fixture, &silent);
}

CONTRACT_TEST(evict, ends_the_smaller_id_of_two_equally_old)
{
    set_limits(fixture, 4, 4);
    struct session streams[4], *smallest = &streams[0];
    const struct session next = ask_session("f", "laptop");

    for (int i = 0; i < 4; i++) { /* revived, since that takes a start that is given */
        streams[i] = ask_session("f", "tv");
        streams[i].started_ms = i == 0 ? clock_wall_ms() : streams[0].started_ms;
        ASSERT_ERR(ask_revive(fixture, &streams[i], streams[i].started_ms), ERR_OK);
        if (strcmp(streams[i].id, smallest->id) < 0)
            smallest = &streams[i];
    }
    ASSERT_ERR(evict(fixture, &next), ERR_OK);
    for (int i = 0; i < 4; i++) {
        if (&streams[i] == smallest)
            ASSERT_ENDED(ask_check(fixture, &streams[i]), END_REPLACED);
        else
            assert_alive(fixture, &streams[i]);
    }
}

CONTRACT_TEST(evict, ends_nobody_where_it_is_not_wished)
{
    set_limits(fixture, 1, 2);
    const struct session tv = begin(fixture, "f", "tv"), next = ask_session("f", "phone");

    ASSERT_ERR(ask_create(fixture, &next), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &tv);
}

CONTRACT_TEST(evict, ends_nobody_while_there_is_room)
{
    set_limits(fixture, 2, 2);
    const struct session tv = begin(fixture, "f", "tv"), next = ask_session("f", "phone");

    ASSERT_ACTIVE(evict(fixture, &next), 2, 1);
    assert_alive(fixture, &tv);
}

CONTRACT_TEST(evict, tells_the_victim_who_took_its_place)
{
    set_limits(fixture, 1, 2);
    const struct session tv = begin(fixture, "f", "tv");
    struct session next = ask_session("f", "phone");

    strcpy(next.device_name, "Anna's phone");
    ASSERT_ERR(evict(fixture, &next), ERR_OK);
    const struct store_req *answer = ask_heartbeat(fixture, &tv);
    ASSERT_ENDED(answer, END_REPLACED);
    cr_assert_str_eq(answer->end.by, "Anna's phone");
}

/* ---- Which limit ---- */

CONTRACT_TEST(evict, ends_the_oldest_on_the_device_where_that_is_full)
{
    set_limits(fixture, 10, 2);
    const struct session elsewhere = begin(fixture, "f", "phone"),
                         older = begin(fixture, "f", "tv"), newer = begin(fixture, "f", "tv"),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(evict(fixture, &next), 3, 2);
    ASSERT_ENDED(ask_check(fixture, &older), END_REPLACED);
    assert_alive(fixture, &elsewhere);
    assert_alive(fixture, &newer);
}

CONTRACT_TEST(evict, one_victim_may_serve_both_limits)
{
    set_limits(fixture, 2, 1);
    const struct session elsewhere = begin(fixture, "f", "phone"), here = begin(fixture, "f", "tv"),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(evict(fixture, &next), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &here), END_REPLACED);
    assert_alive(fixture, &elsewhere); /* though it was older */
}

CONTRACT_TEST(evict, ends_two_where_each_limit_needs_one)
{
    set_limits(fixture, 10, 1);
    const struct session oldest = begin(fixture, "f", "phone"),
                         second = begin(fixture, "f", "radio"), here = begin(fixture, "f", "tv"),
                         next = ask_session("f", "tv");
    const struct store_create create = evicting(2, -1);

    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &oldest), END_REPLACED);
    ASSERT_ENDED(ask_check(fixture, &here), END_REPLACED);
    assert_alive(fixture, &second);
}

CONTRACT_TEST(evict, ends_nobody_where_one_for_each_limit_is_not_enough)
{
    struct session streams[4];
    const struct session next = ask_session("f", "another");
    const struct store_create create = evicting(3, -1);

    ask_fill(fixture, "f", "d", streams, 4);
    const struct store_req *answer = ask_create_with(fixture, &next, &create);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 4, 0);
    for (int i = 0; i < 4; i++)
        assert_alive(fixture, &streams[i]);
    cr_assert_eq(feed_count(fixture, "replaced"), 0);

    ASSERT_ERR(ask_end(fixture, &streams[3], END_STOPPED), ERR_OK);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 3, 1);
}

CONTRACT_TEST(evict, ends_nobody_on_the_device_where_the_family_stays_full)
{
    struct session streams[4];
    const struct session here = begin(fixture, "f", "tv"), next = ask_session("f", "tv");
    const struct store_create create = evicting(2, 1);

    ask_fill(fixture, "f", "d", streams, 4);
    ASSERT_ERR(ask_create_with(fixture, &next, &create), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &here);
    for (int i = 0; i < 4; i++)
        assert_alive(fixture, &streams[i]);
}

/* ---- Strangers ---- */

CONTRACT_TEST(evict, ends_no_strangers_on_the_device)
{
    set_limits(fixture, 10, 1);
    const struct session stranger = begin(fixture, "g", "tv"), next = ask_session("f", "tv");

    ASSERT_ERR(evict(fixture, &next), ERR_DEVICE_LIMIT);
    assert_alive(fixture, &stranger);
}

CONTRACT_TEST(evict, passes_over_a_stranger_who_is_older)
{
    set_limits(fixture, 10, 2);
    const struct session stranger = begin(fixture, "g", "tv"), own = begin(fixture, "f", "tv"),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(evict(fixture, &next), 1, 2);
    ASSERT_ENDED(ask_check(fixture, &own), END_REPLACED);
    assert_alive(fixture, &stranger);
}

/* ---- With the other rules ---- */

CONTRACT_TEST(evict, comes_after_the_silent)
{
    set_limits(fixture, 2, 2);
    fixture->options.displace_after_ms = 90000;
    const struct session oldest = begin(fixture, "f", "tv"), silent = begin(fixture, "f", "phone"),
                         next = ask_session("f", "laptop");

    store_fixture_age(fixture, silent.id, 91000);
    ASSERT_ACTIVE(evict(fixture, &next), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &silent), END_DISPLACED);
    assert_alive(fixture, &oldest);
}

CONTRACT_TEST(evict, adds_one_to_what_is_given_up_and_what_is_silent)
{
    set_limits(fixture, 10, 2);
    fixture->options.displace_after_ms = 90000;
    const struct session oldest = begin(fixture, "f", "tv"), silent = begin(fixture, "f", "phone"),
                         given_up = begin(fixture, "f", "radio"),
                         awake = begin(fixture, "f", "watch"), next = ask_session("f", "laptop");
    struct store_create create = evicting(2, -1);

    ask_replace(&create, &given_up);
    store_fixture_age(fixture, silent.id, 91000);
    ASSERT_ACTIVE(ask_create_with(fixture, &next, &create), 2, 1);
    ASSERT_ENDED(ask_check(fixture, &given_up), END_REPLACED);
    ASSERT_ENDED(ask_check(fixture, &silent), END_DISPLACED);
    ASSERT_ENDED(ask_check(fixture, &oldest), END_REPLACED);
    assert_alive(fixture, &awake);
}

/* ---- Cooldown ---- */

CONTRACT_TEST(evict, a_device_that_was_evicted_cannot_evict_at_once)
{
    set_limits(fixture, 1, 1);
    fixture->options.evict_cooldown_ms = 60000;
    begin(fixture, "f", "tv");
    const struct session phone = ask_session("f", "phone"), tv_again = ask_session("f", "tv"),
                         laptop = ask_session("f", "laptop");

    ASSERT_ERR(evict(fixture, &phone), ERR_OK);
    ASSERT_ERR(evict(fixture, &tv_again), ERR_FAMILY_LIMIT);
    assert_alive(fixture, &phone);
    ASSERT_ERR(evict(fixture, &laptop), ERR_OK); /* it was never evicted */
    ASSERT_ENDED(ask_check(fixture, &phone), END_REPLACED);
}

CONTRACT_TEST(evict, a_device_that_was_evicted_may_come_back_where_there_is_room)
{
    set_limits(fixture, 1, 1);
    fixture->options.evict_cooldown_ms = 60000;
    const struct session tv = begin(fixture, "f", "tv"), phone = ask_session("f", "phone"),
                         tv_again = ask_session("f", "tv");

    ASSERT_ERR(evict(fixture, &phone), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &tv), END_REPLACED);
    ask_end(fixture, &phone, END_STOPPED);
    ASSERT_ERR(evict(fixture, &tv_again), ERR_OK);
}

CONTRACT_TEST(evict, only_an_eviction_cools_a_device_down)
{
    set_limits(fixture, 1, 1);
    fixture->options.evict_cooldown_ms = 60000;
    const struct session tv = begin(fixture, "f", "tv"), phone = ask_session("f", "phone"),
                         tv_again = ask_session("f", "tv");
    struct store_create create = evicting(-1, -1);

    ask_replace(&create, &tv);
    ASSERT_ERR(ask_create_with(fixture, &phone, &create), ERR_OK);
    ASSERT_ERR(evict(fixture, &tv_again), ERR_OK);
}

CONTRACT_TEST(evict, a_device_has_cooled_down_after_the_cooldown)
{
    set_limits(fixture, 1, 1);
    fixture->options.evict_cooldown_ms = 100;
    begin(fixture, "f", "tv");
    const struct session phone = ask_session("f", "phone"), tv_again = ask_session("f", "tv");

    int64_t before_ms = clock_monotonic_ms();
    ASSERT_ERR(evict(fixture, &phone), ERR_OK);
    while (evict(fixture, &tv_again)->err != ERR_OK)
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "it never does");
    cr_assert_geq(clock_monotonic_ms(), before_ms + 98);
}

CONTRACT_TEST(evict, without_a_cooldown_two_may_go_on_for_ever)
{
    set_limits(fixture, 1, 1);
    struct session last = begin(fixture, "f", "tv");

    for (int i = 0; i < 6; i++) {
        const struct session next = ask_session("f", i % 2 == 0 ? "phone" : "tv");

        ASSERT_ACTIVE(evict(fixture, &next), 1, 1);
        ASSERT_ENDED(ask_check(fixture, &last), END_REPLACED);
        last = next;
    }
}

/* ---- At once ---- */

struct racer {
    struct store_req req;
    int *outstanding;
    struct loop *loop;
};

static void on_done(struct store_req *req)
{
    struct racer *racer = CONTAINER_OF(req, struct racer, req);

    if (--*racer->outstanding == 0)
        uv_stop(&racer->loop->uv);
}

CONTRACT_TEST(evict, two_at_once_evict_one_each)
{
    set_limits(fixture, 3, 2);
    const struct session first = begin(fixture, "f", "tv"), second = begin(fixture, "f", "phone"),
                         third = begin(fixture, "f", "radio");
    struct racer racers[2];
    int outstanding = 2;

    for (int i = 0; i < 2; i++) {
        racers[i] = (struct racer){
            .req = {.op = STORE_CREATE,
                    .deadline_ms = clock_monotonic_ms() + 20000,
                    .done = on_done,
                    .session = ask_session("f", i == 0 ? "laptop" : "watch"),
                    .create = evicting(-1, -1)},
            .outstanding = &outstanding,
            .loop = &fixture->loop,
        };
        store_submit(store_fixture_handle(fixture, i), &racers[i].req);
    }
    loop_run(&fixture->loop);
    cr_assert_eq(outstanding, 0);
    for (int i = 0; i < 2; i++) {
        ASSERT_ERR(&racers[i].req, ERR_OK);
        assert_alive(fixture, &racers[i].req.session);
    }
    ASSERT_ENDED(ask_check(fixture, &first), END_REPLACED);
    ASSERT_ENDED(ask_check(fixture, &second), END_REPLACED);
    assert_alive(fixture, &third);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 3);
}
