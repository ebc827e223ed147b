/*
 * A call of the admin listener that asks the store.
 *
 * The question is copied for each partition that gets it; at most ADMIN_IN_FLIGHT copies are out at a time, and
 * each answer sends the next one. After a failure no more are sent: the call is done when those that are out have
 * come back. A client that leaves meanwhile is not noticed; its call goes on to its end.
 */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "clock.h"
#include "container_of.h"
#include "partition.h"
#include "text.h"

/* A question to one partition. */
struct question {
    struct store_req req;     /* a copy of the call's */
    struct store_query query; /* the same */
    struct admin_call *call;  /* whose it is */
    unsigned partition;       /* that is asked */
};

void *admin_call_new(struct http_request *http, size_t size)
{
    const char *who = admin_let_in(http);

    return who != NULL ? admin_call_new_of(http, who, size) : NULL;
}

void *admin_call_new_of(struct http_request *http, const char *who, size_t size)
{
    struct admin_call *call = calloc(1, size);
    if (call == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    call->api = http_request_server_arg(http);
    call->http = http;
    call->who = who;
    call->keys = keyring_hold(call->api->keys);
    text_copy(call->ask.operator.name, sizeof call->ask.operator.name, who);
    return call;
}

void admin_call_free(struct admin_call *call)
{
    keyring_release(call->keys);
    free(call);
}

unsigned admin_partitions(const struct admin_call *call)
{
    return call->api->store->partitions;
}

unsigned admin_partition_of(const struct admin_call *call, const char *name)
{
    return admin_partitions(call) > 1 ? partition_of(name) : 0;
}

/* ---- Asking ---- */

static void on_answer(struct store_req *req);

/* Sends one more question. false: memory ran out. */
static bool ask_next(struct admin_call *call)
{
    struct question *question = malloc(sizeof *question);

    if (question == NULL)
        return false;
    question->req = call->ask;
    question->query = call->query;
    question->call = call;
    question->partition = call->next++;
    if (admin_partitions(call) > 1 && question->req.session.id[0] == '\0') {
        memcpy(question->req.session.id, partition_tag(question->partition), PARTITION_TAG_LEN);
        question->req.session.id[PARTITION_TAG_LEN] = '\0';
    }
    if (call->vary != NULL)
        call->vary(call, &question->req, question->partition);
    question->req.query = &question->query;
    question->req.deadline_ms = clock_monotonic_ms() + call->api->options.store_timeout_ms;
    question->req.done = on_answer;
    call->in_flight++;
    store_submit(call->api->store, &question->req);
    return true;
}

static void fail(struct admin_call *call, enum err err)
{
    if (call->err == ERR_OK)
        call->err = call->ask.err = err;
    call->next = call->end;
}

/* Sends as many as may be out. Where none could be and none is, done is called. */
static void go_on(struct admin_call *call)
{
    while (call->next < call->end && call->in_flight < ADMIN_IN_FLIGHT)
        if (!ask_next(call))
            fail(call, ERR_INTERNAL);
    if (call->in_flight == 0)
        call->done(call);
}

static void on_answer(struct store_req *req)
{
    struct question *question = CONTAINER_OF(req, struct question, req);
    struct admin_call *call = question->call;

    call->in_flight--;
    if (req->err == ERR_OK) {
        call->each(call, req, question->partition);
    } else {
        call->ask.end = req->end;
        fail(call, req->err);
    }
    free(question);
    go_on(call);
}

void admin_call_ask(struct admin_call *call, enum store_op op, unsigned first, unsigned count,
                    void (*each)(struct admin_call *call, struct store_req *req,
                                 unsigned partition),
                    void (*done)(struct admin_call *call))
{
    call->ask.op = op;
    call->err = ERR_OK;
    call->next = first;
    call->end = first + count;
    call->each = each;
    call->done = done;
    go_on(call);
}

/* ---- Answering ---- */

static bool is_change(enum store_op op)
{
    return op == STORE_END || op == STORE_REVOKE || op == STORE_SET_LIMITS;
}

void admin_call_refuse(struct admin_call *call)
{
    const char *detail = NULL;

    if (call->err == ERR_STORE_UNAVAILABLE)
        detail = is_change(call->ask.op)
                     ? "the store of sessions is away, or answered too late: the change may have "
                       "been made; "
                       "repeat it when the store is back"
                     : "the store of sessions is away, or answered too late: try again";
    http_problem(call->http, call->err, detail);
}

void admin_call_fail(struct admin_call *call)
{
    admin_call_refuse(call);
    admin_call_free(call);
}

void admin_call_reply(struct admin_call *call, struct buf *body)
{
    api_reply_json(call->http, 200, body);
    admin_call_free(call);
}
