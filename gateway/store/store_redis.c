/*
 * The Redis store.
 *
 * A request becomes one call of the link: it is formatted from the request's members each time that it is
 * sent, and its reply is read into them (redis_outcome.c). Some take a second step: a check is a plain GET,
 * the cheapest thing that Redis does, and only when the session is gone another GET asks why; a zap reads the
 * value, edits it here, since no script writes JSON, and swaps it for the old one, again and again where
 * somebody else was faster; and so does a heartbeat whose value was shaped by another writer; events may leave a
 * doubt whether some were lost (redis_events.h).
 */
#include "store_redis.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "container_of.h"
#include "log.h"
#include "partition.h"
#include "redis_client.h"
#include "redis_events.h"
#include "redis_format.h"
#include "redis_link.h"
#include "redis_outcome.h"
#include "redis_page.h"
#include "redis_reply.h"
#include "redis_trouble.h"
#include "session_json.h"
#include "store_metrics.h"
#include "store_query.h"

#define LATE_MS             1000   /* see useless_at */
#define SWAPS_MAX           10     /* how often an edit is tried again */
#define EVENTS              100000 /* so many are kept at least: as lib/events_kept.lua trims */
#define EVENTS_OF_PARTITION 400    /* the same, with a cluster */
#define PREFIX_SIZE         (REDIS_PREFIX_MAX + sizeof "{xx}:")

struct store_redis {
    struct store store;           /* the handle */
    struct store_options options; /* as given */
    const char *prefix;           /* of every key; before the partition's, with a cluster */
    bool cluster;                 /* partitions are apart */
    struct redis_client *client;  /* who has the keys */
    struct redis_outcome outcome; /* what replies are read with */
    struct redis_second second;   /* that commands are told */
    struct loop_task close;       /* brings on_closed, behind the callbacks of what was pending */
    void (*on_closed)(void *arg); /* of store_close */
    void *on_closed_arg;          /* the same */
    char name[32];                /* for the log */
    struct redis_trouble trouble; /* why Redis refused commands, as told */
    int64_t refused;              /* further commands since the last line about one */
    int64_t log_again_ms;         /* not before: monotonic clock */
    bool closing;                 /* store_close was called */
};

/* What a request is asking for. */
enum step { STEP_OP, STEP_WHY, STEP_SWAP, STEP_DOUBT };

/* What a request needs while it waits; lives in store_req.backend. */
struct pending {
    struct redis_call call;          /* to the link */
    struct store_redis *self;        /* the handle */
    struct store_req *req;           /* that this is part of */
    enum step step;                  /* what was asked */
    unsigned swaps;                  /* edits tried */
    char *before, *after;            /* STEP_SWAP: the value as it was read, and edited */
    size_t before_len;               /* of before */
    struct redis_events_doubt doubt; /* STEP_DOUBT */
    uint64_t asked_ns;               /* when it was submitted, by uv_hrtime */
};

static_assert(sizeof(struct pending) <= sizeof((struct store_req *)0)->backend,
              "store_req.backend must hold what waits");

static void complete(struct pending *pending, enum err err)
{
    const struct store_req *req = pending->req;

    free(pending->before);
    free(pending->after);
    store_count_call(req->op, err, (uv_hrtime() - pending->asked_ns) / 1000);
    if (req->op == STORE_ADOPT && err == ERR_OK)
        metrics_add(STORE_METRIC_FALLBACK + STORE_FALLBACK_ADOPTED, 1);
    store_complete(&pending->self->store, pending->req, err);
}

/* The outcome of a reply that was read. */
static void finish(struct pending *pending, enum err err)
{
    if (err == ERR_INTERNAL)
        log_line(LOG_ERROR, "Redis holds or answered what can't be read",
                 LOG_STR("session", pending->req->session.id));
    complete(pending, err);
}

/* What goes before each key of a partition. */
static const char *prefix_of(const struct store_redis *self, unsigned partition,
                             char buffer[PREFIX_SIZE])
{
    if (!self->cluster)
        return self->prefix;
    snprintf(buffer, PREFIX_SIZE, "%s{%.*s}:", self->prefix, PARTITION_TAG_LEN,
             partition_tag(partition));
    return buffer;
}

/*
 * When Redis is to begin a request no more, by its own clock: some time after its deadline, since what is known
 * of that clock lags by as much as replies are late.
 */
static int64_t useless_at(const struct store_redis *self, const struct store_req *req)
{
    if (!redis_client_knows_now(self->client))
        return 0;
    return redis_client_now(self->client) + (req->deadline_ms - clock_monotonic_ms()) + LATE_MS;
}

