/* What one thread does for all. */
#include "upkeep.h"

#include <stdbool.h>
#include <stdlib.h>

#include "container_of.h"
#include "generations.h"
#include "loop.h"
#include "outage_keeper.h"
#include "redis_feed.h"
#include "snapshotter.h"
#include "store_redis.h"
#include "sweeper.h"

struct upkeep {
    struct sweeper sweeper;         /* see upkeep.h */
    bool snapshots;                 /* there is a snapshotter */
    struct snapshotter snapshotter; /* that */
    struct store *redis;          /* a handle of its own, past the decorators; NULL without Redis */
    struct outage_keeper *keeper; /* over it; NULL without Redis */
    struct redis_feed *feed;      /* the same; NULL also where nothing is cached */
    struct loop_task stopped;     /* brings on_stopped where there is nothing to close */
    void (*on_stopped)(void *arg); /* of upkeep_stop */
    void *on_stopped_arg;          /* the same */
};

static int watch_redis(struct upkeep *upkeep, struct loop *loop,
                       const struct upkeep_options *options)
{
    struct store_redis_options redis = *options->redis;

    redis.name = "keeper";
    upkeep->redis = store_redis_open(&redis, loop);
    if (upkeep->redis == NULL)
        return -1;
    const struct redis_feed_options feed = {.client = store_redis_client(upkeep->redis),
                                            .address = redis.address,
                                            .tls = redis.tls,
                                            .prefix = redis.prefix,
                                            .generations = options->generations};
    upkeep->keeper = outage_keeper_start(options->outage, loop, upkeep->redis, redis.timeout_ms);
    if (options->generations != NULL)
        upkeep->feed = redis_feed_start(loop, &feed);
    return upkeep->keeper != NULL && (upkeep->feed != NULL || options->generations == NULL) ? 0
                                                                                            : -1;
}

static void ignore(void *arg)
{
    (void)arg;
}

struct upkeep *upkeep_start(struct loop *loop, const struct upkeep_options *options)
{
    struct upkeep *upkeep = calloc(1, sizeof *upkeep);

    if (upkeep == NULL)
        return NULL;
    if (options->outage != NULL && watch_redis(upkeep, loop, options) != 0) {
        outage_keeper_stop(upkeep->keeper);
        redis_feed_stop(upkeep->feed);
        if (upkeep->redis != NULL)
            store_close(upkeep->redis, ignore, NULL);
        free(upkeep);
        return NULL;
    }
    sweeper_start(&upkeep->sweeper, loop, options->store, options->timeout_ms);
    upkeep->snapshots = options->snapshot != NULL;
    if (upkeep->snapshots)
        snapshotter_start(&upkeep->snapshotter, loop, options->memory, options->snapshot,
                          options->snapshot_interval_s);
    return upkeep;
}

static void on_closed(void *arg)
{
    struct upkeep *upkeep = arg;

    upkeep->on_stopped(upkeep->on_stopped_arg);
}

static void run_stopped(struct loop_task *task)
{
    on_closed(CONTAINER_OF(task, struct upkeep, stopped));
}

void upkeep_stop(struct upkeep *upkeep, void (*on_stopped)(void *arg), void *arg)
{
    upkeep->on_stopped = on_stopped;
    upkeep->on_stopped_arg = arg;
    sweeper_stop(&upkeep->sweeper);
    if (upkeep->snapshots)
        snapshotter_stop(&upkeep->snapshotter);
    outage_keeper_stop(upkeep->keeper);
    redis_feed_stop(upkeep->feed);
    if (upkeep->redis != NULL) {
        store_close(upkeep->redis, on_closed, upkeep);
        return;
    }
    upkeep->stopped = (struct loop_task){.run = run_stopped};
    loop_post(upkeep->sweeper.store->loop, &upkeep->stopped);
}

void upkeep_free(struct upkeep *upkeep)
{
    free(upkeep);
}
