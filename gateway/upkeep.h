/*
 * What one thread does for all: cleans up after expired sessions (sweeper), finds out that Redis is back
 * (outage_keeper), listens to what Redis tells of ends (redis_feed), has the embedded store written to a file
 * (snapshotter).
 */
#ifndef GATEWAY_UPKEEP_H
#define GATEWAY_UPKEEP_H

#include <stdint.h>

struct generations;
struct loop;
struct memory;
struct outage;
struct store;
struct store_redis_options;
struct upkeep;

struct upkeep_options {
    struct store *store;   /* the thread's, that is swept */
    int64_t timeout_ms;    /* for one sweep */
    struct outage *outage; /* NULL: without Redis, and so only the sweeper is needed */
    const struct store_redis_options *redis; /* where Redis is */
    struct generations *generations;         /* that the feed tells; NULL: nothing is cached */
    struct memory *memory;                   /* the embedded store, where there is a snapshot */
    const char *snapshot;                    /* where; NULL: nowhere */
    int64_t snapshot_interval_s;             /* how often */
};

/* Starts on the thread of this loop; what is in the options must outlive it. NULL where memory runs out. */
struct upkeep *upkeep_start(struct loop *loop, const struct upkeep_options *options);

/* Ends all of it, then calls on_stopped, from the loop. What is under way in the store completes with that. */
void upkeep_stop(struct upkeep *upkeep, void (*on_stopped)(void *arg), void *arg);

/* Frees it, once it is stopped and the store is closed. Accepts NULL. */
void upkeep_free(struct upkeep *upkeep);

#endif
