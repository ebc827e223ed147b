/* A bounded table of which an item goes that wasn't used lately. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "lru.h"

struct word {
    struct lru_item item;
    char text[16];
};

enum { MOST = 3, SAME_HASH = 7 };

static unsigned dropped;

static void drop(struct lru_item *item)
{
    dropped++;
    free(CONTAINER_OF(item, struct word, item));
}

static struct lru lru;

static void set_up(void)
{
    dropped = 0;
    lru = (struct lru){.most = MOST, .drop = drop};
}

static void tear_down(void)
{
    lru_clear(&lru);
}

/* All words collide, so that only the comparison of keys tells them apart. */
static void add(const char *text)
{
    struct word *word = calloc(1, sizeof *word);

    cr_assert_not_null(word);
    snprintf(word->text, sizeof word->text, "%s", text);
    lru_add(&lru, &word->item, word->text, strlen(word->text), SAME_HASH);
}

static struct lru_item *find(const char *text)
{
    return lru_find(&lru, text, strlen(text), SAME_HASH);
}

TestSuite(lru, .init = set_up, .fini = tear_down, .timeout = 60);

Test(lru, finds_what_was_added_and_nothing_else)
{
    add("one");
    add("two");
    cr_assert_not_null(find("one"));
    cr_assert_not_null(find("two"));
    cr_assert_null(find("on"));
    cr_assert_null(find("three"));
    cr_assert_eq(lru_count(&lru), 2);
}

Test(lru, drops_the_oldest_when_one_too_many_comes_and_none_was_used)
{
    add("one");
    add("two");
    add("three");
    add("four");
    cr_assert_null(find("one"));
    cr_assert_not_null(find("two"));
    cr_assert_eq(lru_count(&lru), MOST);
    cr_assert_eq(dropped, 1);
}

Test(lru, spares_the_oldest_if_it_was_looked_up)
{
    add("one");
    add("two");
    add("three");
    find("one");
    add("four");
    cr_assert_not_null(find("one"));
    cr_assert_null(find("two"));
}

Test(lru, drops_the_oldest_where_all_were_looked_up)
{
    add("one");
    add("two");
    add("three");
    find("two");
    find("one");
    find("three");
    add("four");
    cr_assert_null(find("one"));
    cr_assert_not_null(find("four"));
    cr_assert_eq(lru_count(&lru), MOST);
}

Test(lru, what_is_removed_is_dropped_and_gone)
{
    add("one");
    lru_remove(&lru, find("one"));
    cr_assert_null(find("one"));
    cr_assert_eq(dropped, 1);
}

Test(lru, clearing_drops_all)
{
    add("one");
    add("two");
    lru_clear(&lru);
    cr_assert_eq(dropped, 2);
    cr_assert_eq(lru_count(&lru), 0);
}
