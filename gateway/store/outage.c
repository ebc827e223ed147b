/* Whether Redis is there. */
#include "outage.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "memory.h"
#include "partition.h"
#include "store_metrics.h"

/* Longer than the keeper of another gateway lets one that wasn't steady wait (outage_keeper.c). */
#define FRESH_MS 6000

struct outage {
    struct outage_options options;             /* as given */
    _Atomic unsigned extent;                   /* partitions that aren't UP */
    _Atomic uint64_t count;                    /* of times that extent left 0, or a start failed */
    _Atomic int state[PARTITION_COUNT];        /* STORE_STARTING, _UP, _AWAY or _RETURNING */
    _Atomic uint64_t returns[PARTITION_COUNT]; /* how often each became UP */
    _Atomic int64_t fresh_until_ms[PARTITION_COUNT]; /* after an outage; monotonic clock */
};

struct outage *outage_new(const struct outage_options *options)
{
    struct outage *outage = calloc(1, sizeof *outage);

    if (outage == NULL)
        return NULL;
    outage->options = *options;
    outage->extent = options->partitions;
    if (options->memory != NULL)
        memory_set_partitions(options->memory, options->partitions);
    for (unsigned i = 0; i < options->partitions; i++)
        outage->state[i] = STORE_STARTING;
    return outage;
}

void outage_free(struct outage *outage)
{
    free(outage);
}

const struct outage_options *outage_options(const struct outage *outage)
{
    return &outage->options;
}

enum store_state outage_raw_state(const struct outage *outage, unsigned partition)
{
    return (enum store_state)outage->state[partition];
}

enum store_state outage_state(const struct outage *outage, unsigned partition)
{
    enum store_state state = outage_raw_state(outage, partition);

    if (state != STORE_AWAY)
        return state;
    switch (outage->options.policy) {
    case OUTAGE_FALLBACK:
        return STORE_FALLBACK;
    case OUTAGE_ALLOW:
        return STORE_ALLOW;
    case OUTAGE_DENY:
        break;
    }
    return STORE_AWAY;
}

bool outage_asks_redis(const struct outage *outage, unsigned partition)
{
    enum store_state state = outage_raw_state(outage, partition);

    return state == STORE_UP || state == STORE_STARTING;
}

uint64_t outage_count(const struct outage *outage)
{
    return outage->count;
}

unsigned outage_extent(const struct outage *outage)
{
    return outage->extent;
}

uint64_t outage_returns(const struct outage *outage, unsigned partition)
{
    return outage->returns[partition];
}

bool outage_is_fresh(const struct outage *outage, unsigned partition)
{
    return clock_monotonic_ms() < outage->fresh_until_ms[partition];
}

/* One line for each change; of a cluster, whose partitions go by the dozen, the keeper tells. */
static void tell_away(const struct outage *outage, unsigned partition, enum store_state from)
{
    const char *what = "Redis is away";

    if (outage->options.partitions > 1)
        return;
    if (from == STORE_RETURNING)
        what = "Redis is away again";
    else if (from == STORE_STARTING)
        what = outage->options.policy == OUTAGE_FALLBACK
                   ? "Redis connection failed; serving from the embedded store until it is back"
                   : "Redis connection failed";
    log_line(LOG_WARN, what, LOG_STR("state", store_state_word(outage_state(outage, partition))));
}

void outage_note_away(struct outage *outage, unsigned partition)
{
    int state = outage->state[partition];

    if (state == STORE_AWAY)
        return;
    if (outage->options.memory != NULL)
        memory_begin_outage(outage->options.memory); /* before anybody is answered from there */
    if (!atomic_compare_exchange_strong(&outage->state[partition], &state, STORE_AWAY))
        return;
    if (state == STORE_UP ? atomic_fetch_add(&outage->extent, 1) == 0
                          : state == STORE_STARTING && outage->count == 0) {
        outage->count++;
        metrics_add(STORE_METRIC_OUTAGES, 1);
    }
    tell_away(outage, partition, (enum store_state)state);
}

bool outage_note_answers(struct outage *outage, unsigned partition)
{
    int state = STORE_AWAY;

    return atomic_compare_exchange_strong(&outage->state[partition], &state, STORE_RETURNING);
}

void outage_note_told(struct outage *outage, unsigned partition)
{
    if (outage->state[partition] == STORE_RETURNING)
        outage->fresh_until_ms[partition] = clock_monotonic_ms() + FRESH_MS;
    outage->returns[partition]++;
    outage->state[partition] = STORE_UP;
    outage->extent--;
}
