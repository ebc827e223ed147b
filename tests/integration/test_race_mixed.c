/*
 * The race for the places of one family (test_race.c) once more, where the clients also end each
 * other's sessions in every way that admission has: replace, reclaim by player, eviction of the
 * oldest, displacement of the silent. Under the same pressure the limits must hold at every
 * instant, and whoever had to go must know why.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "race.h"
#include "race_gateways.h"
#include "redis_server.h"

enum { PLAYERS = 3 };

TestSuite(race, .timeout = 110);

/* What a create says beside the names, or what becomes of it. */
enum way { PLAIN, EVICT, REPLACE, RECLAIM, FALL_SILENT, WAYS };

/* A client takes them in turn. */
static const enum way turns[] = {EVICT,   PLAIN, PLAIN,       FALL_SILENT, PLAIN, PLAIN,
                                 REPLACE, PLAIN, PLAIN,       FALL_SILENT, PLAIN, PLAIN,
                                 RECLAIM, PLAIN, FALL_SILENT, PLAIN,       PLAIN, FALL_SILENT};

static atomic_int admitted[WAYS]; /* creates */

static void describe(const struct race_client *client, enum way way, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (way == EVICT)
        snprintf(ret_text, size, ",\"onLimit\":\"evict_oldest\"");
    else if (way == RECLAIM)
        snprintf(ret_text, size, ",\"playerId\":\"p%u\"", client->creates / 18 % PLAYERS);
    else if (way == REPLACE && client->held_count > 0)
        snprintf(ret_text, size, ",\"replace\":[\"%s\"]", client->held[0].id);
}

/* Whether a session that was just admitted is in both sets, or has ended by somebody's doing. */
static bool is_accounted_for(struct race_client *client, const struct race_session *session)
{
    static const char script[] = "return {redis.call('EXISTS', 'session:' .. ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[1], ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[2], ARGV[1]),"
                                 " redis.call('EXISTS', 'session_end:' .. ARGV[1])}";
    long long found[2];

    return race_eval(client, script, session, found, 2) &&
           ((found[0] == 3 && found[1] == 0) || (found[0] == 0 && found[1] == 1));
}

/* Makes a session look as if it had been silent for long. */
static bool fall_silent(struct race_client *client, const struct race_session *session)
{
    static const char script[] =
        "local key = 'session:' .. ARGV[1]\n"
        "local size = redis.call('STRLEN', key)\n"
        "if size > 0 then\n"
        "  redis.call('SETRANGE', key, size - 26, '2026-01-01T00:00:00.000Z')\n"
        "end\n"
        "return {size}\n";
    long long size;

    return race_eval(client, script, session, &size, 1);
}

static enum race_outcome create_by_http(struct race_client *client, struct race_session *session)
{
    enum way way = turns[client->creates % (sizeof turns / sizeof turns[0])];
    char more[64];

    describe(client, way, more, sizeof more);
    enum race_outcome outcome = race_gateways_create(client, more, session);
    if (outcome != RACE_ADMITTED)
        return outcome;
    admitted[way]++;
    if (!is_accounted_for(client, session) || (way == FALL_SILENT && !fall_silent(client, session)))
        return RACE_ODD;
    return RACE_ADMITTED;
}

/* That a client's session may watch if the sets hold it, and knows why if they don't. */
static bool expect_listed_or_told(struct race_client *client, const struct race_session *session)
{
    bool is_listed = race_is_listed(client, session);
    struct http_answer answer = race_gateways_call(client, "GET", "/v1/authorize", session);
    const char *reason = http_answer_header(&answer, "X-Stream-Reason");

    cr_expect_eq(answer.status, is_listed ? 200 : 403);
    cr_expect(is_listed || (reason != NULL &&
                            (strcmp(reason, "replaced") == 0 || strcmp(reason, "displaced") == 0)),
              "%s", reason != NULL ? reason : "no reason");
    cr_expect(is_accounted_for(client, session));
    http_answer_done(&answer);
    return is_listed;
}

static void expect_what_is_held(struct race *race)
{
    long long live[1 + RACE_DEVICES], listed = 0;

    for (size_t i = 0; i < RACE_CLIENTS; i++)
        for (size_t j = 0; j < race->clients[i].held_count; j++)
            listed += expect_listed_or_told(&race->clients[i], &race->clients[i].held[j]);
    cr_assert(race_look(race->clients[0].redis, live));
    cr_expect_eq(live[0], listed, "%lld sessions live, the clients have %lld", live[0], listed);
}

/* How often the feed tells of something. */
static int count_events(struct redis_server *redis, const char *type)
{
    redisReply *events = redis_server_command(redis, "XRANGE stream_events - +");
    int count = 0;

    for (size_t i = 0; i < events->elements; i++)
        count += strcmp(events->element[i]->element[1]->element[1]->str, type) == 0;
    freeReplyObject(events);
    return count;
}

Test(race, limits_hold_at_every_instant_while_streams_are_replaced_evicted_and_displaced)
{
    static const struct race_rules rules = {"the gateway, with all that ends streams",
                                            create_by_http, race_gateways_end};
    static struct race race = {.others_end = true};
    struct race_gateways gateways;

    race_gateways_start(&gateways, "GATEWAY_LIMITS_EVICT_COOLDOWN=0");
    race_gateways_run(&gateways, &race, &rules);

    int replaced = count_events(gateways.redis, "replaced"),
        displaced = count_events(gateways.redis, "displaced");
    printf("of these creates %d evict, %d replace, %d reclaim, %d fall silent; %d streams were "
           "replaced, %d displaced\n",
           admitted[EVICT], admitted[REPLACE], admitted[RECLAIM], admitted[FALL_SILENT], replaced,
           displaced);
    for (size_t i = EVICT; i < WAYS; i++)
        cr_expect_geq(admitted[i], 5, "way %zu was hardly taken", i);
    cr_expect_geq(replaced, 100);
    cr_expect_geq(displaced, 5);
    expect_what_is_held(&race);
    race_done(&race);
    race_gateways_stop(&gateways);
}
