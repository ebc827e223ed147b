/*
 * The crash test: several gateways on one Redis, clients that do all that players do, and kill -9
 * at random. Limits must hold at every instant; and however the gateways ended, the sets must equal
 * the live sessions a TTL later.
 *
 * First the storm: clients create, replace, evict, heartbeat, watch, stop, and forget sessions,
 * which then sleep and may be revived, while gateways are killed and started again. Then the calm:
 * clients keep alive what they have, and nothing else happens. Then nothing at all.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "clock.h"
#include "gateway_process.h"
#include "http_client.h"
#include "redis_server.h"
#include "storm.h"
#include "temp_dir.h"

TestSuite(crash, .timeout = 600);

enum {
    FAMILY_LIMIT = 10,
    DEVICE_LIMIT = 2,
    SWEEP_MS = 2000, /* until both sets are clean after an expiry */
    SLACK_MS = 1000, /* a sanitizer's */
    STORM_MS = 5000,
    LONG_STORM_MS = 60000,
};

struct crash {
    struct redis_server *redis;                       /* shared by all */
    char *dir;                                        /* of the gateways' sockets */
    char addresses[STORM_GATEWAYS][256];              /* of them */
    struct gateway_process *gateways[STORM_GATEWAYS]; /* the main thread's */
    struct storm storm;                               /* the clients */
    pthread_t watcher;                                /* a thread, until the storm is over */
    atomic_int looks;                                 /* of the watcher */
    atomic_int family_peak, device_peak;              /* live members, at most */
    atomic_int torn; /* looks at which sets and sessions didn't agree */
};

/* ---- Redis, looked at in one atomic step ---- */

/*
 * {most live members of a family's set, of a device's, all of families' sets, all of devices' sets,
 * live sessions, members whose session is gone}.
 */
static const char look_script[] =
    "local seen = {0, 0, 0, 0, #redis.call('KEYS', 'session:*'), 0}\n"
    "for kind, pattern in ipairs({'family_streams:*', 'device_streams:*'}) do\n"
    "  for _, set in ipairs(redis.call('KEYS', pattern)) do\n"
    "    local live = 0\n"
    "    for _, id in ipairs(redis.call('SMEMBERS', set)) do\n"
    "      local lives = redis.call('EXISTS', 'session:' .. id)\n"
    "      live = live + lives\n"
    "      seen[6] = seen[6] + 1 - lives\n"
    "    end\n"
    "    seen[kind] = math.max(seen[kind], live)\n"
    "    seen[2 + kind] = seen[2 + kind] + live\n"
    "  end\n"
    "end\n"
    "return seen\n";

enum { FAMILY_MOST, DEVICE_MOST, IN_FAMILIES, ON_DEVICES, SESSIONS, GHOSTS, SEEN };

static bool look(redisContext *redis, long long ret_seen[SEEN])
{
    redisReply *reply = redisCommand(redis, "EVAL %s 0", look_script);
    bool right = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == SEEN;

    for (size_t i = 0; right && i < SEEN; i++)
        ret_seen[i] = reply->element[i]->integer;
    if (reply != NULL)
        freeReplyObject(reply);
    return right;
}

/* Every live session is in one family's set and one device's, and no other is live. */
static bool agrees(const long long seen[SEEN])
{
    return seen[IN_FAMILIES] == seen[SESSIONS] && seen[ON_DEVICES] == seen[SESSIONS];
}

static void *run_watcher(void *arg)
{
    struct crash *crash = arg;
    redisContext *redis = redisConnectUnix(redis_server_socket(crash->redis));
    long long seen[SEEN];

    while (crash->storm.phase != STORM_IS_OVER && look(redis, seen)) {
        if (seen[FAMILY_MOST] > crash->family_peak)
            crash->family_peak = (int)seen[FAMILY_MOST];
        if (seen[DEVICE_MOST] > crash->device_peak)
            crash->device_peak = (int)seen[DEVICE_MOST];
        crash->torn += !agrees(seen);
        crash->looks++;
        uv_sleep(1);
    }
    redisFree(redis);
    return NULL;
}

/* ---- the gateways ---- */

