/*
 * What the Redis store talks to: one server, the master that sentinels name, or a cluster. Calls go to who has
 * their keys; what differs between the three is behind this.
 */
#ifndef REDIS_CLIENT_H
#define REDIS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct redis_address;
struct redis_call;
struct redis_client;
struct redis_node_address;
struct redis_sentinel_options;
struct redis_tls;

/* What is beside it; must outlive it, but for name, which is copied. */
struct redis_client_options {
    const struct redis_address *address;           /* where, as whom, which database */
    struct redis_tls *tls;                         /* NULL: without TLS */
    const struct redis_sentinel_options *sentinel; /* NULL: no sentinels */
    bool cluster;                                  /* address is a node's of a cluster */
    const struct redis_node_address *seeds;        /* cluster: further nodes */
    size_t seed_count;                             /* of them */
    int64_t timeout_ms;                            /* redis.timeout_ms */
    const char *name;                              /* for the log */
};

/* NULL where memory runs out. */
struct redis_client *redis_client_new(struct loop *loop,
                                      const struct redis_client_options *options);

/* Completes every call with no reply, frees all, and then calls on_closed, from the loop. */
void redis_client_close(struct redis_client *client, void (*on_closed)(void *arg), void *arg);

/* As redis_link_call; with a cluster, call->partition says whose keys they are. */
void redis_client_call(struct redis_client *client, struct redis_call *call);

/* Whether calls for a partition are answered; whether they fail at once. Neither: they wait. */
bool redis_client_is_up(const struct redis_client *client, unsigned partition);
bool redis_client_is_away(const struct redis_client *client, unsigned partition);

/*
 * The masters, as far as they are known just now: at most so many; port 0 for a unix socket. Returns their
 * number.
 */
size_t redis_client_masters(const struct redis_client *client,
                            struct redis_node_address *ret_masters, size_t most);

/* Redis' wall clock, in ms, as far as known: learnt from the replies that carry it. */
int64_t redis_client_now(const struct redis_client *client);
bool redis_client_knows_now(const struct redis_client *client);
void redis_client_learn_now(struct redis_client *client, int64_t redis_ms);

#endif
