/*
 * One who watches the live feed: what it wants, where it is told, and how it catches up.
 *
 * One that names no event is told by the feed from the start on. One that resumes asks the store itself, one
 * partition after the other, from where it was on, until it has met the feed there: from then on it is live in
 * that partition. Each answer is asked for when the one before has been taken, so a resume over many events is as
 * fast as its client and holds few in memory. A partition that doesn't answer is left for later.
 */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "container_of.h"
#include "event_feed_private.h"
#include "http_stream.h"

/* What may wait for a slow client: more than the answer to one question. */
#define MOST_WAITING (2 * 1024 * 1024)

int event_id_compare(const char *a, const char *b)
{
    uint64_t a_ms = 0, a_number = 0, b_ms = 0, b_number = 0;

    event_id_parse(a, &a_ms, &a_number); /* "" is before all */
    event_id_parse(b, &b_ms, &b_number);
    if (a_ms != b_ms)
        return a_ms < b_ms ? -1 : 1;
    return a_number < b_number ? -1 : a_number > b_number;
}

void event_text_write(struct event_text *text, const struct event *event)
{
    struct json_writer writer = {.out = &text->text};

    buf_clear(&text->text);
    buf_printf(&text->text, "id: %s\n", event->id);
    text->id_len = text->text.len;
    if (event->type < EVENT_TYPE_COUNT)
        buf_printf(&text->text, "event: %s\n", event_type_word(event->type));
    buf_add_str(&text->text, "data: ");
    admin_write_event(&writer, event);
    buf_add_str(&text->text, "\n\n");
}

/* ---- Sending ---- */

void event_watcher_send(struct event_watcher *watcher, const char *text)
{
    http_stream_send(watcher->stream, text, strlen(text));
}

void event_watcher_greet(struct event_watcher *watcher)
{
    if (watcher->greeted)
        return;
    watcher->greeted = true;
    event_watcher_send(watcher, "retry: 2000\n\n");
    event_watcher_catch_up(watcher);
}

void event_watcher_tell_gap(struct event_watcher *watcher)
{
    event_watcher_send(watcher, "event: gap\ndata: {}\n\n");
}

static bool agrees(const char *wanted, const char *text)
{
    return wanted[0] == '\0' || strcmp(wanted, text) == 0;
}

static bool wants(const struct event_filter *filter, const struct event *event)
{
    const struct store_filter *names = &filter->names;

    return (filter->types == 0 ||
            (event->type < EVENT_TYPE_COUNT && (filter->types >> event->type & 1) != 0)) &&
           agrees(names->family_id, event->family_id) &&
           agrees(names->device_id, event->device_id) && agrees(names->user_id, event->user_id) &&
           agrees(names->media_id, event->media_id);
}

static void send_event(struct event_watcher *watcher, const struct event_text *text, bool with_id)
{
    size_t skip = with_id ? 0 : text->id_len;

    if (!text->text.failed)
        http_stream_send(watcher->stream, text->text.data + skip, text->text.len - skip);
}

/* Whether the store's partitions are apart. */
static bool is_apart(const struct event_watcher *watcher)
{
    return watcher->feed->store->partitions > 1;
}

static bool is_live(const struct event_watcher *watcher)
{
    return watcher->live_count == watcher->feed->store->partitions;
}

void event_watcher_tell(struct event_watcher *watcher, unsigned partition,
                        const struct event *event, const struct event_text *text, bool with_id)
{
    bool is_due = partition == PARTITION_COUNT || watcher->live[partition];

    if (!is_due || !wants(&watcher->filter, event))
        return;
    if (with_id && watcher->after[0] != '\0' && !is_apart(watcher)) {
        if (event_id_compare(event->id, watcher->after) <= 0)
            return;               /* its own question was faster */
        watcher->after[0] = '\0'; /* what follows is behind it, too */
    }
    send_event(watcher, text, with_id && is_live(watcher));
}

/* ---- Catching up ---- */

/* The next partition from `at` on with which it has to catch up, and which answers; or none: the count. */
static unsigned next_to_catch_up(const struct event_watcher *watcher)
{
    const struct store *store = watcher->feed->store;

    for (unsigned i = 0; i < store->partitions; i++) {
        unsigned partition = (watcher->at + i) % store->partitions;
        enum store_state state = store_state_of(store, partition);

        if (!watcher->live[partition] && (state == STORE_UP || state == STORE_RETURNING))
            return partition;
    }
    return store->partitions;
}

/* Goes to the next partition, where it begins anew. */
static void go_on(struct event_watcher *watcher)
{
    if (!is_apart(watcher))
        return;
    watcher->at = (watcher->at + 1) % watcher->feed->store->partitions;
    strcpy(watcher->after, watcher->from);
}

static void become_live(struct event_watcher *watcher)
{
    watcher->live[watcher->at] = true;
    watcher->live_count++;
    go_on(watcher);
}

