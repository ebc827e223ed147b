/*
 * Keys of ours that hold what other programs put there: every operation against every key that it
 * touches, of every wrong type and with wrong texts. A call that fails has written nothing at all;
 * one that goes on has left the stranger's key alone.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "ask_operator.h"
#include "clock.h"
#include "redis_server.h"

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.options.create_rate = 1000;
    fixture.options.displace_after_ms = 90000;
    fixture.options.evict_cooldown_ms = 60000;
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_strangers, .init = set_up, .fini = tear_down, .timeout = 100);

/* A digest of all that Redis holds: names, values, and whether a key has a TTL. */
static char *digest(void)
{
    static const char script[] = "local keys, all = redis.call('KEYS', '*'), '' "
                                 "table.sort(keys) "
                                 "for _, key in ipairs(keys) do "
                                 "  local mortal = redis.call('PTTL', key) >= 0 and 'm' or 'i' "
                                 "  all = all .. key .. mortal .. redis.call('DUMP', key) "
                                 "end "
                                 "return redis.sha1hex(all)";

    return redis_server_text(redis, "EVAL %s 0", script);
}

/* The same of one key alone. */
static char *digest_of(const char *key)
{
    static const char script[] = "return redis.sha1hex((redis.call('DUMP', KEYS[1]) or '') "
                                 ".. (redis.call('PTTL', KEYS[1]) >= 0 and 'm' or 'i'))";

    return redis_server_text(redis, "EVAL %s 1 %s", script, key);
}

/* ---- Wrong types ---- */

/* The sessions that each operation is played with: tv lives, asleep is gone, next is to be. */
static struct session tv, other, asleep, next;

/* other has been silent for long, and every session is due to be looked at. */
static void set_the_scene(void)
{
    static const char all_due[] =
        "for _, entry in ipairs(redis.call('ZRANGE', 'session_expiry', 0, -1)) do "
        "redis.call('ZADD', 'session_expiry', 1, entry) end";

    redis_server_do(redis, "FLUSHALL");
    tv = ask_begin(&fixture, "f", "tv");
    other = ask_begin(&fixture, "g", "tv");
    asleep = ask_begin(&fixture, "f", "phone");
    redis_server_do(redis, "DEL session:%s", asleep.id);
    next = ask_session("f", "tv");
    store_fixture_age(&fixture, other.id, 100000);
    redis_server_do(redis, "EVAL %s 0", all_due);
}

static const struct store_req *create_replacing(void)
{
    struct store_create create = ask_limits(-1, -1);

    ask_replace(&create, &tv);
    return ask_create_with(&fixture, &next, &create);
}

static const struct store_req *create_evicting(void)
{
    struct store_create create = ask_limits(-1, 1);

    create.evict = true; /* other is displaced, tv evicted */
    return ask_create_with(&fixture, &next, &create);
}

static const struct store_req *create_displacing(void)
{
    return ask_create(&fixture, &next);
}

static const struct store_req *create_refused(void)
{
    const struct store_create one = ask_limits(1, -1);

    return ask_create_with(&fixture, &next, &one);
}

static const struct store_req *create_with_room(void)
{
    const struct store_create none = ask_limits(0, 0);

    return ask_create_with(&fixture, &next, &none);
}

static const struct store_req *heartbeat(void)
{
    return ask_heartbeat(&fixture, &tv);
}

static const struct store_req *heartbeat_of_one_gone(void)
{
    return ask_heartbeat(&fixture, &asleep);
}

static const struct store_req *revive(void)
{
    return ask_revive(&fixture, &asleep, asleep.started_ms);
}

static const struct store_req *check(void)
{
    return ask_check(&fixture, &tv);
}

static const struct store_req *get(void)
{
    return ask_get(&fixture, &asleep);
}

static const struct store_req *zap(void)
{
    return ask_zap(&fixture, &tv, "m2", "");
}

static const struct store_req *stop(void)
{
    return ask_end(&fixture, &tv, END_STOPPED);
}

static const struct store_req *terminate(void)
{
    return ask_end(&fixture, &asleep, END_TERMINATED);
}

static const struct store_req *list(void)
{
    return ask_list(&fixture, "f");
}

static const struct store_req *revoke_family(void)
{
    return ask_revoke(&fixture, "f", "", "out", 60000);
}

