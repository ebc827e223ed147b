/*
 * A storm: clients that do all that players do, at any of some gateways, which may die meanwhile.
 * They create, replace, evict, reclaim, show life, watch, stop, and forget sessions, which then
 * sleep, until they are remembered and revived or stopped.
 *
 * In the calm that follows they keep alive what they have, and do nothing else.
 */
#ifndef SUPPORT_STORM_H
#define SUPPORT_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORM_CLIENTS = 24,
    STORM_GATEWAYS = 3,
    STORM_FAMILIES = 3,  /* where all crowd ("storm0" and so on); each client has one more */
    STORM_DEVICES = 16,  /* of any of these families ("d0" and so on); the same */
    STORM_TTL_MS = 2000, /* the gateways' session.ttl */
    STORM_HELD_MAX = 4,  /* sessions that a client keeps alive */
    STORM_ASLEEP_MAX = 8 /* that it has forgotten, but for their tokens */
};

enum storm_phase { STORM_RAGES, STORM_IS_CALM, STORM_IS_OVER };

struct http_client;
struct storm;

struct storm_session {
    char id[23];       /* its sessionId */
    char token[1400];  /* its token */
    int64_t asleep_ms; /* since when it has been forgotten; monotonic clock */
};

struct storm_client {
    struct storm *storm;                           /* that it takes part in */
    unsigned number;                               /* of this client */
    uint64_t dice;                                 /* their state */
    unsigned creates;                              /* so far */
    struct http_client *http[STORM_GATEWAYS];      /* to each gateway */
    unsigned at;                                   /* the one that it talks to */
    struct storm_session held[STORM_HELD_MAX];     /* what it keeps alive */
    size_t held_count;                             /* of them */
    struct storm_session asleep[STORM_ASLEEP_MAX]; /* what it doesn't */
    size_t asleep_count;                           /* of them */
    pthread_t thread;                              /* that runs it */
};

struct storm {
    atomic_int phase;                           /* an enum storm_phase; set it to go on */
    struct storm_client clients[STORM_CLIENTS]; /* a thread each */
    atomic_int admitted, refused;               /* creates */
    atomic_int beaten, ended;                   /* signs of life; those that came too late */
    atomic_int woken;                           /* those of sessions that had been forgotten */
    atomic_int stopped;                         /* sessions */
    atomic_int lost;                            /* calls without an answer */
    atomic_int odd;                             /* calls that were answered as none should be */
};

/* Starts the clients, in phase STORM_RAGES; the gateways are at these addresses. */
void storm_start(struct storm *storm, const char *const addresses[STORM_GATEWAYS]);

/* Ends the clients' threads; no session is ended. */
void storm_end(struct storm *storm);

#endif
