/*
 * An answer that goes on.
 *
 * libmicrohttpd asks for the body by its reader callback whenever it has written what it had. Where nothing is
 * waiting the connection is suspended in that callback, and resumed by the next send. A suspended connection is
 * not watched by libmicrohttpd, so the loop watches its descriptor for the client's leaving; a client that sends
 * its FIN counts as gone, since one that has closed can't be told from it. A stream is broken off by shutting the
 * socket down: libmicrohttpd then sees its end, and tells the request's, as for any other answer.
 */
#include "http_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "container_of.h"
#include "http_private.h"
#include "http_response.h"

enum { KEPT_BACKLOG = 16 * 1024 }; /* bytes of memory that an empty backlog keeps */

struct http_stream {
    struct http_request *req;           /* whose answer it is */
    struct http_stream_options options; /* as given */
    struct buf backlog;                 /* what was sent, and not all of it taken */
    size_t taken;                       /* bytes of it that libmicrohttpd has */
    uv_poll_t watch;                    /* tells that the client has left */
    bool asleep;                        /* its connection is suspended */
    bool ended;                         /* nothing comes behind the backlog */
    bool broken;                        /* nothing at all comes any more */
    TAILQ_ENTRY(http_stream) links;     /* in the server's list */
};

static void wake(struct http_stream *stream)
{
    struct http_server *server = stream->req->server;

    if (!stream->asleep)
        return;
    stream->asleep = false;
    MHD_resume_connection(stream->req->connection);
    loop_post(server->loop, &server->turn);
}

static void break_off(struct http_stream *stream)
{
    stream->broken = true;
    shutdown(stream->req->client->deadline.fd, SHUT_RDWR);
    wake(stream);
}

static void on_left(uv_poll_t *watch, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(watch);
    break_off(CONTAINER_OF(watch, struct http_stream, watch));
}

/* Moves the next bytes of the backlog to where libmicrohttpd wants them. */
static size_t take(struct http_stream *stream, char *to, size_t most)
{
    struct buf *backlog = &stream->backlog;
    size_t len = backlog->len - stream->taken;

    if (len > most)
        len = most;
    if (len > 0)
        memcpy(to, backlog->data + stream->taken, len);
    stream->taken += len;
    if (stream->taken == backlog->len) {
        stream->taken = 0;
        if (backlog->cap > KEPT_BACKLOG)
            buf_done(backlog);
        buf_clear(backlog);
    }
    return len;
}

/* libmicrohttpd has written what it had, and asks for more. */
static ssize_t read_more(void *cls, uint64_t at, char *to, size_t most)
{
    struct http_stream *stream = cls;
    (void)at;

    if (stream->backlog.len == 0 && !stream->ended && !stream->broken &&
        stream->options.on_drained != NULL)
        stream->options.on_drained(stream->options.arg);

    struct http_request *req = stream->req;
    if (stream->broken) {
        req->server->expects_complaint = true;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = take(stream, to, most);
    if (len == 0 && stream->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (len == 0) {
        stream->asleep = true;
        MHD_suspend_connection(req->connection);
    }
    http_deadline_set(&req->client->deadline, &req->server->deadlines,
                      len > 0 ? HTTP_DEADLINE_REQUEST : HTTP_DEADLINE_NONE);
    return (ssize_t)len;
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct http_stream *stream = CONTAINER_OF(handle, struct http_stream, watch);

    buf_done(&stream->backlog);
    free(stream);
}

/* A stream for a request's answer, in its server's list. NULL where memory runs out. */
static struct http_stream *new_stream(struct http_request *req,
                                      const struct http_stream_options *options)
{
    struct http_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL ||
        uv_poll_init(&req->server->loop->uv, &stream->watch, req->client->deadline.fd) != 0) {
        free(stream);
        return NULL;
    }
    stream->req = req;
    stream->options = *options;
    req->stream = stream;
    TAILQ_INSERT_TAIL(&req->server->streams, stream, links);
    uv_poll_start(&stream->watch, UV_DISCONNECT, on_left); /* fails for a closing handle only */
    return stream;
}

struct http_stream *http_reply_stream(struct http_request *req, const char *content_type,
                                      const struct http_stream_options *options)
{
    bool is_head = strcmp(req->method, MHD_HTTP_METHOD_HEAD) == 0;
    struct http_stream *stream = is_head ? NULL : new_stream(req, options);
    struct http_response *response = NULL;

    if (is_head || stream != NULL)
        response = http_response_new_stream(content_type, read_more, stream);
    if (response == NULL && stream != NULL) {
        req->stream = NULL;
        TAILQ_REMOVE(&req->server->streams, stream, links);
        uv_close((uv_handle_t *)&stream->watch, on_watch_closed);
        stream = NULL;
    }
    http_reply(req, response);
    return stream;
}

int http_stream_send(struct http_stream *stream, const void *data, size_t len)
{
    struct buf *backlog = &stream->backlog;

    if (stream->ended || stream->broken)
        return -1;
    if (stream->taken > backlog->len / 2) {
        backlog->len -= stream->taken;
        memmove(backlog->data, backlog->data + stream->taken, backlog->len);
        stream->taken = 0;
    }
    if (backlog->len - stream->taken + len > stream->options.most_waiting) {
        break_off(stream);
        return -1;
    }
    buf_add(backlog, data, len);
    if (backlog->failed) {
        break_off(stream);
        return -1;
    }
    wake(stream);
    return 0;
}

void http_stream_end(struct http_stream *stream)
{
    stream->ended = true;
    wake(stream);
}

void http_stream_over(struct http_stream *stream)
{
    void (*on_closed)(void *arg) = stream->options.on_closed;
    void *arg = stream->options.arg;

    TAILQ_REMOVE(&stream->req->server->streams, stream, links);
    uv_close((uv_handle_t *)&stream->watch, on_watch_closed);
    on_closed(arg);
}

void http_streams_end(struct http_server *server)
{
    struct http_stream *stream;

    TAILQ_FOREACH(stream, &server->streams, links)
    http_stream_end(stream);
}