static void format_call(struct redis_call *call, struct redis_link *link, struct buf *out)
{
    struct pending *pending = CONTAINER_OF(call, struct pending, call);
    struct store_redis *self = pending->self;
    char prefix[PREFIX_SIZE];
    const struct redis_format format = {.options = &self->options,
                                        .prefix = prefix_of(self, call->partition, prefix),
                                        .link = link,
                                        .second = &self->second,
                                        .now_ms = redis_client_now(self->client),
                                        .useless_ms = useless_at(self, pending->req)};

    switch (pending->step) {
    case STEP_OP:
        redis_format_op(&format, pending->req, out);
        break;
    case STEP_WHY:
        redis_format_why(&format, pending->req, out);
        break;
    case STEP_SWAP:
        redis_format_swap(&format, pending->req, pending->before, pending->before_len,
                          pending->after, pending->req->op == STORE_ZAP, out);
        break;
    case STEP_DOUBT:
        redis_events_format_doubt(&format, &pending->doubt, out);
        break;
    }
}

/* Whether the command is none of a script's, and names one key. */
static bool names_one_key(enum step step, enum store_op op)
{
    return step == STEP_WHY || step == STEP_DOUBT ||
           (step == STEP_OP && (op == STORE_CHECK || op == STORE_EVENTS));
}

static void ask(struct pending *pending, enum step step)
{
    pending->step = step;
    pending->call.one_key = names_one_key(step, pending->req->op);
    redis_client_call(pending->self->client, &pending->call);
}

static bool is_session(const char *text)
{
    struct session session = {0};

    return text != NULL && session_json_parse(text, strlen(text), &session) == 0;
}

/*
 * Edits the value that Redis holds, as the operation wants, and asks for the swap. What isn't a session even
 * then is left as it is.
 */
static void edit(struct pending *pending, const char *value, size_t len)
{
    const struct store_req *req = pending->req;
    bool zaps = req->op == STORE_ZAP;

    free(pending->before);
    free(pending->after);
    pending->before = malloc(len + 1);
    pending->before_len = len;
    pending->after =
        session_json_edit(value, len, zaps ? req->session.media_id : NULL,
                          zaps ? req->session.media_title : NULL, zaps ? -1 : req->now_ms);
    if (pending->before == NULL || !is_session(pending->after) || pending->swaps++ == SWAPS_MAX) {
        finish(pending,
               zaps ? ERR_INTERNAL : ERR_OK); /* a heartbeat has kept it alive all the same */
        return;
    }
    memcpy(pending->before, value, len);
    ask(pending, STEP_SWAP);
}

/* A heartbeat's reply finishes it, unless the value must be brought into our shape. */
static void take_heartbeat(struct pending *pending, const redisReply *reply)
{
    const redisReply *value;
    enum err err = redis_outcome_read_life(&pending->self->outcome, pending->req, reply, &value);

    if (err == ERR_OK && value != NULL)
        edit(pending, value->str, value->len);
    else
        finish(pending, err);
}

/* A zap has read the value: edits it. */
static void take_value(struct pending *pending, const redisReply *reply)
{
    const redisReply *value;
    enum err err = redis_outcome_read_life(&pending->self->outcome, pending->req, reply, &value);

    if (err == ERR_OK && value != NULL)
        edit(pending, value->str, value->len);
    else
        finish(pending, err == ERR_OK ? ERR_INTERNAL : err);
}

static void take_check(struct pending *pending, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        ask(pending, STEP_WHY);
    else
        finish(pending, redis_outcome_read_check(&pending->self->outcome, pending->req, reply));
}

static void take_swap(struct pending *pending, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING && pending->req->op == STORE_ZAP)
        edit(pending, reply->str, reply->len); /* somebody was faster */
    else if (reply->type == REDIS_REPLY_NIL)
        ask(pending, STEP_WHY);
    else
        finish(pending, ERR_OK);
}

static void take_events(struct pending *pending, const redisReply *reply)
{
    enum err err = redis_events_read(reply, &pending->req->query->events, &pending->doubt);

    if (err == ERR_OK && pending->doubt.kind != REDIS_EVENTS_NO_DOUBT)
        ask(pending, STEP_DOUBT);
    else
        finish(pending, err);
}

static void take_doubt(struct pending *pending, const redisReply *reply)
{
    finish(pending, redis_events_settle(reply, &pending->doubt,
                                        pending->self->cluster ? EVENTS_OF_PARTITION : EVENTS,
                                        &pending->req->query->events));
}

static void take_op(struct pending *pending, const redisReply *reply)
{
    switch (pending->req->op) {
    case STORE_HEARTBEAT:
        take_heartbeat(pending, reply);
        break;
    case STORE_ZAP:
        take_value(pending, reply);
        break;
    case STORE_CHECK:
        take_check(pending, reply);
        break;
    case STORE_EVENTS:
        take_events(pending, reply);
        break;
    default:
        finish(pending, redis_outcome_read(&pending->self->outcome, pending->req, reply));
        break;
    }
}

/* What is wrong with Redis itself is told as its other troubles are. */
static enum err refuse(struct store_redis *self, const redisReply *reply, int64_t now_ms)
{
    const struct redis_trouble_report report = {
        .kind = REDIS_TROUBLE_REFUSED, .link = self->name, .why = reply->str, .now_ms = now_ms};

