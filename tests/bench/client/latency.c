/*
 * Buckets: values below 128 have one each; above, every doubling is cut into 64 of one width.
 */
#include "latency.h"

enum { EXACT = 128, STEPS = 64 }; /* STEPS is half of EXACT: the first doubling's width is 2 */

static unsigned bucket_of(uint64_t us)
{
    if (us < EXACT)
        return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - 6u; /* so that 64 <= us >> shift < 128 */
    unsigned bucket = EXACT + (shift - 1) * STEPS + (unsigned)((us >> shift) - STEPS);

    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
    if (bucket < EXACT)
        return bucket;
    unsigned shift = (bucket - EXACT) / STEPS + 1;
    uint64_t low = (uint64_t)((bucket - EXACT) % STEPS + STEPS) << shift;

    return low + ((uint64_t)1 << (shift - 1));
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->count++;
    latency->sum_us += us;
    if (us > latency->max_us)
        latency->max_us = us;
    latency->buckets[bucket_of(us)]++;
}

void latency_merge(struct latency *into, const struct latency *from)
{
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t latency_percentile(const struct latency *latency, double percent)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)latency->count * percent / 100 + 0.5);

    for (unsigned i = 0; i < LATENCY_BUCKETS && latency->count > 0; i++) {
        seen += latency->buckets[i];
        if (seen >= wanted && latency->buckets[i] > 0)
            return value_of(i) < latency->max_us ? value_of(i) : latency->max_us;
    }
    return latency->max_us;
}
