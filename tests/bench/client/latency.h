/*
 * A histogram of times: buckets that grow with the value, so that each is known to within 1 %, from
 * a microsecond to hours, in a few KiB and without keeping a single sample.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 2560 };

struct latency {
    uint64_t count;                    /* of values */
    uint64_t sum_us;                   /* of all values */
    uint64_t max_us;                   /* exactly */
    uint64_t buckets[LATENCY_BUCKETS]; /* how many values fell into each */
};

/* An empty histogram is all zeroes. */
void latency_add(struct latency *latency, uint64_t us);

/* Adds all of one histogram's values to another. */
void latency_merge(struct latency *into, const struct latency *from);

/* The least value that so many per cent (0 to 100) of all don't exceed, in µs; 0 where there is
 * none. */
uint64_t latency_percentile(const struct latency *latency, double percent);

#endif
