/* POST /v1/sessions: which limits are in force, how fast one may create, and who is kept out. */
#include <stdlib.h>
#include <string.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

API_SUITES;

static const char *const key_mode[] = {API_KEY_MODE, NULL};

/* ---- limits ---- */

ON_BOTH_STORES(an_api_keys_caller_says_the_plans_limits)
{
    struct api_fixture api = api_fixture_start(store, key_mode);
    const char *plan = "'limits':{'family':3,'device':1}";

    api_admit_by_key(api.client, "f1", "d1", plan);
    struct http_answer answer = api_create_by_key(api.client, "f1", "d1", plan);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 1, "%s", answer.body);
    http_answer_done(&answer);

    api_admit_by_key(api.client, "f1", "d2", plan);
    answer = api_create_by_key(api.client, "f1", "d3", plan);
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 3, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 1, "%s", answer.body);
    http_answer_done(&answer);
    answer = api_create_by_key(api.client, "f1", "d4", plan);
    api_expect_problem(&answer, 409, "family_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 3, "%s", answer.body);
    http_answer_done(&answer);

    /* each of them alone; one that isn't said is the settings' */
    answer = api_create_by_key(api.client, "f1", "d1", "'limits':{'family':0}");
    cr_expect_eq(answer.status, 201, "%s", answer.body);
    cr_expect_eq(http_answer_member(&answer, "usage.family.limit"), json_null());
    cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(refuses_a_plan_that_is_none)
{
    static const char *const plans[] = {"'limits':1",
                                        "'limits':null",
                                        "'limits':[]",
                                        "'limits':{'family':'3'}",
                                        "'limits':{'family':-1}",
                                        "'limits':{'device':1.5}",
                                        "'limits':{'device':100001}"};
    struct api_fixture api = api_fixture_start(store, key_mode);

    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        struct http_answer answer = api_create_by_key(api.client, "f1", "d1", plans[i]);

        api_expect_problem(&answer, 400, "invalid_request");
        api_expect_detail(&answer, "limits");
        http_answer_done(&answer);
    }
    cr_expect_eq(
        api_status(api_create_by_key(api.client, "f1", "d1", "'limits':{'device':100000}")), 201);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(nobody_elses_word_on_limits_counts)
{
    struct api_fixture api = api_fixture_start(store, NULL);

    for (int i = 0; i < 2; i++) {
        struct http_answer answer =
            api_create(api.client, "f1", "d1", "'limits':{'family':100,'device':100}");

        cr_expect_eq(answer.status, 201, "%s", answer.body);
        cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 10, "%s", answer.body);
        cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 2, "%s", answer.body);
        http_answer_done(&answer);
    }
    api_expect_refused(api_create(api.client, "f1", "d1", "'limits':{'device':100}"), 409,
                       "device_limit");
    api_fixture_stop(&api);
}

Test(redis, a_plan_lasts_beyond_a_loss_of_data)
{
    struct api_fixture api = api_fixture_start(API_REDIS, key_mode);
    struct api_session small = api_admit_by_key(api.client, "f1", "d1", "'limits':{'device':1}");
    struct api_session large = api_admit_by_key(api.client, "f2", "d1", "'limits':{'device':5}");

    redis_server_do(api.redis, "FLUSHALL");
    api_admit_by_key(api.client, "f3", "d1", NULL);
    api_admit_by_key(api.client, "f3", "d1", NULL);
    api_expect_gone(api.client, &small, "expired", NULL);
    api_expect_alive(api.client, &large);
    api_fixture_stop(&api);
}

Test(redis, a_familys_override_goes_before_plan_and_settings)
{
    struct api_fixture api = api_fixture_start(API_REDIS, key_mode);

    redis_server_do(api.redis, "SET family_limits:f1 %s", "{\"family\":3,\"device\":1}");
    redis_server_do(api.redis, "SET family_limits:f2 %s", "{\"device\":0}");
    api_admit_by_key(api.client, "f1", "d1", NULL);
    struct http_answer answer =
        api_create_by_key(api.client, "f1", "d1", "'limits':{'family':5,'device':5}");
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 1, "%s", answer.body);
    http_answer_done(&answer);

    answer = http_client_ask(api.client, "GET", "/v1/families/f1/sessions", API_KEY_HEADER, NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 3, "%s", answer.body);
    http_answer_done(&answer);

    for (int i = 0; i < 3; i++)
        api_admit_by_key(api.client, "f2", "d2", "'limits':{'device':1}");
    answer = api_create_by_key(api.client, "f2", "d2", "'limits':{'family':7}");
    cr_expect_eq(http_answer_member(&answer, "usage.device.limit"), json_null());
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 7, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(redis, an_override_that_lowers_a_limit_ends_no_stream)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session running[] = {api_admit(api.client, "f1", "d1", NULL),
                                    api_admit(api.client, "f1", "d1", NULL)};

    redis_server_do(api.redis, "SET family_limits:f1 %s", "{\"family\":1}");
    struct http_answer answer = api_create(api.client, "f1", "d2", NULL);
    api_expect_problem(&answer, 409, "family_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 1, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "active"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_alive(api.client, &running[0]);
    api_expect_allowed(api_watch(api.client, &running[1]), &running[1], "m1");
    api_fixture_stop(&api);
}

