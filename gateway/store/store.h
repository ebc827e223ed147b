/*
 * The store contract: where sessions live, and the only way to them. The embedded store and the Redis
 * store implement it.
 *
 * Two shapes. An *ask* (store_submit) gets its answer in exactly one callback. A *peek* (store_peek) is
 * answered now or not at all.
 *
 *   1. Submitting returns nothing and cannot fail; every outcome, lack of memory or of a link included,
 *      arrives in the callback.
 *   2. The callback comes exactly once, on the submitting thread, from a task of its loop: never from
 *      inside the submit.
 *   3. The caller owns the request and embeds it in a context of its own; the store keeps no pointer into
 *      anything else of the caller's, but query. From submit to callback the request is the store's.
 *   4. Every request completes by its deadline. A write that timed out may still have happened; all
 *      operations are safe to repeat.
 *   5. Closing completes what is pending with ERR_SHUTTING_DOWN. There is no cancel: a caller that lost
 *      interest frees its context in the callback.
 *   6. tests/contract states this once and runs it against every store.
 *
 * A handle belongs to one thread; what handles share is behind them.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"
#include "session.h"

/*
 * The operations, with the members of the request that each one reads (beside deadline_ms and done) and
 * sets. `session.id` and, but for CHECK and GET, family_id, device_id, user_id and media_id are given: a
 * token tells them; LIST and REVOKE need what they name alone. ERR_STORE_UNAVAILABLE, ERR_SHUTTING_DOWN
 * and ERR_INTERNAL are possible everywhere.
 *
 * CREATE     Admission, one atomic step (DESIGN.md section 3). Reads all of session but the times, and
 *            create. ERR_OK: the session lives; sets session's times, now_ms, expires_ms, usage, and
 *            would_deny. ERR_FAMILY_LIMIT, ERR_DEVICE_LIMIT: nothing has changed; sets usage and streams.
 *            ERR_RATE_LIMITED: sets retry_after_s. ERR_FORBIDDEN: the family or device is blocked; sets
 *            end.message. A create whose sessionId lives already is ERR_OK, and changes nothing.
 * HEARTBEAT  Keeps a session alive. ERR_OK: sets now_ms and expires_ms. ERR_SESSION_ENDED: sets end; where
 *            that is END_EXPIRED the session may be revived.
 * REVIVE     Admits a session again that is gone without a tombstone, under its own id and start, ending
 *            nobody. Reads what CREATE reads, session.started_ms and create.issued_ms. ERR_OK: as CREATE;
 *            also where it lives. ERR_SESSION_ENDED: it has ended, or there is no room (END_EXPIRED).
 *            ERR_FORBIDDEN: as CREATE.
 * CHECK      Whether a session lives. ERR_OK: sets session.media_id, session.last_heartbeat_ms and now_ms.
 *            ERR_SESSION_ENDED: sets end.
 * GET        A session as it is. ERR_OK: sets session, now_ms and expires_ms. ERR_SESSION_ENDED: sets end.
 * ZAP        Changes a live session's media_id and media_title ("": it has none any more). ERR_OK or
 *            ERR_SESSION_ENDED, as HEARTBEAT.
 * END        Ends a session for the reason in end, and keeps that reason for those who ask later. ERR_OK
 *            always; ended says whether it was this call that ended it. The first reason stands, except
 *            that terminated takes the place of any other.
 * LIST       A family's live streams: sets streams, longest silent first, stream_count, and of usage the
 *            family's part.
 * REVOKE     Terminates all streams of the family in session.family_id or, where that is "", on the device
 *            in session.device_id, with end.message, and refuses new ones for for_ms (0: doesn't, and lifts an
 *            earlier block; -1: leaves an earlier block, and what it says, as it is). Sets ended_count.
 * SET_LIMITS Overrides the limits of the family in session.family_id by those in create (-1: not that one;
 *            both: no override any more), for for_ms (0: until it is changed).
 * ADOPT      Puts a session in place that was let in or kept alive while Redis was away: over the limits if
 *            need be, with the start and the last sign of life that it had (session.started_ms by the
 *            store's clock; create.idle_ms). One that lives is kept alive, and gets media_id and media_title.
 *            ERR_OK: sets now_ms and expires_ms. ERR_SESSION_ENDED: it has ended, or its family or device
 *            was revoked after its start; sets end.
 * SWEEP      Cleans up after some of the sessions that expired. ERR_OK; sets ended_count to the number of
 *            entries that were due: at SWEEP_MAX there may be more.
 *
 * What operators ask; each reads and sets req->query (store_query.h) as well:
 *
 * PAGE       Some of the live sessions, in an order of the store's own. Sets streams. ERR_INVALID_REQUEST: the
 *            cursor is none of this store's.
 * DESCRIBE   The family in session.family_id or, where that is "", the device in session.device_id: sets
 *            streams and that side of usage as LIST does, limits, and whether new streams are refused.
 * COUNT      How many sessions live, and how many users were seen lately.
 * EVENTS     What happened, as stream_events tells it. ERR_INVALID_REQUEST: `after` is no event's id.
 * NOTE       Writes an event of type query->note about session's names, of its id where that is a whole one, and
 *            about the operator.
 *
 * Where partitions are apart (store->partitions), SWEEP, PAGE, COUNT, EVENTS, NOTE, and what is of a device
 * (REVOKE, DESCRIBE), are of the one whose tag session.id begins with; a device's limit and a user's rate are
 * counted in each partition for itself.
 *
 * END of a session whose family_id is "" (an operator knows the sessionId alone) finds its names where it
 * lives. END, REVOKE and SET_LIMITS write operator into the events about what they change: `by` its name,
 * `cause` its why, where they are not "". Beside the streams that they end these are `blocked`, where for_ms is
 * more than 0; `unblocked`, where a block that held was lifted; `limits_changed`, where there is an override or
 * was one. A device that is revoked in many partitions is told to be (un)blocked in one: told_elsewhere asks the
 * others to keep silent.
 */
