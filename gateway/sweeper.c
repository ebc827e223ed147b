/* The sweeper. */
#include "sweeper.h"

#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "partition.h"

#define PERIOD_MS 1000

static void sweep(struct sweeper *sweeper);

static void on_swept(struct store_req *req)
{
    struct sweeper *sweeper = CONTAINER_OF(req, struct sweeper, req);
    bool more = req->err == ERR_OK && req->ended_count == SWEEP_MAX;

    sweeper->busy = false;
    if (!more)
        sweeper->partition++;
    if (sweeper->partition < sweeper->store->partitions &&
        !uv_is_closing((const uv_handle_t *)&sweeper->timer))
        sweep(sweeper);
}

static void sweep(struct sweeper *sweeper)
{
    char *id = sweeper->req.session.id;

    memcpy(id, partition_tag(sweeper->partition), PARTITION_TAG_LEN);
    id[PARTITION_TAG_LEN] = '\0';
    sweeper->busy = true;
    sweeper->req.op = STORE_SWEEP;
    sweeper->req.deadline_ms = clock_monotonic_ms() + sweeper->timeout_ms;
    sweeper->req.done = on_swept;
    store_submit(sweeper->store, &sweeper->req);
}

static void on_timer(uv_timer_t *timer)
{
    struct sweeper *sweeper = CONTAINER_OF(timer, struct sweeper, timer);

    if (sweeper->busy)
        return;
    sweeper->partition = 0;
    sweep(sweeper);
}

void sweeper_start(struct sweeper *sweeper, struct loop *loop, struct store *store,
                   int64_t timeout_ms)
{
    sweeper->store = store;
    sweeper->timeout_ms = timeout_ms;
    sweeper->busy = false;
    uv_timer_init(&loop->uv, &sweeper->timer);
    uv_timer_start(&sweeper->timer, on_timer, PERIOD_MS, PERIOD_MS);
}

void sweeper_stop(struct sweeper *sweeper)
{
    uv_close((uv_handle_t *)&sweeper->timer, NULL);
}
