/*
 * A Redis master, its replicas and the Sentinels that watch them: real ones, on free ports of the loopback.
 * Whatever fails here fails the test (criterion).
 */
#ifndef SUPPORT_SENTINEL_SET_H
#define SUPPORT_SENTINEL_SET_H

#include "redis_sentinel.h"
#include "redis_server.h"

enum { SENTINEL_SET_NODES = 2, SENTINEL_SET_SENTINELS = 3 };

/* What the Sentinels call the master. */
#define SENTINEL_SET_MASTER "streams"

struct sentinel_set {
    struct redis_server *nodes[SENTINEL_SET_NODES]; /* the first begins as the master */
    struct redis_server *sentinels[SENTINEL_SET_SENTINELS];
    struct redis_node_address where[SENTINEL_SET_SENTINELS]; /* the sentinels */
    int count;                                               /* of sentinels */
};

/* Starts all, with so many sentinels, and waits until they know each other and could do a failover. */
void sentinel_set_start(struct sentinel_set *set, int sentinels);

/* Ends what still runs. */
void sentinel_set_stop(struct sentinel_set *set);

/* How the sentinels are asked; what it points to is the set's. */
struct redis_sentinel_options sentinel_set_options(const struct sentinel_set *set,
                                                   int64_t timeout_ms);

/*
 * Whether a node says that it is a master. Sentinels close all connections to one that they demote: this and
 * the next make redis_server's own again.
 */
bool sentinel_set_is_master(const struct sentinel_set *set, int node);

/* Waits until a node is a replica that keeps up with its master. */
void sentinel_set_wait_replica(const struct sentinel_set *set, int node);

/* Has the sentinels begin to make the other node the master. */
void sentinel_set_fail_over(struct sentinel_set *set);

#endif
