/*
 * A store under test: either store's data, a loop, and handles on it.
 *
 * The same test runs over every kind of store; what differs between them (how to make a session
 * older, how to make the store fall silent) is in here. Whatever fails here fails the test
 * (criterion).
 */
#ifndef SUPPORT_STORE_FIXTURE_H
#define SUPPORT_STORE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "redis_address.h"
#include "store.h"
#include "store_query.h"

struct generations;
struct memory;
struct memory_clock;
struct redis_node_address;
struct redis_nodes;
struct redis_sentinel_options;
struct redis_server;

enum store_fixture_kind {
    STORE_FIXTURE_MEMORY,
    STORE_FIXTURE_REDIS,
    STORE_FIXTURE_CACHED, /* REDIS, behind the cache of answers; only to be started as */
    STORE_FIXTURE_CLUSTER
};

enum { STORE_FIXTURE_HANDLES = 2 };

struct store_fixture {
    enum store_fixture_kind kind;     /* of the store */
    struct store_options options;     /* DESIGN.md's defaults; to be changed before the first
                                         handle is opened */
    int64_t timeout_ms;               /* redis.timeout_ms; the same */
    const char *prefix;               /* redis.prefix; the same */
    const struct memory_clock *clock; /* of the embedded store; NULL: the machine's; the same */
    struct loop loop;                 /* of the handles below */
    struct store *handles[STORE_FIXTURE_HANDLES]; /* NULL until they are asked for */
    struct memory *memory;                        /* MEMORY: the data */
    struct generations *generations;              /* CACHED: what is believed; else NULL */
    struct redis_nodes *nodes;                    /* CLUSTER: the data */
    const struct redis_node_address *seeds;       /* CLUSTER: further nodes; as the options */
    size_t seed_count;                            /* of them */
    bool one_partition;                           /* CLUSTER: all is asked of the first one */
    struct redis_server *server;  /* REDIS: the data; CLUSTER: who serves the first partition */
    struct redis_address address; /* REDIS: where they are */
    struct redis_sentinel_options *sentinel; /* REDIS: who knows where they are; NULL: nobody */
    struct store_req req;                    /* of store_fixture_run */
    bool is_done;                            /* its callback was called */
    struct store_query query;                /* its, where it has one */
    struct store_stream *streams;            /* its answer's, kept beyond the callback */
    struct event *events;                    /* the same, of EVENTS */
};

/*
 * Begins with an empty store. A cluster, which is shared by the program's tests, is asked of one
 * partition alone: there, what is counted by partition is counted as other stores count it. A
 * request's sessionId says which (ask_session), and where it names none the fixture does.
 */
void store_fixture_start(struct store_fixture *fixture, enum store_fixture_kind kind);

/* The same on a cluster of the test's, all partitions of it. Takes the nodes. */
void store_fixture_start_on(struct store_fixture *fixture, struct redis_nodes *nodes);

/* Closes what is open and ends what was started. */
void store_fixture_stop(struct store_fixture *fixture);

/* After a test that failed halfway: ends what would outlive it, and touches nothing else. */
void store_fixture_abandon(struct store_fixture *fixture);

/* One of the two handles on the fixture's loop, opened now if it wasn't. */
struct store *store_fixture_handle(struct store_fixture *fixture, int number);

/* A further handle on the same data, for another thread; close it on that thread. */
struct store *store_fixture_open(struct store_fixture *fixture, struct loop *loop);

/* Closes a handle, running its loop until it is closed. */
void store_fixture_close(struct store *store);

/*
 * Copies a request with its query, all of it but deadline and done given, and runs the loop until
 * its callback. Returns the answer, which with its query, streams and events stays valid until the
 * next call.
 */
const struct store_req *store_fixture_run(struct store_fixture *fixture, int handle,
                                          const struct store_req *req);

/*
 * What stands before the keys of a session, or of any that begins with the same tag, in Redis.
 * Valid until the next call.
 */
const char *store_fixture_key_prefix(const struct store_fixture *fixture, const char *session_id);

/* Makes a live session look as if its last sign of life lay so much further back; past its TTL it
 * is gone. */
void store_fixture_age(struct store_fixture *fixture, const char *session_id, int64_t ms);

/* Makes the store lose all that it holds, as a Redis that was flushed or a gateway that was
 * restarted does. The handles are opened anew when they are next asked for. */
void store_fixture_lose(struct store_fixture *fixture);

/* Makes the store answer nothing from now on, where it has something outside of the process to wait
 * for. */
void store_fixture_hang(struct store_fixture *fixture);
void store_fixture_unhang(struct store_fixture *fixture);

#endif
