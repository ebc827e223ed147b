/*
 * Finds out that Redis is back.
 *
 * The keeper looks at its handle every 20 ms, at each partition for itself. AWAY and the handle is up: it has
 * Redis write something three times in a row; that all are done in time is what RETURNING means. (A read would
 * do on a replica, or on a master that lacks its replicas.) RETURNING: it takes changes from the embedded store
 * and sends them, at most 64 at a time; an answer makes room for the next. One that Redis can't answer is given
 * back, and the state is AWAY again. Nothing left to take and to wait for: UP. Also while UP it takes what a
 * request on its own was answered in Redis' place, and has Redis write something every second, so that one that
 * takes no writes is found out before a viewer finds it. A Redis that goes away soon after it came back is given
 * more time, each time.
 */
#include "outage_keeper.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "log.h"
#include "memory.h"
#include "outage.h"
#include "partition.h"
#include "store.h"

#define PERIOD_MS      20
#define PROBES         3
#define PROBE_AGAIN_MS 500  /* after one that Redis refused */
#define PROBE_UP_MS    1000 /* between two while all is well */
#define SENDS_MAX      64   /* changes on their way to Redis at a time */
#define STEADY_MS      5000 /* who goes away sooner than so long after a return isn't steady */
#define HOLD_MIN_MS    100  /* and isn't asked for so long */
#define HOLD_MAX_MS    5000 /* or, after several times in a row, so long */

/* A change on its way to Redis. */
struct send {
    struct store_req req;         /* ADOPT or END */
    struct outage_keeper *keeper; /* that sent it */
    unsigned partition;           /* that it is of */
    bool busy;                    /* on its way */
};

/* A partition, as the keeper sees it. */
struct watch {
    struct outage_keeper *keeper; /* whose */
    struct store_req probe;       /* has Redis write something */
    bool probing;                 /* it is under way */
    unsigned answered;            /* probes in a row */
    unsigned sending;             /* changes under way */
    bool knows_away;              /* has seen that the state is AWAY */
    int64_t returned_ms;          /* when it last came back; monotonic clock */
    int64_t hold_ms;              /* how long the last hold is */
    int64_t ask_at_ms;            /* when it is asked next, at the soonest; monotonic clock */
};

struct outage_keeper {
    struct outage *outage;        /* shared */
    struct store *redis;          /* Redis itself */
    int64_t timeout_ms;           /* for one answer */
    uv_timer_t timer;             /* every PERIOD_MS */
    bool timer_closed;            /* it has been */
    unsigned busy;                /* requests under way */
    struct send sends[SENDS_MAX]; /* changes under way */
    uint64_t adopted, ended;      /* told since the last line about it */
    int told_extent;              /* partitions away, as it was last logged; -1: nothing was */
    int seen_extent;              /* the same as it was last seen: partitions go by the dozen */
    bool stopping;                /* outage_keeper_stop was called */
    unsigned partitions;          /* of them */
    struct watch watches[];       /* one for each */
};

static void send_changes(struct outage_keeper *keeper, unsigned partition);

static void free_if_done(struct outage_keeper *keeper)
{
    if (keeper->stopping && keeper->timer_closed && keeper->busy == 0)
        free(keeper);
}

static unsigned number_of(const struct watch *watch)
{
    return (unsigned)(watch - watch->keeper->watches);
}

/* It has gone away: it isn't asked for a while, unless it was steady. */
static void hold_off(struct watch *watch)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t hold_ms = watch->hold_ms * 2;

    if (watch->knows_away)
        return;
    watch->knows_away = true;
    if (hold_ms < HOLD_MIN_MS)
        hold_ms = HOLD_MIN_MS;
    if (hold_ms > HOLD_MAX_MS)
        hold_ms = HOLD_MAX_MS;
    watch->hold_ms = now_ms - watch->returned_ms < STEADY_MS ? hold_ms : 0;
    watch->ask_at_ms = now_ms + watch->hold_ms;
}

/* ---- What the log is told ---- */

