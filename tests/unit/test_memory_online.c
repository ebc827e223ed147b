/* How many users the embedded store has seen lately. */
#include "memory_online.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "memory_table.h"

static struct memory_online online;

static void set_up(void)
{
    memset(&online, 0, sizeof online);
    online.partitions = 1;
    cr_assert_eq(memory_table_init(), 0);
}

TestSuite(memory_online, .init = set_up);

static void see(int first, int last, int64_t window)
{
    for (int i = first; i < last; i++) {
        char user[32];

        snprintf(user, sizeof user, "user-%d", i);
        memory_online_see(&online, user, 0, window);
    }
}

Test(memory_online, counts_nobody_at_first)
{
    cr_assert_eq(memory_online_count(&online, 0, 5), 0);
}

Test(memory_online, counts_a_user_once_in_two_windows)
{
    see(0, 3, 5);
    see(0, 3, 5);
    see(2, 4, 6);
    cr_assert_eq(memory_online_count(&online, 0, 6), 4);
}

Test(memory_online, forgets_who_was_seen_before_the_last_window)
{
    see(0, 3, 5);
    see(2, 4, 6);
    cr_assert_eq(memory_online_count(&online, 0, 7), 2);
    cr_assert_eq(memory_online_count(&online, 0, 8), 0);
}

Test(memory_online, forgets_all_when_time_has_jumped)
{
    see(0, 3, 5);
    cr_assert_eq(memory_online_count(&online, 0, 50), 0);
    see(0, 2, 50);
    cr_assert_eq(memory_online_count(&online, 0, 5), 0, "the clock was set back");
    see(0, 1, 5);
    cr_assert_eq(memory_online_count(&online, 0, 5), 1);
}

Test(memory_online, a_clock_that_goes_back_by_a_little_loses_nobody)
{
    see(0, 3, 5);
    see(3, 5, 6);
    see(5, 6, 5);
    cr_assert_eq(memory_online_count(&online, 0, 6), 6);
}

Test(memory_online, counts_millions_to_less_than_one_in_a_hundred)
{
    static const int users[] = {100, 10000, 100000, 1000000, 4000000};

    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        int64_t window = 10 * (int64_t)(i + 1);

        see(0, users[i] / 2, window - 1);
        see(users[i] / 3, users[i], window);
        double counted = (double)memory_online_count(&online, 0, window);
        cr_assert(counted > users[i] * 0.99 && counted < users[i] * 1.01, "%.0f of %d", counted,
                  users[i]);
    }
}
