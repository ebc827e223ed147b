/*
 * Many clients on several gateways, one Redis, one family, and watchers that look at the sets all
 * the while. The limits must hold at every instant, not only in the end.
 *
 * The same harness then runs an admission that counts in one step and writes in another, as it must
 * not be done: if the watchers didn't catch that one, they would prove nothing about the gateway's.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "race.h"
#include "race_gateways.h"
#include "redis_server.h"

TestSuite(race, .timeout = 110);

/* ---- the gateway's admission ---- */

static enum race_outcome create_by_http(struct race_client *client, struct race_session *session)
{
    return race_gateways_create(client, "", session);
}

/* That what the clients have left is what the sets hold, and may watch. */
static void expect_held_alone(struct race *race)
{
    long long live[1 + RACE_DEVICES], held = 0;

    for (size_t i = 0; i < RACE_CLIENTS; i++) {
        struct race_client *client = &race->clients[i];

        for (size_t j = 0; j < client->held_count; j++, held++) {
            struct http_answer answer =
                race_gateways_call(client, "GET", "/v1/authorize", &client->held[j]);

            cr_expect(race_is_listed(client, &client->held[j]));
            cr_expect_eq(answer.status, 200);
            http_answer_done(&answer);
        }
    }
    cr_assert(race_look(race->clients[0].redis, live));
    cr_expect_eq(live[0], held, "%lld sessions live, the clients have %lld", live[0], held);
    cr_expect_eq(redis_server_number(race->redis, "SCARD family_streams:" RACE_FAMILY), held);
}

Test(race, limits_hold_at_every_instant_however_many_race_for_the_last_place)
{
    static const struct race_rules rules = {"the gateway", create_by_http, race_gateways_end};
    static struct race race;
    struct race_gateways gateways;

    race_gateways_start(&gateways, NULL);
    race_gateways_run(&gateways, &race, &rules);
    expect_held_alone(&race);
    race_done(&race);
    race_gateways_stop(&gateways);
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
