/*
 * The race: many clients on several gateways, one Redis, one family, and a watcher that looks at
 * the sets all the while. The limits must hold at every instant, not only in the end.
 *
 * The same harness then runs an admission that counts in one step and writes in another, as it must
 * not be done: if the watcher didn't catch that one, it would prove nothing about the gateway's.
 */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gateway_process.h"
#include "http_client.h"
#include "redis_server.h"

TestSuite(race, .timeout = 110);

enum {
    CLIENTS = 64,
    GATEWAYS = 3,
    DEVICES = 7, /* of 2 streams each: the family's 10 are reached before all of them are full */
    FAMILY_LIMIT = 10,
    DEVICE_LIMIT = 2,
    ENOUGH = 500,        /* admitted, and refused: with fewer it isn't a test */
    MOST_MS = 60 * 1000, /* after which a race ends anyway */
    HELD_MAX = 4,        /* sessions that one client has at once */
    WATCHERS = 4,        /* threads: one alone is seldom scheduled among so many clients */
};

struct race;

/* A session that a client has. */
struct held {
    char id[23];      /* its sessionId */
    char token[1400]; /* its token */
    int device;       /* that it is on */
};

struct client {
    struct race *race;          /* that it takes part in */
    unsigned number;            /* of this client */
    unsigned seed;              /* of its dice */
    unsigned creates;           /* so far; makes each userId another one */
    struct http_client *http;   /* to its gateway */
    redisContext *redis;        /* to look for itself */
    struct held held[HELD_MAX]; /* what it has */
    size_t held_count;          /* of them */
};

enum outcome { ADMITTED, REFUSED, ODD };

/* How a client gets a place, and gives it up. */
struct rules {
    const char *name;                                                     /* for the figures */
    enum outcome (*create)(struct client *client, struct held *ret_held); /* on ret_held->device */
    bool (*stop)(struct client *client, const struct held *held);         /* false: it went wrong */
};

struct race {
    const struct rules *rules;                  /* of admission */
    struct redis_server *redis;                 /* shared by all */
    struct gateway_process *gateways[GATEWAYS]; /* started where the rules are theirs */
    struct client clients[CLIENTS];             /* a thread each */
    int64_t until_ms;                           /* when it ends anyway; monotonic clock */
    atomic_bool over;                           /* everybody is to stop */
    atomic_int admitted, refused, stopped;      /* calls that were answered so */
    atomic_int odd;                             /* calls that were answered otherwise */
    atomic_int unlisted;                 /* sessions that were admitted, and not in the sets */
    atomic_int looks;                    /* of the watcher */
    atomic_int family_peak, device_peak; /* live members, at most */
    atomic_int torn;                     /* looks at which the sets didn't agree */
};

/* ---- Redis, looked at in one atomic step ---- */

/* EVALs a script whose reply is an array of integers; false where it isn't. */
static bool eval(redisContext *redis, const char *script, const char *const *words, size_t count,
                 long long *ret_numbers, size_t number_count)
{
    const char *all[2 + 16] = {"EVAL", script};
    redisReply *reply;
    bool right;

    memcpy(all + 2, words, count * sizeof *words);
    reply = redisCommandArgv(redis, (int)count + 2, (const char **)all, NULL);
    right = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == number_count;
    for (size_t i = 0; right && i < number_count; i++)
        ret_numbers[i] = reply->element[i]->integer;
    freeReplyObject(reply);
    return right;
}

/* How many members of each set have a session that lives. */
static const char count_live[] = "local live = {}\n"
                                 "for i, set in ipairs(KEYS) do\n"
                                 "  live[i] = 0\n"
                                 "  for _, id in ipairs(redis.call('SMEMBERS', set)) do\n"
                                 "    live[i] = live[i] + redis.call('EXISTS', 'session:' .. id)\n"
                                 "  end\n"
                                 "end\n"
                                 "return live\n";

