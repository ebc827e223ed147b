/* Sessions that another program wrote straight into Redis, in shapes of its own. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "redis_server.h"

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.options.displace_after_ms = 90000;
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_shapes, .init = set_up, .fini = tear_down, .timeout = 60);

/* What another program does who knows DESIGN.md section 4: SET and SADD, without a TTL on the sets.
 */
static struct session write_session(const char *family, const char *device, const char *value)
{
    const struct session session = ask_session(family, device);

    redis_server_do(redis, "SET session:%s %s PX 200000", session.id, value);
    redis_server_do(redis, "SADD family_streams:%s %s", family, session.id);
    redis_server_do(redis, "SADD device_streams:%s %s", device, session.id);
    return session;
}

/* A value whose last sign of life lies so far back, its times in the middle. */
static const char *value_silent(int64_t silent_ms)
{
    static char value[512];
    char time[CLOCK_TEXT_LEN + 1];

    clock_format(clock_wall_ms() - silent_ms, time);
    snprintf(value, sizeof value,
             "{\"lastHeartbeat\": \"%s\", \"startedAt\": \"%s\", \"userId\": \"u\", "
             "\"mediaId\": \"m\", \"deviceId\": \"tv\", \"familyId\": \"f\"}",
             time, time);
    return value;
}

/* ---- That can be read ---- */

Test(redis_shapes, a_session_written_by_another_program_counts_and_lives)
{
    const struct session theirs = write_session("f", "tv", value_silent(1000));
    const struct session own = ask_session("f", "tv"), third = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create(&fixture, &own), 2, 2);
    const struct store_req *answer = ask_create(&fixture, &third);
    ASSERT_ERR(answer, ERR_DEVICE_LIMIT);
    cr_assert_str_eq(answer->streams[0].session.id, theirs.id);
    cr_assert_str_eq(answer->streams[0].session.media_id, "m");

    answer = ask_heartbeat(&fixture, &theirs);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture.options.ttl_ms);
    int64_t now_ms = answer->now_ms;
    cr_assert_eq(ask_get(&fixture, &theirs)->session.last_heartbeat_ms, now_ms);
    cr_assert_gt(redis_server_number(redis, "PTTL family_streams:f"), 0);
    cr_assert_gt(redis_server_number(redis, "PTTL device_streams:tv"), 0);
    ASSERT_ERR(ask_end(&fixture, &theirs, END_STOPPED), ERR_OK);
    ASSERT_ACTIVE(ask_create(&fixture, &third), 2, 2);
}

Test(redis_shapes, its_silence_is_read_wherever_it_stands)
{
    const struct session awake = write_session("f", "tv", value_silent(80000)),
                         silent = write_session("f", "tv", value_silent(100000)),
                         next = ask_session("f", "tv");

    ASSERT_ACTIVE(ask_create(&fixture, &next), 2, 2);
    ASSERT_ENDED(ask_check(&fixture, &silent), END_DISPLACED);
    ASSERT_ERR(ask_check(&fixture, &awake), ERR_OK);
}

Test(redis_shapes, a_time_to_come_is_no_silence)
{
    const struct session ahead = write_session("f", "tv", value_silent(-3600000)),
                         next = ask_session("f", "phone");
    const struct store_create one = ask_limits(1, -1);

    const struct store_req *answer = ask_create_with(&fixture, &next, &one);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    cr_assert_eq(answer->streams[0].idle_s, 0);
    ASSERT_ERR(ask_heartbeat(&fixture, &ahead), ERR_OK);
}

Test(redis_shapes, its_player_takes_its_place_again)
{
    const struct session theirs = write_session(
        "f", "tv",
        "{\"playerId\":\"tab\",\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\","
        "\"familyId\":\"f\",\"startedAt\":\"2026-01-01T00:00:00.000Z\","
        "\"lastHeartbeat\":\"2026-01-01T00:00:00.000Z\"}");
    struct session again = ask_session("f", "tv");

    strcpy(again.player_id, "tab");
    ASSERT_ACTIVE(ask_create(&fixture, &again), 1, 1);
    ASSERT_ENDED(ask_check(&fixture, &theirs), END_REPLACED);
}

