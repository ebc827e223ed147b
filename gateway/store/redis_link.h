/*
 * One pipelined connection to Redis, kept up for as long as it is wanted.
 *
 * A link finds the server (with Sentinel: the master of now), connects, logs in (AUTH, SELECT), makes sure that
 * it is a master, loads the scripts and is up. Calls leave in the order they were
 * made, all of one turn in one write, and are answered in that order. A lost connection is made again,
 * after 50 ms at first, then up to 500 ms, with jitter. Calls made or still unanswered meanwhile wait and
 * are sent (again: every command we send may be repeated) when it is back; but once it has been away for
 * longer than timeout_ms nothing waits any more: calls fail at once until it is back. A reply that is later
 * than timeout_ms closes the connection, which is never used again: what would come over it is not
 * known.
 */
#ifndef REDIS_LINK_H
#define REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis_script.h"

struct buf;
struct loop;
struct redisReply;
struct redis_address;
struct redis_link;
struct redis_node_address;
struct redis_sentinel_options;
struct redis_tls;

struct redis_call {
    /*
     * Appends the command, exactly one, to out (resp.h). Called when the call is sent, and again each time
     * that it must be repeated.
     */
    void (*format)(struct redis_call *call, struct redis_link *link, struct buf *out);
    /*
     * Brings the reply, which may be an error's; NULL where there was none by the deadline, or no link.
     * Called once, from the loop, possibly from inside redis_link_call. The reply is freed after it.
     */
    void (*done)(struct redis_call *call, const struct redisReply *reply);
    int64_t deadline_ms;            /* monotonic clock */
    unsigned partition;             /* of its keys: redis_client's */
    bool one_key;                   /* it names one key, and touches no other: redis_cluster's */
    struct redis_call *prev, *next; /* the link's, while it waits for a connection */
    bool loaded;                    /* the link's: was repeated after NOSCRIPT */
    uint8_t redirects;              /* redis_cluster's */
};

/* What is beside a link; must outlive it, but for name, which is copied. */
struct redis_link_options {
    const struct redis_address *address;   /* where, as whom, which database */
    const struct redis_node_address *node; /* where, instead of address; copied. NULL: isn't */
    const struct redis_sentinel_options *sentinel; /* who knows where, instead; NULL: nobody */
    struct redis_tls *tls;                         /* NULL: without TLS */
    int64_t timeout_ms;                            /* for a connect and for a reply */
    const char *name;                              /* for the log, for example "worker 1" */
    /*
     * Offered each error that Redis answers to a call, but for the first NOSCRIPT. True: the call has been
     * taken over, and is done elsewhere. NULL: calls get all errors.
     */
    bool (*redirect)(void *arg, struct redis_call *call, const struct redisReply *error);
    void *redirect_arg; /* of redirect */
};

/* A link, which begins to connect at once. NULL where memory runs out. */
struct redis_link *redis_link_new(struct loop *loop, const struct redis_link_options *options);

/*
 * Completes every call with no reply, frees the link, and then calls on_closed, from the loop.
 */
void redis_link_close(struct redis_link *link, void (*on_closed)(void *arg), void *arg);

/* Makes a call. The struct is the caller's and must stay until done. */
void redis_link_call(struct redis_link *link, struct redis_call *call);

/* The same behind ASKING, to a node that is importing the call's slot. */
void redis_link_call_asking(struct redis_link *link, struct redis_call *call);

/* Whether no call waits or is unanswered. */
bool redis_link_is_idle(const struct redis_link *link);

/* Whether calls are answered; whether they fail at once. Neither: they wait for the connection. */
bool redis_link_is_up(const struct redis_link *link);
bool redis_link_is_away(const struct redis_link *link);

/* The address that it is connected to; port 0 with a unix socket. false where it isn't up. */
bool redis_link_where(const struct redis_link *link, struct redis_node_address *ret_node);

/* The SHA-1 of a script, 40 characters of hex, for EVALSHA. */
const char *redis_link_sha(const struct redis_link *link, enum redis_script script);

#endif
