/*
 * A client of server-sent events, as the live feed sends them. Everything fails the test (criterion) where the
 * server takes longer than ten seconds.
 */
#ifndef SUPPORT_EVENT_STREAM_H
#define SUPPORT_EVENT_STREAM_H

#include <jansson.h>

struct event_stream;

/* What came last; valid until the next. */
struct event_block {
    const char *id;    /* "" where there is none */
    const char *event; /* the same */
    const char *data;  /* the same */
    json_t *json;      /* data; NULL where it is no JSON */
};

/*
 * Asks an admin listener ("127.0.0.1:8081") for /admin/v1/events as its operator (admin_fixture.h); query is what
 * follows the path ("?family=f1"), headers are lines, or NULL. Waits for the head: 200, text/event-stream.
 */
struct event_stream *event_stream_open(const char *address, const char *query, const char *headers);

/* The same, and waits for `retry:`: what happens from now on is told. */
struct event_stream *event_stream_open_ready(const char *address, const char *query,
                                             const char *headers);

/* The next event; NULL where the stream has ended. Comments and retry: are passed over. */
const struct event_block *event_stream_next(struct event_stream *stream);

/* The same, which must be of this type. */
const struct event_block *event_stream_expect(struct event_stream *stream, const char *event);

/* A member of an event's document; "" where it has none. */
const char *event_block_text(const struct event_block *block, const char *member);

/* Accepts NULL. */
void event_stream_close(struct event_stream *stream);

#endif
