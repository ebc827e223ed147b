/* Every key of ours has a TTL or a bound: what a random run has left behind goes away by itself. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "redis_server.h"

enum { SLACK_MS = 8000 };

/* The sanitizers make a store some five times slower. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { OPERATIONS = 10000 };
#else
enum { OPERATIONS = 100000 };
#endif

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_bounds, .init = set_up, .fini = tear_down, .timeout = 100);

/* One operation at random among few families and devices, on one of the last sessions. */
static void play_one(unsigned *seed, struct session sessions[32])
{
    unsigned roll = (unsigned)rand_r(seed);
    char family[8], device[8];
    struct session *session = &sessions[roll % 32];
    struct store_create create = ask_limits(-1, -1);

    snprintf(family, sizeof family, "f%u", roll / 32 % 5);
    snprintf(device, sizeof device, "d%u", roll / 160 % 7);
    switch (roll / 1120 % 12) {
    case 0:
        ask_heartbeat(&fixture, session);
        break;
    case 1:
        ask_end(&fixture, session, roll % 2 == 0 ? END_STOPPED : END_TERMINATED);
        break;
    case 2:
        ask_revive(&fixture, session, session->started_ms);
        break;
    case 3:
        ask_zap(&fixture, session, "m2", "");
        break;
    case 4:
        if (roll % 8 == 0)
            ask_revoke(&fixture, family, "", "out", 30);
        break;
    case 5:
        ask_set_limits(&fixture, family, (int)(roll % 4), -1, 500);
        break;
    default:
        *session = ask_session(family, device);
        create.evict = roll % 3 == 0;
        if (roll % 5 == 0)
            strcpy(session->player_id, "tab");
        ask_replace(&create, &sessions[(roll + 7) % 32]);
        create.replace_count = roll % 4 == 0;
        session->started_ms = ask_create_with(&fixture, session, &create)->session.started_ms;
        break;
    }
}

static bool is_left(const char *key)
{
    return strcmp(key, "stream_events") != 0 && redis_server_number(redis, "EXISTS %s", key) == 1;
}

/* Keys but the feed; each must have a TTL, but for the index of expiry, which empties itself. */
static size_t count_left(void)
{
    redisReply *keys = redis_server_command(redis, "KEYS *");
    size_t left = 0;

    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        long long left_ms = redis_server_number(redis, "PTTL %s", key);

        left += is_left(key);
        if (strcmp(key, "session_expiry") != 0 && strcmp(key, "stream_events") != 0)
            cr_assert_neq(left_ms, -1, "%s lives for ever", key);
    }
    freeReplyObject(keys);
    return left;
}

Test(redis_bounds, nothing_but_the_feed_is_left_when_all_has_expired)
{
    struct session sessions[32];
    unsigned seed = 7;

    fixture.options.ttl_ms = 1000;
    fixture.options.max_age_ms = 1500;
    fixture.options.displace_after_ms = 300;
    fixture.options.evict_cooldown_ms = 500;
    for (int i = 0; i < 32; i++)
        sessions[i] = ask_session("f0", "d0");
    for (int i = 0; i < OPERATIONS; i++)
        play_one(&seed, sessions);
    cr_assert_gt(count_left(), 10);

    int64_t before_ms = clock_monotonic_ms();
    while (count_left() > 0) {
        ASSERT_ERR(ask_sweep(&fixture), ERR_OK);
        cr_assert_lt(clock_monotonic_ms(), before_ms + SLACK_MS, "%zu keys are left", count_left());
    }
    cr_assert_leq(redis_server_number(redis, "XLEN stream_events"), 100200);
}