/* Sends what a question found. */
static void send_found(struct event_watcher *watcher, const struct store_events *events)
{
    struct event_text text = {0};

    if (events->gap && !watcher->told_gap) {
        watcher->told_gap = true;
        event_watcher_tell_gap(watcher);
    }
    for (size_t i = 0; i < events->count; i++) {
        if (!wants(&watcher->filter, &events->events[i]))
            continue;
        event_text_write(&text, &events->events[i]);
        send_event(watcher, &text, !is_apart(watcher));
        watcher->sending = true;
    }
    buf_done(&text.text);
}

/*
 * It named an event that the feed hasn't come to. Either the feed is a little behind; or there is no such event,
 * because the store was made anew or its clock set back: then something is lost.
 */
static void take_newest(struct event_watcher *watcher, const struct store_events *events)
{
    if (event_id_compare(watcher->after, events->after) > 0) {
        event_watcher_tell_gap(watcher);
        strcpy(watcher->after, events->after);
    }
    become_live(watcher);
}

static void take_events(struct event_watcher *watcher, const struct store_events *events)
{
    const char *feed_is_at = watcher->feed->partitions[watcher->at].after;
    bool is_end =
        strcmp(events->after, watcher->after) == 0 && strcmp(feed_is_at, watcher->feed_was_at) == 0;

    send_found(watcher, events);
    strcpy(watcher->after, events->after);
    if (is_end || event_id_compare(watcher->after, feed_is_at) >= 0)
        become_live(watcher);
}

static void on_answer(struct store_req *req)
{
    struct event_watcher *watcher = CONTAINER_OF(req, struct event_watcher, req);

    watcher->asking = false;
    if (watcher->stream == NULL) {
        free(watcher);
        return;
    }
    if (req->err != ERR_OK || req->in_place) {
        go_on(watcher); /* the tick asks again */
        return;
    }
    if (req->query->events.newest)
        take_newest(watcher, &req->query->events);
    else
        take_events(watcher, &req->query->events);
    event_watcher_catch_up(watcher);
}

void event_watcher_catch_up(struct event_watcher *watcher)
{
    struct event_feed *feed = watcher->feed;

    if (is_live(watcher) || watcher->asking || watcher->sending || !watcher->greeted ||
        feed->closed)
        return;
    unsigned partition = next_to_catch_up(watcher);
    if (partition == feed->store->partitions)
        return; /* the tick asks again */
    if (partition != watcher->at) {
        watcher->at = partition;
        strcpy(watcher->after, watcher->from);
    }

    const char *feed_is_at = feed->partitions[partition].after;
    bool is_ahead = !is_apart(watcher) && event_id_compare(watcher->after, feed_is_at) > 0;
    strcpy(watcher->feed_was_at, feed_is_at);
    watcher->asking = true;
    watcher->query.events.filter = watcher->filter.names;
    event_feed_ask(feed, partition, watcher->after, is_ahead, &watcher->req, &watcher->query,
                   on_answer);
}

/* ---- Beginning and end ---- */

/* The stream is over. */
static void on_closed(void *arg)
{
    struct event_watcher *watcher = arg;

    watcher->stream = NULL;
    event_feed_lose(watcher->feed, watcher);
    if (!watcher->asking)
        free(watcher);
}

/* All that was sent has been taken. */
static void on_drained(void *arg)
{
    struct event_watcher *watcher = arg;

    watcher->sending = false;
    event_watcher_catch_up(watcher);
}

/* Sets where it begins. */
static void set_place(struct event_watcher *watcher, const char *last_id)
{
    unsigned partitions = watcher->feed->store->partitions;
    uint64_t ms = 0, number = 0;

    if (last_id[0] == '\0') {
        watcher->live_count = partitions;
        memset(watcher->live, true, partitions);
        return;
    }
    if (partitions > 1 && watcher->filter.names.family_id[0] != '\0') { /* in one alone */
        watcher->at = partition_of(watcher->filter.names.family_id);
        watcher->live_count = partitions - 1;
        memset(watcher->live, true, partitions);
        watcher->live[watcher->at] = false;
    }
    event_id_parse(last_id, &ms, &number);
    if (partitions > 1) {
        ms -= ms < EVENT_FEED_BACK_MS ? ms : EVENT_FEED_BACK_MS;
        number = 0;
    }
    event_id_format(ms, number, watcher->from);
    strcpy(watcher->after, watcher->from);
}

struct event_watcher *event_watcher_new(struct event_feed *feed, struct http_request *http,
                                        const struct event_filter *filter, const char *last_id)
{
    struct event_watcher *watcher = calloc(1, sizeof *watcher);
    const struct http_stream_options options = {.most_waiting = MOST_WAITING,
                                                .arg = watcher,
                                                .on_closed = on_closed,
                                                .on_drained = on_drained};

    if (watcher == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    watcher->feed = feed;
    watcher->filter = *filter;
    set_place(watcher, last_id);
    watcher->stream = http_reply_stream(http, "text/event-stream", &options);
    if (watcher->stream == NULL) {
        free(watcher);
        return NULL;
    }
    return watcher;
}
