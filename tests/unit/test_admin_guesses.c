/* How fast wrong admin tokens may be tried. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "admin_guesses.h"

static struct admin_guesses *guesses;

static void start(void)
{
    guesses = admin_guesses_new();
}

static void stop(void)
{
    admin_guesses_free(guesses);
}

TestSuite(admin_guesses, .init = start, .fini = stop);

static void guess(const char *client, int count, int64_t now_ms)
{
    for (int i = 0; i < count; i++)
        admin_guesses_note(guesses, client, now_ms);
}

Test(admin_guesses, lets_some_be_made_at_once_and_no_more)
{
    guess("192.0.2.1", ADMIN_GUESSES - 1, 1000);
    cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", 1000), 0);
    guess("192.0.2.1", 1, 1000);
    cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", 1000), ADMIN_GUESS_MS);
    cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.2", 1000), 0);
    cr_expect_eq(admin_guesses_wait_ms(guesses, "", 1000), 0);
}

Test(admin_guesses, lets_one_more_be_made_whenever_its_time_has_passed)
{
    int64_t now_ms = 5000;

    guess("192.0.2.1", ADMIN_GUESSES, now_ms);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", now_ms + ADMIN_GUESS_MS - 1), 1);
        now_ms += ADMIN_GUESS_MS;
        cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", now_ms), 0);
        guess("192.0.2.1", 1, now_ms);
        cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", now_ms), ADMIN_GUESS_MS);
    }
}

Test(admin_guesses, forgets_after_a_while)
{
    guess("192.0.2.1", ADMIN_GUESSES, 1000);
    guess("192.0.2.1", ADMIN_GUESSES - 1, 1000 + ADMIN_GUESSES * ADMIN_GUESS_MS);
    cr_expect_eq(admin_guesses_wait_ms(guesses, "192.0.2.1", 1000 + ADMIN_GUESSES * ADMIN_GUESS_MS),
                 0);
}

Test(admin_guesses, a_client_with_many_addresses_makes_it_grow_no_further)
{
    char client[48];

    for (int i = 0; i < 100000; i++) {
        snprintf(client, sizeof client, "2001:db8:%x:%x::", (unsigned)i >> 16,
                 (unsigned)i & 0xffff);
        guess(client, ADMIN_GUESSES, 1000);
    }
    cr_expect_eq(admin_guesses_wait_ms(guesses, client, 1000), ADMIN_GUESS_MS);
}
