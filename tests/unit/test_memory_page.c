/* Pages of the embedded store's sessions: each is told once, and a page costs little. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "session.h"
#include "store_query.h"

static struct memory *memory;
static unsigned begun; /* sessions so far */

static void set_up(void)
{
    const struct store_options options = {.ttl_ms = 300000, .max_age_ms = 86400000};

    memory = memory_new(&options, NULL);
    cr_assert_not_null(memory);
}

static void tear_down(void)
{
    memory_free(memory);
}

TestSuite(memory_page, .init = set_up, .fini = tear_down, .timeout = 60);

/* Begins sessions of a family, whose users are "0", "1" and so on. */
static void begin(const char *family, int count)
{
    for (; count > 0; count--) {
        struct store_req req = {.op = STORE_CREATE, .create = {.family_limit = -1, -1}};

        strcpy(req.session.family_id, family);
        snprintf(req.session.user_id, sizeof req.session.user_id, "%u", begun++);
        strcpy(req.session.device_id, req.session.user_id);
        strcpy(req.session.media_id, "media");
        session_id_make(family, req.session.id);
        cr_assert_eq(memory_do(memory, &req), ERR_OK);
    }
}

static void end_all_of(const char *family)
{
    struct store_req req = {.op = STORE_REVOKE};

    strcpy(req.session.family_id, family);
    cr_assert_eq(memory_do(memory, &req), ERR_OK);
}

/* Who was told of, by his number. */
static unsigned char told[100000];

/* Takes a page; nobody may be told of twice. Returns the number of sessions in it. */
static size_t take(struct store_query *query)
{
    struct store_req req = {.op = STORE_PAGE, .query = query};

    cr_assert_eq(memory_do(memory, &req), ERR_OK);
    for (size_t i = 0; i < req.stream_count; i++)
        cr_assert_eq(told[atoi(req.streams[i].session.user_id)]++, 0, "told twice");
    free(req.streams);
    return req.stream_count;
}

static struct store_query page_of(const char *family, const char *media, uint32_t most)
{
    struct store_query query = {.page = {.most = most}};

    strcpy(query.page.filter.family_id, family);
    strcpy(query.page.filter.media_id, media);
    return query;
}

/* Takes the rest; returns the number of pages. */
static int take_all(struct store_query *query)
{
    int pages = 0;

    do
        take(query);
    while (++pages < 100000 && query->page.cursor[0] != '\0');
    return pages;
}

static void assert_told(unsigned first, unsigned last)
{
    for (unsigned i = first; i < last; i++)
        cr_assert_eq(told[i], 1, "session %u", i);
}

Test(memory_page, each_is_told_once_though_the_table_grows_tenfold_meanwhile)
{
    struct store_query query = page_of("", "", 50);

    begin("f", 3000);
    while (begun < 30000) {
        cr_assert_eq(take(&query), 50);
        begin("g", 1000);
    }
    take_all(&query);
    assert_told(0, 3000);
}

Test(memory_page, each_is_told_once_though_few_become_many_and_few_again)
{
    struct store_query query = page_of("", "", 100);

    begin("f", 1000);
    take(&query);
    begin("g", 9000);
    take(&query);
    end_all_of("g");
    take_all(&query);
    assert_told(0, 1000);
}

Test(memory_page, each_of_a_family_is_told_once_though_it_becomes_a_large_one)
{
    struct store_query query = page_of("f", "", 100);

    begin("g", 5000);
    begin("f", 1500);
    take(&query);
    begin("f", 1500);
    take_all(&query);
    assert_told(5000, 6500);
    for (int i = 0; i < 5000; i++)
        cr_assert_eq(told[i], 0);
}

Test(memory_page, looks_at_no_more_than_500_of_many)
{
    struct store_query query = page_of("", "nobody watches this", STORE_PAGE_MAX),
                       all = page_of("", "", STORE_PAGE_MAX);

    begin("f", 20000);
    cr_assert_leq(take(&all), 500);
    cr_assert_geq(take_all(&query), 20000 / 500);
}

Test(memory_page, of_few_sessions_is_one_though_there_were_many)
{
    struct store_query query = page_of("", "", STORE_PAGE_MAX);

    begin("f", 10);
    begin("g", 50000);
    end_all_of("g");
    cr_assert_eq(take(&query), 10);
    cr_assert_str_empty(query.page.cursor);
}

Test(memory_page, of_a_family_is_one_among_many)
{
    struct store_query query = page_of("f", "", STORE_PAGE_MAX);

    begin("g", 20000);
    begin("f", 10);
    cr_assert_eq(take(&query), 10);
    cr_assert_str_empty(query.page.cursor);
}

/* ---- Cursors ---- */

static enum err take_from(const char *cursor)
{
    struct store_query query = page_of("", "", 10);
    struct store_req req = {.op = STORE_PAGE, .query = &query};

    strcpy(query.page.cursor, cursor);
    enum err err = memory_do(memory, &req);
    free(req.streams);
    return err;
}

Test(memory_page, a_cursor_that_was_changed_is_refused_or_a_place_all_the_same)
{
    struct store_query query = page_of("", "", 10);
    store_cursor changed;

    begin("f", 100);
    take(&query);
    const char *cursor = query.page.cursor;
    cr_assert_eq(take_from(cursor), ERR_OK);
    snprintf(changed, sizeof changed, "%.600sA", cursor);
    cr_assert_eq(take_from(changed), ERR_INVALID_REQUEST);
    snprintf(changed, sizeof changed, " %.600s", cursor);
    cr_assert_eq(take_from(changed), ERR_INVALID_REQUEST);
    for (size_t i = 0; i < strlen(cursor); i++) {
        strcpy(changed, cursor);
        changed[i] = '\0';
        cr_assert(i == 0 || i > 17 || take_from(changed) == ERR_INVALID_REQUEST, "%s", changed);
        changed[i] = cursor[i] == '0' ? '1' : '0';
        cr_assert(i >= 9 || take_from(changed) == ERR_INVALID_REQUEST, "of another process: %s",
                  changed);
        take_from(changed);
    }
}
