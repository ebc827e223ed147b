/*
 * The live feed: asks the store for what is new, and hands it to the watchers.
 *
 * The first watcher starts the tick, and has every partition asked for its latest event, from which on it is
 * read; the last one stops it. What a question brings after that belongs to an earlier round, and is passed over.
 * Where a partition's latest event can't be known, because the store is away, it is read from about now on.
 *
 * While the embedded store answers in Redis' place it tells events of its own, at places of its own. These are
 * read beside (stand_in): the place in Redis' order stays where it was, and what others did meanwhile, and what
 * the return adopts, is read from there on when Redis is back.
 */
#include "event_feed_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "http_request.h"
#include "http_stream.h"
#include "loop.h"

enum {
    TICK_MS = 200,
    TICKS_A_ROUND = 5,    /* in which each partition is asked, where there are many */
    TICKS_A_COMMENT = 75, /* 15 s */
    MORE_MS = 20,         /* between full answers, so that watchers can take what they are sent */
    UNSURE_MS = 1000 /* how far before now a partition is read whose latest event isn't known */
};

/* A question for all watchers. */
struct question {
    struct store_req req;     /* to the store */
    struct store_query query; /* the same */
    struct event_feed *feed;  /* whose it is */
    uint64_t round;           /* in which it was asked */
    unsigned partition;       /* that it is about */
    bool of_stand_in;         /* asked from stand_in on */
};

/* ---- Telling ---- */

static void tell_all(struct event_feed *feed, const char *text)
{
    struct event_watcher *watcher;

    TAILQ_FOREACH(watcher, &feed->watchers, links)
    event_watcher_send(watcher, text);
}

/* Writes how the store is. */
static void write_state(const struct event_feed *feed, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "event: store\ndata: {\"kind\":\"%s\",\"state\":\"%s\"}\n\n",
             store_kind(feed->store), store_state_word(feed->state));
}

static void tell_state(struct event_feed *feed)
{
    enum store_state state = store_state(feed->store);
    char text[128];

    if (state == feed->state)
        return;
    feed->state = state;
    write_state(feed, text, sizeof text);
    tell_all(feed, text);
}

static void tell_events(struct event_feed *feed, unsigned partition,
                        const struct store_events *events, bool with_id)
{
    struct event_text text = {0};
    struct event_watcher *watcher;

    for (size_t i = 0; i < events->count; i++) {
        event_text_write(&text, &events->events[i]);
        TAILQ_FOREACH(watcher, &feed->watchers, links)
        event_watcher_tell(watcher, partition, &events->events[i], &text, with_id);
    }
    buf_done(&text.text);
}

static void tell_gap(struct event_feed *feed, unsigned partition)
{
    struct event_watcher *watcher;

    TAILQ_FOREACH(watcher, &feed->watchers, links)
    if (watcher->live[partition])
        event_watcher_tell_gap(watcher);
}

/* ---- Asking ---- */

void event_feed_ask(struct event_feed *feed, unsigned partition, const char *after, bool newest,
                    struct store_req *req, struct store_query *query,
                    void (*done)(struct store_req *req))
{
    struct store_events *events = &query->events;

    req->op = STORE_EVENTS;
    req->deadline_ms = clock_monotonic_ms() + feed->timeout_ms;
    req->done = done;
    req->query = query;
    if (feed->store->partitions > 1)
        memcpy(req->session.id, partition_tag(partition), PARTITION_TAG_LEN);
    events->backwards = false;
    events->most = EVENT_FEED_MOST;
    events->newest = newest;
    strcpy(events->after, after);
    store_submit(feed->store, req);
}

bool event_feed_is_current(const struct event_feed *feed)
{
    int64_t since_ms = clock_monotonic_ms() - EVENT_FEED_LAG_MS;

    for (unsigned i = 0; feed->store->partitions > 1 && i < feed->store->partitions; i++)
        if (feed->partitions[i].read_ms < since_ms)
            return false;
    return true;
}

static void on_answer(struct store_req *req);

static void ask(struct event_feed *feed, unsigned partition)
{
    struct feed_partition *part = &feed->partitions[partition];
    struct question *question;

    if (part->asking || feed->closed || (question = calloc(1, sizeof *question)) == NULL)
        return; /* the next tick asks again */
    part->asking = true;
    part->more = false;
    question->feed = feed;
    question->round = feed->round;
    question->partition = partition;
    question->of_stand_in = part->stand_in[0] != '\0';
    event_feed_ask(feed, partition, question->of_stand_in ? part->stand_in : part->after,
                   part->after[0] == '\0', &question->req, &question->query, on_answer);
}

/* From where on a partition is read for all is known now. */
static void take_newest(struct event_feed *feed, struct feed_partition *part,
                        const struct store_req *req)
{
    struct event_watcher *watcher;

    if (req->err == ERR_OK && !req->in_place)
        strcpy(part->after, req->query->events.after);
    else
        event_id_format((uint64_t)(clock_wall_ms() - UNSURE_MS), 0, part->after);
    part->read_ms = clock_monotonic_ms();
    if (--feed->unready > 0)
        return;
    TAILQ_FOREACH(watcher, &feed->watchers, links)
    event_watcher_greet(watcher);
}

static void on_more(uv_timer_t *timer);

/* Has a partition asked before the next tick. */
static void ask_soon(struct event_feed *feed, struct feed_partition *part)
{
    part->more = true;
    if (!uv_is_active((const uv_handle_t *)&feed->clock->more))
        uv_timer_start(&feed->clock->more, on_more, MORE_MS, 0);
}

