/* A Redis master, its replicas and the Sentinels that watch them. */
#include "sentinel_set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "clock.h"

enum { PATIENCE_MS = 30000 }; /* sentinels greet each other every two seconds */

/* A master's first replica needn't wait 5 s for others. */
#define SOON "repl-diskless-sync-delay 0"

static void rest(int64_t since_ms, const char *what)
{
    cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "%s", what);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Down after three seconds: with less, a busy machine makes them see failures where there are none. */
static struct redis_server *start_sentinel(const struct sentinel_set *set)
{
    struct buf config = BUF_EMPTY;

    buf_printf(&config,
               "sentinel monitor " SENTINEL_SET_MASTER " 127.0.0.1 %d %d\n"
               "sentinel down-after-milliseconds " SENTINEL_SET_MASTER " 3000\n"
               "sentinel failover-timeout " SENTINEL_SET_MASTER " 3000\n",
               redis_server_port(set->nodes[0]), set->count / 2 + 1);
    struct redis_server *sentinel = redis_server_start(
        (struct redis_server_options){.tcp = true, .sentinel = true, .config = buf_text(&config)});
    buf_done(&config);
    return sentinel;
}

/* A field of what a sentinel says of the master; "" where it says none. */
static void ask_field(struct redis_server *sentinel, const char *name, char *ret_value, size_t size)
{
    redisReply *reply = redis_server_command(sentinel, "SENTINEL MASTER " SENTINEL_SET_MASTER);

    ret_value[0] = '\0';
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (strcmp(reply->element[i]->str, name) == 0)
            snprintf(ret_value, size, "%s", reply->element[i + 1]->str);
    freeReplyObject(reply);
}

static int ask_number(struct redis_server *sentinel, const char *name)
{
    char value[64];

    ask_field(sentinel, name, value, sizeof value);
    return value[0] != '\0' ? atoi(value) : -1;
}

void sentinel_set_start(struct sentinel_set *set, int sentinels)
{
    char config[128];
    int64_t since_ms = clock_monotonic_ms();

    *set = (struct sentinel_set){.count = sentinels};
    set->nodes[0] = redis_server_start((struct redis_server_options){.tcp = true, .config = SOON});
    snprintf(config, sizeof config, "replicaof 127.0.0.1 %d\n" SOON,
             redis_server_port(set->nodes[0]));
    for (int i = 1; i < SENTINEL_SET_NODES; i++)
        set->nodes[i] =
            redis_server_start((struct redis_server_options){.tcp = true, .config = config});
    for (int i = 1; i < SENTINEL_SET_NODES; i++)
        sentinel_set_wait_replica(set, i);
    for (int i = 0; i < sentinels; i++) {
        set->sentinels[i] = start_sentinel(set);
        snprintf(set->where[i].host, sizeof set->where[i].host, "127.0.0.1");
        set->where[i].port = redis_server_port(set->sentinels[i]);
    }
    for (int i = 0; i < sentinels; i++)
        while (ask_number(set->sentinels[i], "num-slaves") != SENTINEL_SET_NODES - 1 ||
               ask_number(set->sentinels[i], "num-other-sentinels") != sentinels - 1)
            rest(since_ms, "the sentinels don't find each other");
}

void sentinel_set_stop(struct sentinel_set *set)
{
    for (int i = 0; i < set->count; i++)
        redis_server_stop(set->sentinels[i]);
    for (int i = 0; i < SENTINEL_SET_NODES; i++)
        redis_server_stop(set->nodes[i]);
    *set = (struct sentinel_set){0};
}

struct redis_sentinel_options sentinel_set_options(const struct sentinel_set *set,
                                                   int64_t timeout_ms)
{
    return (struct redis_sentinel_options){.nodes = set->where,
                                           .count = (size_t)set->count,
                                           .master = SENTINEL_SET_MASTER,
                                           .timeout_ms = timeout_ms};
}

/* What ROLE answers, over a connection of its own; NULL where that is closed meanwhile. */
static redisReply *ask_role(const struct sentinel_set *set, int node)
{
    redisContext *context = redisConnect("127.0.0.1", redis_server_port(set->nodes[node]));
    redisReply *role;

    cr_assert_not_null(context);
    role = context->err == 0 ? redisCommand(context, "ROLE") : NULL;
    redisFree(context);
    return role;
}

bool sentinel_set_is_master(const struct sentinel_set *set, int node)
{
    redisReply *role = ask_role(set, node);
    bool is_master = role != NULL && strcmp(role->element[0]->str, "master") == 0;

    freeReplyObject(role);
    redis_server_wait(set->nodes[node]);
    return is_master;
}

void sentinel_set_wait_replica(const struct sentinel_set *set, int node)
{
    int64_t since_ms = clock_monotonic_ms();

    for (;;) {
        redisReply *role = ask_role(set, node);
        bool keeps_up = role != NULL && role->elements == 5 &&
                        strcmp(role->element[0]->str, "slave") == 0 &&
                        strcmp(role->element[3]->str, "connected") == 0;

        freeReplyObject(role);
        if (keeps_up)
            break;
        rest(since_ms, "the node is no replica");
    }
    redis_server_wait(set->nodes[node]);
}

void sentinel_set_fail_over(struct sentinel_set *set)
{
    int64_t since_ms = clock_monotonic_ms();

    for (;;) { /* it refuses while the one before isn't over */
        redisReply *reply =
            redis_server_command(set->sentinels[0], "SENTINEL FAILOVER " SENTINEL_SET_MASTER);
        bool begun = reply->type != REDIS_REPLY_ERROR;

        freeReplyObject(reply);
        if (begun)
            return;
        rest(since_ms, "no failover can be begun");
    }
}
