/*
 * The Redis store.
 *
 * A request becomes one call of the link: it is formatted from the request's members each time that it is
 * sent, and its reply is read into them. A check is a plain GET, the cheapest thing that Redis does; only
 * when the session is gone a second GET asks why. What a reply can't be read as is ERR_INTERNAL, and a
 * line in the log; a script's own refusal, and a link that is away, are ordinary outcomes.
 */
#include "store_redis.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "container_of.h"
#include "log.h"
#include "redis_link.h"
#include "redis_reply.h"
#include "resp.h"
#include "session_json.h"

struct store_redis {
    struct store store;          /* the handle */
    struct store_options options; /* as given */
    const char *prefix;          /* of every key */
    struct redis_link *link;     /* the connection */
    struct buf head, middle;     /* a value's parts, while a create is formatted */
    void (*on_closed)(void *arg); /* of store_close */
    void *on_closed_arg;         /* the same */
    struct loop_task close;      /* brings on_closed, behind the callbacks of what was pending */
    bool answered;               /* Redis has answered once */
    bool closing;                /* store_close was called */
};

/* What a request needs while it waits; lives in store_req.backend. */
struct pending {
    struct redis_call call;   /* to the link */
    struct store_redis *self; /* the handle */
    struct store_req *req;    /* that this is part of */
};

static_assert(sizeof(struct pending) <= sizeof((struct store_req *)0)->backend,
              "store_req.backend must hold what waits");

/* Begins EVALSHA of a script with so many keys and arguments, which must follow. */
static void begin_script(struct redis_link *link, struct buf *out, enum redis_script script,
                         size_t keys, size_t args)
{
    resp_command(out, 3 + keys + args);
    resp_text(out, "EVALSHA");
    resp_text(out, redis_link_sha(link, script));
    resp_int(out, (int64_t)keys);
}

/* The four keys that a heartbeat and an end name. */
static void add_session_keys(struct buf *out, const char *prefix, const struct session *session)
{
    resp_key(out, prefix, "session:", session->id);
    resp_key(out, prefix, "session_end:", session->id);
    resp_key(out, prefix, "family_streams:", session->family_id);
    resp_key(out, prefix, "device_streams:", session->device_id);
}

static void format_create(struct pending *pending, struct redis_link *link, struct buf *out)
{
    struct store_redis *self = pending->self;
    const struct store_req *req = pending->req;
    const struct session *session = &req->session;
    struct store_end replaced = {.reason = END_REPLACED};
    struct buf tombstone = BUF_EMPTY;

    buf_clear(&self->head);
    buf_clear(&self->middle);
    session_json_parts(session, &self->head, &self->middle);
    strcpy(replaced.by, session->device_name[0] != '\0' ? session->device_name
                                                        : session->device_id);
    redis_reply_write_end(&replaced, &tombstone);
    out->failed |= self->head.failed || self->middle.failed || tombstone.failed;

    begin_script(link, out, REDIS_SCRIPT_CREATE, 3, 8 + req->create.replace_count);
    resp_key(out, self->prefix, "session:", session->id);
    resp_key(out, self->prefix, "family_streams:", session->family_id);
    resp_key(out, self->prefix, "device_streams:", session->device_id);
    resp_text(out, self->prefix);
    resp_text(out, session->id);
    resp_int(out, self->options.ttl_ms);
    resp_int(out, req->usage.family_limit);
    resp_int(out, req->usage.device_limit);
    resp_bytes(out, self->head.data, self->head.len);
    resp_bytes(out, self->middle.data, self->middle.len);
    resp_bytes(out, tombstone.data, tombstone.len);
    for (size_t i = 0; i < req->create.replace_count; i++)
        resp_text(out, req->create.replace[i]);
    buf_done(&tombstone);
}

static void format_heartbeat(struct pending *pending, struct redis_link *link, struct buf *out)
{
    struct store_redis *self = pending->self;

    begin_script(link, out, REDIS_SCRIPT_HEARTBEAT, 4, 2);
    add_session_keys(out, self->prefix, &pending->req->session);
    resp_int(out, self->options.ttl_ms);
    resp_text(out, pending->req->session.id);
}

static void format_check(struct pending *pending, struct redis_link *link, struct buf *out)
{
    (void)link;
    resp_command(out, 2);
    resp_text(out, "GET");
    resp_key(out, pending->self->prefix, "session:", pending->req->session.id);
}

static void format_why(struct pending *pending, struct redis_link *link, struct buf *out)
{
    (void)link;
    resp_command(out, 2);
    resp_text(out, "GET");
    resp_key(out, pending->self->prefix, "session_end:", pending->req->session.id);
}