static const struct store_req *revoke_device(void)
{
    return ask_revoke(&fixture, "", "tv", "out", 60000);
}

static const struct store_req *set_limits(void)
{
    return ask_set_limits(&fixture, "f", 3, 1, 60000);
}

static const struct store_req *end_by_id(void)
{
    return ask_end_by_id(&fixture, tv.id, END_TERMINATED);
}

static const struct store_req *page(void)
{
    static const struct store_filter everybody;
    store_cursor cursor = "";

    return ask_page(&fixture, &everybody, 10, cursor);
}

static const struct store_req *page_of_family(void)
{
    static const struct store_filter family = {.family_id = "f"};
    store_cursor cursor = "";

    return ask_page(&fixture, &family, 10, cursor);
}

static const struct store_req *describe(void)
{
    return ask_describe(&fixture, "f", "");
}

static const struct store_req *count(void)
{
    static struct store_query query;
    const struct store_req req = {.op = STORE_COUNT, .query = &query};

    return store_fixture_run(&fixture, 0, &req);
}

static const struct store_req *events(void)
{
    static struct store_query query;
    const struct store_req req = {.op = STORE_EVENTS, .query = &query};

    query = (struct store_query){.events = {.most = 10}};
    return store_fixture_run(&fixture, 0, &req);
}

static const struct store_req *note(void)
{
    return ask_note(&fixture, EVENT_DRAIN_STARTED, &tv, "anna", "");
}

static const struct store_req *sweep(void)
{
    return ask_sweep(&fixture);
}

static const struct {
    const char *name;
    const struct store_req *(*play)(void);
    enum err expected; /* where nothing is in the way */
} plays[] = {
    {"create_with_room", create_with_room, ERR_OK},
    {"create_replacing", create_replacing, ERR_OK},
    {"create_evicting", create_evicting, ERR_OK},
    {"create_displacing", create_displacing, ERR_OK},
    {"create_refused", create_refused, ERR_FAMILY_LIMIT},
    {"heartbeat", heartbeat, ERR_OK},
    {"heartbeat_of_one_gone", heartbeat_of_one_gone, ERR_SESSION_ENDED},
    {"revive", revive, ERR_OK},
    {"check", check, ERR_OK},
    {"get", get, ERR_SESSION_ENDED},
    {"zap", zap, ERR_OK},
    {"stop", stop, ERR_OK},
    {"terminate", terminate, ERR_OK},
    {"list", list, ERR_OK},
    {"revoke_family", revoke_family, ERR_OK},
    {"revoke_device", revoke_device, ERR_OK},
    {"sweep", sweep, ERR_OK},
    {"set_limits", set_limits, ERR_OK},
    {"end_by_id", end_by_id, ERR_OK},
    {"page", page, ERR_OK},
    {"page_of_family", page_of_family, ERR_OK},
    {"describe", describe, ERR_OK},
    {"count", count, ERR_OK},
    {"events", events, ERR_OK},
    {"note", note, ERR_OK},
};
enum { PLAYS = sizeof plays / sizeof plays[0] };

/* A key of each kind that a script touches, and its right type. */
static const char *name_key(int kind, char ret_key[128])
{
    const struct {
        const char *kind, *name, *type;
    } keys[] = {
        {"session:", tv.id, "string"},
        {"session:", asleep.id, "string"},
        {"session:", next.id, "string"},
        {"session:", other.id, "string"},
        {"session_end:", tv.id, "string"},
        {"session_end:", asleep.id, "string"},
        {"session_end:", next.id, "string"},
        {"family_streams:", "f", "set"},
        {"family_streams:", "g", "set"},
        {"device_streams:", "tv", "set"},
        {"device_streams:", "phone", "set"},
        {"family_limits:", "f", "string"},
        {"rate_limit:", "user:create", "string"},
        {"evicted:", "tv", "string"},
        {"family_revoked:", "f", "string"},
        {"device_revoked:", "tv", "string"},
        {"session_expiry", "", "zset"},
        {"stream_events", "", "stream"},
    };
    enum { KEYS = sizeof keys / sizeof keys[0] };
    int64_t window = clock_wall_ms() / fixture.options.ttl_ms;

    if (kind > KEYS)
        return NULL;
    if (kind == KEYS) {
        snprintf(ret_key, 128, "online_users:%lld", (long long)window);
        return "string";
    }
    snprintf(ret_key, 128, "%s%s", keys[kind].kind, keys[kind].name);
    return keys[kind].type;
}

