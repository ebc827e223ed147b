/* POST /v1/sessions where others must give way: eviction, reclaim, displacement. */
#include <stdlib.h>
#include <string.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"
#include "session_json.h"

API_SUITES;

/* Admits a stream that began visibly later than those before it. */
static struct api_session admit_later(struct http_client *client, const char *family,
                                      const char *device, const char *more)
{
    api_wait_tick();
    return api_admit(client, family, device, more);
}

ON_BOTH_STORES(evicts_the_oldest_where_the_create_asks_for_it)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session oldest = api_admit(api.client, "f1", "d1", NULL);
    struct api_session newer = admit_later(api.client, "f1", "d1", NULL);

    cr_expect_eq(api_status(api_watch(api.client, &oldest)), 200);
    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'reject'"), 409,
                       "device_limit");
    struct http_answer answer =
        api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest','deviceName':'Phone'");
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_gone(api.client, &oldest, "replaced", "Phone");
    api_expect_alive(api.client, &newer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(evicts_one_stream_for_each_limit_that_is_reached)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=3", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session elsewhere = api_admit(api.client, "f1", "d2", NULL);
    struct api_session oldest = admit_later(api.client, "f1", "d1", NULL);
    struct api_session newer = admit_later(api.client, "f1", "d1", NULL);

    /* one that goes from the device leaves room in the family, too */
    api_admit(api.client, "f1", "d1", "'onLimit':'evict_oldest'");
    api_expect_gone(api.client, &oldest, "replaced", "d1");
    api_expect_alive(api.client, &elsewhere);
    api_expect_alive(api.client, &newer);

    /* on a device with room it is the family's oldest, wherever that is */
    api_admit(api.client, "f1", "d3", "'onLimit':'evict_oldest'");
    api_expect_gone(api.client, &elsewhere, "replaced", "d3");
    api_expect_alive(api.client, &newer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(evicts_no_strangers_stream)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session theirs = api_admit(api.client, "f2", "d1", NULL);

    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest'"), 409,
                       "device_limit");
    api_expect_alive(api.client, &theirs);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_device_that_was_evicted_does_not_evict_for_a_while)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=1", NULL};
    struct api_fixture api = api_fixture_start(store, env);

    api_admit(api.client, "f1", "d1", NULL);
    struct api_session winner = api_admit(api.client, "f1", "d2", "'onLimit':'evict_oldest'");
    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest'"), 409,
                       "family_limit");
    api_expect_alive(api.client, &winner);
    api_admit(api.client, "f1", "d3", "'onLimit':'evict_oldest'");
    api_expect_gone(api.client, &winner, "replaced", "d3");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(two_devices_evict_each_other_where_there_is_no_cooldown)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=1", "GATEWAY_LIMITS_EVICT_COOLDOWN=0",
                                      NULL};
    struct api_fixture api = api_fixture_start(store, env);

    for (int i = 0; i < 6; i++)
        api_admit(api.client, "f1", api_text("d%d", i % 2), "'onLimit':'evict_oldest'");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_create_may_ask_in_vain_where_the_settings_allow_no_eviction)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DEVICE=1", "GATEWAY_LIMITS_ALLOW_EVICT=false",
                                      NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session first = api_admit(api.client, "f1", "d1", NULL);

    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest'"), 409,
                       "device_limit");
    api_expect_alive(api.client, &first);
    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'evict'"), 400,
                       "invalid_request");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(evicts_unasked_where_the_settings_say_so_unless_the_create_says_reject)
{
    static const char *const env[] = {
        "GATEWAY_LIMITS_DEVICE=1", "GATEWAY_LIMITS_ON_LIMIT=evict_oldest",
        "GATEWAY_LIMITS_ALLOW_EVICT=false", "GATEWAY_LIMITS_EVICT_COOLDOWN=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session first = api_admit(api.client, "f1", "d1", NULL);

    api_expect_refused(api_create(api.client, "f1", "d1", "'onLimit':'reject'"), 409,
                       "device_limit");
    api_expect_alive(api.client, &first);
    struct api_session second = api_admit(api.client, "f1", "d1", NULL);
    api_expect_gone(api.client, &first, "replaced", "d1");
    api_admit(api.client, "f1", "d1", "'onLimit':'evict_oldest'");
    api_expect_gone(api.client, &second, "replaced", "d1");
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_player_that_was_reloaded_takes_its_place_again)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session other = api_admit(api.client, "f1", "d1", "'playerId':'p2'");
    struct api_session before = api_admit(api.client, "f1", "d1", "'playerId':'p1'");

    cr_expect_eq(api_status(api_watch(api.client, &before)), 200);
    for (int i = 0; i < 3; i++) {
        struct http_answer answer =
            api_create(api.client, "f1", "d1", "'playerId':'p1','deviceName':'Laptop'");
        struct api_session after = api_session_of(&answer);

        cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
        http_answer_done(&answer);
        api_expect_gone(api.client, &before, "replaced", "Laptop");
        before = after;
    }
    api_expect_alive(api.client, &other);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_player_takes_no_place_on_another_device_or_of_another_family)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    struct api_session elsewhere = api_admit(api.client, "f1", "d2", "'playerId':'p1'");
    struct api_session theirs = api_admit(api.client, "f2", "d1", "'playerId':'p1'");

    api_admit(api.client, "f1", "d1", "'playerId':'p1'");
    api_expect_alive(api.client, &elsewhere);
    api_expect_alive(api.client, &theirs);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_silent_stream_gives_way_when_its_place_is_needed)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DISPLACE_AFTER=1", "GATEWAY_LIMITS_DEVICE=1",
                                      "GATEWAY_RATE_LIMIT_CREATE=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session silent = api_admit(api.client, "f1", "d1", NULL);
    int64_t since_ms = clock_monotonic_ms();
    int status;

    cr_expect_eq(api_status(api_watch(api.client, &silent)), 200);
    while ((status = api_status(api_create(api.client, "f2", "d1", NULL))) == 409)
        ;
    int64_t took_ms = clock_monotonic_ms() - since_ms;
    cr_expect_eq(status, 201);
    cr_expect(took_ms >= 900 && took_ms < 5000, "it took %lld ms", (long long)took_ms);
    api_expect_gone(api.client, &silent, "displaced", NULL);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_stream_that_shows_life_does_not_give_way)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DISPLACE_AFTER=1", "GATEWAY_LIMITS_DEVICE=1",
                                      "GATEWAY_RATE_LIMIT_CREATE=0",
                                      "GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session alive = api_admit(api.client, "f1", "d1", NULL);
    int64_t until_ms = clock_monotonic_ms() + 1500, since_ms = 0;
    int status = 409;

    while (status == 409 && clock_monotonic_ms() < until_ms) {
        since_ms = clock_monotonic_ms();
        api_expect_alive(api.client, &alive);
        status = api_status(api_create(api.client, "f1", "d1", NULL));
    }
    /* a machine that stood still for a second made the stream a silent one */
    cr_expect(status == 409 || clock_monotonic_ms() - since_ms >= 1000, "%d", status);
    api_fixture_stop(&api);
}

