/*
 * What other programs put where ours should stand, and a Redis without memory: the call in question
 * fails, or goes on where that is safe; nothing else is disturbed, and nothing is left
 * half-written.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "ask.h"
#include "redis_server.h"

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

TestSuite(redis_foreign, .init = set_up, .fini = tear_down, .timeout = 60);

/*
 * A digest of all that Redis holds: names, values, and whether a key has a TTL. The rate counter
 * and the events that a refusal may write (DESIGN.md section 3) are left out.
 */
static char *digest(void)
{
    static const char script[] =
        "local keys = redis.call('KEYS', '*') "
        "table.sort(keys) "
        "local all = '' "
        "for _, key in ipairs(keys) do "
        "  if key ~= 'stream_events' and not string.find(key, '^rate_limit:') then "
        "    local ttl = redis.call('PTTL', key) >= 0 and 'mortal' or 'immortal' "
        "    all = all .. key .. ttl .. redis.call('DUMP', key) "
        "  end "
        "end "
        "return redis.sha1hex(all)";

    return redis_server_text(redis, "EVAL %s 0", script);
}

/* Compares with an earlier digest, and frees that. */
static void assert_unchanged(char *before)
{
    char *after = digest();

    cr_assert_str_eq(after, before, "something was written");
    free(before);
    free(after);
}

/* ---- Wrong types ---- */

Test(redis_foreign, a_create_fails_where_the_familys_set_is_none)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "SET family_streams:f theirs");
    char *before = digest();
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_INTERNAL);
    assert_unchanged(before);
}

Test(redis_foreign, a_create_fails_where_the_devices_set_is_none)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "HSET device_streams:tv their field");
    char *before = digest();
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_INTERNAL);
    assert_unchanged(before);
}

Test(redis_foreign, a_create_fails_where_its_own_key_is_taken)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "RPUSH session:%s theirs", tv.id);
    char *before = digest();
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_INTERNAL);
    assert_unchanged(before);
}

Test(redis_foreign, a_create_fails_whole_where_the_set_of_a_stream_given_up_is_none)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"),
                         radio = ask_begin(&fixture, "f", "radio"),
                         next = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &tv);
    ask_replace(&create, &radio);
    redis_server_do(redis, "SET device_streams:radio theirs");
    char *before = digest();
    ASSERT_ERR(ask_create_with(&fixture, &next, &create), ERR_INTERNAL);
    assert_unchanged(before);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
    ASSERT_ENDED(ask_check(&fixture, &next), END_EXPIRED);
}

Test(redis_foreign, an_end_fails_where_the_familys_set_is_none)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "SET family_streams:f theirs");
    char *before = digest();
    ASSERT_ERR(ask_end(&fixture, &tv, END_STOPPED), ERR_INTERNAL);
    assert_unchanged(before);
}

Test(redis_foreign, a_heartbeat_leaves_alone_what_stands_in_the_place_of_a_set)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "SET family_streams:f theirs");
    redis_server_do(redis, "SET device_streams:tv theirs");
    ask_heartbeat(&fixture, &tv); /* may succeed: the viewer goes on watching */
    cr_assert_eq(redis_server_number(redis, "PTTL family_streams:f"), -1, "it was given a TTL");
    cr_assert_eq(redis_server_number(redis, "PTTL device_streams:tv"), -1, "it was given a TTL");
    char *theirs = redis_server_text(redis, "GET family_streams:f");
    cr_assert_str_eq(theirs, "theirs");
    free(theirs);
}

Test(redis_foreign, nothing_can_be_told_of_a_session_that_is_no_text)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "RPUSH session:%s theirs", tv.id);
    char *before = digest();
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_INTERNAL);
    ASSERT_ERR(ask_get(&fixture, &tv), ERR_INTERNAL);
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_INTERNAL);
    assert_unchanged(before);
}

Test(redis_foreign, a_tombstone_of_another_type_disturbs_nobody_else)
{
    const struct session tv = ask_session("f", "tv"), phone = ask_begin(&fixture, "f", "phone");

    redis_server_do(redis, "RPUSH session_end:%s theirs", tv.id);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_INTERNAL);
    ASSERT_ERR(ask_check(&fixture, &phone), ERR_OK);
}

Test(redis_foreign, a_member_whose_key_is_no_text_counts_as_gone)
{
    const struct session stranger = ask_session("f", "tv"), tv = ask_begin(&fixture, "f", "tv"),
                         next = ask_session("f", "tv");

    redis_server_do(redis, "RPUSH session:%s theirs", stranger.id);
    redis_server_do(redis, "SADD device_streams:tv %s", stranger.id);
    ASSERT_ACTIVE(ask_create(&fixture, &next), 2, 2);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
    cr_assert_eq(redis_server_number(redis, "EXISTS session:%s", stranger.id), 1);
}

/* ---- Wrong values ---- */

/* What other writers may make of a session. */
static const char *const values[] = {
    "hello",
    "{}",
    "[1]",
    "{\"userId\":\"u\"",
    "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":7,\"familyId\":\"f\",\"startedAt\":\"x\"}",
};
enum { VALUES = sizeof values / sizeof values[0] };