static void start_gateway(struct crash *crash, unsigned number)
{
    char url[256], listen[300];
    const char *env[] = {
        url,
        listen,
        "GATEWAY_SESSION_TTL=2",
        "GATEWAY_LIMITS_DISPLACE_AFTER=1",
        "GATEWAY_LIMITS_EVICT_COOLDOWN=1",
        "GATEWAY_REDIS_TIMEOUT_MS=20000",
        "GATEWAY_AUTHORIZE_TIMEOUT_MS=20000",
        "GATEWAY_LOG_LEVEL=warn",
        "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        NULL};

    snprintf(url, sizeof url, "REDIS_URL=%s", redis_server_url(crash->redis));
    snprintf(listen, sizeof listen, "GATEWAY_PLAYER_LISTEN=%s", crash->addresses[number]);
    crash->gateways[number] = gateway_process_spawn(env, NULL);
}

/* Its log, which says no more than warnings, doesn't tell. */
static void wait_ready(struct crash *crash, unsigned number)
{
    struct http_client *client = http_client_new(crash->addresses[number]);
    int status;

    do {
        struct http_answer answer = http_client_ask(client, "GET", "/readyz", NULL, NULL);

        status = answer.status;
        http_answer_done(&answer);
        cr_assert_not(gateway_process_has_ended(crash->gateways[number]));
        uv_sleep(2);
    } while (status != 200);
    http_client_free(client);
}

/* kill -9, and up again. */
static void crash_gateway(struct crash *crash, unsigned number)
{
    gateway_process_signal(crash->gateways[number], SIGKILL);
    cr_assert_eq(gateway_process_wait(crash->gateways[number]), -SIGKILL);
    gateway_process_free(crash->gateways[number]);
    start_gateway(crash, number);
}

/* ---- the test ---- */

/* Starts Redis, the gateways, the storm and its watcher. */
static void start(struct crash *crash)
{
    const char *addresses[STORM_GATEWAYS];

    crash->redis = redis_server_start((struct redis_server_options){0});
    crash->dir = temp_dir_make();
    for (unsigned i = 0; i < STORM_GATEWAYS; i++) {
        snprintf(crash->addresses[i], sizeof crash->addresses[i], "unix:%s/%u.sock", crash->dir, i);
        addresses[i] = crash->addresses[i];
        start_gateway(crash, i);
    }
    for (unsigned i = 0; i < STORM_GATEWAYS; i++)
        wait_ready(crash, i);
    storm_start(&crash->storm, addresses);
    cr_assert_eq(pthread_create(&crash->watcher, NULL, run_watcher, crash), 0);
}

/* Kills gateways at random for a while; returns how many times. */
static int rage_on(struct crash *crash, int64_t storm_ms)
{
    int64_t until_ms = clock_monotonic_ms() + storm_ms;
    unsigned seed = 1;
    int kills = 0;

    while (clock_monotonic_ms() < until_ms) {
        uv_sleep(100 + (unsigned)rand_r(&seed) % 300);
        crash_gateway(crash, (unsigned)rand_r(&seed) % STORM_GATEWAYS);
        kills++;
    }
    return kills;
}

/* Waits until the sets hold the live sessions and nothing else; returns how long that took. */
static int64_t wait_until_clean(redisContext *redis, bool wants_none, long long *ret_sessions)
{
    int64_t since_ms = clock_monotonic_ms(), now_ms;
    long long seen[SEEN];

    do {
        uv_sleep(5);
        cr_assert(look(redis, seen));
        now_ms = clock_monotonic_ms();
        cr_assert_lt(now_ms - since_ms, STORM_TTL_MS + SWEEP_MS + SLACK_MS,
                     "%lld ghosts in the sets of %lld sessions; %lld in families, %lld on devices",
                     seen[GHOSTS], seen[SESSIONS], seen[IN_FAMILIES], seen[ON_DEVICES]);
    } while (seen[GHOSTS] > 0 || !agrees(seen) || (wants_none && seen[SESSIONS] > 0) ||
             now_ms - since_ms <
                 (wants_none ? 0 : STORM_TTL_MS)); /* all that was forgotten has expired */
    *ret_sessions = seen[SESSIONS];
    return now_ms - since_ms;
}

/* Prints what happened, as the feed tells it; each kind of end must be there. */
static void expect_every_kind(struct redis_server *redis)
{
    static const char *const types[] = {"started",  "revived",   "stopped",
                                        "replaced", "displaced", "expired"};
    enum { TYPES = sizeof types / sizeof types[0] };
    unsigned counts[TYPES] = {0};
    redisReply *events = redis_server_command(redis, "XRANGE stream_events - +");

    for (size_t i = 0; i < events->elements; i++)
        for (size_t j = 0; j < TYPES; j++)
            counts[j] += strcmp(events->element[i]->element[1]->element[1]->str, types[j]) == 0;
    printf("crash:");
    for (size_t i = 0; i < TYPES; i++) {
        printf(" %u %s%s", counts[i], types[i], i + 1 < TYPES ? "," : "\n");
        cr_expect_gt(counts[i], 0, "none %s", types[i]);
    }
    freeReplyObject(events);
}

/* That whatever is left will go by itself, or is bounded. */
static void expect_nothing_lasting(struct redis_server *redis)
{
    int64_t since_ms = clock_monotonic_ms();

    while (redis_server_number(redis, "EXISTS session_expiry") == 1) {
        cr_assert_lt(clock_monotonic_ms() - since_ms, STORM_TTL_MS + SWEEP_MS + SLACK_MS,
                     "entries of session_expiry that nobody looks at");
        uv_sleep(5);
    }
    redisReply *keys = redis_server_command(redis, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++)
        cr_expect(strcmp(keys->element[i]->str, "stream_events") == 0 ||
                      redis_server_number(redis, "PTTL %s", keys->element[i]->str) != -1,
                  "%s lasts for ever", keys->element[i]->str);
    freeReplyObject(keys);
}

static void print_figures(const struct crash *crash, int kills)
{
    const struct storm *storm = &crash->storm;

    printf("crash: %d kills; %d creates admitted, %d refused; %d signs of life, %d too late, %d of "
           "forgotten sessions; %d stops; %d calls lost; peaks %d of %d in a family, %d of %d on a "
           "device in %d looks\n",
           kills, storm->admitted, storm->refused, storm->beaten, storm->ended, storm->woken,
           storm->stopped, storm->lost, crash->family_peak, FAMILY_LIMIT, crash->device_peak,
           DEVICE_LIMIT, crash->looks);
}

Test(crash, sets_equal_the_live_sessions_a_ttl_after_gateways_were_killed_under_load)
{
    static struct crash crash;
    long long kept, none;

    start(&crash);
    redisContext *redis = redisConnectUnix(redis_server_socket(crash.redis));
    int kills = rage_on(&crash, getenv("GATEWAY_LONG") != NULL ? LONG_STORM_MS : STORM_MS);
    crash_gateway(&crash, 0);
    crash.storm.phase = STORM_IS_CALM;
    int64_t clean_ms = wait_until_clean(redis, false, &kept);
    storm_end(&crash.storm);
    pthread_join(crash.watcher, NULL);
    int64_t gone_ms = wait_until_clean(redis, true, &none);

    print_figures(&crash, kills + 1);
    printf("crash: sets clean %lld ms after the storm with %lld sessions alive, and %lld ms after "
           "the last sign of life with none\n",
           (long long)clean_ms, kept, (long long)gone_ms);
    cr_expect_eq(crash.family_peak, FAMILY_LIMIT);
    cr_expect_eq(crash.device_peak, DEVICE_LIMIT);
    cr_expect_eq(crash.torn, 0, "sets and sessions didn't agree %d times", crash.torn);
    cr_expect_eq(crash.storm.odd, 0);
    cr_expect_geq(kills, 5);
    cr_expect_gt(kept, 0, "nobody was left");
    cr_expect_geq(crash.storm.admitted, 200);
    cr_expect_geq(crash.storm.refused, 200);
    cr_expect_gt(crash.storm.lost, 0, "nobody noticed");
    expect_every_kind(crash.redis);
    expect_nothing_lasting(crash.redis);

    redisFree(redis);
    for (unsigned i = 0; i < STORM_GATEWAYS; i++) {
        wait_ready(&crash, i);
        gateway_process_stop(crash.gateways[i]);
    }
    temp_dir_remove(crash.dir);
    redis_server_stop(crash.redis);
}
