/* The store contract: heartbeats that come too soon aren't written. */
#include "contract.h"

#include "clock.h"
#include "redis_server.h"

enum { MIN_MS = 1000, SLACK_MS = 5000 };

/* What a session's last heartbeat is in the store. */
static int64_t last_heartbeat(struct store_fixture *fixture, const struct session *session)
{
    const struct store_req *answer = ask_get(fixture, session);

    ASSERT_ERR(answer, ERR_OK);
    return answer->session.last_heartbeat_ms;
}

/* Waits until the clock shows another millisecond. */
static void wait_a_little(void)
{
    int64_t now_ms = clock_wall_ms();

    while (clock_wall_ms() <= now_ms + 1)
        ;
}

CONTRACT_TEST(heartbeat_min, one_soon_after_the_create_is_not_written)
{
    fixture->options.heartbeat_min_ms = 60000;
    const struct session tv = ask_begin(fixture, "f", "tv");

    wait_a_little();
    const struct store_req *answer = ask_heartbeat(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    int64_t expires_ms = answer->expires_ms;
    cr_assert_lt(expires_ms, answer->now_ms + fixture->options.ttl_ms, "it was written");
    cr_assert_leq(expires_ms - (tv.started_ms + fixture->options.ttl_ms), 2);
    cr_assert_eq(last_heartbeat(fixture, &tv), tv.started_ms);
}

CONTRACT_TEST(heartbeat_min, one_soon_after_another_is_not_written)
{
    fixture->options.heartbeat_min_ms = 60000;
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 100000);

    int64_t first_ms = ask_heartbeat(fixture, &tv)->now_ms;
    cr_assert_eq(last_heartbeat(fixture, &tv), first_ms);
    wait_a_little();
    ASSERT_ERR(ask_heartbeat(fixture, &tv), ERR_OK);
    cr_assert_eq(last_heartbeat(fixture, &tv), first_ms);
}

CONTRACT_TEST(heartbeat_min, one_soon_after_a_revival_is_not_written)
{
    fixture->options.heartbeat_min_ms = 60000;
    const struct session tv = ask_begin(fixture, "f", "tv");

    store_fixture_age(fixture, tv.id, fixture->options.ttl_ms + 1);
    int64_t revived_ms = ask_revive(fixture, &tv, tv.started_ms)->now_ms;
    wait_a_little();
    ASSERT_ERR(ask_heartbeat(fixture, &tv), ERR_OK);
    cr_assert_eq(last_heartbeat(fixture, &tv), revived_ms);
}

CONTRACT_TEST(heartbeat_min, a_later_one_is_written)
{
    fixture->options.heartbeat_min_ms = MIN_MS;
    const struct session tv = ask_begin_silent(fixture, "f", "tv", MIN_MS);
    const struct store_req *answer = ask_heartbeat(fixture, &tv);

    ASSERT_ERR(answer, ERR_OK);
    int64_t now_ms = answer->now_ms;
    cr_assert_eq(answer->expires_ms, now_ms + fixture->options.ttl_ms);
    cr_assert_eq(last_heartbeat(fixture, &tv), now_ms);
}

CONTRACT_TEST(heartbeat_min, none_is_held_back_at_0)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    for (int i = 0; i < 3; i++) {
        wait_a_little();
        int64_t now_ms = ask_heartbeat(fixture, &tv)->now_ms;
        cr_assert_eq(last_heartbeat(fixture, &tv), now_ms);
    }
}

CONTRACT_TEST(heartbeat_min, of_one_that_is_gone_tells_how_it_ended)
{
    fixture->options.heartbeat_min_ms = 60000;
    const struct session tv = ask_begin(fixture, "f", "tv");

    ask_end(fixture, &tv, END_STOPPED);
    ASSERT_ENDED(ask_heartbeat(fixture, &tv), END_STOPPED);
}

CONTRACT_TEST(heartbeat_min, keeps_alive_a_session_whose_ttl_is_as_short)
{
    fixture->options.ttl_ms = 900;
    fixture->options.heartbeat_min_ms = MIN_MS;
    const struct session tv = ask_begin(fixture, "f", "tv");

    int64_t until_ms = clock_monotonic_ms() + 2 * fixture->options.ttl_ms;
    while (clock_monotonic_ms() < until_ms)
        ASSERT_ERR(ask_heartbeat(fixture, &tv), ERR_OK);
}

/* A heartbeat over a gateway of a shorter TTL may have been the last one. */
static void one_is_written_where_the_end_is_near_all_the_same(struct store_fixture *fixture)
{
    fixture->options.heartbeat_min_ms = 60000;
    const struct session tv = ask_begin(fixture, "f", "tv");

    redis_server_do(fixture->server, "PEXPIRE session:%s 20000", tv.id);
    const struct store_req *answer = ask_heartbeat(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture->options.ttl_ms);
}
CONTRACT_TEST_ON(heartbeat_min_on_redis, one_is_written_where_the_end_is_near_all_the_same,
                 STORE_FIXTURE_REDIS)
