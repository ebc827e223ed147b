/*
 * Whether Redis is there: one state for the process, and what is done while it is away (DESIGN.md section 6).
 *
 *   STARTING → UP → AWAY → RETURNING → UP
 *
 * STARTING, requests go to Redis and wait for it, as long as they may. Any thread may find out that Redis is
 * away; the keeper alone (outage_keeper.h) finds out that it is back. Requests are answered in Redis' place
 * from AWAY until UP. With a cluster each partition has a state of its own, since a node that fails takes away
 * no more than what it served.
 */
#ifndef OUTAGE_H
#define OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

struct memory;
struct outage;

/* What is done with requests while Redis is away: redis.on_outage. */
enum outage_policy { OUTAGE_FALLBACK, OUTAGE_DENY, OUTAGE_ALLOW };

struct outage_options {
    enum outage_policy policy; /* see above */
    struct memory *memory; /* where fallback answers from; the caller's. NULL with another policy */
    int64_t ttl_ms;        /* what players are told of a session's life where allow answers */
    unsigned partitions;   /* that may be away, each for itself: as struct store has it */
};

/* The state, STARTING at first. NULL where memory runs out. */
struct outage *outage_new(const struct outage_options *options);

/* Frees it; no handle and no keeper may be open. Accepts NULL. */
void outage_free(struct outage *outage);

/* What it was made with. */
const struct outage_options *outage_options(const struct outage *outage);

/* Any thread: how Redis is, for a partition, as /readyz shows it. */
enum store_state outage_state(const struct outage *outage, unsigned partition);

/* Any thread: whether requests for a partition go to Redis. */
bool outage_asks_redis(const struct outage *outage, unsigned partition);

/* Any thread whose request went to Redis: it doesn't answer. What is known already changes nothing. */
void outage_note_away(struct outage *outage, unsigned partition);

/* Any thread: how often Redis, or some of it while the rest was there, has gone away. */
uint64_t outage_count(const struct outage *outage);

/* Any thread: how many partitions aren't UP. */
unsigned outage_extent(const struct outage *outage);

/* Any thread: how often a partition has come back. Evidence from before the last time is no news. */
uint64_t outage_returns(const struct outage *outage, unsigned partition);

/*
 * Any thread: whether a partition came back so short a while ago that another gateway may still have to tell
 * Redis whom it kept alive meanwhile: who looks silent may not be.
 */
bool outage_is_fresh(const struct outage *outage, unsigned partition);

/*
 * The keeper's: a partition that is STARTING or AWAY answers again; all that happened meanwhile is told. The
 * first returns false where the state isn't AWAY.
 */
bool outage_note_answers(struct outage *outage, unsigned partition);
void outage_note_told(struct outage *outage, unsigned partition);

/* The keeper's: the state as it is, whatever the policy. */
enum store_state outage_raw_state(const struct outage *outage, unsigned partition);

#endif
