/* The store contract: an operator reads what happened, and goes on where he was. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

#include "ask_operator.h"
#include "feed.h"

/* Writes `count` events: those of even number are about the family "f", the others about "g"; each has
 * its number as its cause. */
static void write_events(struct store_fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        const struct session about = {.family_id = {i % 2 == 0 ? 'f' : 'g'}};
        char why[16];

        snprintf(why, sizeof why, "%d", i);
        ASSERT_ERR(ask_note(fixture, EVENT_DRAIN_STARTED, &about, "anna", why), ERR_OK);
    }
}

/* That an answer tells of these, by their causes: "0 1 2". */
static void assert_causes(const struct store_events *events, const char *expected)
{
    char causes[1000] = "";

    for (size_t i = 0; i < events->count; i++) {
        strcat(causes, i > 0 ? " " : "");
        strcat(causes, events->events[i].cause);
    }
    cr_assert_str_eq(causes, expected);
}

static struct store_events from(const char *after, uint32_t most)
{
    struct store_events wanted = {.most = most};

    strcpy(wanted.after, after);
    return wanted;
}

static struct store_events back_from(const char *before, uint32_t most)
{
    struct store_events wanted = from(before, most);

    wanted.backwards = true;
    return wanted;
}

/* Where those begin that come from now on. */
static void find_newest(struct store_fixture *fixture, event_id ret_id)
{
    const struct store_events wanted = {.most = 1, .newest = true};
    const struct store_events *answer = ask_events(fixture, &wanted);

    cr_assert_eq(answer->count, 0);
    strcpy(ret_id, answer->after);
}

/* ---- What an event tells ---- */

static void assert_same(const struct event *event, const struct feed_entry *entry)
{
    cr_assert_str_eq(event_type_word(event->type), entry->type);
    cr_assert_str_eq(event->session_id, entry->session_id);
    cr_assert_str_eq(event->user_id, entry->user_id);
    cr_assert_str_eq(event->family_id, entry->family_id);
    cr_assert_str_eq(event->device_id, entry->device_id);
    cr_assert_str_eq(event->media_id, entry->media_id);
    cr_assert_str_eq(event->cause, entry->cause);
    cr_assert_str_eq(event->by, entry->by);
    cr_assert_eq(event->time_ms, entry->time_ms);
    cr_assert_eq(event->duration_s, entry->duration_s);
}

CONTRACT_TEST(feed, tells_every_event_as_it_was_written)
{
    fixture->options.family_limit = 2;
    const struct session tv = ask_begin(fixture, "f \"1\"", "t\\v"),
                         phone = ask_begin(fixture, "f \"1\"", "phone \xe2\x98\x95");
    const struct session late = ask_session("f \"1\"", "tablet"), nobody = {0};
    const struct store_end end = {.reason = END_REPLACED, .by = "Anna's phone"};

    ASSERT_ERR(ask_create(fixture, &late), ERR_FAMILY_LIMIT);
    ask_end_with(fixture, &tv, &end);
    ask_end(fixture, &phone, END_STOPPED);
    ask_revoke(fixture, "", "tv", "stolen", 60000);
    ask_revoke(fixture, "", "tv", "", 0);
    ask_set_limits(fixture, "f", 1, 1, 0);
    ask_note(fixture, EVENT_DRAIN_ENDED, &nobody, "anna", "over");

    const struct feed *feed = feed_read(fixture);
    const struct store_events wanted = from("", STORE_PAGE_MAX);
    const struct store_events *answer = ask_events(fixture, &wanted);
    cr_assert_eq(answer->count, feed->count);
    cr_assert_eq(answer->count, 9);
    for (size_t i = 0; i < feed->count; i++)
        assert_same(&answer->events[i], &feed->entries[i]);
}