Test(redis_shapes, a_heartbeat_gives_one_without_a_last_sign_of_life_one)
{
    const struct session theirs =
        write_session("f", "tv",
                      "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\",\"familyId\":\"f\","
                      "\"list\":[],\"startedAt\":\"2026-01-01T00:00:00.000Z\"}");
    char time[CLOCK_TEXT_LEN + 1], expected[512];

    ASSERT_ERR(ask_check(&fixture, &theirs), ERR_INTERNAL);
    clock_format(ask_heartbeat(&fixture, &theirs)->now_ms, time);
    ASSERT_ERR(ask_check(&fixture, &theirs), ERR_OK);
    snprintf(expected, sizeof expected,
             "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\",\"familyId\":\"f\","
             "\"list\":[],\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"lastHeartbeat\":\"%s\"}",
             time);
    char *text = redis_server_text(redis, "GET session:%s", theirs.id);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(redis_shapes, a_session_that_never_ends_is_answered_as_one_of_our_ttl)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "PERSIST session:%s", tv.id);
    const struct store_req *answer = ask_get(&fixture, &tv);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture.options.ttl_ms);
    answer = ask_create(&fixture, &tv);
    cr_assert_eq(answer->expires_ms, answer->now_ms + fixture.options.ttl_ms);
}

Test(redis_shapes, a_very_long_value_is_kept_whole)
{
    enum { LONG = 1 << 20 };
    const struct session tv = ask_session("f", "tv");
    char *value = malloc(LONG + 512);

    cr_assert_not_null(value);
    int at = sprintf(value, "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\","
                            "\"familyId\":\"f\",\"startedAt\":\"2026-01-01T00:00:00.000Z\","
                            "\"lastHeartbeat\":\"2026-01-01T00:00:00.000Z\",\"blob\":\"");
    memset(value + at, 'x', LONG);
    strcpy(value + at + LONG, "\"}");
    const struct session theirs = write_session("f", "tv", value);
    ASSERT_ERR(ask_heartbeat(&fixture, &theirs), ERR_OK);
    ASSERT_ERR(ask_zap(&fixture, &theirs, "m2", ""), ERR_OK);
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_OK);
    char *text = redis_server_text(redis, "GET session:%s", theirs.id);
    json_t *object = json_loads(text, 0, NULL);
    cr_assert_eq(json_string_length(json_object_get(object, "blob")), LONG);
    cr_assert_str_eq(json_string_value(json_object_get(object, "mediaId")), "m2");
    json_decref(object);
    free(text);
    free(value);
}

/* ---- That can't ---- */

static char deep[5000]; /* nested past what any reader takes */

static const char *const odd_values[] = {
    "",
    "hello",
    "null",
    "7",
    "[]",
    "{}",
    "{\"userId\":\"u\"",
    "{\"userId\":1,\"mediaId\":2,\"deviceId\":3,\"familyId\":4,\"startedAt\":5,\"lastHeartbeat\":"
    "6}",
    "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\",\"familyId\":[\"f\"],"
    "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"lastHeartbeat\":\"2026-01-01T00:00:00.000Z\"}",
    "{\"userId\":\"u\",\"mediaId\":\"m\",\"deviceId\":\"tv\",\"familyId\":\"f\","
    "\"startedAt\":\"yesterday\",\"lastHeartbeat\":\"2026-01-01\"}",
    "?,\"lastHeartbeat\":\"2026-01-01T00:00:00.000Z\"}",
    "\xff\xfe\xfd",
    deep,
};
enum { ODD_VALUES = sizeof odd_values / sizeof odd_values[0] };

/* Plays something against each of them, beside one of ours that must come to no harm. */
static void for_each_odd_value(void (*play)(const struct session *odd, const struct session *ours))
{
    memset(deep, '[', sizeof deep - 1);
    for (int i = 0; i < ODD_VALUES; i++) {
        redis_server_do(redis, "FLUSHALL");
        const struct session odd = write_session("f", "tv", odd_values[i]);
        const struct session ours = ask_begin(&fixture, "f", "tv");

        play(&odd, &ours);
    }
}

