/* What stands in Redis: other services read it, so that keys, types, texts and TTLs are an
 * interface. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "redis_script.h"
#include "redis_server.h"
#include "session_json.h"

enum { TTL_MS = 300000, MAX_AGE_MS = 86400000, SLACK_MS = 5000 };

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

TestSuite(redis_data, .init = set_up, .fini = tear_down, .timeout = 60);

static void assert_ttl(const char *kind, const char *name, int64_t expected_ms)
{
    int64_t ttl_ms = redis_server_number(redis, "PTTL %s%s", kind, name);

    cr_assert(ttl_ms <= expected_ms && ttl_ms > expected_ms - SLACK_MS,
              "%s%s lives %lld ms, not %lld", kind, name, (long long)ttl_ms,
              (long long)expected_ms);
}

static void assert_text(const char *kind, const char *name, const char *expected)
{
    char *text = redis_server_text(redis, "GET %s%s", kind, name);

    cr_assert_not_null(text, "there is no %s%s", kind, name);
    cr_assert_str_eq(text, expected);
    free(text);
}

static void assert_type(const char *kind, const char *name, const char *expected)
{
    char *type = redis_server_text(redis, "TYPE %s%s", kind, name);

    cr_assert_str_eq(type, expected, "%s%s is a %s", kind, name, type);
    free(type);
}

/* ---- A session's value ---- */

Test(redis_data, keeps_a_session_as_json)
{
    const struct session tv = ask_session("f", "tv");
    char time[CLOCK_TEXT_LEN + 1], expected[512];

    clock_format(ask_create(&fixture, &tv)->session.started_ms, time);
    snprintf(expected, sizeof expected,
             "{\"userId\":\"user\",\"mediaId\":\"media\",\"deviceId\":\"tv\",\"familyId\":\"f\","
             "\"startedAt\":\"%s\",\"lastHeartbeat\":\"%s\"}",
             time, time);
    assert_text("session:", tv.id, expected);
    assert_type("session:", tv.id, "string");
    assert_ttl("session:", tv.id, TTL_MS);
}

Test(redis_data, keeps_what_else_was_given_between_the_times)
{
    struct session tv = ask_session("f", "tv");
    char time[CLOCK_TEXT_LEN + 1], expected[1024];

    strcpy(tv.device_name, "Kitchen \"TV\"");
    strcpy(tv.media_title, "Blue Planet");
    strcpy(tv.platform, "tvOS");
    strcpy(tv.player_id, "tab-1");
    strcpy(tv.metadata, "{\"empty\":[]}");
    clock_format(ask_create(&fixture, &tv)->session.started_ms, time);
    snprintf(
        expected, sizeof expected,
        "{\"userId\":\"user\",\"mediaId\":\"media\",\"deviceId\":\"tv\",\"familyId\":\"f\","
        "\"startedAt\":\"%s\",\"deviceName\":\"Kitchen \\\"TV\\\"\",\"mediaTitle\":\"Blue Planet\","
        "\"platform\":\"tvOS\",\"playerId\":\"tab-1\",\"metadata\":{\"empty\":[]},"
        "\"lastHeartbeat\":\"%s\"}",
        time, time);
    assert_text("session:", tv.id, expected);
}

Test(redis_data, a_heartbeat_rewrites_the_last_44_bytes_alone)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    char time[CLOCK_TEXT_LEN + 1], expected[SESSION_JSON_HEARTBEAT_LEN + 1];

    char *before = redis_server_text(redis, "GET session:%s", tv.id);
    store_fixture_age(&fixture, tv.id, 60000);
    clock_format(ask_heartbeat(&fixture, &tv)->now_ms, time);
    char *after = redis_server_text(redis, "GET session:%s", tv.id);

    size_t head = strlen(before) - SESSION_JSON_HEARTBEAT_LEN;
    cr_assert_eq(strlen(after), strlen(before));
    cr_assert_eq(memcmp(after, before, head), 0);
    snprintf(expected, sizeof expected, ",\"lastHeartbeat\":\"%s\"}", time);
    cr_assert_str_eq(after + head, expected);
    assert_ttl("session:", tv.id, TTL_MS);
    free(before);
    free(after);
}