enum store_op {
    STORE_CREATE,
    STORE_HEARTBEAT,
    STORE_REVIVE,
    STORE_CHECK,
    STORE_GET,
    STORE_ZAP,
    STORE_END,
    STORE_LIST,
    STORE_REVOKE,
    STORE_SET_LIMITS,
    STORE_ADOPT,
    STORE_SWEEP,
    STORE_PAGE,
    STORE_DESCRIBE,
    STORE_COUNT,
    STORE_EVENTS,
    STORE_NOTE,
    STORE_OP_COUNT
};

/* Why, by whom and with what word a session ended. */
struct store_end {
    enum end_reason reason; /* END_EXPIRED where nothing is known of it */
    session_name by;   /* replaced: the deviceName, else the deviceId, that took its place; or "" */
    char message[257]; /* an operator's word to the viewer; or "" */
};

/* Who changes something from the admin listener, and why, for those who read the events. */
struct store_operator {
    session_name name; /* of the admin token; "" where it is no operator */
    session_name why;  /* as the operator said; "" where nothing */
};

/* How many streams are active, of how many (0: no limit). */
struct store_usage {
    uint32_t family_active, family_limit;
    uint32_t device_active, device_limit;
};

/* One of the streams in the way of a create, or of a family. */
struct store_stream {
    struct session session; /* all of it */
    int64_t idle_s;         /* whole seconds since its last sign of life */
};

struct store_create {
    char replace[SESSION_REPLACE_MAX][SESSION_ID_LEN + 1]; /* sessionIds to give up */
    size_t replace_count;                                  /* of them */
    int32_t family_limit;                                  /* the caller's signed word; -1: none */
    int32_t device_limit;                                  /* the same */
    bool evict;                                            /* onLimit evict_oldest, and allowed */
    int64_t issued_ms;                                     /* REVIVE: when the token was issued */
    int64_t idle_ms;                                       /* ADOPT: since its last sign of life */
    bool spare_silent; /* for now nobody gives way for silence: the outage decorator's */
};

struct store_query;

/* Whether a CHECK was answered from the cache of answers: for those who count. */
enum store_cached {
    STORE_UNCACHED,    /* there is no cache, or none to be believed now, or it wasn't asked */
    STORE_CACHE_HIT,   /* it was */
    STORE_CACHE_MISS,  /* nothing was known of the session */
    STORE_CACHE_STALE, /* what was known is to be believed no more */
    STORE_CACHED_COUNT
};

struct store_req {
    enum store_op op;
    int64_t deadline_ms;                 /* monotonic clock */
    void (*done)(struct store_req *req); /* the callback; may free what embeds req */
    struct session session;              /* in, and out */
    struct store_create create;          /* CREATE and REVIVE, in */
    struct store_end end;                /* END and REVOKE, in; out where a session has ended */
    struct store_operator operator;      /* END, REVOKE, SET_LIMITS and NOTE, in */
    int64_t for_ms;                      /* REVOKE and SET_LIMITS, in */
    bool told_elsewhere;                 /* REVOKE, in: another partition tells of the block */
    enum store_cached cached; /* in: STORE_UNCACHED; out: the cache's word, where there is one */
    struct store_query *query; /* the caller's, which stays until done; NULL where op has none */

    enum err err;             /* out: the outcome */
    bool fallback;            /* out: answered by the embedded store while Redis is away */
    bool in_place;            /* out: answered in Redis' place, by whatever policy: not its word */
    bool ended;               /* END, out */
    uint32_t ended_count;     /* REVOKE and SWEEP, out */
    enum err would_deny;      /* CREATE, out: what would have refused it, were limits enforced */
    int64_t retry_after_s;    /* out, where ERR_RATE_LIMITED */
    int64_t now_ms;           /* out: the store's wall clock at the answer */
    int64_t expires_ms;       /* out: when the session will expire by the same clock */
    struct store_usage usage; /* CREATE, REVIVE, LIST and DESCRIBE, out */
    struct store_stream
        *streams; /* CREATE, LIST, PAGE and DESCRIBE, out; the store's, valid until done returns */
    size_t stream_count; /* of them */