/* Live members of the family's set, then of each device's. */
static bool look(redisContext *redis, long long ret_live[1 + DEVICES])
{
    static const char *const words[] = {"8",
                                        "family_streams:race",
                                        "device_streams:race0",
                                        "device_streams:race1",
                                        "device_streams:race2",
                                        "device_streams:race3",
                                        "device_streams:race4",
                                        "device_streams:race5",
                                        "device_streams:race6"};

    return eval(redis, count_live, words, sizeof words / sizeof words[0], ret_live, 1 + DEVICES);
}

/* Whether a session lives and both of its sets hold it. */
static bool is_listed(struct client *client, const struct held *held)
{
    static const char script[] = "return {redis.call('EXISTS', 'session:' .. ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[1], ARGV[1])"
                                 " + redis.call('SISMEMBER', KEYS[2], ARGV[1])}";
    char device[32];
    const char *words[] = {"2", "family_streams:race", device, held->id};
    long long found;

    snprintf(device, sizeof device, "device_streams:race%d", held->device);
    return eval(client->redis, script, words, 4, &found, 1) && found == 3;
}

/* ---- the gateway's admission ---- */

static enum outcome create_by_http(struct client *client, struct held *ret_held)
{
    char body[256];
    struct http_answer answer;
    enum outcome outcome = ODD;

    snprintf(body, sizeof body,
             "{\"userId\":\"u%u-%u\",\"familyId\":\"race\",\"deviceId\":\"race%d\","
             "\"mediaId\":\"m\"}",
             client->number, client->creates++, ret_held->device);
    answer = http_client_ask(client->http, "POST", "/v1/sessions", NULL, body);
    if (answer.status == 201) {
        snprintf(ret_held->id, sizeof ret_held->id, "%s", http_answer_text(&answer, "sessionId"));
        snprintf(ret_held->token, sizeof ret_held->token, "%s", http_answer_text(&answer, "token"));
        outcome = ADMITTED;
    } else if (answer.status == 409) {
        outcome = REFUSED;
    } else {
        fprintf(stderr, "a create was answered with %d %s\n", answer.status, answer.body);
    }
    http_answer_done(&answer);
    return outcome;
}

static bool stop_by_http(struct client *client, const struct held *held)
{
    char target[64], header[1500];

    snprintf(target, sizeof target, "/v1/sessions/%s", held->id);
    snprintf(header, sizeof header, "X-Stream-Token: %s\r\n", held->token);
    struct http_answer answer = http_client_ask(client->http, "DELETE", target, header, NULL);
    int status = answer.status;
    http_answer_done(&answer);
    return status == 204;
}

static const struct rules of_the_gateway = {"the gateway", create_by_http, stop_by_http};

/* ---- an admission that is not atomic, and must be caught ---- */

static enum outcome create_in_two_steps(struct client *client, struct held *ret_held)
{
    static const char count[] =
        "return {redis.call('SCARD', KEYS[1]), redis.call('SCARD', KEYS[2])}";
    static const char write[] = "redis.call('SET', 'session:' .. ARGV[1], '{}', 'EX', 300)\n"
                                "return {redis.call('SADD', KEYS[1], ARGV[1]),"
                                "        redis.call('SADD', KEYS[2], ARGV[1])}\n";
    char device[32];
    const char *words[] = {"2", "family_streams:race", device, ret_held->id};
    long long active[2];

    snprintf(ret_held->id, sizeof ret_held->id, "AA%010u%010u", client->number, client->creates++);
    snprintf(device, sizeof device, "device_streams:race%d", ret_held->device);
    if (!eval(client->redis, count, words, 4, active, 2))
        return ODD;
    if (active[0] >= FAMILY_LIMIT || active[1] >= DEVICE_LIMIT)
        return REFUSED;
    return eval(client->redis, write, words, 4, active, 2) ? ADMITTED : ODD;
}

