/*
 * Counters, gauges and histograms, for whoever asks how the program is doing. Knows no metric itself: the tables
 * do (gateway/store/store_metrics.h, gateway/api/api_metrics.h).
 *
 * Every metric is some cells, numbers by their index. Each thread has a block of all cells to itself, and is the
 * only one to write there; who reads adds up the blocks of all. So counting takes no lock and no bus: a thread
 * adds to a number of its own. A thread without a block (the main thread, tests) counts where nobody reads.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_CELLS_MAX 4096 /* of all metrics together */

/* A gauge set to this, by any thread, has no value now and isn't shown. */
#define METRICS_UNSET UINT64_MAX

struct metrics_block;

/* A block of zeroes, which counts from now on. NULL where memory runs out. */
struct metrics_block *metrics_block_new(void);

/* Frees a block that no thread uses any more; what was counted there is forgotten. Accepts NULL. */
void metrics_block_free(struct metrics_block *block);

/* The calling thread counts in this block from now on; in none with NULL. */
void metrics_use(struct metrics_block *block);

/* Any thread: the sums of the first so many cells over all blocks. */
void metrics_read(uint64_t *ret_cells, size_t count);

/* The cells of the calling thread; for the functions below. */
extern _Thread_local _Atomic uint64_t *metrics_mine;

/* Counts so many. */
static inline void metrics_add(unsigned cell, uint64_t n)
{
    _Atomic uint64_t *at = &metrics_mine[cell];
    uint64_t before = atomic_load_explicit(at, memory_order_relaxed);

    /* Nobody else writes here, so no locked instruction is needed. */
    atomic_store_explicit(at, before + n, memory_order_relaxed);
}

/* Sets this thread's part of a gauge: the parts of all threads are added up. */
static inline void metrics_set(unsigned cell, uint64_t value)
{
    atomic_store_explicit(&metrics_mine[cell], value, memory_order_relaxed);
}

/*
 * A histogram of durations has a cell for each bucket, then one for the sum in µs. A bucket's bound is twice that
 * of the one before, from 16 µs to 16.8 s; so it is found by the number's highest bit. The last has none.
 */
#define METRICS_DURATIONS_FIRST_BIT 4  /* the first bound is 1 << 4 µs */
#define METRICS_DURATIONS_BUCKETS   22 /* the last, without a bound, included */

static inline void metrics_observe_us(unsigned first, uint64_t us)
{
    /* Bounds are part of their bucket. */
    uint64_t below = us > 0 ? us - 1 : 0;
    unsigned bits =
        64 - (unsigned)__builtin_clzll(below | ((1u << METRICS_DURATIONS_FIRST_BIT) - 1));
    unsigned bucket = bits - METRICS_DURATIONS_FIRST_BIT;

    if (bucket >= METRICS_DURATIONS_BUCKETS)
        bucket = METRICS_DURATIONS_BUCKETS - 1;
    metrics_add(first + bucket, 1);
    metrics_add(first + METRICS_DURATIONS_BUCKETS, us);
}

/* A histogram of small numbers has a bucket for each from 1 (0 included) to 20, one for all above, and the sum. */
#define METRICS_NUMBERS_BUCKETS 21

static inline void metrics_observe_number(unsigned first, uint64_t number)
{
    uint64_t below = number > 0 ? number - 1 : 0;

    metrics_add(
        first + (unsigned)(below < METRICS_NUMBERS_BUCKETS ? below : METRICS_NUMBERS_BUCKETS - 1),
        1);
    metrics_add(first + METRICS_NUMBERS_BUCKETS, number);
}

/* How many cells a metric takes for each combination of its labels' values. */
enum {
    METRICS_CELLS_COUNTER = 1,
    METRICS_CELLS_GAUGE = 1,
    METRICS_CELLS_COUNTER_US = 1,
    METRICS_CELLS_GAUGE_US = 1,
    METRICS_CELLS_DURATIONS = METRICS_DURATIONS_BUCKETS + 1,
    METRICS_CELLS_NUMBERS = METRICS_NUMBERS_BUCKETS + 1
};

#endif