Test(redis, each_gateway_goes_by_its_own_limits_and_none_ends_what_another_admitted)
{
    static const char *const strict[] = {API_SHARED_KEYS, "GATEWAY_LIMITS_DEVICE=1", NULL};
    static const char *const lax[] = {API_SHARED_KEYS, "GATEWAY_LIMITS_DEVICE=3", NULL};
    struct api_fixture one = api_fixture_start(API_REDIS, strict);
    struct api_fixture other = api_fixture_join(&one, lax);
    struct api_session first = api_admit(one.client, "f1", "d1", NULL);

    api_expect_refused(api_create(one.client, "f1", "d1", NULL), 409, "device_limit");
    api_admit(other.client, "f1", "d1", NULL);
    struct api_session last = api_admit(other.client, "f1", "d1", NULL);
    struct http_answer answer = api_create(one.client, "f1", "d1", NULL);
    api_expect_problem(&answer, 409, "device_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 1, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "active"), 3, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_refused(api_create(other.client, "f1", "d1", NULL), 409, "device_limit");
    api_expect_alive(one.client, &first);
    api_expect_alive(one.client, &last);
    api_fixture_stop(&other);
    api_fixture_stop(&one);
}

ON_BOTH_STORES(admits_beyond_the_limits_where_they_are_not_enforced)
{
    static const char *const env[] = {"GATEWAY_LIMITS_ENFORCE=false", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    struct api_session first = api_admit(api.client, "f1", "d1", NULL);

    for (int i = 2; i <= 4; i++) {
        struct http_answer answer = api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest'");

        cr_expect_eq(answer.status, 201, "%s", answer.body);
        cr_expect_eq(http_answer_number(&answer, "usage.device.active"), i, "%s", answer.body);
        cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 2, "%s", answer.body);
        http_answer_done(&answer);
    }
    api_expect_alive(api.client, &first);
    api_fixture_stop(&api);
}

/* ---- rates ---- */

ON_BOTH_STORES(a_user_creates_so_often_a_minute_and_no_oftener)
{
    static const char *const env[] = {"GATEWAY_RATE_LIMIT_CREATE=3", NULL};
    struct api_fixture api = api_fixture_start(store, env);

    for (int i = 0; i < 3; i++)
        api_admit(api.client, api_text("f%d", i), api_text("d%d", i), NULL);
    for (int i = 0; i < 2; i++) {
        struct http_answer answer = api_create(api.client, "f4", "d4", NULL);

        api_expect_problem(&answer, 429, "rate_limited");
        int wait_s = atoi(http_answer_header(&answer, "Retry-After"));
        cr_expect(wait_s > 50 && wait_s <= 60, "Retry-After: %d", wait_s);
        http_answer_done(&answer);
    }

    /* another user of the same family on the same device */
    cr_expect_eq(api_status(http_client_ask(
                     api.client, "POST", "/v1/sessions", NULL,
                     api_json("{'userId':'u2','familyId':'f1','deviceId':'d1','mediaId':'m1'}"))),
                 201);
    api_fixture_stop(&api);
}

/* ---- blocks ---- */

/* Writes the mark that a termination leaves: at once, with a block of so many seconds (or none). */
static void revoke(struct redis_server *redis, const char *key, int64_t block_s)
{
    int64_t now_ms = clock_wall_ms();
    char revoked[CLOCK_TEXT_LEN + 1], until[CLOCK_TEXT_LEN + 1];

    clock_format(now_ms, revoked);
    clock_format(now_ms + block_s * 1000, until);
    redis_server_do(
        redis, "SET %s %s EX 3600", key,
        api_json("{'revokedAt':'%s','blockedUntil':'%s','message':'Call us'}", revoked, until));
}

static void expect_blocked(struct http_answer answer)
{
    api_expect_problem(&answer, 403, "forbidden");
    cr_expect_not_null(strstr(answer.body, "Call us"), "%s", answer.body);
    http_answer_done(&answer);
}

/* That a family or device is kept out: f1 on d1, while others come and go. */
static void expect_kept_out(const char *mark)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session asleep = api_admit(api.client, "f1", "d1", NULL);
    struct api_session awake = api_admit(api.client, "f1", "d1", NULL);

    redis_server_do(api.redis, "DEL session:%s", asleep.id);
    api_wait_tick();
    revoke(api.redis, mark, 600);
    expect_blocked(api_create(api.client, "f1", "d1", NULL));
    expect_blocked(api_create(api.client, "f1", "d1", "'onLimit':'evict_oldest'"));
    api_admit(api.client, "f2", "d2", NULL);

    /* no revival, however it is asked for */
    const struct api_session *asked[] = {&asleep};
    expect_blocked(api_call(api.client, "POST", &asleep, "/heartbeat"));
    api_expect_denied(api_watch(api.client, &asleep), 403, "forbidden");
    struct http_answer answer = api_beat_all(api.client, asked, 1);
    cr_expect_str_eq(http_answer_text(&answer, "results.0.status"), "ended", "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "results.0.reason"), "forbidden", "%s", answer.body);
    http_answer_done(&answer);

    /* it is the termination that ends what runs, not its mark */
    api_expect_alive(api.client, &awake);

    redis_server_do(api.redis, "DEL %s", mark);
    api_admit(api.client, "f1", "d1", NULL);
    api_fixture_stop(&api);
}

Test(redis, a_blocked_family_neither_creates_nor_revives)
{
    expect_kept_out("family_revoked:f1");
}

Test(redis, a_blocked_device_neither_creates_nor_revives)
{
    expect_kept_out("device_revoked:d1");
}

Test(redis, what_was_issued_before_a_termination_does_not_come_back_and_new_ones_may)
{
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);
    struct api_session before = api_admit(api.client, "f1", "d1", NULL);

    api_wait_tick();
    revoke(api.redis, "family_revoked:f1", 0);
    redis_server_do(api.redis, "DEL session:%s", before.id);
    for (int i = 0; i < 2; i++) {
        struct http_answer answer = api_call(api.client, "POST", &before, "/heartbeat");

        api_expect_problem(&answer, 410, "session_ended");
        cr_expect_str_eq(http_answer_text(&answer, "reason"), "terminated", "%s", answer.body);
        cr_expect_str_eq(http_answer_text(&answer, "message"), "Call us", "%s", answer.body);
        http_answer_done(&answer);
        api_expect_denied(api_watch(api.client, &before), 403, "terminated");
    }

    api_wait_tick();
    struct api_session after = api_admit(api.client, "f1", "d1", NULL);
    redis_server_do(api.redis, "DEL session:%s", after.id);
    api_expect_alive(api.client, &after);
    api_fixture_stop(&api);
}