static void format_get(struct pending *pending, struct redis_link *link, struct buf *out)
{
    begin_script(link, out, REDIS_SCRIPT_GET, 2, 0);
    resp_key(out, pending->self->prefix, "session:", pending->req->session.id);
    resp_key(out, pending->self->prefix, "session_end:", pending->req->session.id);
}

static void format_end(struct pending *pending, struct redis_link *link, struct buf *out)
{
    struct store_redis *self = pending->self;
    const struct store_end *end = &pending->req->end;
    bool terminated = end->reason == END_TERMINATED;
    struct buf tombstone = BUF_EMPTY;

    redis_reply_write_end(end, &tombstone);
    out->failed |= tombstone.failed;
    begin_script(link, out, REDIS_SCRIPT_END, 4, 4);
    add_session_keys(out, self->prefix, &pending->req->session);
    resp_text(out, pending->req->session.id);
    resp_bytes(out, tombstone.data, tombstone.len);
    resp_int(out, terminated ? self->options.max_age_ms : 2 * self->options.ttl_ms);
    resp_text(out, terminated ? "1" : "0");
    buf_done(&tombstone);
}

static void tell_times(struct pending *pending, int64_t now_ms, int64_t left_ms)
{
    pending->req->now_ms = now_ms;
    pending->req->expires_ms = now_ms + left_ms;
    redis_link_learn_now(pending->self->link, now_ms);
}

/* A session that is gone: the script's {0, now, tombstone}. */
static enum err read_gone(struct pending *pending, const redisReply *reply)
{
    redis_link_learn_now(pending->self->link, redis_reply_int(reply, 1));
    return redis_reply_read_end(reply->element[2], &pending->req->end);
}

static enum err read_create(struct pending *pending, const redisReply *reply)
{
    struct store_req *req = pending->req;
    const char *word = redis_reply_word(reply, 0);

    if (word == NULL || reply->elements < 5)
        return ERR_INTERNAL;
    int64_t now = redis_reply_int(reply, 1);
    req->usage.family_active = (uint32_t)redis_reply_int(reply, 2);
    req->usage.device_active = (uint32_t)redis_reply_int(reply, 3);
    if (strcmp(word, "ok") != 0) {
        redis_link_learn_now(pending->self->link, now);
        return redis_reply_read_streams(reply->element[4], now, req) == 0 ? err_from_word(word)
                                                                          : ERR_INTERNAL;
    }
    tell_times(pending, now, redis_reply_int(reply, 4));
    req->session.started_ms = req->session.last_heartbeat_ms = now;
    if (reply->elements > 5)
        return redis_reply_read_session(reply->element[5], &req->session);
    return ERR_OK;
}

static enum err read_heartbeat(struct pending *pending, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return ERR_INTERNAL;
    if (redis_reply_int(reply, 0) == 0)
        return read_gone(pending, reply);
    tell_times(pending, redis_reply_int(reply, 1), redis_reply_int(reply, 2));
    return ERR_OK;
}

static enum err read_get(struct pending *pending, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return ERR_INTERNAL;
    if (redis_reply_int(reply, 0) == 0)
        return read_gone(pending, reply);
    tell_times(pending, redis_reply_int(reply, 1), redis_reply_int(reply, 2));
    return reply->elements == 4 ? redis_reply_read_session(reply->element[3], &pending->req->session)
                                : ERR_INTERNAL;
}

static enum err read_check(struct pending *pending, const redisReply *reply)
{
    pending->req->now_ms = redis_link_now(pending->self->link);
    return redis_reply_read_session(reply, &pending->req->session);
}

static enum err read_why(struct pending *pending, const redisReply *reply)
{
    return redis_reply_read_end(reply, &pending->req->end);
}

static enum err read_end(struct pending *pending, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return ERR_INTERNAL;
    pending->req->ended = reply->integer == 1;
    return ERR_OK;
}

static const struct {
    void (*format)(struct pending *pending, struct redis_link *link, struct buf *out);
    enum err (*read)(struct pending *pending, const redisReply *reply);
} operations[] = {
    [STORE_CREATE] = {format_create, read_create}, [STORE_HEARTBEAT] = {format_heartbeat, read_heartbeat},
    [STORE_CHECK] = {format_check, read_check},    [STORE_GET] = {format_get, read_get},
    [STORE_END] = {format_end, read_end},
};

static void on_why(struct redis_call *call, const redisReply *reply);

