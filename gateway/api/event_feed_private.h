/* What event_feed.c and event_watcher.c share, and nobody else includes. */
#ifndef EVENT_FEED_PRIVATE_H
#define EVENT_FEED_PRIVATE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "buf.h"
#include "event_feed.h"
#include "partition.h"
#include "store.h"

#define EVENT_FEED_MOST 500 /* events asked for at once */

/* How far one of the store's partitions has been read for all watchers. */
struct feed_partition {
    event_id after;    /* up to this event; "": it isn't known yet */
    event_id stand_in; /* the same, of what answers in the store's place; "": nothing does */
    int64_t read_ms;   /* when it was read last; monotonic clock */
    bool asking;       /* a question is out */
    bool more;         /* there was more than fitted into the last answer */
};

/* What makes it ask; has a life of its own, since handles close later than they are let go. */
struct feed_clock {
    struct event_feed *feed; /* whose it is */
    uv_timer_t tick;         /* always running */
    uv_timer_t more;         /* runs while there is more to be read */
    unsigned handles;        /* that aren't closed yet */
};

struct event_feed {
    struct store *store;                  /* the thread's */
    int64_t timeout_ms;                   /* for a question */
    struct feed_clock *clock;             /* there while anybody watches, else NULL */
    unsigned ticks;                       /* since it began to */
    uint64_t round;                       /* of watching: grows with each beginning */
    unsigned unready;                     /* partitions whose `after` isn't known yet */
    bool closed;                          /* nothing is asked any more */
    enum store_state state;               /* as the watchers were told */
    TAILQ_HEAD(, event_watcher) watchers; /* in no order */
    unsigned watcher_count;               /* of them */
    struct feed_partition partitions[];   /* the store's */
};

/* An event as it is sent. */
struct event_text {
    struct buf text; /* "id: …\nevent: …\ndata: …\n\n" */
    size_t id_len;   /* bytes of the line that may be left out */
};

struct event_watcher {
    struct event_feed *feed;    /* that it watches */
    struct http_stream *stream; /* where it is told; NULL: it has left */
    struct event_filter filter; /* what it is told */
    bool greeted;               /* retry: has been sent */
    event_id from;              /* behind which it was to resume, going back included; or "" */
    event_id after;             /* up to this event it has been told, in the partition `at` */
    event_id feed_was_at;       /* where the feed was when it was asked for more */
    unsigned at;                /* the partition that it catches up with, or did last */
    unsigned live_count; /* partitions of which it is told by the feed: in all it missed nothing */
    bool live[PARTITION_COUNT];       /* which */
    bool asking;                      /* a question of its own is out */
    bool sending;                     /* what it was told of that has still to be taken */
    bool told_gap;                    /* that something is lost */
    struct store_req req;             /* its question */
    struct store_query query;         /* the same */
    TAILQ_ENTRY(event_watcher) links; /* in the feed's list */
};

/* ---- event_feed.c ---- */

/*
 * Asks a partition for what is behind an event, or (newest) for the latest event. done gets req; it must look for
 * feed->closed.
 */
void event_feed_ask(struct event_feed *feed, unsigned partition, const char *after, bool newest,
                    struct store_req *req, struct store_query *query,
                    void (*done)(struct store_req *req));

/* Whether an id that is sent covers all partitions. */
bool event_feed_is_current(const struct event_feed *feed);

/* Lets go of a watcher that has left. */
void event_feed_lose(struct event_feed *feed, struct event_watcher *watcher);

/* ---- event_watcher.c ---- */

/* Which of two ids is later: less than 0, 0, more than 0, as strcmp. */
int event_id_compare(const char *a, const char *b);

/* Writes an event. The text's buffer is cleared before; it has failed where memory ran out. */
void event_text_write(struct event_text *text, const struct event *event);

/*
 * Answers a request with a watcher, which is in no list yet. NULL: there is none, but the request has been
 * answered.
 */
struct event_watcher *event_watcher_new(struct event_feed *feed, struct http_request *http,
                                        const struct event_filter *filter, const char *last_id);

/* Sends the first line. The feed is ready. Once is enough. */
void event_watcher_greet(struct event_watcher *watcher);

/* Sends text as it is. */
void event_watcher_send(struct event_watcher *watcher, const char *text);

/*
 * Tells it of an event, if it wants that and the feed tells it of the event's partition (PARTITION_COUNT: of an
 * event beside all orders, which all are told of). with_id: the event's id may be named.
 */
void event_watcher_tell(struct event_watcher *watcher, unsigned partition,
                        const struct event *event, const struct event_text *text, bool with_id);

/* Tells it that events are lost. */
void event_watcher_tell_gap(struct event_watcher *watcher);

/* Goes on with what it missed, if there is any. */
void event_watcher_catch_up(struct event_watcher *watcher);

#endif
