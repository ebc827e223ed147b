/*
 * Redis Cluster: one link to each master, and each call to the one that serves its partition.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 *
 * All keys of a partition have one hash tag, so that they are in one slot, and one node serves them. Which one
 * is learnt from CLUSTER SLOTS, of any node that answers, and from MOVED. While a slot is on its way from one
 * node to another, a call that names one key follows ASK; every other waits until the slot has arrived, since a
 * script must see all keys of its partition, or none.
 */
#ifndef REDIS_CLUSTER_H
#define REDIS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis_slots.h"

struct loop;
struct redis_address;
struct redis_call;
struct redis_cluster;
struct redis_tls;

/* What is beside it; must outlive it, but for name, which is copied. */
struct redis_cluster_options {
    const struct redis_address *address;    /* of a node, and as whom */
    const struct redis_node_address *seeds; /* further nodes */
    size_t seed_count;                      /* of them */
    struct redis_tls *tls;                  /* NULL: without TLS */
    int64_t timeout_ms;                     /* for a connect and for a reply */
    const char *name;                       /* for the log */
};

/* NULL where memory runs out. */
struct redis_cluster *redis_cluster_new(struct loop *loop,
                                        const struct redis_cluster_options *options);

/* Completes every call with no reply, frees all, and then calls on_closed, from the loop. */
void redis_cluster_close(struct redis_cluster *cluster, void (*on_closed)(void *arg), void *arg);

/* Makes a call to who serves call->partition. As redis_link_call. */
void redis_cluster_call(struct redis_cluster *cluster, struct redis_call *call);

/* Whether calls for a partition are answered; whether they fail at once. Neither: they wait. */
bool redis_cluster_is_up(const struct redis_cluster *cluster, unsigned partition);
bool redis_cluster_is_away(const struct redis_cluster *cluster, unsigned partition);

/* Who serves, as far as is known: at most so many. Returns their number. */
size_t redis_cluster_masters(const struct redis_cluster *cluster,
                             struct redis_node_address *ret_masters, size_t most);

#endif
