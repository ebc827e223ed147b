/*
 * A gateway's store as it is with Redis, answers cached: handle 0 is the gateway's, the cache over the outage
 * decorator; handle 1 is another gateway's, straight to Redis. Asked by ask.h over `outage.store`.
 */
#ifndef SUPPORT_CACHE_FIXTURE_H
#define SUPPORT_CACHE_FIXTURE_H

#include "generations.h"
#include "outage_fixture.h"

struct cache_fixture {
    struct outage_fixture
        outage; /* Redis, the state, the keeper, the log; its store has the handles */
    struct generations *generations; /* of the gateway */
    struct redis_feed *feed;         /* that tells them; NULL: the test does */
    int64_t cache_ms;                /* to be changed before cache_fixture_open: an hour */
    size_t most;                     /* answers kept; the same: 1000 */
    struct store_req peeked;         /* the last answer of cache_fixture_peek */
};

/* Begins with an empty Redis, no handle open, and redis.timeout_ms 5000; or on a cluster, which it takes. */
void cache_fixture_start(struct cache_fixture *fixture);
void cache_fixture_start_on(struct cache_fixture *fixture, struct redis_nodes *nodes);

/* Opens the handles and waits until Redis is up, and heard by the feed. */
void cache_fixture_open(struct cache_fixture *fixture, enum outage_policy policy);

/* The same without a feed: the generations are fed, and told only what the test tells them. */
void cache_fixture_open_deaf(struct cache_fixture *fixture, enum outage_policy policy);

/* Begins to listen, after open_deaf; nothing is believed until the feed is heard. */
void cache_fixture_listen(struct cache_fixture *fixture);

/* All of it; ends what is still running. */
void cache_fixture_stop(struct cache_fixture *fixture);

/* Whether an authorize would be answered at once; the answer is in `peeked`. */
bool cache_fixture_peek(struct cache_fixture *fixture, const struct session *session);

/* Has the session's answer cached: asks, and expects that the next one is answered at once as this was. */
void cache_fixture_fill(struct cache_fixture *fixture, const struct session *session);

/* A request over a handle; the answer is valid until the next. */
const struct store_req *cache_fixture_ask(struct cache_fixture *fixture, int handle,
                                          enum store_op op, const struct session *session);

/* Runs the loop until nothing is believed of a session any more. */
void cache_fixture_wait_unbelieved(struct cache_fixture *fixture, const struct session *session);

/* Runs the loop until the feed is heard, or isn't. */
void cache_fixture_wait_fed(struct cache_fixture *fixture, bool fed);

#endif
