/*
 * The latest events of a family or a device.
 *
 * The feed is one for all, so its events are looked at from the newest on until enough are found. In one partition
 * that goes on question by question, until LOOK_BACK_MS are over; where there are many, each is asked once.
 */
#include <string.h>

#include "admin_private.h"
#include "clock.h"

#define LOOK_BACK_MS   500 /* in one partition */
#define LOOK_BACK_EACH 200 /* events that are looked at in each of many */

static void ask(struct admin_call *call, unsigned first, unsigned count);

/* Puts an event in its place; the oldest goes where there are enough. */
static void insert(struct admin_lately *lately, const struct event *event)
{
    size_t at = lately->count;

    while (at > 0 && lately->events[at - 1].time_ms < event->time_ms)
        at--;
    if (at == ADMIN_LATELY_MAX)
        return;
    if (lately->count == ADMIN_LATELY_MAX)
        buf_done(&lately->events[--lately->count].json);
    memmove(&lately->events[at + 1], &lately->events[at],
            (lately->count - at) * sizeof lately->events[0]);
    lately->count++;

    struct json_writer writer = {.out = &lately->events[at].json};
    lately->events[at] = (struct admin_late){.time_ms = event->time_ms};
    admin_write_event(&writer, event);
}

static void on_events(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct store_events *found = &req->query->events;
    struct admin_lately *lately = call->lately;
    (void)partition;

    for (size_t i = 0; i < found->count; i++)
        insert(lately, &found->events[i]);
    memcpy(lately->before, found->after, sizeof lately->before);
}

/* One partition was asked: there may be more behind what was looked at. */
static void on_one_done(struct admin_call *call)
{
    struct admin_lately *lately = call->lately;
    bool is_end = strcmp(lately->before, call->query.events.after) == 0;

    if (call->err == ERR_OK && !is_end && lately->count < ADMIN_LATELY_MAX &&
        clock_monotonic_ms() < lately->until_ms) {
        memcpy(call->query.events.after, lately->before, sizeof lately->before);
        ask(call, call->end - 1, 1);
        return;
    }
    lately->done(call);
}

static void ask(struct admin_call *call, unsigned first, unsigned count)
{
    admin_call_ask(call, STORE_EVENTS, first, count, on_events,
                   count == 1 ? on_one_done : call->lately->done);
}

void admin_lately_gather(struct admin_call *call, struct admin_lately *lately, unsigned first,
                         unsigned count, void (*done)(struct admin_call *call))
{
    const struct session *session = &call->ask.session;
    struct store_events *events = &call->query.events;

    *events = (struct store_events){
        .backwards = true,
        .most = count == 1 ? STORE_PAGE_MAX : LOOK_BACK_EACH,
    };
    strcpy(events->filter.family_id, session->family_id);
    strcpy(events->filter.device_id, session->device_id);
    call->lately = lately;
    lately->until_ms = clock_monotonic_ms() + LOOK_BACK_MS;
    lately->done = done;
    ask(call, first, count);
}

void admin_lately_write(struct json_writer *writer, struct admin_lately *lately)
{
    json_writer_begin_array(writer, "events");
    for (size_t i = 0; i < lately->count; i++) {
        const char *text = buf_text(&lately->events[i].json);

        if (text == NULL)
            writer->out->failed = true;
        else
            json_writer_raw(writer, NULL, text);
    }
    json_writer_end_array(writer);
}

void admin_lately_done(struct admin_lately *lately)
{
    for (size_t i = 0; i < lately->count; i++)
        buf_done(&lately->events[i].json);
    lately->count = 0;
}