static const struct {
    const char *type, *command;
} makers[] = {
    {"string", "SET %s theirs"},  {"list", "RPUSH %s theirs"},
    {"set", "SADD %s theirs"},    {"hash", "HSET %s their field"},
    {"zset", "ZADD %s 5 theirs"}, {"stream", "XADD %s * their field"},
};
enum { MAKERS = sizeof makers / sizeof makers[0] };

/* A tombstone is written whatever stands there: it is named after a sessionId of ours. */
static bool may_change(const char *key, const char *right_type, const char *type)
{
    return strcmp(type, right_type) == 0 || strncmp(key, "session_end:", 12) == 0;
}

static void play_against(int play, int kind, int maker)
{
    const char *name = plays[play].name, *type = makers[maker].type;
    char key[128];

    set_the_scene();
    const char *right_type = name_key(kind, key);
    redis_server_do(redis, "DEL %s", key);
    redis_server_do(redis, makers[maker].command, key);
    char *all_before = digest(), *key_before = digest_of(key);
    enum err err = plays[play].play()->err;
    char *all_after = digest(), *key_after = digest_of(key);

    if (err == ERR_INTERNAL)
        cr_assert_str_eq(all_after, all_before, "%s failed on %s as %s, and wrote", name, key,
                         type);
    if (!may_change(key, right_type, type))
        cr_assert_str_eq(key_after, key_before, "%s changed %s as %s", name, key, type);
    cr_assert_neq(err, ERR_STORE_UNAVAILABLE, "%s took %s as %s for an outage", name, key, type);
    free(all_before);
    free(all_after);
    free(key_before);
    free(key_after);
}

static void play_all_against(int maker)
{
    char key[128];

    for (int play = 0; play < PLAYS; play++)
        for (int kind = 0; name_key(kind, key) != NULL; kind++)
            play_against(play, kind, maker);
}

Test(redis_strangers, the_operations_do_here_what_they_are_meant_to)
{
    for (int play = 0; play < PLAYS; play++) {
        set_the_scene();
        const struct store_req *answer = plays[play].play();
        cr_assert_eq(answer->err, plays[play].expected, "%s: %s", plays[play].name,
                     err_word(answer->err));
    }
}

Test(redis_strangers, a_key_of_another_type_is_left_alone_and_nothing_is_half_written)
{
    for (int maker = 0; maker < MAKERS; maker++)
        play_all_against(maker);
}

/* ---- Wrong texts ---- */

