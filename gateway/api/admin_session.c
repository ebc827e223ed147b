/* GET and DELETE /admin/v1/sessions/{sessionId}: one session, as it is; and its end by an operator. */
#include <string.h>

#include "admin_private.h"
#include "container_of.h"
#include "partition.h"

struct session_call {
    struct admin_call call;     /* GET or END */
    struct store_stream stream; /* GET: as it is */
    bool ended;                 /* END: it was this call that ended it */
};

/* A call about the session in the path. NULL: answered. */
static struct session_call *new_call(struct http_request *http)
{
    struct session_call *self = admin_call_new(http, sizeof *self);
    const char *id = http_request_param(http, 0);

    if (self == NULL)
        return NULL;
    if (!session_id_is_valid(id, strlen(id)) || partition_of_tag(id) == PARTITION_COUNT) {
        http_problem(http, ERR_NOT_FOUND, "not a sessionId: it has 22 characters");
        admin_call_free(&self->call);
        return NULL;
    }
    memcpy(self->call.ask.session.id, id, SESSION_ID_LEN + 1);
    http_request_note_session(http, id);
    return self;
}

/* Where the session is. */
static unsigned partition_of_session(const struct session_call *self)
{
    return admin_partitions(&self->call) > 1 ? partition_of_tag(self->call.ask.session.id) : 0;
}

/* ---- As it is ---- */

static void on_found(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct session_call *self = CONTAINER_OF(call, struct session_call, call);
    int64_t idle_ms = req->now_ms - req->session.last_heartbeat_ms;
    (void)partition;

    self->stream.session = req->session;
    self->stream.idle_s = idle_ms > 0 ? idle_ms / 1000 : 0;
}

static void on_get_done(struct admin_call *call)
{
    struct session_call *self = CONTAINER_OF(call, struct session_call, call);
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    if (call->err == ERR_SESSION_ENDED) {
        api_reply_refusal(call->http, &call->ask);
        admin_call_free(call);
    } else if (call->err != ERR_OK) {
        admin_call_fail(call);
    } else {
        api_write_stream(&writer, call->api, &self->stream);
        admin_call_reply(call, &body);
    }
}

void admin_session_get(struct http_request *http)
{
    struct session_call *self = new_call(http);

    if (self == NULL)
        return;
    if (admin_query_empty(http))
        admin_call_ask(&self->call, STORE_GET, partition_of_session(self), 1, on_found,
                       on_get_done);
    else
        admin_call_free(&self->call);
}

/* ---- Its end ---- */

static void on_ended(struct admin_call *call, struct store_req *req, unsigned partition)
{
    (void)partition;
    CONTAINER_OF(call, struct session_call, call)->ended = req->ended;
}

static void on_terminate_done(struct admin_call *call)
{
    const struct session_call *self = CONTAINER_OF(call, struct session_call, call);
    const char *outcome = self->ended ? "ended" : "was not live";

    admin_audit(call, "terminate", "session", call->ask.session.id,
                call->err == ERR_OK ? outcome : NULL);
    if (call->err == ERR_OK)
        admin_reply_terminated(call, self->ended ? 1 : 0);
    else
        admin_call_fail(call);
}

/*
 * Only the sessionId is known. Of one that no store knows it becomes known that it was terminated: it may be
 * asleep, and must not be revived.
 */
void admin_session_terminate(struct http_request *http)
{
    struct session_call *self = new_call(http);

    if (self == NULL)
        return;
    struct store_req *ask = &self->call.ask;
    char *why = ask->operator.why;
    const struct admin_param params[] = {
        {"reason", why, SESSION_NAME_MAX},
        {"message", ask->end.message, sizeof ask->end.message - 1},
        {NULL, NULL, 0},
    };
    if (!admin_query_read(http, params)) {
        admin_call_free(&self->call);
        return;
    }
    ask->end.reason = END_TERMINATED;
    admin_call_ask(&self->call, STORE_END, partition_of_session(self), 1, on_ended,
                   on_terminate_done);
}
