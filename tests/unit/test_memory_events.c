/* The embedded store's ring of events. */
#include "memory_events.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_query.h"

enum { START_MS = 1000000 };

static struct memory_events ring;
static struct store_events query;
static bool stands_in;

static void set_up(void)
{
    memory_events_init(&ring, START_MS);
    stands_in = false;
}

static void tear_down(void)
{
    free(query.events);
    memory_events_done(&ring);
}

TestSuite(memory_events, .init = set_up, .fini = tear_down);

static void add(int64_t time_ms)
{
    const struct event event = {.type = EVENT_STARTED,
                                .session_id = "",
                                .user_id = "",
                                .family_id = "",
                                .device_id = "",
                                .media_id = "",
                                .cause = "",
                                .by = "",
                                .time_ms = time_ms,
                                .duration_s = -1};

    memory_events_add(&ring, &event, 0);
}

static void read_from(const char *after, bool backwards)
{
    free(query.events);
    query = (struct store_events){.most = STORE_PAGE_MAX, .backwards = backwards};
    strcpy(query.after, after);
    cr_assert_eq(memory_events_query(&ring, 0, stands_in, &query), ERR_OK);
}

/* That the answer begins with this one. */
static void assert_first(const char *id)
{
    cr_assert_geq(query.count, 1);
    cr_assert_str_eq(query.events[0].id, id);
}

Test(memory_events, an_id_is_a_time_and_a_number)
{
    add(START_MS + 5);
    add(START_MS + 5);
    add(START_MS + 6);
    read_from("", false);
    cr_assert_eq(query.count, 3);
    cr_assert_str_eq(query.events[0].id, "1000005-1");
    cr_assert_str_eq(query.events[1].id, "1000005-2");
    cr_assert_str_eq(query.events[2].id, "1000006-3");
}

Test(memory_events, ids_grow_though_the_clock_is_set_back)
{
    add(START_MS + 50);
    add(START_MS - 7000);
    read_from("1000050-1", false);
    assert_first("1000050-2");
    cr_assert_eq(query.events[0].time_ms, START_MS - 7000, "its time is told as it was");
    add(START_MS + 51);
    read_from("1000050-2", false);
    assert_first("1000051-3");
    read_from("1000050-2", true);
    assert_first("1000050-1");
}

Test(memory_events, an_id_of_another_stores_has_its_place_by_its_time)
{
    add(START_MS + 10);
    add(START_MS + 20);
    add(START_MS + 30);
    read_from("1000020-0", false);
    assert_first("1000020-2");
    cr_assert_not(query.gap);
    read_from("1000020-77", false);
    assert_first("1000030-3");
    read_from("1000025-0", true);
    assert_first("1000020-2");
    read_from("1000020-0", true);
    assert_first("1000010-1");
    cr_assert_eq(query.count, 1);
}

Test(memory_events, what_was_before_the_start_is_lost)
{
    add(START_MS + 10);
    read_from("999999-1", false);
    cr_assert(query.gap);
    assert_first("1000010-1");
    read_from("1000000-0", false);
    cr_assert_not(query.gap);
    read_from("0-0", false);
    cr_assert_not(query.gap, "there was none when it was told");
}

Test(memory_events, in_another_stores_place_that_ones_ids_are_no_gap_and_stay_as_they_are)
{
    stands_in = true;
    read_from("999999-1", false);
    cr_assert_not(query.gap);
    cr_assert_str_eq(query.after, "999999-1");
    add(START_MS + 10);
    read_from("1000020-4", false);
    cr_assert_eq(query.count, 0);
    cr_assert_not(query.gap);
    cr_assert_str_eq(query.after, "1000020-4", "that store goes on from there");
    for (int i = 1; i <= MEMORY_EVENTS_MAX; i++)
        add(START_MS + 20 + i);
    read_from("1000001-1", false);
    cr_assert(query.gap, "these were its own");
}

Test(memory_events, holds_the_latest_and_tells_of_a_gap_before_them)
{
    event_id id;

    for (int i = 1; i <= MEMORY_EVENTS_MAX + 10; i++)
        add(START_MS + i);
    read_from("", false);
    assert_first("1000011-11");
    cr_assert_not(query.gap);
    event_id_format(START_MS + 10, 10, id); /* the last of those that are lost */
    read_from(id, false);
    cr_assert_not(query.gap);
    assert_first("1000011-11");
    event_id_format(START_MS + 9, 9, id);
    read_from(id, false);
    cr_assert(query.gap);
    assert_first("1000011-11");
    read_from("0-0", false);
    cr_assert(query.gap);
    read_from(id, true);
    cr_assert_eq(query.count, 0);

    read_from("", true);
    for (int left = MEMORY_EVENTS_MAX; left > 0;) {
        cr_assert_gt(query.count, 0, "%d are missing", left);
        left -= (int)query.count;
        strcpy(id, query.after);
        read_from(id, true);
    }
    cr_assert_eq(query.count, 0);
}