static void nobody_reads_it(const struct session *odd, const struct session *ours)
{
    char *before = redis_server_text(redis, "GET session:%s", odd->id);

    ASSERT_ERR(ask_check(&fixture, odd), ERR_INTERNAL);
    ASSERT_ERR(ask_get(&fixture, odd), ERR_INTERNAL);
    if (before[0] != '\0') /* an empty one is as good as none */
        ASSERT_ERR(ask_zap(&fixture, odd, "m2", ""), ERR_INTERNAL);
    char *after = redis_server_text(redis, "GET session:%s", odd->id);
    cr_assert_str_eq(after, before);
    ASSERT_ERR(ask_check(&fixture, ours), ERR_OK);
    free(before);
    free(after);
}

Test(redis_shapes, one_that_cannot_be_read_is_an_error_for_those_who_ask_for_it)
{
    for_each_odd_value(nobody_reads_it);
}

static void it_is_listed(const struct session *odd, const struct session *ours)
{
    const struct store_req *answer = ask_list(&fixture, "f");

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 2);
    bool first = strcmp(answer->streams[0].session.id, odd->id) == 0;
    cr_assert_str_eq(answer->streams[first ? 0 : 1].session.id, odd->id);
    cr_assert_str_eq(answer->streams[first ? 1 : 0].session.id, ours->id);
}

Test(redis_shapes, one_that_cannot_be_read_is_listed_by_its_id)
{
    for_each_odd_value(it_is_listed);
}

static void it_can_be_evicted(const struct session *odd, const struct session *ours)
{
    const struct session next = ask_session("f", "tv");
    struct store_create create = ask_limits(-1, -1);

    create.evict = true;
    const struct store_req *answer = ask_create_with(&fixture, &next, &create);
    ASSERT_ERR(answer, ERR_OK);
    ASSERT_ACTIVE(answer, 2, 2);
    int alive = (ask_check(&fixture, odd)->err != ERR_SESSION_ENDED) +
                (ask_check(&fixture, ours)->err == ERR_OK);
    cr_assert_eq(alive, 1);
}

Test(redis_shapes, one_that_cannot_be_read_can_be_evicted)
{
    for_each_odd_value(it_can_be_evicted);
}

static void it_can_be_revoked(const struct session *odd, const struct session *ours)
{
    const struct store_req *answer = ask_revoke(&fixture, "f", "", "out", 0);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->ended_count, 2);
    ASSERT_ENDED(ask_check(&fixture, odd), END_TERMINATED);
    ASSERT_ENDED(ask_check(&fixture, ours), END_TERMINATED);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 0);
}

Test(redis_shapes, one_that_cannot_be_read_can_be_revoked)
{
    for_each_odd_value(it_can_be_revoked);
}

static void it_can_be_stopped(const struct session *odd, const struct session *ours)
{
    const struct store_req *answer = ask_end(&fixture, odd, END_STOPPED);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->ended);
    ASSERT_ENDED(ask_check(&fixture, odd), END_STOPPED);
    ASSERT_ERR(ask_check(&fixture, ours), ERR_OK);
    cr_assert_eq(redis_server_number(redis, "EXISTS device_streams:tv"), 1);
    cr_assert_eq(redis_server_number(redis, "SCARD device_streams:tv"), 1);
}

Test(redis_shapes, one_that_cannot_be_read_can_be_stopped)
{
    for_each_odd_value(it_can_be_stopped);
}

static void it_is_kept_alive(const struct session *odd, const struct session *ours)
{
    char *before = redis_server_text(redis, "GET session:%s", odd->id);

    if (before[0] != '\0') {
        ASSERT_ERR(ask_heartbeat(&fixture, odd), ERR_OK);
        cr_assert_gt(redis_server_number(redis, "PTTL session:%s", odd->id), 290000);
    }
    char *after = redis_server_text(redis, "GET session:%s", odd->id);
    cr_assert_eq(strlen(after), strlen(before));
    ASSERT_ERR(ask_heartbeat(&fixture, ours), ERR_OK);
    free(before);
    free(after);
}

Test(redis_shapes, one_that_cannot_be_read_is_kept_alive_as_it_is)
{
    for_each_odd_value(it_is_kept_alive);
}