/* Heartbeats by the script itself, told that it is this second. Returns Redis' time, in ms. */
static int64_t beat_in_second(const struct session *session, const char *second)
{
    size_t len;
    const char *script = redis_script_text(REDIS_SCRIPT_HEARTBEAT, &len);
    redisReply *reply = redis_server_command(
        redis, "EVAL %b 4 session:%s session_end:%s family_streams:%s device_streams:%s %s %d %s 0",
        script, len, session->id, session->id, session->family_id, session->device_id, second,
        TTL_MS, session->user_id);

    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", reply->str);
    int64_t now_ms = reply->integer;
    freeReplyObject(reply);
    return now_ms;
}

/* The value's time, as text. */
static void read_last_heartbeat(const struct session *session, char ret_text[CLOCK_TEXT_LEN + 1])
{
    char *value = redis_server_text(redis, "GET session:%s", session->id);
    size_t len = strlen(value);

    cr_assert_geq(len, SESSION_JSON_HEARTBEAT_LEN);
    memcpy(ret_text, value + len - 2 - CLOCK_TEXT_LEN, CLOCK_TEXT_LEN);
    ret_text[CLOCK_TEXT_LEN] = '\0';
    free(value);
}

/* How a gateway that takes it to be second_s would say that. */
static void write_second(int64_t second_s, char ret_text[64])
{
    char time[CLOCK_TEXT_LEN + 1];

    clock_format(1000 * second_s, time);
    snprintf(ret_text, 64, "%lld %.20s", (long long)second_s, time);
}

Test(redis_data, a_heartbeat_writes_redis_own_time_whatever_second_the_gateway_takes_it_to_be)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    const int64_t now_s =
        redis_server_number(redis, "EVAL %s 0", "return redis.call('TIME')[1] + 0");
    char second[64], expected[CLOCK_TEXT_LEN + 1], written[CLOCK_TEXT_LEN + 1];

    for (int64_t off_s = -2; off_s <= 2; off_s++) {
        write_second(now_s + off_s, second);
        clock_format(beat_in_second(&tv, second), expected);
        read_last_heartbeat(&tv, written);
        cr_assert_str_eq(written, expected, "told that it was %s", second);
    }
    const char *const none[] = {"", "0 1970-01-01T00:00:00.", "-1 1969-12-31T23:59:59.", "text"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        clock_format(beat_in_second(&tv, none[i]), expected);
        read_last_heartbeat(&tv, written);
        cr_assert_str_eq(written, expected, "told that it was %s", none[i]);
    }
}

/* Of the second that it is, the text is used as it comes: it is what spares Redis the calendar. */
Test(redis_data, a_heartbeat_writes_its_second_as_the_gateway_does)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    char second[64], written[CLOCK_TEXT_LEN + 1];

    for (;;) {
        int64_t now_s = redis_server_number(redis, "EVAL %s 0", "return redis.call('TIME')[1] + 0");

        snprintf(second, sizeof second, "%lld 2001-02-03T04:05:06.", (long long)now_s);
        if (beat_in_second(&tv, second) / 1000 == now_s)
            break;
    }
    read_last_heartbeat(&tv, written);
    cr_assert_eq(strncmp(written, "2001-02-03T04:05:06.", 20), 0, "%s", written);
    cr_assert_eq(written[CLOCK_TEXT_LEN - 1], 'Z');
}

/* ---- Sets ---- */

Test(redis_data, keeps_the_streams_of_a_family_and_of_a_device_as_sets)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"),
                         phone = ask_begin(&fixture, "f", "phone");

    assert_type("family_streams:", "f", "set");
    assert_type("device_streams:", "tv", "set");
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 2);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER family_streams:f %s", phone.id), 1);
    cr_assert_eq(redis_server_number(redis, "SCARD device_streams:tv"), 1);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER device_streams:tv %s", tv.id), 1);
    assert_ttl("family_streams:", "f", 2 * TTL_MS);
    assert_ttl("device_streams:", "tv", 2 * TTL_MS);
}

Test(redis_data, a_heartbeat_keeps_the_sets_for_one_ttl_more_than_the_session)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "PEXPIRE family_streams:f 1000");
    redis_server_do(redis, "PEXPIRE device_streams:tv 400000");
    ask_heartbeat(&fixture, &tv);
    assert_ttl("family_streams:", "f", 2 * TTL_MS);
    assert_ttl("device_streams:", "tv", 2 * TTL_MS);
}