/* Tells what is new. */
static void take_events(struct question *question, struct feed_partition *part)
{
    struct event_feed *feed = question->feed;
    const struct store_events *events = &question->query.events;

    if (question->req.err != ERR_OK)
        return;
    if (question->req.in_place) {
        tell_events(feed, PARTITION_COUNT, events, false);
        strcpy(part->stand_in, events->after);
        return;
    }
    if (question->of_stand_in) { /* that is no place in this order */
        part->stand_in[0] = '\0';
        ask_soon(feed, part);
        return;
    }
    if (events->gap)
        tell_gap(feed, question->partition);
    part->read_ms = clock_monotonic_ms();
    tell_events(feed, question->partition, events, event_feed_is_current(feed));
    strcpy(part->after, events->after);
    if (events->count == EVENT_FEED_MOST)
        ask_soon(feed, part);
}

static void on_answer(struct store_req *req)
{
    struct question *question = CONTAINER_OF(req, struct question, req);
    struct event_feed *feed = question->feed;
    struct feed_partition *part = &feed->partitions[question->partition];

    if (question->round == feed->round && feed->clock != NULL) {
        part->asking = false;
        if (part->after[0] == '\0')
            take_newest(feed, part, req);
        else
            take_events(question, part);
    }
    free(question);
}

/* ---- Ticking ---- */

static void on_more(uv_timer_t *timer)
{
    struct event_feed *feed = CONTAINER_OF(timer, struct feed_clock, more)->feed;

    for (unsigned i = 0; i < feed->store->partitions; i++)
        if (feed->partitions[i].more)
            ask(feed, i);
}

static void on_tick(uv_timer_t *timer)
{
    struct event_feed *feed = CONTAINER_OF(timer, struct feed_clock, tick)->feed;
    unsigned count = feed->store->partitions;
    unsigned step = count > 1 ? TICKS_A_ROUND : 1;
    struct event_watcher *watcher;

    feed->ticks++;
    tell_state(feed);
    for (unsigned i = feed->ticks % step; i < count; i += step)
        ask(feed, i);
    TAILQ_FOREACH(watcher, &feed->watchers, links)
    event_watcher_catch_up(watcher);
    if (feed->ticks % TICKS_A_COMMENT == 0)
        tell_all(feed, ":\n\n");
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct feed_clock *clock = handle->data;

    if (--clock->handles == 0)
        free(clock);
}

static void stop(struct event_feed *feed)
{
    struct feed_clock *clock = feed->clock;

    if (clock == NULL)
        return;
    uv_close((uv_handle_t *)&clock->tick, on_timer_closed);
    uv_close((uv_handle_t *)&clock->more, on_timer_closed);
    feed->clock = NULL;
}

/* Somebody watches, and nobody did. Returns 0; -1 where memory runs out. */
static int start(struct event_feed *feed)
{
    unsigned count = feed->store->partitions;

    struct feed_clock *clock = malloc(sizeof *clock);

    if (clock == NULL)
        return -1;
    clock->feed = feed;
    clock->handles = 2;
    uv_timer_init(&feed->store->loop->uv, &clock->tick); /* these cannot fail */
    uv_timer_init(&feed->store->loop->uv, &clock->more);
    clock->tick.data = clock->more.data = clock;
    uv_timer_start(&clock->tick, on_tick, TICK_MS, TICK_MS);
    feed->clock = clock;
    feed->ticks = 0;
    feed->round++;
    feed->state = store_state(feed->store);
    feed->unready = count;
    memset(feed->partitions, 0, count * sizeof feed->partitions[0]);
    for (unsigned i = 0; i < count; i++)
        ask(feed, i);
    return 0;
}

/* ---- Watchers ---- */

void event_feed_lose(struct event_feed *feed, struct event_watcher *watcher)
{
    TAILQ_REMOVE(&feed->watchers, watcher, links);
    if (--feed->watcher_count == 0)
        stop(feed);
}

void event_feed_watch(struct event_feed *feed, struct http_request *http,
                      const struct event_filter *filter, const char *last_id)
{
    struct event_watcher *watcher;
    char text[128];

    if (feed->closed) {
        http_problem(http, ERR_SHUTTING_DOWN, NULL);
        return;
    }
    if (feed->watcher_count == EVENT_FEED_WATCHERS_MAX) {
        http_problem(http, ERR_OVERLOADED, "as many watch as may: try again later");
        return;
    }
    if (feed->clock == NULL && start(feed) != 0) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return;
    }
    watcher = event_watcher_new(feed, http, filter, last_id);
    if (watcher == NULL) {
        if (feed->watcher_count == 0)
            stop(feed);
        return;
    }
    TAILQ_INSERT_TAIL(&feed->watchers, watcher, links);
    feed->watcher_count++;
    if (feed->unready == 0)
        event_watcher_greet(watcher);
    if (feed->state != STORE_UP) {
        write_state(feed, text, sizeof text);
        event_watcher_send(watcher, text);
    }
}

/* ---- The feed itself ---- */

struct event_feed *event_feed_new(struct store *store, int64_t timeout_ms)
{
    struct event_feed *feed =
        calloc(1, sizeof *feed + store->partitions * sizeof feed->partitions[0]);

    if (feed == NULL)
        return NULL;
    feed->store = store;
    feed->timeout_ms = timeout_ms;
    TAILQ_INIT(&feed->watchers);
    return feed;
}

void event_feed_dismiss(struct event_feed *feed)
{
    struct event_watcher *watcher;

    if (feed == NULL)
        return;
    TAILQ_FOREACH(watcher, &feed->watchers, links)
    http_stream_end(watcher->stream);
}

void event_feed_close(struct event_feed *feed)
{
    if (feed == NULL)
        return;
    feed->closed = true;
    stop(feed);
}

void event_feed_free(struct event_feed *feed)
{
    free(feed);
}
