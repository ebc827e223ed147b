/* The store contract: what was let in or kept alive while Redis was away is put in place. */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "feed.h"
#include "redis_server.h"

enum { SLACK_MS = 5000, HOUR_MS = 3600000 };

/* One that no store knows of, and that began so long ago. */
static struct session stranger(const char *family, const char *device, int64_t started_ms_ago)
{
    struct session session = ask_session(family, device);

    session.started_ms = clock_wall_ms() - started_ms_ago;
    return session;
}

static const struct store_req *adopt_idle(struct store_fixture *fixture,
                                          const struct session *session, int64_t idle_ms)
{
    struct store_req req = {.op = STORE_ADOPT, .session = *session, .create = ask_limits(-1, -1)};

    req.create.idle_ms = idle_ms;
    return store_fixture_run(fixture, 0, &req);
}

static const struct store_req *adopt(struct store_fixture *fixture, const struct session *session)
{
    return adopt_idle(fixture, session, 0);
}

static void assert_about(int64_t is, int64_t expected)
{
    cr_assert(llabs(is - expected) <= SLACK_MS, "%lld, not about %lld", (long long)is,
              (long long)expected);
}

/* ---- Put in place ---- */

CONTRACT_TEST(adopt, puts_a_session_in_place_with_its_start_and_its_last_sign_of_life)
{
    struct session tv = stranger("f", "tv", HOUR_MS);

    strcpy(tv.device_name, "Kitchen TV");
    strcpy(tv.player_id, "tab");
    const struct store_req *answer = adopt_idle(fixture, &tv, 60000);
    ASSERT_ERR(answer, ERR_OK);
    assert_about(answer->expires_ms - answer->now_ms, fixture->options.ttl_ms - 60000);

    answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    assert_about(answer->session.started_ms, tv.started_ms);
    assert_about(answer->session.last_heartbeat_ms, answer->now_ms - 60000);
    assert_about(answer->expires_ms - answer->now_ms, fixture->options.ttl_ms - 60000);
    cr_assert_str_eq(answer->session.user_id, "user");
    cr_assert_str_eq(answer->session.media_id, "media");
    cr_assert_str_eq(answer->session.device_name, "Kitchen TV");
    cr_assert_str_eq(answer->session.player_id, "tab");
    ASSERT_ERR(ask_heartbeat(fixture, &tv), ERR_OK);
}

CONTRACT_TEST(adopt, lets_in_over_the_limits_and_counts)
{
    fixture->options.family_limit = 2;
    fixture->options.device_limit = 1;
    const struct session first = ask_begin(fixture, "f", "tv"), next = ask_session("f", "radio");

    for (unsigned i = 0; i < 4; i++) {
        const struct session more = stranger("f", i < 2 ? "tv" : "phone", 1000);

        ASSERT_ERR(adopt(fixture, &more), ERR_OK);
        ASSERT_ERR(ask_check(fixture, &more), ERR_OK);
    }
    ASSERT_ERR(ask_check(fixture, &first), ERR_OK);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 5);
    const struct store_req *answer = ask_create(fixture, &next);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 5, 0);
}

CONTRACT_TEST(adopt, again_changes_nothing)
{
    const struct session tv = stranger("f", "tv", HOUR_MS);

    for (int i = 0; i < 3; i++)
        ASSERT_ERR(adopt(fixture, &tv), ERR_OK);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 1);
    cr_assert_eq(feed_count(fixture, "adopted"), 1);
    ASSERT_ERR(ask_end(fixture, &tv, END_STOPPED), ERR_OK);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
}

CONTRACT_TEST(adopt, tells_it_once)
{
    const struct session tv = stranger("f", "tv", 1000);

    ASSERT_ERR(adopt(fixture, &tv), ERR_OK);
    const struct feed_entry entry = feed_only(fixture, "adopted");
    cr_assert_str_eq(entry.session_id, tv.id);
    cr_assert_str_eq(entry.user_id, "user");
    cr_assert_str_eq(entry.family_id, "f");
    cr_assert_str_eq(entry.device_id, "tv");
    cr_assert_str_eq(entry.media_id, "media");
    cr_assert_str_eq(entry.cause, "");
    cr_assert_eq(entry.duration_s, -1);
    assert_about(entry.time_ms, clock_wall_ms());
}

