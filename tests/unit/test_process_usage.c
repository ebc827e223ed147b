/* What this process uses. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "process_usage.h"

Test(process_usage, counts_descriptors_that_are_open)
{
    struct process_usage before, after;

    process_usage_read(&before);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    process_usage_read(&after);
    cr_expect_eq(after.open_fds, before.open_fds + 1);
    cr_expect_geq(after.max_fds, after.open_fds);
    close(fd);
    process_usage_read(&after);
    cr_expect_eq(after.open_fds, before.open_fds);
}

Test(process_usage, sees_memory_that_was_taken)
{
    enum { SIZE = 32 * 1024 * 1024 };
    struct process_usage before, after;

    process_usage_read(&before);
    char *memory = malloc(SIZE);
    cr_assert_not_null(memory);
    memset(memory, 1, SIZE);
    process_usage_read(&after);
    cr_expect_geq(after.resident_bytes, before.resident_bytes + SIZE / 2);
    cr_expect_geq(after.cpu_us, before.cpu_us);
    free(memory);
}

Test(process_usage, knows_when_the_process_began_and_says_the_same_each_time)
{
    uint64_t start_us = process_usage_start_us();
    double age_s = (double)clock_wall_ms() / 1000 - (double)start_us / 1e6;

    cr_expect_eq(process_usage_start_us(), start_us);
    cr_expect(age_s > -2 && age_s < 120, "it began %g s ago", age_s);
}
