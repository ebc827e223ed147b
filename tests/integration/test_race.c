/*
 * Many clients on several gateways, one Redis, one family, and watchers that look at the sets all
 * the while. The limits must hold at every instant, not only in the end.
 *
 * The same harness then runs an admission that counts in one step and writes in another, as it must
 * not be done: if the watchers didn't catch that one, they would prove nothing about the gateway's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gateway_process.h"
#include "http_client.h"
#include "race.h"
#include "redis_server.h"

enum { GATEWAYS = 3 };

TestSuite(race, .timeout = 110);

/* ---- the gateway's admission ---- */

static enum race_outcome create_by_http(struct race_client *client, struct race_session *session)
{
    enum race_outcome outcome = RACE_ODD;
    char body[256];

    snprintf(body, sizeof body,
             "{\"userId\":\"u%u-%u\",\"familyId\":\"" RACE_FAMILY "\",\"deviceId\":\"race%d\","
             "\"mediaId\":\"m\"}",
             client->number, client->creates++, session->device);
    struct http_answer answer = http_client_ask(client->http, "POST", "/v1/sessions", NULL, body);
    if (answer.status == 201) {
        snprintf(session->id, sizeof session->id, "%s", http_answer_text(&answer, "sessionId"));
        snprintf(session->token, sizeof session->token, "%s", http_answer_text(&answer, "token"));
        outcome = RACE_ADMITTED;
    } else if (answer.status == 409) {
        outcome = RACE_REFUSED;
    } else {
        fprintf(stderr, "a create was answered with %d %s\n", answer.status, answer.body);
    }
    http_answer_done(&answer);
    return outcome;
}

/* A call with a session's token; its status. */
static int call(struct race_client *client, const char *method, const char *target,
                const struct race_session *session)
{
    char header[1500];

    snprintf(header, sizeof header, "X-Stream-Token: %s\r\n", session->token);
    struct http_answer answer = http_client_ask(client->http, method, target, header, NULL);
    int status = answer.status;
    http_answer_done(&answer);
    return status;
}

static bool stop_by_http(struct race_client *client, const struct race_session *session)
{
    char target[64];

    snprintf(target, sizeof target, "/v1/sessions/%s", session->id);
    return call(client, "DELETE", target, session) == 204;
}

/* That what the clients have left is what the sets hold, and may watch. */
static void expect_held_alone(struct race *race)
{
    long long live[1 + RACE_DEVICES], held = 0;

    for (size_t i = 0; i < RACE_CLIENTS; i++) {
        struct race_client *client = &race->clients[i];

        for (size_t j = 0; j < client->held_count; j++, held++) {
            cr_expect(race_is_listed(client, &client->held[j]));
            cr_expect_eq(call(client, "GET", "/v1/authorize", &client->held[j]), 200);
        }
    }
    cr_assert(race_look(race->clients[0].redis, live));
    cr_expect_eq(live[0], held, "%lld sessions live, the clients have %lld", live[0], held);
    cr_expect_eq(redis_server_number(race->redis, "SCARD family_streams:" RACE_FAMILY), held);
}

Test(race, limits_hold_at_every_instant_however_many_race_for_the_last_place)
{
    static const struct race_rules rules = {"the gateway", create_by_http, stop_by_http};
    static struct race race;
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});
    struct gateway_process *gateways[GATEWAYS];
    const char *addresses[GATEWAYS];
    char url[256];
    const char *env[] = {
        url, "GATEWAY_REDIS_TIMEOUT_MS=20000", "GATEWAY_AUTHORIZE_TIMEOUT_MS=20000",
        "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        NULL};

    snprintf(url, sizeof url, "REDIS_URL=%s", redis_server_url(redis));
    for (size_t i = 0; i < GATEWAYS; i++) {
        gateways[i] = gateway_process_start(env);
        addresses[i] = gateway_process_player(gateways[i]);
    }
    race_run(&race, &rules, redis, addresses, GATEWAYS);

    const char *fault = race_judge(&race);
    cr_expect_null(fault, "%s", fault);
    cr_expect_geq(race.admitted, 500);
    cr_expect_geq(race.refused, 500);
    cr_expect_eq(race.family_peak, 10);
    cr_expect_eq(race.device_peak, 2);
    expect_held_alone(&race);
    race_done(&race);
    for (size_t i = 0; i < GATEWAYS; i++)
        gateway_process_stop(gateways[i]);
    redis_server_stop(redis);
}

/* ---- an admission that is not atomic ---- */

static enum race_outcome create_in_two_steps(struct race_client *client,
                                             struct race_session *session)
{
    static const char count[] =
        "return {redis.call('SCARD', KEYS[1]), redis.call('SCARD', KEYS[2])}";
    static const char write[] = "redis.call('SET', 'session:' .. ARGV[1], '{}', 'EX', 300)\n"
                                "return {redis.call('SADD', KEYS[1], ARGV[1]),"
                                "        redis.call('SADD', KEYS[2], ARGV[1])}\n";
    long long active[2];

    snprintf(session->id, sizeof session->id, "AA%010u%010u", client->number, client->creates++);
    if (!race_eval(client, count, session, active, 2))
        return RACE_ODD;
    if (active[0] >= RACE_FAMILY_LIMIT || active[1] >= RACE_DEVICE_LIMIT)
        return RACE_REFUSED;
    return race_eval(client, write, session, active, 2) ? RACE_ADMITTED : RACE_ODD;
}

static bool stop_in_redis(struct race_client *client, const struct race_session *session)
{
    static const char script[] = "return {redis.call('DEL', 'session:' .. ARGV[1]),"
                                 "        redis.call('SREM', KEYS[1], ARGV[1]),"
                                 "        redis.call('SREM', KEYS[2], ARGV[1])}";
    long long removed[3];

    return race_eval(client, script, session, removed, 3);
}

Test(race, catches_an_admission_that_counts_first_and_writes_later)
{
    static const struct race_rules rules = {"two steps", create_in_two_steps, stop_in_redis};
    static struct race race;
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});

    race_run(&race, &rules, redis, NULL, 0);
    const char *fault = race_judge(&race);
    cr_expect_not_null(fault, "it wasn't caught");
    cr_expect(race_is_past_limit(&race), "it was caught at something else: %s", fault);
    race_done(&race);
    redis_server_stop(redis);
}
