/*
 * The outage decorator: a store that asks Redis, and does what redis.on_outage says while Redis is away.
 */
#ifndef STORE_OUTAGE_H
#define STORE_OUTAGE_H

struct outage;
struct store;

/*
 * A handle over a thread's Redis handle, which becomes its own and is closed with it. NULL, and redis still
 * the caller's, where memory runs out.
 */
struct store *store_outage_open(struct outage *outage, struct store *redis);

#endif
