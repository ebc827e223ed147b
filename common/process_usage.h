/*
 * What this process uses, as the kernel tells it in /proc.
 */
#ifndef COMMON_PROCESS_USAGE_H
#define COMMON_PROCESS_USAGE_H

#include <stdint.h>

struct process_usage {
    uint64_t cpu_us;         /* spent, user and system */
    uint64_t resident_bytes; /* of memory */
    uint64_t open_fds;       /* descriptors */
    uint64_t max_fds;        /* that it may open */
    uint64_t start_us; /* when it began, in µs since 1970; to a second, and the same each time */
};

/* Reads it. What can't be read is 0. */
void process_usage_read(struct process_usage *ret_usage);

#endif
