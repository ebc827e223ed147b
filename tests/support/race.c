/*
 * A race for the places of one family.
 *
 * Watchers look by a script, so that each look is one instant of Redis; there are several, since
 * one thread is seldom scheduled among so many. They end the race. A client, too, looks after each
 * create that was admitted: where nobody else stops that session, it must be there.
 */
#include "race.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_client.h"
#include "redis_server.h"

enum {
    WATCHERS = 4,
    MOST_MS = 60 * 1000, /* after which a race ends anyway */
};

/* ---- Redis, in one atomic step ---- */

/* EVALs a script with these words behind it; false where the reply isn't so many integers. */
static bool eval(redisContext *redis, const char *script, const char *const *words, size_t count,
                 long long *ret_numbers, size_t number_count)
{
    const char *all[2 + 16] = {"EVAL", script};

    memcpy(all + 2, words, count * sizeof *words);
    redisReply *reply = redisCommandArgv(redis, (int)count + 2, all, NULL);
    bool right =
        reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == number_count;
    for (size_t i = 0; right && i < number_count; i++)
        ret_numbers[i] = reply->element[i]->integer;
    freeReplyObject(reply);
    return right;
}

bool race_eval(struct race_client *client, const char *script, const struct race_session *session,
               long long *ret_numbers, size_t count)
{
    char device[32];
    const char *words[] = {"2", "family_streams:" RACE_FAMILY, device, session->id};

    snprintf(device, sizeof device, "device_streams:race%d", session->device);
    return eval(client->redis, script, words, 4, ret_numbers, count);
}

bool race_look(redisContext *redis, long long ret_live[1 + RACE_DEVICES])
{
    static const char script[] = "local live = {}\n"
                                 "for i, set in ipairs(KEYS) do\n"
                                 "  live[i] = 0\n"
                                 "  for _, id in ipairs(redis.call('SMEMBERS', set)) do\n"
                                 "    live[i] = live[i] + redis.call('EXISTS', 'session:' .. id)\n"
                                 "  end\n"
                                 "end\n"
                                 "return live\n";
    static const char *const words[] = {"8",
                                        "family_streams:" RACE_FAMILY,
                                        "device_streams:race0",
                                        "device_streams:race1",
                                        "device_streams:race2",
                                        "device_streams:race3",
                                        "device_streams:race4",
                                        "device_streams:race5",
                                        "device_streams:race6"};

    return eval(redis, script, words, sizeof words / sizeof words[0], ret_live, 1 + RACE_DEVICES);
}

bool race_is_listed(struct race_client *client, const struct race_session *session)
{
    static const char script[] = "return {redis.call('EXISTS', 'session:' .. ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[1], ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[2], ARGV[1])}";
    long long found;

    return race_eval(client, script, session, &found, 1) && found == 3;
}

/* ---- clients ---- */

/* A number from 0 to sides - 1, by a linear congruence of its own for each client. */
static unsigned roll(struct race_client *client, unsigned sides)
{
    client->dice = client->dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(client->dice >> 33) % sides;
}

static void create(struct race_client *client)
{
    struct race *race = client->race;
    struct race_session *session = &client->held[client->held_count];

    session->device = (int)roll(client, RACE_DEVICES);
    switch (race->rules->create(client, session)) {
    case RACE_ADMITTED:
        race->admitted++;
        race->unlisted += !race->others_end && !race_is_listed(client, session);
        client->held_count++;
        break;
    case RACE_REFUSED:
        race->refused++;
        break;
    case RACE_ODD:
        race->odd++;
        break;
    }
}

static void stop(struct race_client *client)
{
    struct race *race = client->race;
    size_t which = roll(client, (unsigned)client->held_count);

    if (race->rules->stop(client, &client->held[which]))
        race->stopped++;
    else
        race->odd++;
    client->held[which] = client->held[--client->held_count];
}

static void *run_client(void *arg)
{
    struct race_client *client = arg;

    while (!client->race->over) {
        bool is_full = client->held_count == RACE_HELD_MAX;

        if (client->held_count > 0 && (is_full || roll(client, 2) == 0))
            stop(client);
        else
            create(client);
    }
    return NULL;
}

/* ---- the judgement ---- */