    /* The outage decorator's: the caller's done, and its handle, while Redis is asked. */
    void (*redis_done)(struct store_req *req);
    void *decorator;
    /* The cache's: the caller's done, its handle, and the session's generation when it was asked. */
    void (*uncached_done)(struct store_req *req);
    void *cache;
    uint64_t generation;
    struct loop_task ready; /* the store's: brings the callback */
    max_align_t backend[8]; /* the store's, for what waits */
};

/* At most so many streams are listed for a refused create; the longest silent come first. */
#define STORE_STREAMS_MAX 1000

/* One SWEEP looks at so many sessions. */
#define SWEEP_MAX 100

/* How a store is: name in C, word in /readyz (DESIGN.md section 2). */
#define STORE_STATE_TABLE(X)                                                                       \
    X(STORE_STARTING, "deny")       /* it hasn't answered yet, or again: requests wait */          \
    X(STORE_UP, "up")               /* it answers */                                               \
    X(STORE_AWAY, "deny")           /* it doesn't; nor does anything in its place */               \
    X(STORE_FALLBACK, "fallback")   /* the embedded store answers in its place */                  \
    X(STORE_ALLOW, "allow")         /* everybody is let in, uncounted */                           \
    X(STORE_RETURNING, "returning") /* it is told what happened meanwhile */

enum store_state {
#define X(name, word) name,
    STORE_STATE_TABLE(X)
#undef X
        STORE_STATE_COUNT
};

/* What both stores must know of the settings. */
struct store_options {
    int64_t ttl_ms;            /* session.ttl */
    int64_t max_age_ms;        /* session.max_age */
    int64_t heartbeat_min_ms;  /* session.heartbeat_min_interval; 0: every heartbeat is written */
    uint32_t family_limit;     /* limits.family; 0: none */
    uint32_t device_limit;     /* limits.device; 0: none */
    int64_t displace_after_ms; /* limits.displace_after; 0: silence never gives way */
    int64_t evict_cooldown_ms; /* limits.evict_cooldown; 0: none */
    bool dry_run;         /* not limits.enforce: what would be refused is counted, and passes */
    uint32_t create_rate; /* rate_limit.create, a minute and user; 0: any number */
};

struct store;

struct store_ops {
    const char *kind; /* "memory" or "redis" */
    bool (*peek)(struct store *store, struct store_req *req);
    void (*submit)(struct store *store, struct store_req *req);
    enum store_state (*state)(const struct store *store, unsigned partition);
    void (*close)(struct store *store, void (*on_closed)(void *arg), void *arg);
};

/* A thread's handle; the stores embed it. */
struct store {
    const struct store_ops *ops;
    struct loop *loop; /* of the thread */
    unsigned
        partitions; /* that are apart, and may be away, each for itself: 1, or all with a cluster */
};

/*
 * Answers a request now, if that needs no waiting: true, with the outcome in req (done is not called);
 * false where only an ask can tell.
 */
static inline bool store_peek(struct store *store, struct store_req *req)
{
    return store->ops->peek(store, req);
}

static inline void store_submit(struct store *store, struct store_req *req)
{
    store->ops->submit(store, req);
}

/* "memory" or "redis". */
static inline const char *store_kind(const struct store *store)
{
    return store->ops->kind;
}

/* How a partition is now, of store->partitions. */
static inline enum store_state store_state_of(const struct store *store, unsigned partition)
{
    return store->ops->state(store, partition);
}

/* How it is now: as the partition that is worst off. */
enum store_state store_state(const struct store *store);

/* Whether anybody at all is served: not so at the start, and in an outage with nothing in Redis' place. */
bool store_serves(const struct store *store);

/*
 * Completes what is pending with ERR_SHUTTING_DOWN, then frees the handle and calls on_closed, from the
 * loop. Nothing may be submitted any more.
 */
static inline void store_close(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    store->ops->close(store, on_closed, arg);
}

/*
 * For stores: sets the outcome and has req->done called from the loop; frees req->streams after it, and what
 * EVENTS found (one piece of memory: event_pack).
 */
void store_complete(struct store *store, struct store_req *req, enum err err);

/* The word of a state. Never NULL. */
const char *store_state_word(enum store_state state);

/*
 * For stores: which partition's keys a request is about: that of its sessionId; without one, that of its
 * family; else the first.
 */
unsigned store_partition(const struct store_req *req);

/* For stores: whether an operation hands out a list, which only an ask's callback gives back. */
bool store_hands_out_list(enum store_op op);

/* For stores: clears what a request will be answered with. */
void store_begin(struct store_req *req);

/*
 * For stores: how long after a session's last sign of life a heartbeat isn't written: heartbeat_min_ms, but
 * never more than a third of the TTL, or a session of a short one could not be kept alive.
 */
int64_t store_heartbeat_min(const struct store_options *options);

/* For stores: who took a replaced stream's place: the deviceName, else the deviceId. */
const char *store_replaced_by(const struct session *session);

#endif
