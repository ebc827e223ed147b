/* The store contract: another title in the same place. */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "redis_script.h"
#include "redis_server.h"

static struct session begin_with_all(struct store_fixture *fixture)
{
    struct session tv = ask_session("f", "tv");

    strcpy(tv.device_name, "Kitchen \"TV\"");
    strcpy(tv.media_title, "Blue Planet");
    strcpy(tv.platform, "tvOS");
    strcpy(tv.player_id, "tab");
    strcpy(tv.metadata,
           "{\"empty\":[],\"big\":9007199254740993,\"half\":0.5,\"text\":\"\\\"\\u00fc\"}");
    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    return tv;
}

/* The session as it stands in the store. */
static struct session get(struct store_fixture *fixture, const struct session *session)
{
    const struct store_req *answer = ask_get(fixture, session);

    ASSERT_ERR(answer, ERR_OK);
    return answer->session;
}

/* That all is as it was but what a zap changes. */
static void assert_same_but_for_the_title(const struct session *is, const struct session *was)
{
    cr_assert_str_eq(is->id, was->id);
    cr_assert_str_eq(is->user_id, was->user_id);
    cr_assert_str_eq(is->family_id, was->family_id);
    cr_assert_str_eq(is->device_id, was->device_id);
    cr_assert_str_eq(is->device_name, was->device_name);
    cr_assert_str_eq(is->platform, was->platform);
    cr_assert_str_eq(is->player_id, was->player_id);
    cr_assert_str_eq(is->metadata, was->metadata);
    cr_assert_eq(is->started_ms, was->started_ms);
}

CONTRACT_TEST(zap, changes_the_title_and_nothing_else)
{
    const struct session tv = begin_with_all(fixture), before = get(fixture, &tv);
    const struct store_req *answer = ask_zap(fixture, &tv, "m\"2\\", "Frozen \xf0\x9f\x8c\x8d");

    ASSERT_ERR(answer, ERR_OK);
    const struct session after = get(fixture, &tv);
    cr_assert_str_eq(after.media_id, "m\"2\\");
    cr_assert_str_eq(after.media_title, "Frozen \xf0\x9f\x8c\x8d");
    assert_same_but_for_the_title(&after, &before);
    cr_assert_str_eq(ask_check(fixture, &tv)->session.media_id, "m\"2\\");
}

CONTRACT_TEST(zap, takes_the_words_for_the_old_title_away_where_none_are_given)
{
    const struct session tv = begin_with_all(fixture);

    ASSERT_ERR(ask_zap(fixture, &tv, "m2", ""), ERR_OK);
    cr_assert_str_eq(get(fixture, &tv).media_title, "");
    cr_assert_str_eq(get(fixture, &tv).media_id, "m2");
}

CONTRACT_TEST(zap, gives_words_to_a_title_that_had_none)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    ASSERT_ERR(ask_zap(fixture, &tv, "m2", "Frozen Planet"), ERR_OK);
    cr_assert_str_eq(get(fixture, &tv).media_title, "Frozen Planet");
}

CONTRACT_TEST(zap, takes_no_place)
{
    fixture->options.family_limit = fixture->options.device_limit = 1;
    const struct session tv = ask_begin(fixture, "f", "tv");

    for (int i = 0; i < 3; i++)
        ASSERT_ERR(ask_zap(fixture, &tv, i % 2 == 0 ? "m2" : "m3", ""), ERR_OK);
    const struct store_req *answer = ask_list(fixture, "f");
    cr_assert_eq(answer->usage.family_active, 1);
    cr_assert_str_eq(answer->streams[0].session.media_id, "m2");
}

CONTRACT_TEST(zap, prolongs_nothing)
{
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 100000);

    const struct store_req *answer = ask_zap(fixture, &tv, "m2", "");
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 200001);
    answer = ask_get(fixture, &tv);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 200001);
    cr_assert_gt(answer->expires_ms, answer->now_ms + 100000);
    cr_assert_leq(answer->session.last_heartbeat_ms, answer->now_ms - 100000);
}

