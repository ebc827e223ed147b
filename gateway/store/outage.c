/*
 * Whether Redis is there.
 *
 * The keeper looks at its handle every 20 ms. AWAY and the handle is up: it has Redis write something three
 * times in a row; that all are done in time is what RETURNING means. (A read would do on a replica, or on a
 * master that lacks its replicas.) RETURNING: it takes changes from the embedded store and sends them, at most
 * 64 at a time; an answer makes room for the next. One that Redis can't answer is given back, and the state is
 * AWAY again. Nothing left to take and to wait for: UP. Also while UP it takes what a request on its own was
 * answered in Redis' place. A Redis that goes away soon after it came back is given more time, each time.
 */
#include "outage.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "container_of.h"
#include "log.h"
#include "memory.h"

#define PERIOD_MS      20
#define PROBES         3
#define PROBE_AGAIN_MS 500  /* after one that Redis refused */
#define SENDS_MAX      64   /* changes on their way to Redis at a time */
#define STEADY_MS      5000 /* who goes away sooner than so long after a return isn't steady */
#define HOLD_MIN_MS    100  /* and isn't asked for so long */
#define HOLD_MAX_MS    5000 /* or, after several times in a row, so long */

struct outage {
    enum outage_policy policy; /* as given */
    struct memory *memory;     /* as given */
    int64_t ttl_ms;            /* as given */
    _Atomic int state;         /* STORE_STARTING, STORE_UP, STORE_AWAY or STORE_RETURNING */
    _Atomic uint64_t count;    /* of times that it went away */
    _Atomic uint64_t returns;  /* of times that it became UP */
};

/* A change on its way to Redis. */
struct send {
    struct store_req req;         /* ADOPT or END */
    struct outage_keeper *keeper; /* that sent it */
    bool busy;                    /* on its way */
};

struct outage_keeper {
    struct outage *outage;        /* shared */
    struct store *redis;          /* Redis itself */
    int64_t timeout_ms;           /* for one answer */
    uv_timer_t timer;             /* every PERIOD_MS */
    bool timer_closed;            /* it has been */
    struct store_req probe;       /* asks something */
    bool probing;                 /* it is under way */
    unsigned answered;            /* probes in a row */
    struct send sends[SENDS_MAX]; /* changes under way */
    unsigned sending;             /* of them, busy */
    uint64_t adopted, ended;      /* told since Redis came back */
    bool knows_away;              /* has seen that the state is AWAY */
    int64_t returned_ms;          /* when it last came back; monotonic clock */
    int64_t hold_ms;              /* how long the last hold is */
    int64_t ask_at_ms;            /* until when; monotonic clock */
    bool stopping;                /* outage_keeper_stop was called */
};

struct outage *outage_new(enum outage_policy policy, struct memory *memory, int64_t ttl_ms)
{
    struct outage *outage = calloc(1, sizeof *outage);

    if (outage == NULL)
        return NULL;
    outage->policy = policy;
    outage->memory = memory;
    outage->ttl_ms = ttl_ms;
    outage->state = STORE_STARTING;
    return outage;
}

void outage_free(struct outage *outage)
{
    free(outage);
}

enum store_state outage_state(const struct outage *outage)
{
    enum store_state state = (enum store_state)outage->state;

    if (state != STORE_AWAY)
        return state;
    switch (outage->policy) {
    case OUTAGE_FALLBACK:
        return STORE_FALLBACK;
    case OUTAGE_ALLOW:
        return STORE_ALLOW;
    case OUTAGE_DENY:
        break;
    }
    return STORE_AWAY;
}

bool outage_asks_redis(const struct outage *outage)
{
    int state = outage->state;

    return state == STORE_UP || state == STORE_STARTING;
}

uint64_t outage_count(const struct outage *outage)
{
    return outage->count;
}

uint64_t outage_returns(const struct outage *outage)
{
    return outage->returns;
}