CONTRACT_TEST(feed, ids_only_grow)
{
    const struct store_events wanted = from("", 100);
    uint64_t last_ms = 0, last_number = 0;

    write_events(fixture, 100);
    const struct store_events *answer = ask_events(fixture, &wanted);
    cr_assert_eq(answer->count, 100);
    for (size_t i = 0; i < 100; i++) {
        uint64_t ms, number;

        cr_assert_eq(event_id_parse(answer->events[i].id, &ms, &number), 0, "%s",
                     answer->events[i].id);
        cr_assert(ms > last_ms || (ms == last_ms && number > last_number), "at %zu", i);
        last_ms = ms;
        last_number = number;
    }
}

/* ---- Forwards ---- */

CONTRACT_TEST(feed, begins_with_the_first_event)
{
    const struct store_events few = from("", 3), many = from("", 20);

    write_events(fixture, 5);
    const struct store_events *answer = ask_events(fixture, &few);
    assert_causes(answer, "0 1 2");
    cr_assert_not(answer->gap);
    cr_assert_str_eq(answer->after, answer->events[2].id);
    assert_causes(ask_events(fixture, &many), "0 1 2 3 4");
}

CONTRACT_TEST(feed, goes_on_behind_any_event)
{
    enum { EVENTS = 6 };
    static const char *const behind[EVENTS] = {"1 2 3 4 5", "2 3 4 5", "3 4 5", "4 5", "5", ""};
    const struct store_events all = from("", EVENTS);
    event_id ids[EVENTS];

    write_events(fixture, EVENTS);
    const struct store_events *answer = ask_events(fixture, &all);
    for (int i = 0; i < EVENTS; i++)
        strcpy(ids[i], answer->events[i].id);
    for (int i = 0; i < EVENTS; i++) {
        const struct store_events wanted = from(ids[i], EVENTS);

        answer = ask_events(fixture, &wanted);
        assert_causes(answer, behind[i]);
        cr_assert_not(answer->gap);
        cr_assert_str_eq(answer->after, ids[EVENTS - 1]);
    }
}

CONTRACT_TEST(feed, tells_each_event_once_to_one_who_goes_on)
{
    enum { EVENTS = 30 };
    struct store_events wanted = from("", 7);
    int seen = 0;

    write_events(fixture, EVENTS);
    for (;;) {
        const struct store_events *answer = ask_events(fixture, &wanted);
        bool over = strcmp(answer->after, wanted.after) == 0;

        cr_assert_not(answer->gap);
        cr_assert_eq(answer->count == 0, over);
        for (size_t i = 0; i < answer->count; i++) {
            char expected[16];

            snprintf(expected, sizeof expected, "%d", seen++ % EVENTS);
            cr_assert_str_eq(answer->events[i].cause, expected);
        }
        strcpy(wanted.after, answer->after);
        if (over && seen == 2 * EVENTS)
            break;
        if (over) /* and once more happens what happened */
            write_events(fixture, EVENTS);
        cr_assert_leq(seen, 2 * EVENTS);
    }
}

CONTRACT_TEST(feed, stays_where_it_is_while_nothing_happens)
{
    struct store_events wanted = from("", 10);

    strcpy(wanted.after, ask_events(fixture, &wanted)->after);
    cr_assert_str_empty(wanted.after);
    write_events(fixture, 1);
    strcpy(wanted.after, ask_events(fixture, &wanted)->after);
    cr_assert_str_not_empty(wanted.after);
    for (int i = 0; i < 3; i++) {
        const struct store_events *answer = ask_events(fixture, &wanted);

        cr_assert_eq(answer->count, 0);
        cr_assert_not(answer->gap);
        cr_assert_str_eq(answer->after, wanted.after);
    }
}

CONTRACT_TEST(feed, begins_with_the_next_event)
{
    event_id newest;

    find_newest(fixture, newest);
    cr_assert_str_eq(newest, "0-0", "there is none yet");
    write_events(fixture, 2);
    struct store_events wanted = from(newest, 10);
    const struct store_events *answer = ask_events(fixture, &wanted);
    assert_causes(answer, "0 1");
    cr_assert_not(answer->gap);

    find_newest(fixture, newest);
    wanted = from(newest, 10);
    assert_causes(ask_events(fixture, &wanted), "");
    write_events(fixture, 1);
    assert_causes(ask_events(fixture, &wanted), "0");
}

