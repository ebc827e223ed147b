/* Counters, gauges and histograms: the blocks of all threads. */
#include "metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Two cache lines: processors fetch them in pairs, and neighbours in memory must not share one. */
#define APART 128

struct metrics_block {
    alignas(APART) _Atomic uint64_t cells[METRICS_CELLS_MAX]; /* see metrics.h */
    struct metrics_block *next;                               /* in blocks */
};

static _Atomic uint64_t nobodys[METRICS_CELLS_MAX];
_Thread_local _Atomic uint64_t *metrics_mine = nobodys;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over blocks */
static struct metrics_block *blocks;                     /* all that there are */

struct metrics_block *metrics_block_new(void)
{
    struct metrics_block *block = aligned_alloc(APART, sizeof *block);

    if (block == NULL)
        return NULL;
    memset(block, 0, sizeof *block);
    pthread_mutex_lock(&lock);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&lock);
    return block;
}

void metrics_block_free(struct metrics_block *block)
{
    struct metrics_block **at = &blocks;

    if (block == NULL)
        return;
    pthread_mutex_lock(&lock);
    while (*at != block)
        at = &(*at)->next;
    *at = block->next;
    pthread_mutex_unlock(&lock);
    free(block);
}

void metrics_use(struct metrics_block *block)
{
    metrics_mine = block != NULL ? block->cells : nobodys;
}

void metrics_read(uint64_t *ret_cells, size_t count)
{
    assert(count <= METRICS_CELLS_MAX);
    memset(ret_cells, 0, count * sizeof *ret_cells);
    pthread_mutex_lock(&lock);
    for (struct metrics_block *block = blocks; block != NULL; block = block->next) {
        for (size_t i = 0; i < count; i++) {
            uint64_t value = atomic_load_explicit(&block->cells[i], memory_order_relaxed);

            if (value == METRICS_UNSET || ret_cells[i] == METRICS_UNSET)
                ret_cells[i] = METRICS_UNSET;
            else
                ret_cells[i] += value;
        }
    }
    pthread_mutex_unlock(&lock);
}
