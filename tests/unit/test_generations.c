/* Which cached answers about sessions are still to be believed. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sodium.h>

#include "generations.h"
#include "session.h"

static struct generations *generations;

static void set_up(void)
{
    cr_assert_geq(sodium_init(), 0);
    generations = generations_new();
    cr_assert_not_null(generations);
}

static void tear_down(void)
{
    generations_free(generations);
}

TestSuite(generations, .init = set_up, .fini = tear_down, .timeout = 60);

Test(generations, a_session_keeps_its_own_until_it_is_moved)
{
    char id[SESSION_ID_LEN + 1];

    session_id_make("family", id);
    uint64_t first = generations_of(generations, id);
    cr_assert_neq(first, 0);
    cr_assert_eq(generations_of(generations, id), first);
    generations_move(generations, id);
    cr_assert_neq(generations_of(generations, id), first);
}

Test(generations, one_that_moves_takes_hardly_any_other_with_it)
{
    enum { OTHERS = 2000 };
    static char ids[OTHERS][SESSION_ID_LEN + 1];
    static uint64_t before[OTHERS];
    char moved[SESSION_ID_LEN + 1];
    int taken = 0;

    session_id_make("family", moved); /* and so of the same partition, as a family's streams are */
    for (int i = 0; i < OTHERS; i++) {
        session_id_make("family", ids[i]);
        before[i] = generations_of(generations, ids[i]);
    }
    generations_move(generations, moved);
    for (int i = 0; i < OTHERS; i++)
        taken += generations_of(generations, ids[i]) != before[i];
    cr_assert_leq(taken, 3);
}

Test(generations, all_move_at_once)
{
    char ids[100][SESSION_ID_LEN + 1];
    uint64_t before[100];

    for (int i = 0; i < 100; i++) {
        session_id_make("family", ids[i]);
        before[i] = generations_of(generations, ids[i]);
    }
    generations_move_all(generations);
    for (int i = 0; i < 100; i++)
        cr_assert_neq(generations_of(generations, ids[i]), before[i]);
}

Test(generations, a_feed_that_comes_or_goes_moves_all_and_one_that_stays_none)
{
    uint64_t first = generations_of(generations, "AAxxxxxxxxxxxxxxxxxxxx");

    cr_assert_not(generations_is_fed(generations), "it begins without a feed");
    generations_set_fed(generations, false);
    cr_assert_eq(generations_of(generations, "AAxxxxxxxxxxxxxxxxxxxx"), first);

    generations_set_fed(generations, true);
    uint64_t fed = generations_of(generations, "AAxxxxxxxxxxxxxxxxxxxx");
    cr_assert(generations_is_fed(generations));
    cr_assert_neq(fed, first);
    generations_set_fed(generations, true);
    cr_assert_eq(generations_of(generations, "AAxxxxxxxxxxxxxxxxxxxx"), fed);

    generations_set_fed(generations, false);
    cr_assert_not(generations_is_fed(generations));
    uint64_t lost = generations_of(generations, "AAxxxxxxxxxxxxxxxxxxxx");
    cr_assert(lost != fed && lost != first);
}

Test(generations, takes_what_is_no_session_id_from_whoever_publishes)
{
    static const char *const texts[] = {"", "A", "elevenbytes",
                                        "a text that is longer than any id"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t before = generations_of(generations, texts[i]);

        generations_move(generations, texts[i]);
        cr_assert_neq(generations_of(generations, texts[i]), before, "%s", texts[i]);
    }
}

enum { MOVES = 100000 };

static void *move_often(void *arg)
{
    for (int i = 0; i < MOVES; i++)
        generations_move(generations, arg);
    return NULL;
}

Test(generations, no_move_is_lost_between_threads)
{
    char id[] = "AAxxxxxxxxxxxxxxxxxxxx";
    uint64_t before = generations_of(generations, id);
    pthread_t other;

    cr_assert_eq(pthread_create(&other, NULL, move_often, id), 0);
    move_often(id);
    pthread_join(other, NULL);
    cr_assert_eq(generations_of(generations, id) - before, 2 * MOVES);
}