/* ---- what other programs wrote ---- */

Test(redis, keys_that_another_program_spoilt_cost_their_own_calls_alone)
{
    static const char *const spoilt[] = {"family_streams:bad", "device_streams:bad"};
    struct api_fixture api = api_fixture_start(API_REDIS, NULL);

    for (size_t i = 0; i < 2; i++) {
        const char *family = i == 0 ? "bad" : "f1", *device = i == 1 ? "bad" : "d1";

        redis_server_do(api.redis, "SET %s x", spoilt[i]);
        api_expect_refused(api_create(api.client, family, device, NULL), 500, "internal");
        gateway_process_wait_log(api.gateway, "WRONGTYPE");
        cr_expect_eq(redis_server_number(api.redis, "EXISTS session_expiry stream_events"), 0,
                     "something was written");
        redis_server_do(api.redis, "DEL %s", spoilt[i]);
        struct api_session session = api_admit(api.client, family, device, NULL);
        api_expect_alive(api.client, &session);
        redis_server_do(api.redis, "FLUSHALL");
    }
    redis_server_do(api.redis, "SET family_limits:f1 %s", "no JSON");
    redis_server_do(api.redis, "SET family_revoked:f1 %s", "[]");
    redis_server_do(api.redis, "SET device_revoked:d1 %s", "{\"blockedUntil\":7}");
    api_admit(api.client, "f1", "d1", NULL);
    api_fixture_stop(&api);
}