/* ---- Backwards ---- */

CONTRACT_TEST(feed, goes_back_from_the_newest_to_the_first)
{
    static const char *const pages[] = {"6 5 4", "3 2 1", "0", ""};
    struct store_events wanted = back_from("", 3);

    write_events(fixture, 7);
    for (int i = 0; i < 4; i++) {
        const struct store_events *answer = ask_events(fixture, &wanted);

        assert_causes(answer, pages[i]);
        cr_assert_not(answer->gap);
        if (answer->count > 0)
            cr_assert_str_eq(answer->after, answer->events[answer->count - 1].id);
        else
            cr_assert_str_eq(answer->after, wanted.after);
        strcpy(wanted.after, answer->after);
    }
}

CONTRACT_TEST(feed, goes_back_from_nothing_to_nothing)
{
    const struct store_events wanted = back_from("", 3);
    const struct store_events *answer = ask_events(fixture, &wanted);

    cr_assert_eq(answer->count, 0);
    cr_assert_str_empty(answer->after);
}

/* ---- Filters ---- */

CONTRACT_TEST(feed, looks_at_so_many_and_tells_those_that_match)
{
    struct store_events wanted = from("", 4);

    wanted.filter = (struct store_filter){.family_id = "g"};
    write_events(fixture, 10);
    const struct store_events *answer = ask_events(fixture, &wanted);
    assert_causes(answer, "1 3");
    strcpy(wanted.after, answer->after);
    answer = ask_events(fixture, &wanted);
    assert_causes(answer, "5 7");
    strcpy(wanted.after, answer->after);
    assert_causes(ask_events(fixture, &wanted), "9");

    wanted = back_from("", 4);
    wanted.filter = (struct store_filter){.family_id = "f"};
    assert_causes(ask_events(fixture, &wanted), "8 6");
}

CONTRACT_TEST(feed, moves_on_past_what_does_not_match)
{
    struct store_events wanted = from("", 4);
    event_id newest;

    wanted.filter = (struct store_filter){.family_id = "nobody"};
    write_events(fixture, 8);
    find_newest(fixture, newest);
    for (int i = 0; i < 2; i++) {
        const struct store_events *answer = ask_events(fixture, &wanted);

        cr_assert_eq(answer->count, 0);
        cr_assert_str_neq(answer->after, wanted.after);
        strcpy(wanted.after, answer->after);
    }
    cr_assert_str_eq(wanted.after, newest);
}

CONTRACT_TEST(feed, tells_of_those_that_agree_with_every_part_of_a_filter)
{
    const char *const families[] = {"", "f", "g", "f*"}, *const devices[] = {"", "tv", "phone"},
                      *const users[] = {"", "u1", "u2"}, *const media[] = {"", "m1", "m2"};
    struct store_events wanted = from("", STORE_PAGE_MAX);

    for (int i = 0; i < 16; i++) {
        struct session about = {0};

        strcpy(about.family_id, families[1 + i % 2]);
        strcpy(about.device_id, devices[1 + i / 2 % 2]);
        strcpy(about.user_id, users[1 + i / 4 % 2]);
        strcpy(about.media_id, media[1 + i / 8]);
        ask_note(fixture, EVENT_DRAIN_STARTED, &about, "", "");
    }
    for (int i = 0; i < 4 * 3 * 3 * 3; i++) {
        int f = i % 4, d = i / 4 % 3, u = i / 12 % 3, m = i / 36;
        size_t expected = 16;

        strcpy(wanted.filter.family_id, families[f]);
        strcpy(wanted.filter.device_id, devices[d]);
        strcpy(wanted.filter.user_id, users[u]);
        strcpy(wanted.filter.media_id, media[m]);
        expected = f == 3 ? 0 : expected >> ((f > 0) + (d > 0) + (u > 0) + (m > 0));
        cr_assert_eq(ask_events(fixture, &wanted)->count, expected, "%d %d %d %d", f, d, u, m);
    }
}

