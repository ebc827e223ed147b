/*
 * About how many users the embedded store has seen lately: online_users of DESIGN.md section 4.
 */
#ifndef MEMORY_ONLINE_H
#define MEMORY_ONLINE_H

#include <stdint.h>

#define MEMORY_ONLINE_BITS (1U << 20) /* which partitions that are apart share */

/* Who was seen, for a window of time and the one before it: a bit for each user, that few share. */
struct memory_online {
    unsigned partitions;                       /* that are apart: 1, or a power of two */
    int64_t window;                            /* the later one */
    uint64_t seen[2][MEMORY_ONLINE_BITS / 64]; /* by window % 2 */
};

/* Notes that a user is seen, in a partition and a window. */
void memory_online_see(struct memory_online *online, const char *user_id, unsigned partition,
                       int64_t window);

/* How many were, in a partition, in this window and the one before. */
uint64_t memory_online_count(struct memory_online *online, unsigned partition, int64_t window);

#endif
