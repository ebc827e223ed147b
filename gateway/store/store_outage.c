/*
 * The outage decorator.
 *
 * Redis is asked while the process believes that it is there. Its answers are shown to the embedded store,
 * which so knows what this gateway has seen, and can go on from there. A request that Redis doesn't answer is
 * answered in its place, as all are while it is away: by the embedded store (fallback), by 503 (deny), or by
 * yes (allow). That an authorize waited too long makes no outage yet; that the connection is given up does, or
 * an answer such as READONLY. But a connection over which nothing was answered since Redis came back proves nothing,
 * it may lead to where Redis was before: until it answers again the thread's requests alone are answered in
 * Redis' place.
 */
#include "store_outage.h"

#include <stdlib.h>

#include "clock.h"
#include "container_of.h"
#include "memory.h"
#include "outage.h"
#include "store.h"
#include "store_metrics.h"

struct store_outage {
    struct store store;           /* the handle */
    struct store *redis;          /* the thread's, to Redis itself */
    struct outage *outage;        /* shared */
    struct memory *memory;        /* its; NULL where nothing falls back */
    void (*on_closed)(void *arg); /* of store_close */
    void *on_closed_arg;          /* the same */
    uint64_t returns[];           /* outage_returns when a partition last answered here */
};

/* Whether all is there that a store must know of a session to count it. */
static bool is_named(const struct session *session)
{
    return session->user_id[0] != '\0' && session->family_id[0] != '\0' &&
           session->device_id[0] != '\0' && session->media_id[0] != '\0';
}

/* ---- In Redis' place ---- */

/*
 * A session that this gateway hasn't seen is taken at its token's word, and counted from now on; one that is
 * known to have ended has.
 */
static enum err stand_in(struct memory *memory, struct store_req *req)
{
    enum store_op op = req->op;
    enum err err = memory_stand_in(memory, req);

    if (err != ERR_SESSION_ENDED || req->end.reason != END_EXPIRED || !is_named(&req->session))
        return err;
    req->op = STORE_ADOPT;
    req->create.idle_ms = 0;
    err = memory_stand_in(memory, req);
    req->op = op;
    return err == ERR_OK ? memory_stand_in(memory, req) : err;
}

static enum err admit(struct memory *memory, struct store_req *req)
{
    enum err err = memory_stand_in(memory, req);

    if (err == ERR_OK)
        metrics_add(STORE_METRIC_FALLBACK + STORE_FALLBACK_ADMITTED, 1);
    return err;
}

static enum err fall_back(struct memory *memory, struct store_req *req)
{
    switch (req->op) {
    case STORE_HEARTBEAT:
    case STORE_CHECK:
    case STORE_GET:
    case STORE_ZAP:
        return stand_in(memory, req);
    case STORE_REVIVE:
        req->op = STORE_ADOPT;
        req->create.idle_ms = 0;
        return memory_stand_in(memory, req);
    case STORE_CREATE:
        return admit(memory, req);
    case STORE_END:
    case STORE_LIST:
    case STORE_ADOPT:
    case STORE_SWEEP:
    case STORE_PAGE:
    case STORE_DESCRIBE:
    case STORE_COUNT:
    case STORE_EVENTS:
        return memory_stand_in(memory, req);
    case STORE_REVOKE: /* an operator's word is for Redis */
    case STORE_SET_LIMITS:
    case STORE_NOTE:
    case STORE_OP_COUNT:
        break;
    }
    return ERR_STORE_UNAVAILABLE;
}

static enum err allow(struct store_outage *self, struct store_req *req)
{
    store_begin(req);
    req->now_ms = clock_wall_ms();
    req->expires_ms = req->now_ms + outage_options(self->outage)->ttl_ms;
    switch (req->op) {
    case STORE_CREATE:
        req->session.started_ms = req->session.last_heartbeat_ms = req->now_ms;
        return ERR_OK;
    case STORE_CHECK:
        req->session.last_heartbeat_ms = req->now_ms;
        return ERR_OK;
    case STORE_HEARTBEAT:
    case STORE_REVIVE:
    case STORE_ZAP:
    case STORE_ADOPT:
    case STORE_SWEEP:
        return ERR_OK;
    default:
        return ERR_STORE_UNAVAILABLE;
    }
}

static enum err decide_in_place(struct store_outage *self, struct store_req *req)
{
    switch (outage_options(self->outage)->policy) {
    case OUTAGE_FALLBACK:
        return fall_back(self->memory, req);
    case OUTAGE_ALLOW:
        return allow(self, req);
    case OUTAGE_DENY:
        break;
    }
    store_begin(req);
    return ERR_STORE_UNAVAILABLE;
}

static void answer_in_place(struct store_outage *self, struct store_req *req)
{
    enum err err = decide_in_place(self, req);

    req->in_place = true;
    store_complete(&self->store, req, err);
}

