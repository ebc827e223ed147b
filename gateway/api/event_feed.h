/*
 * The live feed: what the store tells of, handed to those who watch (GET /admin/v1/events). One for the admin
 * thread.
 *
 * While anybody watches, the store is asked for what is new every 200 ms; where its partitions are apart, each of
 * them once a second. An event is formatted once, whatever the number of watchers. Nobody watching, nothing is
 * asked.
 *
 * Ids and resuming. An event's `id:` is its place in stream_events. A watcher that names the last one it had
 * (Last-Event-ID) is told what came behind it, then what comes; where some of that is lost, `event: gap` stands
 * in its place. Where partitions are apart an id is a place in one of 256 orders, and says of the others no more
 * than the time. So a resume begins EVENT_FEED_BACK_MS before the id's time in all of them: it may repeat, and
 * doesn't skip. To keep that true events go out without an `id:` (the client's last one stays) while a partition
 * hasn't been read for longer than EVENT_FEED_LAG_MS, and to a watcher that is still told what it missed. What a
 * gateway's embedded store tells while Redis is away has no `id:` either: it isn't in stream_events.
 *
 * `event: store` tells how the store is, at the start unless it is up, and at every change.
 */
#ifndef EVENT_FEED_H
#define EVENT_FEED_H

#include <stdint.h>

#include "store_query.h"

struct event_feed;
struct http_request;
struct store;

#define EVENT_FEED_WATCHERS_MAX 256 /* at a time */
#define EVENT_FEED_BACK_MS                                                                         \
    10000 /* see above; clocks of Redis nodes may differ by what it is more than LAG */
#define EVENT_FEED_LAG_MS 5000 /* see above */

/* Which events: those that agree with all of this. */
struct event_filter {
    struct store_filter names; /* "": any */
    uint32_t types;            /* a bit for each event_type; 0: all, unknown ones too */
};

/* A feed of a store, which stays the caller's; timeout_ms is for one question. NULL where memory runs out. */
struct event_feed *event_feed_new(struct store *store, int64_t timeout_ms);

/*
 * Ends it for all who watch now, as when the keys that let them in may be gone: who still may comes again, and
 * misses nothing. Accepts NULL.
 */
void event_feed_dismiss(struct event_feed *feed);

/* Asks the store nothing more, which will be closed. Accepts NULL. */
void event_feed_close(struct event_feed *feed);

/* Frees it; nobody watches any more, and the store is closed. Accepts NULL. */
void event_feed_free(struct event_feed *feed);

/*
 * Answers a request with the feed, behind the event `last_id` ("": from now on; else as event_id_parse takes it).
 * What happens once `retry:` has come is told. 503 where too many watch.
 */
void event_feed_watch(struct event_feed *feed, struct http_request *http,
                      const struct event_filter *filter, const char *last_id);

#endif