int64_t outage_ttl_ms(const struct outage *outage)
{
    return outage->ttl_ms;
}

enum outage_policy outage_policy(const struct outage *outage)
{
    return outage->policy;
}

struct memory *outage_memory(const struct outage *outage)
{
    return outage->memory;
}

/* Goes from this state, if that is still it, to AWAY. */
static void leave(struct outage *outage, enum store_state from, const char *what)
{
    int expected = (int)from;

    if (outage->memory != NULL)
        memory_begin_outage(outage->memory); /* before anybody is answered from there */
    if (!atomic_compare_exchange_strong(&outage->state, &expected, STORE_AWAY))
        return;
    if (from != STORE_RETURNING)
        outage->count++;
    log_line(LOG_WARN, what, LOG_STR("state", store_state_word(outage_state(outage))));
}

void outage_note_away(struct outage *outage)
{
    int state = outage->state;

    if (state == STORE_UP)
        leave(outage, STORE_UP, "Redis is away");
    else if (state == STORE_STARTING)
        leave(outage, STORE_STARTING,
              outage->policy == OUTAGE_FALLBACK
                  ? "Redis connection failed; serving from the embedded store until it is back"
                  : "Redis connection failed");
}

/* ---- The keeper ---- */

static void free_if_done(struct outage_keeper *keeper)
{
    if (keeper->stopping && keeper->timer_closed && !keeper->probing && keeper->sending == 0)
        free(keeper);
}

static void send_changes(struct outage_keeper *keeper);

/* The keeper's own handle says so, in whatever state. */
static void note_away(struct outage_keeper *keeper)
{
    if (keeper->outage->state == STORE_RETURNING)
        leave(keeper->outage, STORE_RETURNING, "Redis is away again");
    else
        outage_note_away(keeper->outage);
}

/* It has gone away: it isn't asked for a while, unless it was steady. */
static void hold_off(struct outage_keeper *keeper)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t hold_ms = keeper->hold_ms * 2;

    if (keeper->knows_away)
        return;
    keeper->knows_away = true;
    if (hold_ms < HOLD_MIN_MS)
        hold_ms = HOLD_MIN_MS;
    if (hold_ms > HOLD_MAX_MS)
        hold_ms = HOLD_MAX_MS;
    keeper->hold_ms = now_ms - keeper->returned_ms < STEADY_MS ? hold_ms : 0;
    keeper->ask_at_ms = now_ms + keeper->hold_ms;
}

/* All is told: requests go to Redis again. */
static void become_up(struct outage_keeper *keeper)
{
    struct outage *outage = keeper->outage;

    outage->returns++;
    outage->state = STORE_UP;
    log_line(LOG_INFO, "Redis is up", LOG_INT("adopted", (int64_t)keeper->adopted),
             LOG_INT("ended", (int64_t)keeper->ended));
}

static void on_sent(struct store_req *req)
{
    struct send *send = CONTAINER_OF(req, struct send, req);
    struct outage_keeper *keeper = send->keeper;

    send->busy = false;
    keeper->sending--;
    if (req->err == ERR_STORE_UNAVAILABLE || req->err == ERR_SHUTTING_DOWN) {
        memory_return_dirty(keeper->outage->memory, req);
        if (!keeper->stopping)
            note_away(keeper);
    } else if (req->err == ERR_SESSION_ENDED) { /* Redis knows better: it ended elsewhere */
        if (req->end.reason != END_EXPIRED)
            memory_see_end(keeper->outage->memory, &req->session, &req->end);
    } else if (req->err == ERR_OK) {
        keeper->adopted += req->op == STORE_ADOPT;
        keeper->ended += req->op == STORE_END;
    }
    if (keeper->stopping)
        free_if_done(keeper);
    else
        send_changes(keeper);
}