/* ---- Redis' answers ---- */

/* Rare operations are carried out in the embedded store as well, on a copy: the answer is Redis'. */
static void repeat(struct memory *memory, const struct store_req *req)
{
    struct store_req *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return;
    *copy = *req;
    memory_do(memory, copy);
    free(copy->streams);
    free(copy);
}

static void show(struct memory *memory, const struct store_req *req)
{
    if (req->err == ERR_SESSION_ENDED && req->end.reason != END_EXPIRED) {
        memory_see_end(memory, &req->session, &req->end);
        return;
    }
    if (req->err != ERR_OK)
        return;
    switch (req->op) {
    case STORE_CREATE:
    case STORE_CHECK:
    case STORE_GET:
    case STORE_ZAP:
        if (is_named(&req->session))
            memory_see(memory, &req->session, true);
        break;
    case STORE_HEARTBEAT:
    case STORE_REVIVE:
    case STORE_ADOPT:
        memory_see(memory, &req->session, false);
        break;
    case STORE_END: /* whose reason may not be the first */
    case STORE_REVOKE:
    case STORE_SET_LIMITS:
        repeat(memory, req);
        break;
    case STORE_LIST:
    case STORE_SWEEP:
    case STORE_PAGE:
    case STORE_DESCRIBE:
    case STORE_COUNT:
    case STORE_EVENTS:
    case STORE_NOTE:
    case STORE_OP_COUNT:
        break;
    }
}

static unsigned partition_of_req(const struct store_outage *self, const struct store_req *req)
{
    return self->store.partitions > 1 ? store_partition(req) : 0;
}

/* Whether a request that failed shows that Redis is away, and not merely late or not back yet here. */
static bool is_evidence(const struct store_outage *self, const struct store_req *req)
{
    unsigned partition = partition_of_req(self, req);

    if (self->returns[partition] != outage_returns(self->outage, partition))
        return false;
    switch (store_state_of(self->redis, partition)) {
    case STORE_AWAY:
        return true;
    case STORE_UP:
        return clock_monotonic_ms() < req->deadline_ms; /* it answered, but with an error */
    default:
        return false;
    }
}

static void on_redis_done(struct store_req *req)
{
    struct store_outage *self = req->decorator;

    req->done = req->redis_done;
    unsigned partition = partition_of_req(self, req);

    if (req->err == ERR_STORE_UNAVAILABLE) {
        if (is_evidence(self, req))
            outage_note_away(self->outage, partition);
        answer_in_place(self, req);
        return;
    }
    self->returns[partition] = outage_returns(self->outage, partition);
    if (self->memory != NULL)
        show(self->memory, req);
    req->done(req);
}

/* ---- The contract ---- */

/* While Redis is away nobody has to be waited for. */
static bool peek(struct store *store, struct store_req *req)
{
    struct store_outage *self = CONTAINER_OF(store, struct store_outage, store);

    if (store_hands_out_list(req->op) ||
        outage_asks_redis(self->outage, partition_of_req(self, req)))
        return false;
    req->err = decide_in_place(self, req);
    req->in_place = true;
    return true;
}

static void submit(struct store *store, struct store_req *req)
{
    struct store_outage *self = CONTAINER_OF(store, struct store_outage, store);

    unsigned partition = partition_of_req(self, req);

    if (!outage_asks_redis(self->outage, partition)) {
        answer_in_place(self, req);
        return;
    }
    req->create.spare_silent = outage_is_fresh(self->outage, partition);
    req->decorator = self;
    req->redis_done = req->done;
    req->done = on_redis_done;
    store_submit(self->redis, req);
}

static enum store_state state(const struct store *store, unsigned partition)
{
    const struct store_outage *self = CONTAINER_OF(store, struct store_outage, store);

    return outage_state(self->outage, partition);
}

static void on_redis_closed(void *arg)
{
    struct store_outage *self = arg;
    void (*on_closed)(void *arg) = self->on_closed;
    void *on_closed_arg = self->on_closed_arg;

    free(self);
    on_closed(on_closed_arg);
}

static void close_handle(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    struct store_outage *self = CONTAINER_OF(store, struct store_outage, store);

    self->on_closed = on_closed;
    self->on_closed_arg = arg;
    store_close(self->redis, on_redis_closed, self);
}

static const struct store_ops ops = {
    .kind = "redis", .peek = peek, .submit = submit, .state = state, .close = close_handle};

struct store *store_outage_open(struct outage *outage, struct store *redis)
{
    struct store_outage *self =
        calloc(1, sizeof *self + redis->partitions * sizeof self->returns[0]);

    if (self == NULL)
        return NULL;
    self->store = (struct store){.ops = &ops, .loop = redis->loop, .partitions = redis->partitions};
    self->redis = redis;
    self->outage = outage;
    self->memory = outage_options(outage)->memory;
    return &self->store;
}
