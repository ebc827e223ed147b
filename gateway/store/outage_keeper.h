/*
 * Finds out that Redis is back, and tells it what happened meanwhile (DESIGN.md section 6): what the embedded
 * store has let in, kept alive and ended, ends first, some at a time. When all is told, requests go to Redis
 * again.
 */
#ifndef OUTAGE_KEEPER_H
#define OUTAGE_KEEPER_H

#include <stdint.h>

struct loop;
struct outage;
struct outage_keeper;
struct store;

/*
 * Starts the keeper on this loop's thread, over a handle of its own to Redis itself, which stays the
 * caller's and must outlive it. NULL where memory runs out.
 */
struct outage_keeper *outage_keeper_start(struct outage *outage, struct loop *loop,
                                          struct store *redis, int64_t timeout_ms);

/*
 * Stops it. It is freed from the loop, once its handle is closed or has answered what it was asked. Accepts
 * NULL.
 */
void outage_keeper_stop(struct outage_keeper *keeper);

#endif