/* How many partitions are away, or not back yet; -1 while one is still to be found out about, after the start. */
static int count_away(const struct outage_keeper *keeper)
{
    int count = 0;

    for (unsigned i = 0; i < keeper->partitions; i++) {
        enum store_state state = outage_raw_state(keeper->outage, i);

        if (state == STORE_STARTING)
            return -1;
        count += state != STORE_UP;
    }
    return count;
}

/* One line for each change, once it is whole. */
static void tell(struct outage_keeper *keeper)
{
    int extent = count_away(keeper);
    bool whole = extent == 0 || extent == keeper->seen_extent;

    keeper->seen_extent = extent;
    if (extent < 0 || extent == keeper->told_extent || !whole)
        return;
    if (extent == 0)
        log_line(LOG_INFO, "Redis is up", LOG_INT("adopted", (int64_t)keeper->adopted),
                 LOG_INT("ended", (int64_t)keeper->ended));
    else if (extent > keeper->told_extent && keeper->partitions > 1)
        log_line(LOG_WARN,
                 extent < (int)keeper->partitions ? "Redis is away for a part of the families"
                                                  : "Redis is away",
                 LOG_INT("partitions", extent), LOG_INT("of", keeper->partitions));
    if (extent == 0)
        keeper->adopted = keeper->ended = 0;
    keeper->told_extent = extent;
}

/* ---- Telling Redis what happened ---- */

/* A partition's changes are taken from its own list; from all, where partitions aren't apart. */
static bool take_change(struct outage_keeper *keeper, unsigned partition, struct store_req *ret_req)
{
    struct memory *memory = outage_options(keeper->outage)->memory;

    if (memory == NULL)
        return false;
    if (keeper->partitions == 1)
        return memory_take_dirty(memory, 0, PARTITION_COUNT, ret_req);
    return memory_take_dirty(memory, partition, partition + 1, ret_req);
}

static void on_sent(struct store_req *req)
{
    struct send *send = CONTAINER_OF(req, struct send, req);
    struct outage_keeper *keeper = send->keeper;
    struct memory *memory = outage_options(keeper->outage)->memory;
    unsigned partition = send->partition;

    send->busy = false;
    keeper->busy--;
    keeper->watches[partition].sending--;
    if (req->err == ERR_STORE_UNAVAILABLE || req->err == ERR_SHUTTING_DOWN) {
        memory_return_dirty(memory, req);
        if (!keeper->stopping)
            outage_note_away(keeper->outage, partition);
    } else if (req->err == ERR_SESSION_ENDED) { /* Redis knows better: it ended elsewhere */
        if (req->end.reason != END_EXPIRED)
            memory_see_end(memory, &req->session, &req->end);
    } else if (req->err == ERR_OK) {
        keeper->adopted += req->op == STORE_ADOPT;
        keeper->ended += req->op == STORE_END;
    }
    if (keeper->stopping)
        free_if_done(keeper);
    else
        send_changes(keeper, partition);
}

/* Sends what there is, as far as there is room; where nothing is left, the partition is UP. */
static void send_changes(struct outage_keeper *keeper, unsigned partition)
{
    struct watch *watch = &keeper->watches[partition];
    enum store_state state = outage_raw_state(keeper->outage, partition);
    bool all_taken = false;

    if (state == STORE_AWAY || keeper->stopping)
        return;
    for (size_t i = 0; i < SENDS_MAX && !all_taken; i++) {
        struct send *send = &keeper->sends[i];

        if (send->busy)
            continue;
        if (!take_change(keeper, partition, &send->req)) {
            all_taken = true;
            break;
        }
        send->keeper = keeper;
        send->partition = partition;
        send->busy = true;
        keeper->busy++;
        watch->sending++;
        send->req.deadline_ms = clock_monotonic_ms() + keeper->timeout_ms;
        send->req.done = on_sent;
        store_submit(keeper->redis, &send->req);
    }
    if (all_taken && watch->sending == 0 && state != STORE_UP) {
        outage_note_told(keeper->outage, partition);
        tell(keeper);
    }
}

/* ---- Whether it is there ---- */

