/*
 * The nodes of a Redis Cluster of the test's own.
 *
 * They are introduced to each other by commands, as redis-cli does it, but all at once: epochs that
 * differ from the start leave them nothing to settle among themselves.
 */
#include "redis_nodes.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "partition.h"
#include "redis_server.h"
#include "redis_slots.h"

enum {
    WAIT_MS = 40000, /* what hasn't come about by then never will */
    PORTS_FROM = 12000,
    PORTS = 9000,     /* so many; with the bus' below those that the kernel hands out */
    BUS_ABOVE = 10000 /* a node's bus is so many ports above its own */
};

struct node {
    struct redis_server *server;
    int port;
    bool dead;   /* was killed */
    char id[41]; /* as the cluster calls it */
};

struct redis_nodes {
    struct redis_nodes_options options; /* as given */
    struct node each[REDIS_NODES_MAX];
    unsigned count; /* of them */
    int lock_fd;    /* closed with the rest; or -1 */
};

static struct redis_server *server_of(const struct redis_nodes *nodes, unsigned number)
{
    cr_assert_lt(number, nodes->count);
    return nodes->each[number].server;
}

/* A node that runs. */
static unsigned alive(const struct redis_nodes *nodes)
{
    unsigned number = 0;

    while (nodes->each[number].dead)
        number++;
    cr_assert_lt(number, nodes->count, "no node runs");
    return number;
}

/* ---- Waiting ---- */

static void wait_until(bool (*holds)(const struct redis_nodes *nodes, const void *arg),
                       const struct redis_nodes *nodes, const void *arg, const char *what)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t give_up_ms = clock_monotonic_ms() + WAIT_MS;

    while (!holds(nodes, arg)) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "%s: it hasn't come about", what);
        nanosleep(&pause, NULL);
    }
}

static unsigned occurrences(const char *text, const char *of)
{
    unsigned count = 0;

    for (const char *at = text; (at = strstr(at, of)) != NULL; at += strlen(of))
        count++;
    return count;
}

static bool says(struct redis_server *server, const char *command, const char *text)
{
    char *answer = redis_server_text(server, command);
    bool found = strstr(answer, text) != NULL;

    free(answer);
    return found;
}

/* Every node that runs serves, and knows all others and who replicates whom. */
static bool is_whole(const struct redis_nodes *nodes, const void *arg)
{
    char known[64];

    (void)arg;
    snprintf(known, sizeof known, "cluster_known_nodes:%u\r", nodes->count);
    for (unsigned i = 0; i < nodes->count; i++) {
        struct redis_server *server = nodes->each[i].server;

        if (nodes->each[i].dead)
            continue;
        if (!says(server, "CLUSTER INFO", "cluster_state:ok") ||
            !says(server, "CLUSTER INFO", "cluster_slots_assigned:16384\r") ||
            !says(server, "CLUSTER INFO", known))
            return false;
        char *table = redis_server_text(server, "CLUSTER NODES");
        unsigned replicas = occurrences(table, "slave "), unsure = occurrences(table, "handshake");
        free(table);
        if (replicas != nodes->options.replicas || unsure > 0)
            return false;
        if (i >= nodes->options.masters && i < nodes->options.masters + nodes->options.replicas &&
            !says(server, "INFO replication", "master_link_status:up"))
            return false;
    }
    return true;
}

/* ---- Making one ---- */

/* Whether nobody listens on a port; a node that takes it a moment later will say so. */
static bool is_free(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool ok = bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
    close(fd);
    return ok;
}

int redis_nodes_choose_port(void)
{
    uint32_t random = 0;
    int port;

    do {
        while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            ;
        port = PORTS_FROM + (int)(random % PORTS);
    } while (!is_free(port) || !is_free(port + BUS_ABOVE));
    return port;
}

static void take(struct redis_nodes *nodes, struct redis_server *server, int port)
{
    cr_assert_lt(nodes->count, REDIS_NODES_MAX);
    struct node *node = &nodes->each[nodes->count++];

    node->server = server;
    node->port = port;
    char *id = redis_server_text(server, "CLUSTER MYID");
    snprintf(node->id, sizeof node->id, "%s", id);
    free(id);
}

static void start_node(struct redis_nodes *nodes)
{
    char config[512];
    int port = redis_nodes_choose_port();

    snprintf(config, sizeof config,
             "port %d\ncluster-enabled yes\ncluster-node-timeout %d\n"
             "cluster-require-full-coverage %s\nrepl-diskless-sync-delay 0\n"
             "cluster-replica-validity-factor 0\n",
             port, REDIS_NODES_TIMEOUT_MS, nodes->options.partial ? "no" : "yes");
    take(nodes, redis_server_start((struct redis_server_options){.config = config}), port);
}