/* Sends what there is, as far as there is room. */
static void send_changes(struct outage_keeper *keeper)
{
    struct outage *outage = keeper->outage;

    if (outage->state == STORE_AWAY || keeper->stopping)
        return;
    for (size_t i = 0; i < SENDS_MAX && outage->memory != NULL; i++) {
        struct send *send = &keeper->sends[i];

        if (send->busy)
            continue;
        if (!memory_take_dirty(outage->memory, &send->req))
            break;
        send->keeper = keeper;
        send->busy = true;
        keeper->sending++;
        send->req.deadline_ms = clock_monotonic_ms() + keeper->timeout_ms;
        send->req.done = on_sent;
        store_submit(keeper->redis, &send->req);
    }
    if (keeper->sending == 0 &&
        (outage->state == STORE_RETURNING || outage->state == STORE_STARTING))
        become_up(keeper);
}

static void probe(struct outage_keeper *keeper);

static void on_probed(struct store_req *req)
{
    struct outage_keeper *keeper = CONTAINER_OF(req, struct outage_keeper, probe);
    bool ok = req->err == ERR_OK;

    keeper->probing = false;
    if (keeper->stopping) {
        free_if_done(keeper);
        return;
    }
    keeper->answered = ok ? keeper->answered + 1 : 0;
    if (!ok) { /* it is there, and yet it can't write */
        note_away(keeper);
        keeper->ask_at_ms = clock_monotonic_ms() + PROBE_AGAIN_MS;
        return;
    }
    if (keeper->answered < PROBES) {
        probe(keeper);
        return;
    }
    keeper->adopted = keeper->ended = 0;
    keeper->knows_away = false;
    keeper->returned_ms = clock_monotonic_ms();
    if (keeper->outage->state == STORE_AWAY)
        keeper->outage->state = STORE_RETURNING;
    send_changes(keeper);
}

/* Takes the limits from a family that there is none of: what matters is that Redis writes. */
static void probe(struct outage_keeper *keeper)
{
    keeper->probing = true;
    keeper->probe.op = STORE_SET_LIMITS;
    keeper->probe.session.family_id[0] = '\0';
    keeper->probe.create.family_limit = keeper->probe.create.device_limit = -1;
    keeper->probe.deadline_ms = clock_monotonic_ms() + keeper->timeout_ms;
    keeper->probe.done = on_probed;
    store_submit(keeper->redis, &keeper->probe);
}

static void on_timer(uv_timer_t *timer)
{
    struct outage_keeper *keeper = CONTAINER_OF(timer, struct outage_keeper, timer);
    enum store_state redis = store_state(keeper->redis);
    int state = keeper->outage->state;

    if (state == STORE_AWAY)
        hold_off(keeper);
    if (redis == STORE_AWAY && state != STORE_AWAY) {
        note_away(keeper);
    } else if (redis == STORE_UP && (state == STORE_AWAY || state == STORE_STARTING)) {
        if (!keeper->probing && keeper->sending == 0 && clock_monotonic_ms() >= keeper->ask_at_ms) {
            keeper->answered = 0;
            probe(keeper);
        }
    } else if (redis == STORE_UP) {
        send_changes(keeper);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct outage_keeper *keeper = handle->data;

    keeper->timer_closed = true;
    free_if_done(keeper);
}

struct outage_keeper *outage_keeper_start(struct outage *outage, struct loop *loop,
                                          struct store *redis, int64_t timeout_ms)
{
    struct outage_keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL)
        return NULL;
    keeper->outage = outage;
    keeper->redis = redis;
    keeper->timeout_ms = timeout_ms;
    keeper->returned_ms = clock_monotonic_ms() - STEADY_MS;
    uv_timer_init(&loop->uv, &keeper->timer);
    uv_timer_start(&keeper->timer, on_timer, 1, PERIOD_MS);
    return keeper;
}

void outage_keeper_stop(struct outage_keeper *keeper)
{
    if (keeper == NULL)
        return;
    keeper->stopping = true;
    keeper->timer.data = keeper;
    uv_close((uv_handle_t *)&keeper->timer, on_timer_closed);
}
