/*
 * A gateway's store as it is with Redis, outages and all: two handles (0 is the gateway's, behind
 * the outage decorator; 1 is another gateway's, straight to Redis), the keeper, and the log, kept
 * to be looked at (log_capture.h). Asked by ask.h over `store`.
 */
#ifndef SUPPORT_OUTAGE_FIXTURE_H
#define SUPPORT_OUTAGE_FIXTURE_H

#include "ask.h"
#include "outage.h"

struct redis_nodes;

struct outage_fixture {
    struct store_fixture
        store; /* options and timeout_ms to be changed before outage_fixture_open */
    struct redis_server *redis;   /* store's */
    struct memory *memory;        /* of fallback; else NULL */
    struct outage *outage;        /* the state */
    struct store *keeper_store;   /* the keeper's handle */
    struct outage_keeper *keeper; /* NULL once stopped */
};

/* Begins with an empty Redis, no handle open, and redis.timeout_ms 200. */
void outage_fixture_start(struct outage_fixture *fixture);

/* The same on a cluster of the test's, which the fixture takes; redis is of no use then. */
void outage_fixture_start_on(struct outage_fixture *fixture, struct redis_nodes *nodes);

/* Opens the handles and starts the keeper. */
void outage_fixture_open(struct outage_fixture *fixture, enum outage_policy policy);

/* The same, and waits until Redis is up; the gateway's handle has been answered, too. */
void outage_fixture_open_up(struct outage_fixture *fixture, enum outage_policy policy);

/* Stops the keeper and closes the handles. */
void outage_fixture_close(struct outage_fixture *fixture);

/* All of it; ends what is still running. */
void outage_fixture_stop(struct outage_fixture *fixture);

/* Runs the loop until the state is this one. */
void outage_fixture_wait(struct outage_fixture *fixture, enum store_state state);

/* Asks until Redis itself has answered: a handle's connection may be made again later than the
 * keeper's. */
const struct store_req *outage_fixture_insist(struct outage_fixture *fixture, int handle,
                                              const struct store_req *req);

/* Another gateway's check, straight from Redis. */
const struct store_req *outage_fixture_check_elsewhere(struct outage_fixture *fixture,
                                                       const struct session *session);

#endif