static const char *const texts[] = {
    "?",
    "[]",
    "null",
    "{",
    "7",
    "\"text\"",
    "{\"family\":\"x\",\"device\":[],\"blockedUntil\":7,\"revokedAt\":{},\"message\":8,\"reason\":"
    "9}",
    "{\"family\":-1,\"device\":1.5,\"blockedUntil\":\"2999\",\"revokedAt\":\"2999-01-01\"}",
    "{\"family\":1e300,\"device\":5000000000,\"blockedUntil\":null,\"revokedAt\":null}",
    "{\"family\":NaN,\"device\":Infinity}",
    "{\"family\":null,\"device\":true}",
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

Test(redis_strangers, an_override_that_cannot_be_read_is_none)
{
    for (int i = 0; i < TEXTS; i++) {
        const struct session session = ask_session("f", "tv");

        redis_server_do(redis, "SET family_limits:f %s", texts[i]);
        const struct store_req *answer = ask_create(&fixture, &session);
        ASSERT_ERR(answer, ERR_OK);
        cr_assert_eq(answer->usage.family_limit, 10, "%s", texts[i]);
        cr_assert_eq(answer->usage.device_limit, 2, "%s", texts[i]);
        cr_assert_eq(ask_list(&fixture, "f")->usage.family_limit, 10, "%s", texts[i]);
        cr_assert_not(ask_describe(&fixture, "f", "")->query->description.overridden);
        ask_end(&fixture, &session, END_STOPPED);
    }
}

Test(redis_strangers, a_revocation_that_cannot_be_read_is_none)
{
    for (int i = 0; i < TEXTS; i++) {
        const struct session session = ask_begin(&fixture, "f", "tv");

        redis_server_do(redis, "SET family_revoked:f %s", texts[i]);
        redis_server_do(redis, "SET device_revoked:tv %s", texts[i]);
        redis_server_do(redis, "DEL session:%s", session.id);
        ASSERT_ERR(ask_revive(&fixture, &session, session.started_ms), ERR_OK);
        cr_assert_eq(ask_describe(&fixture, "f", "")->query->description.blocked_until_ms, 0);
        ask_end(&fixture, &session, END_STOPPED);
    }
    ask_begin(&fixture, "f", "tv");
}

Test(redis_strangers, a_block_in_another_shape_is_left_with_its_message_and_its_end)
{
    static const char *const marks[] = {
        "{\"message\":\"m\",\"blockedUntil\":\"2999-01-01T00:00:00.000Z\"}",
        "{\"revokedAt\":\"never\",\"blockedUntil\":\"2999-01-01T00:00:00.000Z\",\"message\":\"m\"}",
        "{\"revokedAt\":\"2026-11-20T23:40:00.123Z\",\"their\":[],"
        "\"blockedUntil\":\"2999-01-01T00:00:00.000Z\",\"message\":\"m\"}"};
    const struct session session = ask_session("f", "tv");

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        redis_server_do(redis, "SET family_revoked:f %s", marks[i]);
        ASSERT_ERR(ask_revoke(&fixture, "f", "", "m", -1), ERR_OK);
        const struct store_req *answer = ask_create(&fixture, &session);
        ASSERT_ERR(answer, ERR_FORBIDDEN);
        cr_assert_str_eq(answer->end.message, "m");
        cr_assert_eq(redis_server_number(redis, "PTTL family_revoked:f"), -1);
        char *mark = redis_server_text(redis, "GET family_revoked:f");
        cr_assert_not_null(strstr(mark, "\"revokedAt\":\"20"), "%s", mark);
        free(mark);
    }
    char *mark = redis_server_text(redis, "GET family_revoked:f");
    cr_assert_not_null(strstr(mark, "\"their\":[]"), "%s", mark);
    free(mark);
}

Test(redis_strangers, one_whose_names_cannot_be_read_is_ended_by_its_id_all_the_same)
{
    for (int i = 0; i < TEXTS; i++) {
        const struct session session = ask_begin(&fixture, "f", "tv");

        redis_server_do(redis, "SET session:%s %s", session.id, texts[i]);
        const struct store_req *answer = ask_end_by_id(&fixture, session.id, END_TERMINATED);
        ASSERT_ERR(answer, ERR_OK);
        cr_assert(answer->ended);
        ASSERT_ENDED(ask_check(&fixture, &session), END_TERMINATED);
    }
}

Test(redis_strangers, a_tombstone_that_cannot_be_read_ends_a_session_all_the_same)
{
    const struct session session = ask_begin(&fixture, "f", "tv");

    redis_server_do(redis, "DEL session:%s", session.id);
    for (int i = 0; i < TEXTS; i++) {
        redis_server_do(redis, "SET session_end:%s %s", session.id, texts[i]);
        ASSERT_ENDED(ask_revive(&fixture, &session, session.started_ms), END_EXPIRED);
        ASSERT_ENDED(ask_heartbeat(&fixture, &session), END_EXPIRED);
    }
}

Test(redis_strangers, a_count_of_creates_that_cannot_be_read_begins_anew)
{
    const char *const counts[] = {"", "?", "1.5", "-3", "1e9", "99999999999999999999", " 7"};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        redis_server_do(redis, "FLUSHALL");
        redis_server_do(redis, "SET rate_limit:user:create %s PX 60000", counts[i]);
        ask_begin(&fixture, "f", "tv");
        ask_begin(&fixture, "f", "tv");
        cr_assert_eq(redis_server_number(redis, "PTTL rate_limit:user:create") > 0, 1);
        char *count = redis_server_text(redis, "GET rate_limit:user:create");
        cr_assert_str_eq(count, "2", "from \"%s\"", counts[i]);
        free(count);
    }
    redis_server_do(redis, "SET rate_limit:user:create 1000000"); /* for ever, by somebody */
    ask_begin(&fixture, "f", "phone");
    cr_assert_gt(redis_server_number(redis, "PTTL rate_limit:user:create"), 0);
}