/* ---- One that lives ---- */

CONTRACT_TEST(adopt, keeps_one_alive_that_lives)
{
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 200000);

    const struct store_req *answer = adopt_idle(fixture, &tv, 10000);
    ASSERT_ERR(answer, ERR_OK);
    assert_about(answer->expires_ms - answer->now_ms, fixture->options.ttl_ms - 10000);
    answer = ask_get(fixture, &tv);
    assert_about(answer->session.last_heartbeat_ms, answer->now_ms - 10000);
    assert_about(answer->session.started_ms, tv.started_ms);
    cr_assert_eq(feed_count(fixture, "adopted"), 0);
}

CONTRACT_TEST(adopt, never_makes_one_older_that_lives)
{
    struct session tv = ask_begin(fixture, "f", "tv");
    int64_t started_ms = tv.started_ms;

    tv.started_ms -= HOUR_MS;
    const struct store_req *answer = adopt_idle(fixture, &tv, 100000);
    ASSERT_ERR(answer, ERR_OK);
    assert_about(answer->expires_ms - answer->now_ms, fixture->options.ttl_ms);

    strcpy(tv.media_id, "next");
    ASSERT_ERR(adopt_idle(fixture, &tv, 2 * fixture->options.ttl_ms), ERR_OK);
    answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.media_id, "next");
    cr_assert_eq(answer->session.started_ms, started_ms);
    assert_about(answer->session.last_heartbeat_ms, answer->now_ms);
    assert_about(answer->expires_ms - answer->now_ms, fixture->options.ttl_ms);
}

CONTRACT_TEST(adopt, takes_over_the_title_of_one_that_zapped)
{
    struct session tv = ask_begin(fixture, "f", "tv");

    strcpy(tv.media_id, "next");
    strcpy(tv.media_title, "Blue Planet");
    ASSERT_ERR(adopt(fixture, &tv), ERR_OK);
    const struct store_req *answer = ask_get(fixture, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_str_eq(answer->session.media_id, "next");
    cr_assert_str_eq(answer->session.media_title, "Blue Planet");
    cr_assert_eq(answer->session.started_ms, tv.started_ms);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 1);
}

/* ---- Not put in place ---- */

CONTRACT_TEST(adopt, brings_back_none_that_was_ended)
{
    const enum end_reason reasons[] = {END_STOPPED, END_REPLACED, END_DISPLACED, END_TERMINATED};

    for (int i = 0; i < 4; i++) {
        const struct session tv = ask_begin(fixture, "f", "tv");
        const struct store_end end = {.reason = reasons[i], .by = "phone", .message = "a word"};

        ask_end_with(fixture, &tv, &end);
        const struct store_req *answer = adopt(fixture, &tv);
        ASSERT_ENDED(answer, reasons[i]);
        cr_assert_str_eq(answer->end.by, "phone");
        cr_assert_str_eq(answer->end.message, "a word");
        ASSERT_ENDED(ask_check(fixture, &tv), reasons[i]);
    }
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
    cr_assert_eq(feed_count(fixture, "adopted"), 0);
}