CONTRACT_TEST(zap, is_followed_by_heartbeats_as_ever)
{
    const struct session tv = begin_with_all(fixture), before = get(fixture, &tv);

    for (int i = 0; i < 3; i++) {
        ASSERT_ERR(ask_zap(fixture, &tv, "m2", ""), ERR_OK);
        store_fixture_age(fixture, tv.id, 100000);
        int64_t heartbeat_ms = ask_heartbeat(fixture, &tv)->now_ms;
        const struct session after = get(fixture, &tv);
        cr_assert_eq(after.last_heartbeat_ms, heartbeat_ms);
        cr_assert_str_eq(after.media_id, "m2");
        assert_same_but_for_the_title(&after, &before);
    }
}

CONTRACT_TEST(zap, of_one_that_is_gone_tells_how_it_ended)
{
    const struct session stopped = ask_begin(fixture, "f", "tv"),
                         asleep = ask_begin(fixture, "f", "tv"), nobody = ask_session("f", "tv");

    ask_end(fixture, &stopped, END_STOPPED);
    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ASSERT_ENDED(ask_zap(fixture, &stopped, "m2", ""), END_STOPPED);
    ASSERT_ENDED(ask_zap(fixture, &asleep, "m2", ""), END_EXPIRED);
    ASSERT_ENDED(ask_zap(fixture, &nobody, "m2", ""), END_EXPIRED);
    ASSERT_ENDED(ask_get(fixture, &nobody), END_EXPIRED);
}

CONTRACT_TEST(zap, is_not_undone_by_a_repeat_of_the_create)
{
    const struct session tv = ask_begin(fixture, "f", "tv");

    ask_zap(fixture, &tv, "m2", "");
    const struct session before = get(fixture, &tv);
    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK); /* a repeat from before the zap */
    cr_assert_str_eq(get(fixture, &tv).media_id, before.media_id);
}

/* ---- At once ---- */

/* A chain of equal requests on one handle, each sent when the last was answered. */
struct chain {
    struct store_req req;
    struct store *store;
    struct store_fixture *fixture;
    int left;         /* to be sent */
    int failed;       /* not ERR_OK, or a heartbeat undone */
    int64_t last_ms;  /* GET: the last heartbeat that was seen */
    int *outstanding; /* chains that go on */
};

static void send_next(struct chain *chain);

static void on_done(struct store_req *req)
{
    struct chain *chain = CONTAINER_OF(req, struct chain, req);

    chain->failed += req->err != ERR_OK;
    if (req->op == STORE_GET) {
        chain->failed += req->session.last_heartbeat_ms < chain->last_ms;
        chain->last_ms = req->session.last_heartbeat_ms;
    }
    if (--chain->left > 0)
        send_next(chain);
    else if (--*chain->outstanding == 0)
        uv_stop(&chain->fixture->loop.uv);
}

static void send_next(struct chain *chain)
{
    if (chain->req.op == STORE_ZAP)
        snprintf(chain->req.session.media_id, sizeof chain->req.session.media_id, "m%d",
                 chain->left);
    chain->req.deadline_ms = clock_monotonic_ms() + 20000;
    chain->req.done = on_done;
    store_submit(chain->store, &chain->req);
}

static void run_chains(struct store_fixture *fixture, const struct session *session,
                       const enum store_op ops[3], int length)
{
    struct chain chains[3];
    int outstanding = 3;

    for (int i = 0; i < 3; i++) {
        chains[i] = (struct chain){.req = {.op = ops[i], .session = *session},
                                   .store = store_fixture_handle(fixture, i % 2),
                                   .fixture = fixture,
                                   .left = length,
                                   .outstanding = &outstanding};
        send_next(&chains[i]);
    }
    loop_run(&fixture->loop);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(chains[i].failed, 0, "%d of chain %d", chains[i].failed, i);
}

CONTRACT_TEST(zap, and_heartbeats_of_another_gateway_disturb_each_other_not)
{
    const enum store_op ops[] = {STORE_ZAP, STORE_HEARTBEAT, STORE_GET};
    const struct session tv = begin_with_all(fixture), before = get(fixture, &tv);

    run_chains(fixture, &tv, ops, 2000);
    const struct session after = get(fixture, &tv);
    cr_assert_str_eq(after.media_id, "m1");
    assert_same_but_for_the_title(&after, &before);
}