    redis_trouble_log(&self->trouble, &report);
    return ERR_STORE_UNAVAILABLE;
}

/* What an error reply means. One about this request is logged once a second: all may get the same. */
static enum err judge(struct pending *pending, const redisReply *reply)
{
    struct store_redis *self = pending->self;
    enum redis_error_kind kind = redis_reply_error_kind(reply);
    int64_t now_ms = clock_monotonic_ms();

    if (kind == REDIS_ERROR_OUTAGE || kind == REDIS_ERROR_OPERATOR)
        return refuse(self, reply, now_ms);
    self->refused++;
    if (now_ms >= self->log_again_ms) {
        log_line(LOG_ERROR, "Redis refused a command", LOG_STR("reason", reply->str),
                 LOG_STR("session", pending->req->session.id), LOG_INT("times", self->refused));
        self->log_again_ms = now_ms + 1000;
        self->refused = 0;
    }
    return ERR_INTERNAL;
}

static void on_reply(struct redis_call *call, const redisReply *reply)
{
    struct pending *pending = CONTAINER_OF(call, struct pending, call);

    if (reply == NULL) {
        complete(pending, pending->self->closing ? ERR_SHUTTING_DOWN : ERR_STORE_UNAVAILABLE);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        complete(pending, judge(pending, reply));
        return;
    }
    switch (pending->step) {
    case STEP_OP:
        take_op(pending, reply);
        break;
    case STEP_WHY:
        finish(pending, redis_reply_read_end(reply, &pending->req->end));
        break;
    case STEP_SWAP:
        take_swap(pending, reply);
        break;
    case STEP_DOUBT:
        take_doubt(pending, reply);
        break;
    }
}

/* ---- The contract ---- */

static bool peek(struct store *store, struct store_req *req)
{
    (void)store;
    (void)req;
    return false;
}

/* Whether what a caller passes on from outside is something that Redis can be asked by. */
static bool is_well_asked(const struct store_req *req)
{
    switch (req->op) {
    case STORE_PAGE:
        return redis_page_is_ours(&req->query->page);
    case STORE_EVENTS:
        return redis_events_is_asked(&req->query->events);
    default:
        return true;
    }
}

static void submit(struct store *store, struct store_req *req)
{
    struct store_redis *self = CONTAINER_OF(store, struct store_redis, store);
    struct pending *pending = (struct pending *)req->backend;

    store_begin(req);
    *pending = (struct pending){.self = self, .req = req, .asked_ns = uv_hrtime()};
    pending->call.format = format_call;
    pending->call.done = on_reply;
    pending->call.deadline_ms = req->deadline_ms;
    pending->call.partition = self->cluster ? store_partition(req) : 0;
    if (is_well_asked(req))
        ask(pending, STEP_OP);
    else
        complete(pending, ERR_INVALID_REQUEST);
}

static enum store_state state(const struct store *store, unsigned partition)
{
    const struct store_redis *self = CONTAINER_OF(store, struct store_redis, store);

    if (redis_client_is_up(self->client, partition))
        return STORE_UP;
    return redis_client_is_away(self->client, partition) ? STORE_AWAY : STORE_STARTING;
}

static void finish_close(struct loop_task *task)
{
    struct store_redis *self = CONTAINER_OF(task, struct store_redis, close);
    void (*on_closed)(void *arg) = self->on_closed;
    void *on_closed_arg = self->on_closed_arg;

    redis_trouble_clear(&self->trouble);
    free(self);
    on_closed(on_closed_arg);
}

static void on_client_closed(void *arg)
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
    redis_client_close(self->client, on_client_closed, self);
}

static const struct store_ops ops = {
    .kind = "redis", .peek = peek, .submit = submit, .state = state, .close = close_handle};

struct store *store_redis_open(const struct store_redis_options *options, struct loop *loop)
{
    struct store_redis *self = calloc(1, sizeof *self);
    const struct redis_client_options client = {
        .address = options->address,
        .tls = options->tls,
        .sentinel = options->sentinel,
        .cluster = options->cluster,
        .seeds = options->seeds,
        .seed_count = options->seed_count,
        .timeout_ms = options->timeout_ms,
        .name = options->name,
    };

    if (self == NULL)
        return NULL;
    self->store = (struct store){
        .ops = &ops, .loop = loop, .partitions = options->cluster ? PARTITION_COUNT : 1};
    self->options = options->store;
    self->prefix = options->prefix;
    self->cluster = options->cluster;
    snprintf(self->name, sizeof self->name, "%s", options->name);
    self->client = redis_client_new(loop, &client);
    if (self->client == NULL) {
        free(self);
        return NULL;
    }
    self->outcome = (struct redis_outcome){.client = self->client, .ttl_ms = self->options.ttl_ms};
    return &self->store;
}

struct redis_client *store_redis_client(struct store *store)
{
    return CONTAINER_OF(store, struct store_redis, store)->client;
}
