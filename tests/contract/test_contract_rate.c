/* The store contract: how many creates a user may ask for within a minute. */
#include "contract.h"

#include <string.h>

#include "memory.h"
#include "redis_server.h"

static struct session by_user(const char *user, const char *family)
{
    struct session session = ask_session(family, "tv");

    strcpy(session.user_id, user);
    return session;
}

/* A create by that user, in a family of its own. */
static const struct store_req *create_by(struct store_fixture *fixture, const char *user)
{
    static int families;
    char family[32];

    snprintf(family, sizeof family, "f%d", families++);
    struct session session = by_user(user, family);
    snprintf(session.device_id, sizeof session.device_id, "of %s", family);
    return ask_create(fixture, &session);
}

static void use_up(struct store_fixture *fixture, const char *user)
{
    for (uint32_t i = 0; i < fixture->options.create_rate; i++)
        ASSERT_ERR(create_by(fixture, user), ERR_OK);
}

static void assert_limited(const struct store_req *answer)
{
    ASSERT_ERR(answer, ERR_RATE_LIMITED);
    cr_assert(answer->retry_after_s >= 1 && answer->retry_after_s <= 60, "%lld s",
              (long long)answer->retry_after_s);
}

CONTRACT_TEST(rate, refuses_the_create_after_the_last_one_of_a_minute)
{
    fixture->options.create_rate = 3;
    use_up(fixture, "u");
    for (int i = 0; i < 3; i++)
        assert_limited(create_by(fixture, "u"));
}

CONTRACT_TEST(rate, tells_to_come_back_when_the_window_ends)
{
    fixture->options.create_rate = 1;
    use_up(fixture, "u");
    cr_assert_geq(create_by(fixture, "u")->retry_after_s, 50, "it has just begun");
}

CONTRACT_TEST(rate, leaves_other_users_alone)
{
    fixture->options.create_rate = 2;
    use_up(fixture, "u");
    use_up(fixture, "v");
    assert_limited(create_by(fixture, "u"));
    assert_limited(create_by(fixture, "v"));
    ASSERT_ERR(create_by(fixture, "w"), ERR_OK);
}

CONTRACT_TEST(rate, counts_what_was_refused_too)
{
    fixture->options.create_rate = 3;
    fixture->options.family_limit = 1;
    struct session streams[4];

    for (int i = 0; i < 4; i++)
        streams[i] = by_user("u", "f");
    ASSERT_ERR(ask_create(fixture, &streams[0]), ERR_OK);
    ASSERT_ERR(ask_create(fixture, &streams[1]), ERR_FAMILY_LIMIT);
    ASSERT_ERR(ask_create(fixture, &streams[2]), ERR_FAMILY_LIMIT);
    assert_limited(ask_create(fixture, &streams[3]));
}

CONTRACT_TEST(rate, ends_nobody_for_one_that_came_too_often)
{
    fixture->options.create_rate = 1;
    const struct session tv = ask_session("f", "tv"), next = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    ask_replace(&create, &tv);
    create.evict = true;
    assert_limited(ask_create_with(fixture, &next, &create));
    ASSERT_ERR(ask_check(fixture, &tv), ERR_OK);
    ASSERT_ENDED(ask_check(fixture, &next), END_EXPIRED);
}

CONTRACT_TEST(rate, counts_no_repeat_of_a_create_that_lives)
{
    fixture->options.create_rate = 2;
    const struct session tv = by_user("u", "f");

    for (int i = 0; i < 10; i++)
        ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    ASSERT_ERR(create_by(fixture, "u"), ERR_OK);
    assert_limited(create_by(fixture, "u"));
    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
}

CONTRACT_TEST(rate, counts_no_revival)
{
    fixture->options.create_rate = 2;
    const struct session tv = by_user("u", "f");
    int64_t started_ms = ask_create(fixture, &tv)->session.started_ms;

    for (int i = 0; i < 10; i++) {
        store_fixture_age(fixture, tv.id, fixture->options.ttl_ms + 1);
        ASSERT_ERR(ask_revive(fixture, &tv, started_ms), ERR_OK);
    }
    ASSERT_ERR(create_by(fixture, "u"), ERR_OK);
    assert_limited(create_by(fixture, "u"));
    store_fixture_age(fixture, tv.id, fixture->options.ttl_ms + 1);
    ASSERT_ERR(ask_revive(fixture, &tv, started_ms), ERR_OK);
}

CONTRACT_TEST(rate, counts_nothing_at_0)
{
    fixture->options.create_rate = 0;
    for (int i = 0; i < 100; i++)
        ASSERT_ERR(create_by(fixture, "u"), ERR_OK);
}

CONTRACT_TEST(rate, is_one_window_for_all_handles)
{
    fixture->options.create_rate = 2;
    use_up(fixture, "u");

    const struct store_req req = {
        .op = STORE_CREATE, .session = by_user("u", "f"), .create = ask_limits(-1, -1)};
    assert_limited(store_fixture_run(fixture, 1, &req));
}

/* ---- The window's end ---- */

static int64_t now_ms = 1000000;

static int64_t test_clock(void)
{
    return now_ms;
}

static enum err create_in(struct memory *memory, int64_t *ret_retry_after_s)
{
    struct store_req req = {
        .op = STORE_CREATE, .session = by_user("u", "f"), .create = ask_limits(0, 0)};
    enum err err = memory_do(memory, &req);

    *ret_retry_after_s = req.retry_after_s;
    return err;
}

Test(rate_on_memory, begins_anew_a_minute_after_the_first_create)
{
    const struct store_options options = {
        .ttl_ms = 300000, .max_age_ms = 86400000, .create_rate = 2};
    const struct memory_clock clock = {test_clock, test_clock};
    struct memory *memory = memory_new(&options, &clock);
    int64_t retry_after_s;

    cr_assert_eq(create_in(memory, &retry_after_s), ERR_OK);
    now_ms += 20000;
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_OK);
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_RATE_LIMITED);
    cr_assert_eq(retry_after_s, 40);
    now_ms += 39999;
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_RATE_LIMITED);
    cr_assert_eq(retry_after_s, 1);
    now_ms += 1;
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_OK);
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_OK);
    cr_assert_eq(create_in(memory, &retry_after_s), ERR_RATE_LIMITED);
    cr_assert_eq(retry_after_s, 60);
    memory_free(memory);
}

static void begin_anew(struct store_fixture *fixture)
{
    struct redis_server *redis = fixture->server;

    fixture->options.create_rate = 2;
    use_up(fixture, "u");
    int64_t left_ms = redis_server_number(redis, "PTTL rate_limit:u:create");
    cr_assert(left_ms > 50000 && left_ms <= 60000, "%lld ms", (long long)left_ms);
    redis_server_do(redis, "PEXPIRE rate_limit:u:create 39999");
    cr_assert_eq(create_by(fixture, "u")->retry_after_s, 40);
    cr_assert_leq(redis_server_number(redis, "PTTL rate_limit:u:create"), 39999,
                  "a refusal has lengthened the window");
    redis_server_do(redis, "PEXPIRE rate_limit:u:create 10");
    while (create_by(fixture, "u")->err == ERR_RATE_LIMITED)
        ;
    ASSERT_ERR(create_by(fixture, "u"), ERR_OK);
    assert_limited(create_by(fixture, "u"));
}
CONTRACT_TEST_ON(rate_on_redis, begin_anew, STORE_FIXTURE_REDIS)
