/*
 * The nodes of a Redis Cluster of the test's own: real ones, each a redis_server on a port of the
 * loopback, ready after about two seconds (so long a node that begins refuses to serve). Whatever
 * fails here fails the test (criterion).
 */
#ifndef SUPPORT_REDIS_NODES_H
#define SUPPORT_REDIS_NODES_H

#include <stdbool.h>
#include <stddef.h>

struct redis_nodes;
struct redis_server;

enum { REDIS_NODES_MAX = 8, REDIS_NODES_TIMEOUT_MS = 1000 /* cluster-node-timeout */ };

struct redis_nodes_options {
    unsigned masters;  /* each with its share of the slots */
    unsigned replicas; /* of them; the first is the first master's, and so on */
    bool partial;      /* goes on serving while some slots aren't served */
};

/* Starts a cluster and waits until every node serves. Masters come first, from 0. */
struct redis_nodes *redis_nodes_start(struct redis_nodes_options options);

/*
 * Makes a cluster of servers that run, cluster-enabled, where they aren't one yet; all are masters.
 * Takes them. lock_fd is closed with the rest.
 */
struct redis_nodes *redis_nodes_join(struct redis_server *const *servers, unsigned count,
                                     int lock_fd);

/* Stops all of them. Accepts NULL. */
void redis_nodes_stop(struct redis_nodes *nodes);

/* A port that is free, as is the one for a node's bus 10,000 above. Asserts nothing. */
int redis_nodes_choose_port(void);

unsigned redis_nodes_count(const struct redis_nodes *nodes);
struct redis_server *redis_nodes_server(const struct redis_nodes *nodes, unsigned number);
int redis_nodes_port(const struct redis_nodes *nodes, unsigned number);

/* Starts one more master, which serves nothing yet, and waits until all know it. Its number. */
unsigned redis_nodes_add(struct redis_nodes *nodes);

/* SIGKILL, and back again, without its keys but knowing the cluster. */
void redis_nodes_kill(struct redis_nodes *nodes, unsigned number);
void redis_nodes_restart(struct redis_nodes *nodes, unsigned number);

/* Waits until all that run serve, and all slots are served. */
void redis_nodes_wait(const struct redis_nodes *nodes);

/* SIGSTOP and SIGCONT for all. */
void redis_nodes_pause(struct redis_nodes *nodes);
void redis_nodes_resume(struct redis_nodes *nodes);

/* The slot of a partition's keys. */
unsigned redis_nodes_slot(unsigned partition);

/* Who serves it, as a node that runs sees it; REDIS_NODES_MAX where nobody does. */
unsigned redis_nodes_serving(const struct redis_nodes *nodes, unsigned partition);

/* The first partition that a node serves. */
unsigned redis_nodes_partition_of(const struct redis_nodes *nodes, unsigned number);

/* A partition's slot sets out for another node: it is half-moved from now on. */
void redis_nodes_begin_move(struct redis_nodes *nodes, unsigned partition, unsigned to);

/* Moves at most so many of its keys there, those with a text in their name ("" is all). How many. */
unsigned redis_nodes_move_keys(struct redis_nodes *nodes, unsigned partition, unsigned to,
                               const char *holding, unsigned most);

/* Moves what is left, and makes that node the one that serves it. */
void redis_nodes_finish_move(struct redis_nodes *nodes, unsigned partition, unsigned to);

/* All three. */
void redis_nodes_move(struct redis_nodes *nodes, unsigned partition, unsigned to);

#endif
