/*
 * Whether Redis is there: one state for the process, and what is done while it is away (DESIGN.md section 6).
 *
 *   STARTING → UP → AWAY → RETURNING → UP
 *
 * STARTING, requests go to Redis and wait for it, as long as they may. Any thread may find out that Redis is
 * away. One thread, the keeper's, finds out that it is back: its own handle answers several times in a row;
 * then it tells Redis what the embedded store has let in, kept alive and ended meanwhile, ends first, some at
 * a time; when all is told the state is UP. Requests are answered in Redis' place until then.
 */
#ifndef OUTAGE_H
#define OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

struct memory;
struct outage;
struct outage_keeper;

/* What is done with requests while Redis is away: redis.on_outage. */
enum outage_policy { OUTAGE_FALLBACK, OUTAGE_DENY, OUTAGE_ALLOW };

/*
 * The state, STARTING at first. memory is where fallback answers from, and stays the caller's;
 * NULL with another policy. ttl_ms is what players are told of a session's life where allow
 * answers. NULL where memory runs out.
 */
struct outage *outage_new(enum outage_policy policy, struct memory *memory, int64_t ttl_ms);

/* Frees it; no handle and no keeper may be open. Accepts NULL. */
void outage_free(struct outage *outage);

/* Any thread: how Redis is, as /readyz shows it. */
enum store_state outage_state(const struct outage *outage);

/* Any thread: whether requests go to Redis. */
bool outage_asks_redis(const struct outage *outage);

/* Any thread whose requests went to Redis: it doesn't answer. What is known already changes nothing. */
void outage_note_away(struct outage *outage);

/* Any thread: how often Redis has gone away. */
uint64_t outage_count(const struct outage *outage);

/* Any thread: how often it has been found to be there. Evidence from before the last time is no news. */
uint64_t outage_returns(const struct outage *outage);

int64_t outage_ttl_ms(const struct outage *outage);
enum outage_policy outage_policy(const struct outage *outage);
struct memory *outage_memory(const struct outage *outage);

/*
 * Starts the keeper on this loop's thread, over a handle of its own to Redis itself, which stays the
 * caller's and must outlive it. NULL where memory runs out.
 */
struct outage_keeper *outage_keeper_start(struct outage *outage, struct loop *loop,
                                          struct store *redis, int64_t timeout_ms);

/*
 * Stops it. It is freed from the loop, once its handle is closed or has answered what it was asked.
 */
void outage_keeper_stop(struct outage_keeper *keeper);

#endif