CONTRACT_TEST(adopt, brings_back_none_that_was_ended_where_no_store_knew_it)
{
    const struct session tv = stranger("f", "tv", 1000);

    ASSERT_ERR(ask_end(fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ENDED(adopt(fixture, &tv), END_STOPPED);
}

CONTRACT_TEST(adopt, brings_back_none_whose_family_or_device_was_revoked_after_its_start)
{
    const struct session tv = stranger("f", "tv", HOUR_MS), phone = stranger("g", "phone", HOUR_MS);

    ask_revoke(fixture, "f", "", "the family is out", 0);
    ask_revoke(fixture, "", "phone", "the device is out", 0);
    const struct store_req *answer = adopt(fixture, &tv);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "the family is out");
    answer = adopt(fixture, &phone);
    ASSERT_ENDED(answer, END_TERMINATED);
    cr_assert_str_eq(answer->end.message, "the device is out");
    ASSERT_ENDED(ask_check(fixture, &tv), END_EXPIRED);
    cr_assert_eq(ask_list(fixture, "f")->stream_count, 0);
}

CONTRACT_TEST(adopt, lets_in_one_that_began_after_the_revocation)
{
    ask_revoke(fixture, "f", "", "out", 0);
    int64_t revoked_ms = clock_wall_ms();
    while (clock_wall_ms() <= revoked_ms + 20)
        ;
    const struct session tv = stranger("f", "tv", 0);
    ASSERT_ERR(adopt(fixture, &tv), ERR_OK);
    ASSERT_ERR(ask_check(fixture, &tv), ERR_OK);
}

/* ---- In Redis ---- */

static void assert_ttl(struct store_fixture *fixture, const char *key, int64_t expected_ms)
{
    assert_about(redis_server_number(fixture->server, "PTTL %s", key), expected_ms);
}

static void writes_keys_and_ttls_as_a_create_would(struct store_fixture *fixture)
{
    const struct session tv = stranger("f", "tv", HOUR_MS);
    const int64_t left_ms = fixture->options.ttl_ms - 100000;
    char key[64];

    ASSERT_ERR(adopt_idle(fixture, &tv, 100000), ERR_OK);
    snprintf(key, sizeof key, "session:%s", tv.id);
    assert_ttl(fixture, key, left_ms);
    assert_ttl(fixture, "family_streams:f", left_ms + fixture->options.ttl_ms);
    assert_ttl(fixture, "device_streams:tv", left_ms + fixture->options.ttl_ms);
    cr_assert_eq(redis_server_number(fixture->server, "SISMEMBER family_streams:f %s", tv.id), 1);
    cr_assert_eq(redis_server_number(fixture->server, "SISMEMBER device_streams:tv %s", tv.id), 1);

    redisReply *reply =
        redis_server_command(fixture->server, "ZRANGE session_expiry 0 -1 WITHSCORES");
    cr_assert_eq(reply->elements, 2);
    cr_assert_eq(strncmp(reply->element[0]->str, tv.id, SESSION_ID_LEN), 0);
    cr_assert_not_null(strstr(reply->element[0]->str, " f tv user "), "%s", reply->element[0]->str);
    assert_about(strtoll(reply->element[1]->str, NULL, 10), clock_wall_ms() + left_ms);
    freeReplyObject(reply);
}

static void leaves_what_another_writer_put_into_a_live_value(struct store_fixture *fixture)
{
    const struct session tv = ask_begin(fixture, "f", "tv");
    struct redis_server *server = fixture->server;

    redis_server_do(server, "SET session:%s %s KEEPTTL", tv.id,
                    "{\"theirs\":[],\"mediaId\":\"media\",\"familyId\":\"f\"}");
    ASSERT_ERR(adopt(fixture, &tv), ERR_OK);
    char *value = redis_server_text(server, "GET session:%s", tv.id);
    cr_assert_str_eq(value, "{\"theirs\":[],\"mediaId\":\"media\",\"familyId\":\"f\"}");
    free(value);

    redis_server_do(server, "PERSIST session:%s", tv.id);
    ASSERT_ERR(adopt_idle(fixture, &tv, 2 * fixture->options.ttl_ms), ERR_OK);
    cr_assert_eq(redis_server_number(server, "EXISTS session:%s", tv.id), 1);
}

static void raises_an_error_and_writes_nothing_where_a_key_is_somebody_elses(
    struct store_fixture *fixture)
{
    const struct session tv = stranger("f", "tv", 1000);

    redis_server_do(fixture->server, "SET device_streams:tv theirs");
    ASSERT_ERR(adopt(fixture, &tv), ERR_INTERNAL);
    cr_assert_eq(redis_server_number(fixture->server, "DBSIZE"), 1);
}

#define REDIS_TEST(name) CONTRACT_TEST_ON(adopt_on_redis, name, STORE_FIXTURE_REDIS)

REDIS_TEST(writes_keys_and_ttls_as_a_create_would)
REDIS_TEST(leaves_what_another_writer_put_into_a_live_value)
REDIS_TEST(raises_an_error_and_writes_nothing_where_a_key_is_somebody_elses)