Test(redis_foreign, nothing_can_be_told_of_a_session_that_cannot_be_read)
{
    for (int i = 0; i < VALUES; i++) {
        const struct session tv = ask_session("f", "tv");

        redis_server_do(redis, "SET session:%s %s PX 100000", tv.id, values[i]);
        ASSERT_ERR(ask_check(&fixture, &tv), ERR_INTERNAL);
        ASSERT_ERR(ask_get(&fixture, &tv), ERR_INTERNAL);
        ASSERT_ERR(ask_create(&fixture, &tv), ERR_INTERNAL);
    }
}

Test(redis_foreign, a_session_that_cannot_be_read_takes_a_place_and_is_listed_by_its_id)
{
    const struct store_create one = ask_limits(1, -1);
    const struct session next = ask_session("f", "tv");

    for (int i = 0; i < VALUES; i++) {
        const struct session odd = ask_begin(&fixture, "f", "tv");

        redis_server_do(redis, "SET session:%s %s PX 100000", odd.id, values[i]);
        const struct store_req *answer = ask_create_with(&fixture, &next, &one);
        ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
        cr_assert_eq(answer->stream_count, 1);
        cr_assert_str_eq(answer->streams[0].session.id, odd.id);
        cr_assert_eq(answer->streams[0].idle_s, 0);
        ASSERT_ERR(ask_end(&fixture, &odd, END_STOPPED), ERR_OK);
    }
}

Test(redis_foreign, a_session_that_cannot_be_read_can_be_given_up)
{
    for (int i = 0; i < VALUES; i++) {
        const struct session odd = ask_begin(&fixture, "f", "tv"), next = ask_session("f", "phone");
        struct store_create create = ask_limits(-1, -1);

        redis_server_do(redis, "SET session:%s %s PX 100000", odd.id, values[i]);
        ask_replace(&create, &odd);
        ASSERT_ERR(ask_create_with(&fixture, &next, &create), ERR_OK);
        ASSERT_ENDED(ask_check(&fixture, &odd), END_REPLACED);
        redis_server_do(redis, "FLUSHALL");
    }
}

/* A session as another writer may shape it: other order, blanks, members that we don't know. */
#define RESHAPED                                                                                   \
    "{ \"lastHeartbeat\" : \"2026-01-02T03:04:05.006Z\", \"extra\" : [ ], \"familyId\" : \"f\", "  \
    "\"deviceId\":\"tv\", \"mediaId\":\"m\", \"userId\":\"u\", \"deviceName\":null, "              \
    "\"startedAt\":\"2026-01-01T00:00:00.000Z\" }"

Test(redis_foreign, a_session_that_another_writer_shaped_is_understood)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "SET session:%s %s PX 100000", tv.id, RESHAPED);
    const struct store_req *answer = ask_get(&fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.media_id, "m");
    cr_assert_str_empty(answer->session.device_name);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
}

Test(redis_foreign, a_heartbeat_keeps_it_alive_and_whole)
{
    const struct session tv = ask_session("f", "tv");

    redis_server_do(redis, "SET session:%s %s PX 100000", tv.id, RESHAPED);
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    cr_assert_gt(redis_server_number(redis, "PTTL session:%s", tv.id), 290000);
    char *text = redis_server_text(redis, "GET session:%s", tv.id);
    json_t *object = json_loads(text, 0, NULL);
    cr_assert_not_null(object, "no JSON any more: %s", text);
    cr_assert(json_is_array(json_object_get(object, "extra")));
    cr_assert_str_eq(json_string_value(json_object_get(object, "mediaId")), "m");
    json_decref(object);
    free(text);
}

Test(redis_foreign, a_heartbeat_writes_at_most_its_time_into_a_value_that_is_no_session)
{
    const struct session tv = ask_session("f", "tv");

    for (int i = 0; i < VALUES; i++) {
        redis_server_do(redis, "SET session:%s %s PX 100000", tv.id, values[i]);
        ask_heartbeat(&fixture, &tv);
        char *text = redis_server_text(redis, "GET session:%s", tv.id);
        json_t *before = json_loads(values[i], 0, NULL), *after = json_loads(text, 0, NULL);

        if (json_is_object(before)) {
            json_object_del(after, "lastHeartbeat");
            cr_assert(json_equal(before, after), "%s became %s", values[i], text);
        } else {
            cr_assert_str_eq(text, values[i]);
        }
        json_decref(before);
        json_decref(after);
        free(text);
    }
}

Test(redis_foreign, a_session_without_a_ttl_is_given_one_by_a_heartbeat)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "PERSIST session:%s", tv.id);
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    cr_assert_gt(redis_server_number(redis, "PTTL session:%s", tv.id), 0);
}

/* ---- Out of memory ---- */

Test(redis_foreign, a_full_redis_admits_nobody_and_keeps_viewers_alive)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"), next = ask_session("f", "phone");

    store_fixture_age(&fixture, tv.id, 100000);
    redis_server_do(redis, "CONFIG SET maxmemory 1");
    char *before = digest();
    ASSERT_ERR(ask_create(&fixture, &next), ERR_STORE_UNAVAILABLE);
    assert_unchanged(before);
    const struct store_req *answer = ask_heartbeat(&fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->expires_ms, answer->now_ms + 300000);
    cr_assert_gt(redis_server_number(redis, "PTTL session:%s", tv.id), 290000);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
}

Test(redis_foreign, a_full_redis_lets_a_viewer_stop)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "CONFIG SET maxmemory 1");
    ASSERT_ERR(ask_end(&fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ENDED(ask_check(&fixture, &tv), END_STOPPED);
}
