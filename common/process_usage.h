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
};

/* Reads it; with thousands of descriptors that takes milliseconds. What can't be read is 0. */
void process_usage_read(struct process_usage *ret_usage);

/* When this process began, in µs since 1970: to about a second, and the same each time. 0 where it can't be read. */
uint64_t process_usage_start_us(void);

#endif