static bool stop_in_redis(struct client *client, const struct held *held)
{
    static const char script[] = "return {redis.call('DEL', 'session:' .. ARGV[1]),"
                                 "        redis.call('SREM', KEYS[1], ARGV[1]),"
                                 "        redis.call('SREM', KEYS[2], ARGV[1])}";
    char device[32];
    const char *words[] = {"2", "family_streams:race", device, held->id};
    long long removed[3];

    snprintf(device, sizeof device, "device_streams:race%d", held->device);
    return eval(client->redis, script, words, 4, removed, 3);
}

static const struct rules in_two_steps = {"two steps", create_in_two_steps, stop_in_redis};

/* ---- the threads ---- */

static void create(struct client *client)
{
    struct race *race = client->race;
    struct held *held = &client->held[client->held_count];

    held->device = (int)(rand_r(&client->seed) % DEVICES);
    switch (race->rules->create(client, held)) {
    case ADMITTED:
        race->admitted++;
        race->unlisted += !is_listed(client, held); /* nobody else stops it */
        client->held_count++;
        break;
    case REFUSED:
        race->refused++;
        break;
    case ODD:
        race->odd++;
        break;
    }
}

static void stop(struct client *client)
{
    struct race *race = client->race;
    size_t which = (size_t)rand_r(&client->seed) % client->held_count;

    if (race->rules->stop(client, &client->held[which]))
        race->stopped++;
    else
        race->odd++;
    client->held[which] = client->held[--client->held_count];
}

static void *run_client(void *arg)
{
    struct client *client = arg;

    while (!client->race->over) {
        bool is_full = client->held_count == HELD_MAX;

        if (client->held_count > 0 && (is_full || rand_r(&client->seed) % 2 == 0))
            stop(client);
        else
            create(client);
    }
    return NULL;
}

/* ---- the judgement ---- */

/* What is wrong with a race; NULL where it shows that the limits hold. */
static const char *judge(const struct race *race)
{
    if (race->family_peak > FAMILY_LIMIT)
        return "the family had more streams than it may";
    if (race->device_peak > DEVICE_LIMIT)
        return "a device had more streams than it may";
    if (race->torn > 0)
        return "the sets of family and devices didn't agree";
    if (race->unlisted > 0)
        return "a session was admitted that the sets didn't hold";
    if (race->odd > 0)
        return "a call was answered as it never should";
    if (race->admitted < ENOUGH || race->refused < ENOUGH)
        return "too few calls for a test";
    if (race->family_peak < FAMILY_LIMIT || race->device_peak < DEVICE_LIMIT)
        return "the limits were never reached";
    return NULL;
}

/* Whether there is nothing more to be learnt. */
static bool is_decided(const struct race *race)
{
    bool is_over_a_limit = race->family_peak > FAMILY_LIMIT || race->device_peak > DEVICE_LIMIT;

    return is_over_a_limit || race->odd > 0 ||
           (race->admitted >= 2 * ENOUGH && race->refused >= 2 * ENOUGH && race->looks >= ENOUGH &&
            judge(race) == NULL);
}

/* ---- the watchers ---- */

static void raise_to(atomic_int *peak, long long value)
{
    int seen = *peak;

    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, (int)value))
        ;
}

static void *run_watcher(void *arg)
{
    struct race *race = arg;
    redisContext *redis = redisConnectUnix(redis_server_socket(race->redis));
    long long live[1 + DEVICES];

    while (!race->over && look(redis, live)) {
        long long on_devices = 0;

        for (int i = 1; i <= DEVICES; i++) {
            on_devices += live[i];
            raise_to(&race->device_peak, live[i]);
        }
        raise_to(&race->family_peak, live[0]);
        race->torn += on_devices != live[0]; /* all of these devices are the family's alone */
        race->looks++;
        if (is_decided(race) || clock_monotonic_ms() > race->until_ms)
            race->over = true;
    }
    race->over = true;
    redisFree(redis);
    return NULL;
}

/* ---- a race ---- */

