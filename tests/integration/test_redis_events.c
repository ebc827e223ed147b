/* The events in Redis: entries of other writers among them, and what is lost of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_operator.h"
#include "clock.h"
#include "redis_server.h"

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_events, .init = set_up, .fini = tear_down, .timeout = 100);

static const struct store_events *read_from(const char *after)
{
    static struct store_events wanted;

    wanted = (struct store_events){.most = STORE_PAGE_MAX};
    strcpy(wanted.after, after);
    return ask_events(&fixture, &wanted);
}

/* The only event there is. */
static struct event read_only(void)
{
    const struct store_events *all = read_from("");

    cr_assert_eq(all->count, 1);
    return all->events[0];
}

/* Writes some events, by a script, since there may be very many. */
static void write_many(int count)
{
    redis_server_do(redis, "EVAL %s 1 stream_events %d",
                    "for i = 1, ARGV[1] do "
                    "redis.call('XADD', KEYS[1], '*', 'type', 'started', 'familyId', 'f') end",
                    count);
}

/* ---- What others write ---- */

static void assert_names_are_empty(const struct event *event)
{
    const char *const texts[] = {event->session_id, event->user_id,  event->family_id,
                                 event->device_id,  event->media_id, event->cause,
                                 event->by};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_str_empty(texts[i]);
}

Test(redis_events, an_entry_without_anything_known_is_an_event_of_its_time)
{
    redis_server_do(redis, "XADD stream_events 1795219200123-7 their field type theirs");
    const struct event event = read_only();

    cr_assert_eq(event.type, EVENT_TYPE_COUNT);
    cr_assert_str_eq(event.id, "1795219200123-7");
    cr_assert_eq(event.time_ms, 1795219200123);
    cr_assert_eq(event.duration_s, -1);
    assert_names_are_empty(&event);
}

Test(redis_events, texts_that_are_none_are_empty)
{
    char longest[SESSION_NAME_MAX + 2] = "";

    memset(longest, 'x', sizeof longest - 1);
    redis_server_do(redis,
                    "XADD stream_events 5-1 type %b sessionId %b userId %s familyId %b deviceId %s "
                    "mediaId %s cause %b by %s time %s duration %s",
                    "started\0", 8, "\0", 1, "\xff", "f\0g", 3, "\x1b[31m", longest, "\xc0\x80", 2,
                    "\xed\xa0\x80", "yesterday", "12s");
    const struct event event = read_only();
    cr_assert_eq(event.type, EVENT_TYPE_COUNT);
    cr_assert_eq(event.time_ms, 5);
    cr_assert_eq(event.duration_s, -1);
    assert_names_are_empty(&event);
}

Test(redis_events, members_stand_in_any_order_among_others)
{
    redis_server_do(
        redis, "XADD stream_events 5-1 duration 7 x 1 by b cause c mediaId m deviceId d familyId f "
               "userId u y 2 sessionId s time 2026-11-20T23:40:00.123Z type stopped");
    const struct event event = read_only();
    cr_assert_eq(event.type, EVENT_STOPPED);
    cr_assert_str_eq(event.session_id, "s");
    cr_assert_str_eq(event.user_id, "u");
    cr_assert_str_eq(event.family_id, "f");
    cr_assert_str_eq(event.device_id, "d");
    cr_assert_str_eq(event.media_id, "m");
    cr_assert_str_eq(event.cause, "c");
    cr_assert_str_eq(event.by, "b");
    cr_assert_eq(event.time_ms, 1795218000123);
    cr_assert_eq(event.duration_s, 7);
}

Test(redis_events, a_duration_is_a_number_of_seconds_or_none)
{
    static const char *const durations[] = {"", "-1", "1.5", "1e3", " 7", "0x7", "999999999999"};

    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        redis_server_do(redis, "DEL stream_events");
        redis_server_do(redis, "XADD stream_events * duration %s", durations[i]);
        cr_assert_eq(read_only().duration_s, -1, "\"%s\"", durations[i]);
    }
}

Test(redis_events, are_none_where_the_key_holds_something_else)
{
    struct store_query query = {.events = {.most = 10}};
    const struct store_req req = {.op = STORE_EVENTS, .query = &query};

    redis_server_do(redis, "SET stream_events theirs");
    ASSERT_ERR(store_fixture_run(&fixture, 0, &req), ERR_INTERNAL);
}

/* ---- What is lost ---- */

Test(redis_events, one_that_another_writer_deleted_is_no_gap)
{
    event_id ids[3];

    write_many(3);
    for (int i = 0; i < 3; i++)
        strcpy(ids[i], read_from("")->events[i].id);
    redis_server_do(redis, "XDEL stream_events %s", ids[1]);
    const struct store_events *events = read_from(ids[1]);
    cr_assert_not(events->gap);
    cr_assert_eq(events->count, 1);
    cr_assert_str_eq(events->events[0].id, ids[2]);
}

Test(redis_events, those_that_went_with_redis_data_are_a_gap)
{
    event_id last;

    write_many(3);
    strcpy(last, read_from("")->after);
    redis_server_do(redis, "DEL stream_events");
    cr_assert(read_from(last)->gap);
    cr_assert_str_eq(read_from(last)->after, "0-0");
    write_many(2);
    const struct store_events *events = read_from(last);
    cr_assert(events->gap);
    cr_assert_eq(events->count, 2);
    cr_assert_not(read_from("0-0")->gap);
}

Test(redis_events, there_is_no_gap_before_the_first_that_ever_was)
{
    struct store_events newest = {.newest = true};
    event_id none_yet;

    strcpy(none_yet, ask_events(&fixture, &newest)->after);
    cr_assert_str_eq(none_yet, "0-0");
    write_many(2000);
    const struct store_events *events = read_from(none_yet);
    cr_assert_not(events->gap);
    cr_assert_eq(events->count, STORE_PAGE_MAX);
}

Test(redis_events, there_is_one_where_the_first_ones_were_trimmed)
{
    write_many(100200);
    redis_server_do(redis, "XTRIM stream_events MAXLEN 100000");
    cr_assert(read_from("0-0")->gap);
    cr_assert_not(read_from("")->gap);
}

Test(redis_events, there_is_nothing_before_the_first)
{
    struct store_events back = {.backwards = true, .most = 10, .after = "0-0"};

    write_many(3);
    cr_assert_eq(ask_events(&fixture, &back)->count, 0);
    strcpy(back.after, "0000-000");
    cr_assert_eq(ask_events(&fixture, &back)->count, 0);
    strcpy(back.after, "18446744073709551615-18446744073709551615");
    cr_assert_eq(ask_events(&fixture, &back)->count, 3);
}
