/*
 * The sweeper: once a second, cleans up after sessions that expired, one partition of the store after the
 * other. Any number of gateways may sweep the same Redis.
 */
#ifndef GATEWAY_SWEEPER_H
#define GATEWAY_SWEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "store.h"

struct sweeper {
    uv_timer_t timer;     /* once a second */
    struct store *store;  /* the thread's */
    int64_t timeout_ms;   /* for one sweep */
    bool busy;            /* a sweep is under way */
    unsigned partition;   /* that is swept */
    struct store_req req; /* that one */
};

/* Starts on the thread of this loop; struct and store must outlive it. */
void sweeper_start(struct sweeper *sweeper, struct loop *loop, struct store *store,
                   int64_t timeout_ms);

/* Begins no further sweep, and closes its timer. One that is under way completes with the store. */
void sweeper_stop(struct sweeper *sweeper);

#endif