Test(redis_data, the_sets_lives_are_only_ever_lengthened)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "PEXPIRE family_streams:f 9000000");
    redis_server_do(redis, "PEXPIRE device_streams:tv 9000000");
    ask_heartbeat(&fixture, &tv);
    ask_begin(&fixture, "f", "tv");
    ask_end(&fixture, &tv, END_STOPPED);
    assert_ttl("family_streams:", "f", 9000000);
    assert_ttl("device_streams:", "tv", 9000000);
}

Test(redis_data, a_heartbeat_makes_a_lost_set_again)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "DEL family_streams:f device_streams:tv");
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER family_streams:f %s", tv.id), 1);
    cr_assert_eq(redis_server_number(redis, "SISMEMBER device_streams:tv %s", tv.id), 1);
    assert_ttl("family_streams:", "f", 2 * TTL_MS);
}

Test(redis_data, an_end_takes_the_session_out_of_both_sets)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"),
                         other = ask_begin(&fixture, "f", "tv");

    ask_end(&fixture, &tv, END_STOPPED);
    cr_assert_eq(redis_server_number(redis, "EXISTS session:%s", tv.id), 0);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 1);
    cr_assert_eq(redis_server_number(redis, "SCARD device_streams:tv"), 1);
    ask_end(&fixture, &other, END_STOPPED);
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f device_streams:tv"), 0);
}

Test(redis_data, drops_members_whose_session_is_gone_however_many)
{
    enum { GHOSTS = 3000 };
    struct session sessions[3];

    ask_fill(&fixture, "f", "d", sessions, 3);
    for (int i = 0; i < GHOSTS; i++)
        redis_server_do(redis, "SADD family_streams:f ghost-%d", i);
    redis_server_do(redis, "SADD device_streams:d0 ghost-1 ghost-2");

    const struct session next = ask_session("f", "d0");
    const struct store_req *answer = ask_create(&fixture, &next);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 4, 2);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 4);
    cr_assert_eq(redis_server_number(redis, "SCARD device_streams:d0"), 2);
}

Test(redis_data, drops_them_where_it_refuses_too)
{
    const struct store_create two = ask_limits(2, -1);
    struct session sessions[2];
    const struct session next = ask_session("f", "another");

    ask_fill(&fixture, "f", "d", sessions, 2);
    redis_server_do(redis, "SADD family_streams:f ghost");
    ASSERT_ERR(ask_create_with(&fixture, &next, &two), ERR_FAMILY_LIMIT);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 2);
}

Test(redis_data, a_stream_given_up_leaves_the_set_of_its_own_device)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"), phone = ask_session("f", "phone");
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &tv);
    ASSERT_ERR(ask_create_with(&fixture, &phone, &create), ERR_OK);
    cr_assert_eq(redis_server_number(redis, "EXISTS device_streams:tv session:%s", tv.id), 0);
    assert_text("session_end:", tv.id, "{\"reason\":\"replaced\",\"by\":\"phone\"}");
    assert_ttl("session_end:", tv.id, 2 * TTL_MS);
}

/* ---- Why a session ended ---- */

Test(redis_data, keeps_a_reason_for_two_ttls)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    ask_end(&fixture, &tv, END_STOPPED);
    assert_type("session_end:", tv.id, "string");
    assert_text("session_end:", tv.id, "{\"reason\":\"stopped\"}");
    assert_ttl("session_end:", tv.id, 2 * TTL_MS);
}

Test(redis_data, keeps_an_operators_word_for_a_tokens_life)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    const struct store_end end = {.reason = END_TERMINATED, .message = "a \"word\""};

    ask_end_with(&fixture, &tv, &end);
    char *text = redis_server_text(redis, "GET session_end:%s", tv.id);
    json_t *object = json_loads(text, 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(object, "reason")), "terminated");
    cr_assert_str_eq(json_string_value(json_object_get(object, "message")), "a \"word\"");
    assert_ttl("session_end:", tv.id, MAX_AGE_MS);
    json_decref(object);
    free(text);
}

Test(redis_data, a_tombstone_that_cannot_be_read_says_expired)
{
    const struct session tv = ask_session("f", "tv");
    const char *const texts[] = {"", "?", "[]", "{}", "{\"reason\":7}", "{\"reason\":\"bored\"}"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        redis_server_do(redis, "SET session_end:%s %s", tv.id, texts[i]);
        ASSERT_ENDED(ask_check(&fixture, &tv), END_EXPIRED);
        ASSERT_ENDED(ask_heartbeat(&fixture, &tv), END_EXPIRED);
    }
}