static void probe(struct watch *watch);

/* Three in a row were answered. */
static void come_back(struct watch *watch)
{
    struct outage_keeper *keeper = watch->keeper;
    unsigned partition = number_of(watch);

    watch->knows_away = false;
    if (outage_note_answers(keeper->outage, partition))
        watch->returned_ms = clock_monotonic_ms();
    send_changes(keeper, partition);
}

static void on_probed(struct store_req *req)
{
    struct watch *watch = CONTAINER_OF(req, struct watch, probe);
    struct outage_keeper *keeper = watch->keeper;
    bool ok = req->err == ERR_OK;

    watch->probing = false;
    keeper->busy--;
    if (keeper->stopping) {
        free_if_done(keeper);
        return;
    }
    watch->answered = ok ? watch->answered + 1 : 0;
    if (!ok) { /* it is there, and yet it can't write */
        outage_note_away(keeper->outage, number_of(watch));
        watch->ask_at_ms = clock_monotonic_ms() + PROBE_AGAIN_MS;
    } else if (outage_raw_state(keeper->outage, number_of(watch)) == STORE_UP) {
        watch->ask_at_ms = clock_monotonic_ms() + PROBE_UP_MS;
    } else if (watch->answered < PROBES) {
        probe(watch);
    } else {
        come_back(watch);
    }
}

/* Takes the limits from a family that there is none of: what matters is that Redis writes. */
static void probe(struct watch *watch)
{
    struct outage_keeper *keeper = watch->keeper;
    struct store_req *req = &watch->probe;

    watch->probing = true;
    keeper->busy++;
    req->op = STORE_SET_LIMITS;
    memcpy(req->session.id, partition_tag(number_of(watch)), PARTITION_TAG_LEN);
    req->session.id[PARTITION_TAG_LEN] = '\0';
    req->session.family_id[0] = '\0';
    req->create.family_limit = req->create.device_limit = -1;
    req->deadline_ms = clock_monotonic_ms() + keeper->timeout_ms;
    req->done = on_probed;
    store_submit(keeper->redis, req);
}

static void look_at(struct watch *watch)
{
    struct outage_keeper *keeper = watch->keeper;
    unsigned partition = number_of(watch);
    enum store_state redis = store_state_of(keeper->redis, partition);
    enum store_state state = outage_raw_state(keeper->outage, partition);

    if (state == STORE_AWAY)
        hold_off(watch);
    if (redis == STORE_AWAY && state != STORE_AWAY)
        outage_note_away(keeper->outage, partition);
    if (redis != STORE_UP)
        return;
    if (state == STORE_RETURNING || state == STORE_UP)
        send_changes(keeper, partition);
    if (state != STORE_RETURNING && !watch->probing && watch->sending == 0 &&
        clock_monotonic_ms() >= watch->ask_at_ms) {
        watch->answered = 0;
        probe(watch);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct outage_keeper *keeper = CONTAINER_OF(timer, struct outage_keeper, timer);

    for (unsigned i = 0; i < keeper->partitions; i++)
        look_at(&keeper->watches[i]);
    tell(keeper);
}

/* ---- Starting and stopping ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct outage_keeper *keeper = handle->data;

    keeper->timer_closed = true;
    free_if_done(keeper);
}

struct outage_keeper *outage_keeper_start(struct outage *outage, struct loop *loop,
                                          struct store *redis, int64_t timeout_ms)
{
    unsigned partitions = redis->partitions;
    struct outage_keeper *keeper =
        calloc(1, sizeof *keeper + partitions * sizeof keeper->watches[0]);

    if (keeper == NULL)
        return NULL;
    keeper->outage = outage;
    keeper->redis = redis;
    keeper->timeout_ms = timeout_ms;
    keeper->partitions = partitions;
    keeper->told_extent = keeper->seen_extent = -1;
    for (unsigned i = 0; i < partitions; i++) {
        keeper->watches[i].keeper = keeper;
        keeper->watches[i].returned_ms = clock_monotonic_ms() - STEADY_MS;
    }
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