CONTRACT_TEST(zap, two_at_once_both_succeed)
{
    const enum store_op ops[] = {STORE_ZAP, STORE_ZAP, STORE_HEARTBEAT};
    const struct session tv = begin_with_all(fixture), before = get(fixture, &tv);

    run_chains(fixture, &tv, ops, 500);
    const struct session after = get(fixture, &tv);
    cr_assert_str_eq(after.media_id, "m1");
    assert_same_but_for_the_title(&after, &before);
}

/* ---- What others wrote into Redis ---- */

static void keep_unknown_members(struct store_fixture *fixture)
{
    const struct session tv = ask_session("f", "tv");
    struct redis_server *redis = fixture->server;

    redis_server_do(redis, "SET session:%s %s PX 100000", tv.id,
                    "{\"extra\":[],\"nested\":{\"a\":{},\"b\":[1,2.5,null,true]},\"userId\":\"u\","
                    "\"mediaId\":\"m\",\"deviceId\":\"tv\",\"familyId\":\"f\","
                    "\"lastHeartbeat\":\"2026-01-01T00:00:01.000Z\",\"mediaTitle\":null,"
                    "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"n\":12345678901234567}");
    ASSERT_ERR(ask_zap(fixture, &tv, "m2", "Frozen"), ERR_OK);
    char *text = redis_server_text(redis, "GET session:%s", tv.id);
    cr_assert_str_eq(text, "{\"extra\":[],\"nested\":{\"a\":{},\"b\":[1,2.5,null,true]},"
                           "\"userId\":\"u\",\"mediaId\":\"m2\",\"deviceId\":\"tv\","
                           "\"familyId\":\"f\",\"mediaTitle\":\"Frozen\","
                           "\"startedAt\":\"2026-01-01T00:00:00.000Z\",\"n\":12345678901234567,"
                           "\"lastHeartbeat\":\"2026-01-01T00:00:01.000Z\"}");
    free(text);
    cr_assert_gt(redis_server_number(redis, "PTTL session:%s", tv.id), 90000);
}
CONTRACT_TEST_ON(zap_on_redis, keep_unknown_members, STORE_FIXTURE_REDIS)

/* Puts a value in the place of another, as a zap does: 1 where that went well. */
static long long swap(struct store_fixture *fixture, const char *id, const char *before,
                      const char *after)
{
    char key[64];
    size_t len;
    const char *script = redis_script_text(REDIS_SCRIPT_SWAP, &len);

    snprintf(key, sizeof key, "session:%s", id);
    redisReply *reply = redis_server_command(fixture->server, "EVAL %b 1 %s %s %s %s %s 0", script,
                                             len, key, "", id, before, after);
    long long swapped = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);
    return swapped;
}

#define FIRST  ",\"lastHeartbeat\":\"2026-01-01T00:00:01.000Z\"}"
#define SECOND ",\"lastHeartbeat\":\"2026-01-01T00:00:02.000Z\"}"

static void a_heartbeat_in_between_keeps_its_time(struct store_fixture *fixture)
{
    struct redis_server *redis = fixture->server;

    redis_server_do(redis, "SET session:a %s", "{\"mediaId\":\"m\"" SECOND);
    cr_assert_eq(swap(fixture, "a", "{\"mediaId\":\"m\"" FIRST, "{\"mediaId\":\"m2\"" FIRST), 1);
    char *text = redis_server_text(redis, "GET session:a");
    cr_assert_str_eq(text, "{\"mediaId\":\"m2\"" SECOND);
    free(text);

    cr_assert_eq(swap(fixture, "a", "{\"mediaId\":\"m\"" SECOND, "{\"mediaId\":\"m3\"" SECOND), 0);
    cr_assert_eq(swap(fixture, "b", "{\"mediaId\":\"m\"" SECOND, "{\"mediaId\":\"m3\"" SECOND), 0);
    cr_assert_eq(redis_server_number(redis, "EXISTS session:b"), 0);
    text = redis_server_text(redis, "GET session:a");
    cr_assert_str_eq(text, "{\"mediaId\":\"m2\"" SECOND, "another zap was faster");
    free(text);
}
CONTRACT_TEST_ON(zap_on_redis, a_heartbeat_in_between_keeps_its_time, STORE_FIXTURE_REDIS)
