/* What a client may do so many times at once, and then at a rate. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "allowance.h"

enum { AT_ONCE = 5, EVERY_MS = 1000, NAMES = 4096 };

static struct allowance *allowance;

static void start(void)
{
    allowance = allowance_new(&(struct allowance_options){
        .names = NAMES, .at_once = AT_ONCE, .every_us = EVERY_MS * 1000});
}

static void stop(void)
{
    allowance_free(allowance);
}

TestSuite(allowance, .init = start, .fini = stop);

static void act(const char *client, int count, int64_t now_ms)
{
    for (int i = 0; i < count; i++)
        allowance_note(allowance, client, now_ms);
}

Test(allowance, lets_some_be_made_at_once_and_no_more)
{
    act("192.0.2.1", AT_ONCE - 1, 1000);
    cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", 1000), 0);
    act("192.0.2.1", 1, 1000);
    cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", 1000), EVERY_MS);
    cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.2", 1000), 0);
    cr_expect_eq(allowance_wait_ms(allowance, "", 1000), 0);
}

Test(allowance, lets_one_more_be_made_whenever_its_time_has_passed)
{
    int64_t now_ms = 5000;

    act("192.0.2.1", AT_ONCE, now_ms);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", now_ms + EVERY_MS - 1), 1);
        now_ms += EVERY_MS;
        cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", now_ms), 0);
        act("192.0.2.1", 1, now_ms);
        cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", now_ms), EVERY_MS);
    }
}

Test(allowance, forgets_after_a_while)
{
    act("192.0.2.1", AT_ONCE, 1000);
    act("192.0.2.1", AT_ONCE - 1, 1000 + AT_ONCE * EVERY_MS);
    cr_expect_eq(allowance_wait_ms(allowance, "192.0.2.1", 1000 + AT_ONCE * EVERY_MS), 0);
}

Test(allowance, a_client_with_many_addresses_makes_it_grow_no_further)
{
    char client[48];

    for (int i = 0; i < 100000; i++) {
        snprintf(client, sizeof client, "2001:db8:%x:%x::", (unsigned)i >> 16,
                 (unsigned)i & 0xffff);
        act(client, AT_ONCE, 1000);
    }
    cr_expect_eq(allowance_wait_ms(allowance, client, 1000), EVERY_MS);
}

Test(allowance, counts_rates_finer_than_a_millisecond)
{
    struct allowance *fine =
        allowance_new(&(struct allowance_options){.names = NAMES, .at_once = 1000, .every_us = 60});

    for (int i = 0; i < 1000; i++)
        allowance_note(fine, "192.0.2.1", 1000);
    cr_expect_eq(allowance_wait_ms(fine, "192.0.2.1", 1000), 1);
    cr_expect_eq(allowance_wait_ms(fine, "192.0.2.1", 1001), 0);
    for (int i = 0; i < 16; i++)
        allowance_note(fine, "192.0.2.1", 1001);
    cr_expect_eq(allowance_wait_ms(fine, "192.0.2.1", 1001), 1);
    allowance_free(fine);
}