static void give_slots(struct redis_server *server, unsigned first, unsigned last)
{
    char *command = malloc(32 + 6 * (size_t)(last - first + 1));
    int len = sprintf(command, "CLUSTER ADDSLOTS");

    for (unsigned slot = first; slot <= last; slot++)
        len += sprintf(command + len, " %u", slot);
    redis_server_do(server, command); /* CLUSTER ADDSLOTSRANGE is newer than 6.2 */
    free(command);
}

static void introduce(struct redis_nodes *nodes)
{
    unsigned masters = nodes->options.masters;

    for (unsigned i = 0; i < nodes->count; i++) {
        redis_server_do(server_of(nodes, i), "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
        if (i < masters)
            give_slots(server_of(nodes, i), REDIS_SLOTS * i / masters,
                       REDIS_SLOTS * (i + 1) / masters - 1);
    }
    for (unsigned i = 1; i < nodes->count; i++)
        redis_server_do(server_of(nodes, 0), "CLUSTER MEET 127.0.0.1 %d", nodes->each[i].port);
}

/* A node can replicate another as soon as it knows it. */
static bool replicates(const struct redis_nodes *nodes, const void *arg)
{
    unsigned replica = *(const unsigned *)arg, master = replica - nodes->options.masters;
    redisReply *reply = redis_server_command(server_of(nodes, replica), "CLUSTER REPLICATE %s",
                                             nodes->each[master].id);
    bool ok = reply->type != REDIS_REPLY_ERROR;

    freeReplyObject(reply);
    return ok;
}

struct redis_nodes *redis_nodes_start(struct redis_nodes_options options)
{
    struct redis_nodes *nodes = calloc(1, sizeof *nodes);

    cr_assert_not_null(nodes);
    cr_assert_leq(options.replicas, options.masters);
    nodes->options = options;
    nodes->lock_fd = -1;
    for (unsigned i = 0; i < options.masters + options.replicas; i++)
        start_node(nodes);
    introduce(nodes);
    for (unsigned i = options.masters; i < nodes->count; i++)
        wait_until(replicates, nodes, &i, "a replica");
    wait_until(is_whole, nodes, NULL, "a cluster");
    return nodes;
}

struct redis_nodes *redis_nodes_join(struct redis_server *const *servers, unsigned count,
                                     int lock_fd)
{
    struct redis_nodes *nodes = calloc(1, sizeof *nodes);

    cr_assert_not_null(nodes);
    nodes->options = (struct redis_nodes_options){.masters = count};
    nodes->lock_fd = lock_fd;
    for (unsigned i = 0; i < count; i++)
        take(nodes, servers[i], redis_server_port(servers[i]));
    if (says(server_of(nodes, 0), "CLUSTER INFO", "cluster_known_nodes:1\r"))
        introduce(nodes);
    wait_until(is_whole, nodes, NULL, "a cluster");
    return nodes;
}

void redis_nodes_stop(struct redis_nodes *nodes)
{
    if (nodes == NULL)
        return;
    for (unsigned i = 0; i < nodes->count; i++)
        redis_server_stop(nodes->each[i].server);
    if (nodes->lock_fd >= 0)
        close(nodes->lock_fd);
    free(nodes);
}

void redis_nodes_wait(const struct redis_nodes *nodes)
{
    wait_until(is_whole, nodes, NULL, "a cluster");
}

unsigned redis_nodes_add(struct redis_nodes *nodes)
{
    start_node(nodes);
    redis_server_do(server_of(nodes, alive(nodes)), "CLUSTER MEET 127.0.0.1 %d",
                    nodes->each[nodes->count - 1].port);
    wait_until(is_whole, nodes, NULL, "a further node");
    return nodes->count - 1;
}

/* ---- Nodes ---- */

unsigned redis_nodes_count(const struct redis_nodes *nodes)
{
    return nodes->count;
}

struct redis_server *redis_nodes_server(const struct redis_nodes *nodes, unsigned number)
{
    return server_of(nodes, number);
}

int redis_nodes_port(const struct redis_nodes *nodes, unsigned number)
{
    cr_assert_lt(number, nodes->count);
    return nodes->each[number].port;
}

void redis_nodes_kill(struct redis_nodes *nodes, unsigned number)
{
    redis_server_kill(server_of(nodes, number));
    nodes->each[number].dead = true;
}

void redis_nodes_restart(struct redis_nodes *nodes, unsigned number)
{
    redis_server_restart(server_of(nodes, number));
    nodes->each[number].dead = false;
}

void redis_nodes_pause(struct redis_nodes *nodes)
{
    for (unsigned i = 0; i < nodes->count; i++)
        redis_server_pause(nodes->each[i].server);
}

void redis_nodes_resume(struct redis_nodes *nodes)
{
    for (unsigned i = 0; i < nodes->count; i++)
        redis_server_resume(nodes->each[i].server);
}

/* ---- Slots ---- */

unsigned redis_nodes_slot(unsigned partition)
{
    return redis_slot_of_key(partition_tag(partition), PARTITION_TAG_LEN);
}

unsigned redis_nodes_serving(const struct redis_nodes *nodes, unsigned partition)
{
    redisReply *ranges = redis_server_command(server_of(nodes, alive(nodes)), "CLUSTER SLOTS");
    long long slot = redis_nodes_slot(partition);
    unsigned found = REDIS_NODES_MAX;

    cr_assert_eq(ranges->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < ranges->elements; i++) {
        redisReply *const *range = ranges->element[i]->element;

        if (slot < range[0]->integer || slot > range[1]->integer)
            continue;
        for (found = 0; found < nodes->count; found++)
            if (nodes->each[found].port == range[2]->element[1]->integer)
                break;
        cr_assert_lt(found, nodes->count, "a stranger");
    }
    freeReplyObject(ranges);
    return found;
}

unsigned redis_nodes_partition_of(const struct redis_nodes *nodes, unsigned number)
{
    unsigned partition = 0;

    while (partition < PARTITION_COUNT && redis_nodes_serving(nodes, partition) != number)
        partition++;
    cr_assert_lt(partition, PARTITION_COUNT, "node %u serves nothing", number);
    return partition;
}

void redis_nodes_begin_move(struct redis_nodes *nodes, unsigned partition, unsigned to)
{
    unsigned slot = redis_nodes_slot(partition), from = redis_nodes_serving(nodes, partition);

    redis_server_do(server_of(nodes, to), "CLUSTER SETSLOT %u IMPORTING %s", slot,
                    nodes->each[from].id);
    redis_server_do(server_of(nodes, from), "CLUSTER SETSLOT %u MIGRATING %s", slot,
                    nodes->each[to].id);
}

unsigned redis_nodes_move_keys(struct redis_nodes *nodes, unsigned partition, unsigned to,
                               const char *holding, unsigned most)
{
    struct redis_server *from = server_of(nodes, redis_nodes_serving(nodes, partition));
    redisReply *keys =
        redis_server_command(from, "CLUSTER GETKEYSINSLOT %u 100000", redis_nodes_slot(partition));
    char command[8192];
    unsigned moved = 0;

    for (size_t i = 0; i < keys->elements && moved < most;) {
        int len = snprintf(command, sizeof command, "MIGRATE 127.0.0.1 %%d %%s 0 5000 KEYS");
        unsigned before = moved;

        for (; i < keys->elements && moved < most && len < (int)sizeof command - 512; i++) {
            const char *key = keys->element[i]->str;

            cr_assert_lt(strlen(key), 500);
            cr_assert_null(strpbrk(key, " %"), "%s: not a key for this", key);
            if (strstr(key, holding) != NULL) {
                len += sprintf(command + len, " %s", key);
                moved++;
            }
        }
        if (moved > before)
            redis_server_do(from, command, redis_nodes_port(nodes, to), "");
    }
    freeReplyObject(keys);
    return moved;
}

void redis_nodes_finish_move(struct redis_nodes *nodes, unsigned partition, unsigned to)
{
    unsigned slot = redis_nodes_slot(partition), from = redis_nodes_serving(nodes, partition);

    /* What is made there meanwhile comes along. */
    while (redis_nodes_move_keys(nodes, partition, to, "", UINT32_MAX) > 0)
        ;
    redis_server_do(server_of(nodes, to), "CLUSTER SETSLOT %u NODE %s", slot, nodes->each[to].id);
    redis_server_do(server_of(nodes, from), "CLUSTER SETSLOT %u NODE %s", slot, nodes->each[to].id);
    for (unsigned i = 0; i < nodes->count; i++) /* others would learn of it a second later */
        if (i != to && i != from && !nodes->each[i].dead)
            freeReplyObject(redis_server_command(server_of(nodes, i), "CLUSTER SETSLOT %u NODE %s",
                                                 slot, nodes->each[to].id));
}

void redis_nodes_move(struct redis_nodes *nodes, unsigned partition, unsigned to)
{
    redis_nodes_begin_move(nodes, partition, to);
    redis_nodes_finish_move(nodes, partition, to);
}
