/*
 * The embedded store's data: sessions, their families and devices, and why sessions ended. One for the
 * process, behind one lock; all operations are synchronous and take microseconds. store_memory.h is how
 * the rest of the program uses it.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct memory;

/* Where time comes from; tests bring their own. */
struct memory_clock {
    int64_t (*wall_ms)(void);      /* what is shown */
    int64_t (*monotonic_ms)(void); /* what expiry and silence are counted by */
};

/* An empty store. clock NULL: the machine's. NULL where memory runs out. */
struct memory *memory_new(const struct store_options *options, const struct memory_clock *clock);

/* Any thread: no Redis is above it, so that what ends here counts as ended. */
void memory_stands_alone(struct memory *memory);

/*
 * How many partitions are apart (1 at first, or PARTITION_COUNT), to be said before anything is in the store:
 * what store.h says is of a partition is of that one alone then. It is where the store stands in for a cluster.
 */
void memory_set_partitions(struct memory *memory, unsigned partitions);

/* Frees everything; no handle may be open any more. Accepts NULL. */
void memory_free(struct memory *memory);

/* Carries out one request and returns its outcome; sets what store.h says. Safe from any thread. */
enum err memory_do(struct memory *memory, struct store_req *req);

/*
 * The same while Redis is away: sets req->fallback, and remembers what changed for memory_take_dirty. A
 * session that isn't known here is not put in place by this; ADOPT does that.
 */
enum err memory_stand_in(struct memory *memory, struct store_req *req);

/*
 * What Redis has just said, so that this store knows what this gateway has seen: a session lives, or has
 * ended (names: id, family_id, device_id). has_title: the session's title is the store's, not merely the
 * token's. An end that Redis doesn't know of yet stands.
 */
void memory_see(struct memory *memory, const struct session *session, bool has_title);
void memory_see_end(struct memory *memory, const struct session *names,
                    const struct store_end *end);

/* Redis has gone away: what it was told of before may be lost. */
void memory_begin_outage(struct memory *memory);

/*
 * Takes one change that Redis doesn't know of, of the partitions from first to before last (partition.h), and
 * makes a request of it that tells it: ADOPT of a session that was let in or kept alive, or END; ends come
 * first. false: there is none.
 */
bool memory_take_dirty(struct memory *memory, unsigned first, unsigned last,
                       struct store_req *ret_req);

/* Gives a taken change back, after its request has failed. */
void memory_return_dirty(struct memory *memory, const struct store_req *req);

/* The number of live sessions. */
size_t memory_count(struct memory *memory);

/*
 * For tests: makes a session look as if its last sign of life lay ms further back; past its TTL it is
 * gone. Returns 0; -1 where no such session lives.
 */
int memory_age(struct memory *memory, const char *session_id, int64_t ms);

#endif
