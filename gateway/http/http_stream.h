/*
 * An answer that goes on: its body is sent piece by piece, for as long as both sides want (server-sent
 * events, say). A stream has the connection to itself and no deadline as a whole; a piece that the client
 * doesn't take within the time of a request ends it, and so does a backlog that grows too large.
 *
 * Life: a handler answers by http_reply_stream. From then on the stream may be sent to, on the same thread,
 * until on_closed: which comes exactly once, whoever ended the stream, from the loop or from
 * http_server_stop, never from inside http_stream_send or http_stream_end. The stream is gone behind it.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <stddef.h>

struct http_request;
struct http_stream;

struct http_stream_options {
    size_t most_waiting; /* bytes that may wait for a slow client; it is dropped for more */
    void *arg;           /* of the next two */
    void (*on_closed)(
        void *arg); /* the stream is over: its client has left, or was too slow, or all
                                     is sent after http_stream_end, or the server stops */
    void (*on_drained)(
        void *arg); /* nothing waits any more; may send; or NULL. Also at the start */
};

/*
 * Answers 200 with a body that goes on, Cache-Control: no-store and, before it is called, what
 * http_request_add_header was given. Returns the stream; NULL where there is none, because memory ran out or the
 * request is a HEAD: it has been answered in its way then, and on_closed isn't called.
 */
struct http_stream *http_reply_stream(struct http_request *req, const char *content_type,
                                      const struct http_stream_options *options);

/*
 * Sends bytes, which are copied. Returns 0; -1 where the stream has been ended, is broken, or would have more
 * waiting than may be: it is closed soon.
 */
int http_stream_send(struct http_stream *stream, const void *data, size_t len);

/* Ends the body, behind what waits to be sent. */
void http_stream_end(struct http_stream *stream);

#endif