bool race_is_past_limit(const struct race *race)
{
    return race->family_peak > RACE_FAMILY_LIMIT || race->device_peak > RACE_DEVICE_LIMIT;
}

const char *race_judge(const struct race *race)
{
    if (race->family_peak > RACE_FAMILY_LIMIT)
        return "the family had more streams than it may";
    if (race->device_peak > RACE_DEVICE_LIMIT)
        return "a device had more streams than it may";
    if (race->torn > 0)
        return "the sets of family and devices didn't agree";
    if (race->unlisted > 0)
        return "a session was admitted that the sets didn't hold";
    if (race->odd > 0)
        return "a call was answered as it never should";
    if (race->admitted < RACE_ENOUGH || race->refused < RACE_ENOUGH)
        return "too few calls for a test";
    if (race->family_peak < RACE_FAMILY_LIMIT || race->device_peak < RACE_DEVICE_LIMIT)
        return "the limits were never reached";
    return NULL;
}

/* Whether there is nothing more to be learnt. */
static bool is_decided(const struct race *race)
{
    if (race_is_past_limit(race) || race->odd > 0)
        return true;
    return race->admitted >= 2 * RACE_ENOUGH && race->refused >= 2 * RACE_ENOUGH &&
           race->looks >= RACE_ENOUGH && race_judge(race) == NULL;
}

/* ---- watchers ---- */

static void raise_to(atomic_int *peak, long long value)
{
    int seen = *peak;

    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, (int)value))
        ;
}

static void note(struct race *race, const long long live[1 + RACE_DEVICES])
{
    long long on_devices = 0;

    for (int i = 1; i <= RACE_DEVICES; i++) {
        on_devices += live[i];
        raise_to(&race->device_peak, live[i]);
    }
    raise_to(&race->family_peak, live[0]);
    race->torn += on_devices != live[0]; /* all of these devices are this family's alone */
    race->looks++;
}

static void *run_watcher(void *arg)
{
    struct race *race = arg;
    redisContext *redis = redisConnectUnix(redis_server_socket(race->redis));
    long long live[1 + RACE_DEVICES];

    while (!race->over && race_look(redis, live)) {
        note(race, live);
        if (is_decided(race) || clock_monotonic_ms() > race->until_ms)
            break;
    }
    race->over = true;
    redisFree(redis);
    return NULL;
}

/* ---- running ---- */

static void print_figures(const struct race *race, int64_t took_ms)
{
    printf("race by %s: %d creates admitted, %d refused, %d sessions stopped; "
           "peaks %d of %d in the family, %d of %d on a device; %d looks in %lld ms\n",
           race->rules->name, race->admitted, race->refused, race->stopped, race->family_peak,
           RACE_FAMILY_LIMIT, race->device_peak, RACE_DEVICE_LIMIT, race->looks,
           (long long)took_ms);
    fflush(stdout);
}

void race_run(struct race *race, const struct race_rules *rules, struct redis_server *redis,
              const char *const *gateways, size_t count)
{
    pthread_t threads[RACE_CLIENTS + WATCHERS];
    int64_t since_ms = clock_monotonic_ms();

    race->rules = rules;
    race->redis = redis;
    race->until_ms = since_ms + MOST_MS;
    json_object_seed(0); /* what jansson otherwise does in the first thread that needs it */
    for (unsigned i = 0; i < RACE_CLIENTS; i++) {
        struct race_client *client = &race->clients[i];

        *client = (struct race_client){.race = race, .number = i, .dice = i};
        client->redis = redisConnectUnix(redis_server_socket(redis));
        cr_assert_eq(client->redis->err, 0, "%s", client->redis->errstr);
        if (count > 0)
            client->http = http_client_new(gateways[i % count]);
    }
    for (size_t i = 0; i < RACE_CLIENTS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, &race->clients[i]), 0);
    for (size_t i = RACE_CLIENTS; i < RACE_CLIENTS + WATCHERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_watcher, race), 0);
    for (size_t i = 0; i < RACE_CLIENTS + WATCHERS; i++)
        pthread_join(threads[i], NULL);
    print_figures(race, clock_monotonic_ms() - since_ms);
}

void race_done(struct race *race)
{
    for (size_t i = 0; i < RACE_CLIENTS; i++) {
        redisFree(race->clients[i].redis);
        http_client_free(race->clients[i].http);
    }
}