/* ---- Gateways of different settings ---- */

/* A heartbeat by a gateway with another session.ttl. */
static const struct store_req *heartbeat_by_another(const struct session *session, int64_t ttl_ms)
{
    const struct store_req req = {.op = STORE_HEARTBEAT, .session = *session};

    fixture.options.ttl_ms = ttl_ms;
    return store_fixture_run(&fixture, 1, &req);
}

Test(redis_data, a_gateway_with_a_shorter_ttl_brings_no_end_nearer)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    const struct store_req *answer = heartbeat_by_another(&tv, 60000);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_gt(answer->expires_ms, answer->now_ms + TTL_MS - SLACK_MS);
    assert_ttl("session:", tv.id, TTL_MS);
    assert_ttl("family_streams:", "f", 2 * TTL_MS);
    assert_ttl("device_streams:", "tv", 2 * TTL_MS);
}

Test(redis_data, a_gateway_with_a_shorter_ttl_lets_the_sets_outlive_the_sessions)
{
    const struct session tv = ask_begin(&fixture, "f", "tv"), phone = ask_session("f", "phone");
    struct store_req create = {.op = STORE_CREATE, .session = phone, .create = ask_limits(-1, -1)};

    fixture.options.ttl_ms = 60000;
    ASSERT_ERR(store_fixture_run(&fixture, 1, &create), ERR_OK);
    assert_ttl("session:", phone.id, 60000);
    assert_ttl("session:", tv.id, TTL_MS);
    assert_ttl("family_streams:", "f", 2 * TTL_MS);
}

Test(redis_data, a_gateway_with_a_longer_ttl_lengthens_all)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    const struct store_req *answer = heartbeat_by_another(&tv, 600000);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->expires_ms, answer->now_ms + 600000);
    assert_ttl("session:", tv.id, 600000);
    assert_ttl("family_streams:", "f", 1200000);
    assert_ttl("device_streams:", "tv", 1200000);
}

/* ---- All keys ---- */

/* Plays every operation, with every outcome. */
static void play_all(void)
{
    struct session sessions[2];
    const struct session third = ask_session("f", "d0"), asleep = ask_begin(&fixture, "g", "d2");
    struct store_create create = ask_limits(2, -1);

    ask_fill(&fixture, "f", "d", sessions, 2);
    ask_heartbeat(&fixture, &sessions[0]);
    ask_check(&fixture, &sessions[0]);
    ask_get(&fixture, &sessions[0]);
    ASSERT_ERR(ask_create_with(&fixture, &third, &create), ERR_FAMILY_LIMIT);
    ask_replace(&create, &sessions[1]);
    ASSERT_ERR(ask_create_with(&fixture, &third, &create), ERR_OK);
    ask_end(&fixture, &sessions[0], END_STOPPED);
    ask_heartbeat(&fixture, &sessions[0]);
    store_fixture_age(&fixture, asleep.id, TTL_MS + 1);
    ask_end(&fixture, &asleep, END_TERMINATED);
    ask_heartbeat(&fixture, &asleep);
}

static void for_each_key(void (*look)(const char *key))
{
    redisReply *keys = redis_server_command(redis, "KEYS *");

    cr_assert_eq(keys->type, REDIS_REPLY_ARRAY);
    cr_assert_gt(keys->elements, 0);
    for (size_t i = 0; i < keys->elements; i++)
        look(keys->element[i]->str);
    freeReplyObject(keys);
}

static void assert_has_prefix(const char *key)
{
    cr_assert_eq(strncmp(key, "app:{1}:", 8), 0, "%s", key);
}

Test(redis_data, every_key_has_the_prefix)
{
    fixture.prefix = "app:{1}:";
    play_all();
    for_each_key(assert_has_prefix);
}

static void assert_is_bounded(const char *key)
{
    if (strcmp(key, "stream_events") != 0 && strcmp(key, "session_expiry") != 0)
        cr_assert_gt(redis_server_number(redis, "PTTL %s", key), 0, "%s lives for ever", key);
}

Test(redis_data, every_key_has_a_life)
{
    play_all();
    for_each_key(assert_is_bounded);
}
