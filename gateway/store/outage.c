/*
 * Whether Redis is there.
 *
 * The keeper looks at its handle every 20 ms. AWAY and the handle is up: it asks Redis something three
 * times in a row; that all are answered in time is what RETURNING means. RETURNING: it takes changes from
 * the embedded store and sends them, at most 64 at a time; an answer makes room for the next. One that Redis
 * can't answer is given back, and the state is AWAY again. Nothing left to take and to wait for: UP. Also
 * while UP it takes what a request on its own was answered in Redis' place.
 */
#include "outage.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "log.h"
#include "memory.h"

#define PERIOD_MS   20
#define PROBES      3
#define SENDS_MAX   64 /* changes on their way to Redis at a time */

struct outage {
    enum outage_policy policy; /* as given */
    struct memory *memory;     /* as given */
    int64_t ttl_ms;            /* as given */
    _Atomic int state;         /* STORE_STARTING, STORE_UP, STORE_AWAY or STORE_RETURNING */
    _Atomic uint64_t count;    /* of times that it went away */
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

void outage_note_away(struct outage *outage)
{
    int before = atomic_exchange(&outage->state, STORE_AWAY);
    const char *policy = store_state_word(outage_state(outage));

    if (before == STORE_UP) {
        outage->count++;
        log_line(LOG_WARN, "Redis is away", LOG_STR("state", policy));
    } else if (before == STORE_STARTING) {
        outage->count++;
        log_line(LOG_WARN,
                 outage->policy == OUTAGE_FALLBACK
                     ? "Redis connection failed; serving from the embedded store until it is back"
                     : "Redis connection failed",
                 LOG_STR("state", policy));
    } else if (before == STORE_RETURNING) {
        log_line(LOG_WARN, "Redis is away again", LOG_STR("state", policy));
    }
}

/* ---- The keeper ---- */

static void free_if_done(struct outage_keeper *keeper)
{
    if (keeper->stopping && keeper->timer_closed && !keeper->probing && keeper->sending == 0)
        free(keeper);
}

static void send_changes(struct outage_keeper *keeper);

/* All is told: requests go to Redis again. */
static void become_up(struct outage_keeper *keeper)
{
    struct outage *outage = keeper->outage;

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
        outage_note_away(keeper->outage);
    } else if (req->op == STORE_ADOPT) {
        keeper->adopted++;
        if (req->err == ERR_SESSION_ENDED) /* Redis knows better: it ended elsewhere */
            memory_see_end(keeper->outage->memory, &req->session, &req->end);
    } else {
        keeper->ended++;
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
    if (keeper->sending == 0 && outage->state == STORE_RETURNING)
        become_up(keeper);
}

static void probe(struct outage_keeper *keeper);

static void on_probed(struct store_req *req)
{
    struct outage_keeper *keeper = CONTAINER_OF(req, struct outage_keeper, probe);
    bool ok = req->err == ERR_OK || req->err == ERR_SESSION_ENDED;

    keeper->probing = false;
    if (keeper->stopping) {
        free_if_done(keeper);
        return;
    }
    keeper->answered = ok ? keeper->answered + 1 : 0;
    if (!ok)
        return;
    if (keeper->answered < PROBES) {
        probe(keeper);
        return;
    }
    keeper->adopted = keeper->ended = 0;
    keeper->outage->state = STORE_RETURNING;
    send_changes(keeper);
}

/* Asks for a session that there is none of: what matters is an answer. */
static void probe(struct outage_keeper *keeper)
{
    keeper->probing = true;
    keeper->probe.op = STORE_CHECK;
    strcpy(keeper->probe.session.id, "----------------------");
    keeper->probe.deadline_ms = clock_monotonic_ms() + keeper->timeout_ms;
    keeper->probe.done = on_probed;
    store_submit(keeper->redis, &keeper->probe);
}

static void on_timer(uv_timer_t *timer)
{
    struct outage_keeper *keeper = CONTAINER_OF(timer, struct outage_keeper, timer);
    enum store_state redis = store_state(keeper->redis);
    int state = keeper->outage->state;

    if (redis == STORE_AWAY && state != STORE_AWAY) {
        outage_note_away(keeper->outage);
    } else if (redis == STORE_UP && (state == STORE_AWAY || state == STORE_STARTING)) {
        if (!keeper->probing && keeper->sending == 0) {
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
