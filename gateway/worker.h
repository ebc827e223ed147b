/*
 * One thread that serves HTTP: a loop, a server, a store handle and the API between them. The workers of
 * the player listener and the admin thread are all of this kind, with routes of their own.
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "api_metrics.h"
#include "http_server.h"
#include "store_redis.h"

struct generations;
struct keyring;
struct listener_tls;
struct memory;
struct outage;
struct worker;

struct worker_options {
    char name[32];                   /* for the log, for example "worker 1" */
    int listen_fd;                   /* the worker's own; -1: worker_hand_over brings connections */
    enum api_listener listener;      /* that it serves */
    const struct http_route *routes; /* the listener's */
    size_t route_count;              /* of them */
    struct api_options api;          /* shared by all */
    struct http_options http;        /* limits and timeouts; the rest is filled in */
    struct memory *memory;           /* the embedded store, where outage is NULL */
    struct outage *outage;           /* whether Redis is there; NULL: without Redis */
    const struct store_redis_options *redis; /* where Redis is; must outlive the worker */
    struct generations *generations;         /* with Redis: of cached answers */
    int64_t cache_ms;                        /* how old they may be; 0: nothing is cached */
    int64_t shutdown_ms;                     /* how long a stop waits for requests in flight */
    bool keeps;                              /* this one does what one does for all (upkeep.h) */
};

/*
 * Starts a worker's thread. Returns the worker; NULL with a reason. It has taken over listen_fd in both
 * cases.
 */
struct worker *worker_start(const struct worker_options *options, char *ret_reason, size_t size);

/* Hands an accepted connection over, from any thread. Closes it where memory runs out. */
void worker_hand_over(struct worker *worker, int fd);

/* Has a worker, from any thread, take over these keys at its next turn, after which no other counts. Holds them. */
void worker_set_keys(struct worker *worker, struct keyring *keys);

/* The same for its listener's certificate; NULL changes nothing. */
void worker_set_tls(struct worker *worker, struct listener_tls *tls);

/*
 * Asks a worker, from any thread, to stop: no new connections, requests in flight are answered, for at
 * most shutdown_ms; then the store is closed and the rest is answered with shutting_down.
 */
void worker_stop(struct worker *worker);

/* Waits until a worker that was asked to stop has ended, and frees it. */
void worker_join(struct worker *worker);

/* As the log calls it. */
const char *worker_name(const struct worker *worker);

/* Whether its loop has turned since this was asked last, from any one thread. It does so ten times a second. */
bool worker_has_turned(struct worker *worker);

#endif