static void format_call(struct redis_call *call, struct redis_link *link, struct buf *out)
{
    struct pending *pending = CONTAINER_OF(call, struct pending, call);

    if (call->done == on_why)
        format_why(pending, link, out);
    else
        operations[pending->req->op].format(pending, link, out);
}

/* The outcome of a reply that may be missing or an error; ERR_OK where it is to be read. */
static enum err judge(struct pending *pending, const redisReply *reply)
{
    if (reply == NULL)
        return pending->self->closing ? ERR_SHUTTING_DOWN : ERR_STORE_UNAVAILABLE;
    pending->self->answered = true;
    if (reply->type != REDIS_REPLY_ERROR)
        return ERR_OK;
    log_line(LOG_ERROR, "Redis refused a command", LOG_STR("reason", reply->str),
             LOG_STR("session", pending->req->session.id));
    return redis_reply_is_outage(reply) ? ERR_STORE_UNAVAILABLE : ERR_INTERNAL;
}

static void finish(struct pending *pending, enum err err)
{
    if (err == ERR_INTERNAL)
        log_line(LOG_ERROR, "Redis answered what can't be read",
                 LOG_STR("session", pending->req->session.id));
    store_complete(&pending->self->store, pending->req, err);
}

static void on_why(struct redis_call *call, const redisReply *reply)
{
    struct pending *pending = CONTAINER_OF(call, struct pending, call);
    enum err err = judge(pending, reply);

    store_complete(&pending->self->store, pending->req,
                   err == ERR_OK ? read_why(pending, reply) : err);
}

static void on_reply(struct redis_call *call, const redisReply *reply)
{
    struct pending *pending = CONTAINER_OF(call, struct pending, call);
    enum err err = judge(pending, reply);

    if (err != ERR_OK) {
        store_complete(&pending->self->store, pending->req, err);
    } else if (pending->req->op == STORE_CHECK && reply->type == REDIS_REPLY_NIL) {
        call->done = on_why;
        redis_link_call(pending->self->link, call);
    } else {
        finish(pending, operations[pending->req->op].read(pending, reply));
    }
}

static bool peek(struct store *store, struct store_req *req)
{
    (void)store;
    (void)req;
    return false;
}

static void submit(struct store *store, struct store_req *req)
{
    struct store_redis *self = CONTAINER_OF(store, struct store_redis, store);
    struct pending *pending = (struct pending *)req->backend;

    req->ended = false;
    req->streams = NULL;
    req->stream_count = 0;
    if (req->op == STORE_CREATE)
        store_limits(&self->options, &req->create, &req->usage);
    *pending = (struct pending){.self = self, .req = req};
    pending->call.format = format_call;
    pending->call.done = on_reply;
    pending->call.deadline_ms = req->deadline_ms;
    redis_link_call(self->link, &pending->call);
}

static enum store_state state(const struct store *store)
{
    const struct store_redis *self = CONTAINER_OF(store, struct store_redis, store);

    if (redis_link_is_up(self->link))
        return STORE_UP;
    return redis_link_is_away(self->link) || self->answered ? STORE_AWAY : STORE_STARTING;
}

static void finish_close(struct loop_task *task)
{
    struct store_redis *self = CONTAINER_OF(task, struct store_redis, close);
    void (*on_closed)(void *arg) = self->on_closed;
    void *on_closed_arg = self->on_closed_arg;

    buf_done(&self->head);
    buf_done(&self->middle);
    free(self);
    on_closed(on_closed_arg);
}

static void on_link_closed(void *arg)
{
    struct store_redis *self = arg;

    self->close = (struct loop_task){.run = finish_close};
    loop_post(self->store.loop, &self->close);
}

static void close_handle(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    struct store_redis *self = CONTAINER_OF(store, struct store_redis, store);

    self->closing = true;
    self->on_closed = on_closed;
    self->on_closed_arg = arg;
    redis_link_close(self->link, on_link_closed, self);
}

static const struct store_ops ops = {
    .kind = "redis", .peek = peek, .submit = submit, .state = state, .close = close_handle};

struct store *store_redis_open(const struct store_redis_options *options, struct loop *loop)
{
    struct store_redis *self = calloc(1, sizeof *self);
    const struct redis_link_options link_options = {.address = options->address,
                                                    .timeout_ms = options->timeout_ms,
                                                    .name = options->name};

    if (self == NULL)
        return NULL;
    self->store = (struct store){.ops = &ops, .loop = loop};
    self->options = options->store;
    self->prefix = options->prefix;
    self->link = redis_link_new(loop, &link_options);
    if (self->link == NULL) {
        free(self);
        return NULL;
    }
    return &self->store;
}