/* Makes a live session look as if it had been silent for so long. */
static void age(struct redis_server *redis, const struct api_session *session, int64_t seconds)
{
    char *value = redis_server_text(redis, "GET session:%s", session->id);
    char *time = value + strlen(value) - CLOCK_TEXT_LEN - strlen(SESSION_JSON_TAIL);
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(clock_wall_ms() - seconds * 1000, text);
    memcpy(time, text, CLOCK_TEXT_LEN);
    redis_server_do(redis, "SET session:%s %s KEEPTTL", session->id, value);
    free(value);
}

Test(redis, the_longest_silent_gives_way_first_and_no_more_than_are_needed)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session silent = api_admit(api.client, "f1", "d1", NULL);
    struct api_session longer_silent = api_admit(api.client, "f1", "d1", NULL);

    age(api.redis, &silent, 100);
    age(api.redis, &longer_silent, 200);
    api_admit(api.client, "f1", "d1", NULL);
    api_expect_gone(api.client, &longer_silent, "displaced", NULL);
    cr_expect_eq(api_status(api_call(api.client, "GET", &silent, "")), 200);
    api_admit(api.client, "f1", "d1", NULL);
    api_expect_gone(api.client, &silent, "displaced", NULL);
    api_expect_refused(api_create(api.client, "f1", "d1", NULL), 409, "device_limit");
    api_fixture_stop(&api);
}

Test(redis, ninety_seconds_of_silence_keep_a_place)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session quiet[] = {api_admit(api.client, "f1", "d1", NULL),
                                  api_admit(api.client, "f1", "d1", NULL)};

    age(api.redis, &quiet[0], 60);
    age(api.redis, &quiet[1], 80);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_str_eq(http_answer_text(&answer, "sessions.0.sessionId"), quiet[1].id);
    long long idle = http_answer_number(&answer, "sessions.0.idleSeconds");
    cr_expect(idle >= 80 && idle < 90, "%lld", idle);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(redis, silence_never_gives_way_where_the_settings_say_so)
{
    static const char *const env[] = {"GATEWAY_LIMITS_DISPLACE_AFTER=0", "GATEWAY_LIMITS_DEVICE=1",
                                      NULL};
    struct api_fixture api = api_fixture_start(API_REDIS, env);
    struct api_session silent = api_admit(api.client, "f1", "d1", NULL);

    age(api.redis, &silent, 290);
    api_expect_refused(api_create(api.client, "f1", "d1", NULL), 409, "device_limit");
    api_expect_alive(api.client, &silent);
    api_fixture_stop(&api);
}
