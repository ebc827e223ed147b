/*
 * What the handlers of the admin listener share; included by nobody else.
 */
#ifndef ADMIN_PRIVATE_H
#define ADMIN_PRIVATE_H

#include "api_private.h"
#include "event.h"
#include "store_query.h"

#define ADMIN_IN_FLIGHT   16        /* partitions that one call asks at a time */
#define ADMIN_SECONDS_MAX 315360000 /* of a block or an override: ten years */

/* ---- admin_auth.c ---- */

/*
 * Whether the request may use the admin listener: it has an admin token, and comes from no foreign page. Returns
 * the token's name, for the audit, which lives as long as the thread's keyring, that a call holds; NULL where the
 * request has been answered (401, 403, 429). Every handler but those of /healthz, /readyz and the console's files begins with it.
 */
const char *admin_let_in(struct http_request *http);

/* The handler of what is no call: 404 or 405, for whoever is let in. */
void admin_unknown(struct http_request *http);

/* ---- admin_call.c ---- */

/*
 * A call that asks the store, from its handler to its answer. What a handler keeps beside it embeds it as its
 * first member. A question goes to one partition, or to all of a range, some at a time.
 */
struct admin_call {
    struct api *api;           /* this thread's */
    struct http_request *http; /* to be answered */
    const char *who;           /* the token's name */
    struct keyring *keys;      /* whose it is: a reload may come before the answer */
    struct store_req
        ask; /* the question, as each partition gets it; session.id "": none of its own */
    struct store_query query; /* the same */
    enum err err; /* of the last question: why a partition didn't answer it; ERR_OK: all did */
    unsigned next, end;          /* partitions that have still to be asked */
    unsigned in_flight;          /* that have been, and didn't answer yet */
    struct admin_lately *lately; /* what admin_lately_gather gathers into */
    void (*vary)(const struct admin_call *call, struct store_req *req,
                 unsigned partition); /* what a partition is asked otherwise; NULL: nothing */
    void (*each)(struct admin_call *call, struct store_req *req, unsigned partition);
    void (*done)(struct admin_call *call);
};

/*
 * A call of somebody who is let in, in `size` bytes that are all zeroes otherwise. NULL: the request has been
 * answered.
 */
void *admin_call_new(struct http_request *http, size_t size);

/* The same of somebody who was let in already, or (who "") needn't be. */
void *admin_call_new_of(struct http_request *http, const char *who, size_t size);

/* Frees a call that has been answered. */
void admin_call_free(struct admin_call *call);

/*
 * Asks `count` partitions from `first` on what call->ask and call->query say: each is called with every answer
 * that is ERR_OK, done after the last, or once one was not, which call->err (and call->ask.end) tell then.
 */
void admin_call_ask(struct admin_call *call, enum store_op op, unsigned first, unsigned count,
                    void (*each)(struct admin_call *call, struct store_req *req,
                                 unsigned partition),
                    void (*done)(struct admin_call *call));

/* Where a family's keys are, or what a name chooses; of a store whose partitions aren't apart the only one, 0. */
unsigned admin_partition_of(const struct admin_call *call, const char *name);

/* How many partitions are apart: 1, or all. */
unsigned admin_partitions(const struct admin_call *call);

/* Answers with why the store didn't (call->err). */
void admin_call_refuse(struct admin_call *call);

/* The same, and frees the call. */
void admin_call_fail(struct admin_call *call);

/* Answers 200 with a document, and frees the call. Frees body. */
void admin_call_reply(struct admin_call *call, struct buf *body);

/* ---- admin_query.c ---- */

/* A parameter that a call takes. */
struct admin_param {
    const char *name; /* as it stands in the query; NULL ends a list */
    char *text;       /* gets the value; "" where the query hasn't one */
    size_t most;      /* bytes that it may have */
};

/*
 * Reads the parameters of a request. false: one is unknown, comes twice, or is not 1 to `most` bytes of printable
 * UTF-8, and the request has been answered with a 400 that names it.
 */
bool admin_query_read(struct http_request *http, const struct admin_param *params);

/* The same for a call that takes none, and for a change that takes a `reason` alone. */
bool admin_query_empty(struct http_request *http);
bool admin_query_reason(struct admin_call *call);

/* The number that a parameter is; as it was where text is "". false: it is none in range, answered in that way. */
bool admin_query_number(struct http_request *http, const char *name, const char *text,
                        int64_t least, int64_t most, int64_t *number);

/*
 * The first {…} of the path as a name that a session may have. false: it is none, answered in that way; what it
 * is to be ("familyId") stands in the answer.
 */
bool admin_path_name(struct http_request *http, const char *what, session_name ret_name);

/* ---- admin_answer.c ---- */

/* Writes an event as an object: its id and what stream_events has of it, absent where unknown. */
void admin_write_event(struct json_writer *writer, const struct event *event);

/* Writes the limits in force as a member, or (name NULL) as a document. */
void admin_write_limits(struct json_writer *writer, const char *name,
                        const struct store_description *description);

/* Writes whether new streams are refused: null, or until when, and what the refused are told. */
void admin_write_blocked(struct json_writer *writer, const struct store_description *description);

/*
 * Logs a change, whether the store carried it out (call->err) or not: who (call->who), what, whom ("family", "f1";
 * NULL where it is about the gateway), and what came of it, or NULL.
 */
void admin_audit(const struct admin_call *call, const char *what, const char *kind,
                 const char *whom, const char *outcome);

/* Answers {"terminated":n}, and frees the call. */
void admin_reply_terminated(struct admin_call *call, uint64_t count);

/* ---- admin_lately.c ---- */

#define ADMIN_LATELY_MAX 50

/* The latest events of a family or a device, newest first, gathered from one partition or more. */
struct admin_lately {
    struct admin_late {
        int64_t time_ms; /* its time */
        struct buf json; /* the event */
    } events[ADMIN_LATELY_MAX];
    size_t count;     /* of them */
    int64_t until_ms; /* when to look back no further; monotonic clock */
    event_id before;  /* where the last one ended */
    void (*done)(struct admin_call *call);
};

/*
 * Looks back for the events of what call->ask.session names, its family or its device, then calls done. For how
 * long is bounded: older ones may be left out. call->err tells why, where the store didn't answer.
 */
void admin_lately_gather(struct admin_call *call, struct admin_lately *lately, unsigned first,
                         unsigned count, void (*done)(struct admin_call *call));

/* Writes them as the member `events`. */
void admin_lately_write(struct json_writer *writer, struct admin_lately *lately);

void admin_lately_done(struct admin_lately *lately);

/* ---- handlers ---- */

void admin_stats(struct http_request *http);
void admin_sessions(struct http_request *http);
void admin_session_get(struct http_request *http);
void admin_session_terminate(struct http_request *http);
void admin_family(struct http_request *http);
void admin_family_terminate(struct http_request *http);
void admin_device(struct http_request *http);
void admin_device_terminate(struct http_request *http);
void admin_limits_get(struct http_request *http);
void admin_limits_put(struct http_request *http);
void admin_limits_delete(struct http_request *http);
void admin_events(struct http_request *http);
void admin_config(struct http_request *http);
void admin_drain(struct http_request *http);
void admin_undrain(struct http_request *http);
void admin_metrics(struct http_request *http);

#endif