/* ---- What is lost, and what never was ---- */

CONTRACT_TEST(feed, tells_of_a_gap_where_there_were_too_many)
{
    const struct store_events all = from("", 5);
    event_id first, newest;

    write_events(fixture, 5);
    strcpy(first, ask_events(fixture, &all)->events[0].id);
    feed_lose(fixture);
    const struct store_events lost = from(first, 5);
    const struct store_events *answer = ask_events(fixture, &lost);
    cr_assert(answer->gap);
    cr_assert_geq(answer->count, 1, "what is there is told");
    cr_assert_eq(answer->events[0].type, EVENT_DRAIN_STARTED);
    cr_assert_str_empty(answer->events[0].cause);

    find_newest(fixture, newest);
    write_events(fixture, 2);
    const struct store_events next = from(newest, 5);
    answer = ask_events(fixture, &next);
    assert_causes(answer, "0 1");
    cr_assert_not(answer->gap, "none behind that one was lost");
    cr_assert_not(ask_events(fixture, &all)->gap, "who begins has missed nothing");
    const struct store_events back = back_from(first, 5);
    answer = ask_events(fixture, &back);
    cr_assert_eq(answer->count, 0);
    cr_assert_not(answer->gap);
}

CONTRACT_TEST(feed, refuses_what_is_no_events_id)
{
    const char *const wrong[] = {"x",
                                 "1",
                                 "-",
                                 "1-",
                                 "-1",
                                 "1-2-3",
                                 " 1-2",
                                 "1-2 ",
                                 "+",
                                 "$",
                                 "1-x",
                                 "0x1-2",
                                 "18446744073709551616-0"};

    write_events(fixture, 2);
    for (size_t i = 0; i < 2 * sizeof wrong / sizeof wrong[0]; i++) {
        struct store_query query = {.events = from(wrong[i / 2], 10)};
        const struct store_req req = {.op = STORE_EVENTS, .query = &query};

        query.events.backwards = i % 2 == 1;
        const struct store_req *answer = store_fixture_run(fixture, 0, &req);
        cr_assert_eq(answer->err, ERR_INVALID_REQUEST, "%s", wrong[i / 2]);
        cr_assert_eq(answer->query->events.count, 0);
    }
}

CONTRACT_TEST(feed, goes_on_with_the_next_event_behind_an_id_of_the_future)
{
    struct store_events after = from("18446744073709551615-7", 10);
    const struct store_events before = back_from("18446744073709551615-7", 10);
    event_id newest;

    write_events(fixture, 3);
    assert_causes(ask_events(fixture, &before), "2 1 0");
    find_newest(fixture, newest);
    const struct store_events *answer = ask_events(fixture, &after);
    cr_assert_eq(answer->count, 0);
    cr_assert(answer->gap, "whatever it followed, it isn't here");
    cr_assert_str_eq(answer->after, newest);

    strcpy(after.after, newest);
    write_events(fixture, 1);
    answer = ask_events(fixture, &after);
    assert_causes(answer, "0");
    cr_assert_not(answer->gap);
}

CONTRACT_TEST(feed, goes_on_with_the_first_event_where_all_that_was_is_lost)
{
    struct store_events wanted = from("", 10);

    write_events(fixture, 3);
    strcpy(wanted.after, ask_events(fixture, &wanted)->after);
    store_fixture_lose(fixture);
    const struct store_events *answer = ask_events(fixture, &wanted);
    cr_assert(answer->gap);
    cr_assert_str_eq(answer->after, "0-0");

    strcpy(wanted.after, answer->after);
    cr_assert_not(ask_events(fixture, &wanted)->gap);
    write_events(fixture, 1);
    answer = ask_events(fixture, &wanted);
    assert_causes(answer, "0");
    cr_assert_not(answer->gap);
}