static void start_gateways(struct race *race)
{
    char url[256];
    const char *env[] = {
        url, "GATEWAY_REDIS_TIMEOUT_MS=20000", "GATEWAY_AUTHORIZE_TIMEOUT_MS=20000",
        "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        NULL};

    snprintf(url, sizeof url, "REDIS_URL=%s", redis_server_url(race->redis));
    for (size_t i = 0; i < GATEWAYS; i++)
        race->gateways[i] = gateway_process_start(env);
}

/* Lets all of them race until the figures tell something. */
static void run_race(struct race *race)
{
    pthread_t threads[CLIENTS + WATCHERS];
    int64_t since_ms = clock_monotonic_ms();

    race->until_ms = since_ms + MOST_MS;
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &race->clients[i];
        struct gateway_process *gateway = race->gateways[i % GATEWAYS];

        *client = (struct client){.race = race, .number = i, .seed = i + 1};
        client->redis = redisConnectUnix(redis_server_socket(race->redis));
        if (gateway != NULL)
            client->http = http_client_new(gateway_process_player(gateway));
        cr_assert_eq(client->redis->err, 0, "%s", client->redis->errstr);
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, client), 0);
    }
    for (size_t i = CLIENTS; i < CLIENTS + WATCHERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_watcher, race), 0);
    for (size_t i = 0; i < CLIENTS + WATCHERS; i++)
        pthread_join(threads[i], NULL);
    printf("race of %s: %d creates admitted, %d refused, %d stopped; peaks %d of %d in the family, "
           "%d of %d on a device; %d looks; %lld ms\n",
           race->rules->name, race->admitted, race->refused, race->stopped, race->family_peak,
           FAMILY_LIMIT, race->device_peak, DEVICE_LIMIT, race->looks,
           (long long)(clock_monotonic_ms() - since_ms));
    fflush(stdout);
}

static void free_clients(struct race *race)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        redisFree(race->clients[i].redis);
        http_client_free(race->clients[i].http);
    }
}

/* That what the clients have left is what the sets hold, and may watch. */
static void expect_held_alone(struct race *race)
{
    redisContext *redis = race->clients[0].redis;
    long long live[1 + DEVICES], held = 0;

    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &race->clients[i];

        for (size_t j = 0; j < client->held_count; j++, held++) {
            char header[1500];

            snprintf(header, sizeof header, "X-Stream-Token: %s\r\n", client->held[j].token);
            struct http_answer answer =
                http_client_ask(client->http, "GET", "/v1/authorize", header, NULL);
            cr_expect_eq(answer.status, 200);
            http_answer_done(&answer);
            cr_expect(is_listed(client, &client->held[j]));
        }
    }
    cr_assert(look(redis, live));
    cr_expect_eq(live[0], held, "%lld sessions live, the clients have %lld", live[0], held);
    cr_expect_eq(redis_server_number(race->redis, "SCARD family_streams:race"), held);
}

Test(race, limits_hold_at_every_instant_however_many_race_for_the_last_place)
{
    static struct race race = {.rules = &of_the_gateway};

    json_object_seed(0); /* not in the threads */
    race.redis = redis_server_start((struct redis_server_options){0});
    start_gateways(&race);
    run_race(&race);
    const char *fault = judge(&race);
    cr_expect_null(fault, "%s", fault);
    expect_held_alone(&race);
    free_clients(&race);
    for (size_t i = 0; i < GATEWAYS; i++)
        gateway_process_stop(race.gateways[i]);
    redis_server_stop(race.redis);
}

Test(race, catches_an_admission_that_counts_first_and_writes_later)
{
    static struct race race = {.rules = &in_two_steps};

    race.redis = redis_server_start((struct redis_server_options){0});
    run_race(&race);
    const char *fault = judge(&race);
    cr_expect_not_null(fault, "it wasn't caught");
    cr_expect(race.family_peak > FAMILY_LIMIT || race.device_peak > DEVICE_LIMIT, "%s", fault);
    cr_expect_eq(race.odd, 0);
    free_clients(&race);
    redis_server_stop(race.redis);
}
