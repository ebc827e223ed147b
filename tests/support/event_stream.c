/* A client of server-sent events. */
#include "event_stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_fixture.h"
#include "buf.h"
#include "raw_http.h"

struct event_stream {
    int fd;                     /* the connection */
    char bytes[64 * 1024];      /* what was received */
    size_t at, len;             /* read of them; of bytes */
    size_t chunk_left;          /* bytes of the chunk that are still to be read */
    bool begun;                 /* a chunk was read before */
    bool retried;               /* retry: came */
    struct buf id, event, data; /* of the block */
    struct event_block block;   /* the same, for the caller */
};

/* The next byte; -1 at the end. */
static int next_byte(struct event_stream *stream)
{
    if (stream->at == stream->len) {
        ssize_t got = recv(stream->fd, stream->bytes, sizeof stream->bytes, 0);

        if (got <= 0) {
            cr_assert(got == 0 || errno == ECONNRESET, "no event came: %s", strerror(errno));
            return -1;
        }
        stream->at = 0;
        stream->len = (size_t)got;
    }
    return (unsigned char)stream->bytes[stream->at++];
}

/* Reads up to a line's end, CR and LF taken off; false at the end. */
static bool read_size_line(struct event_stream *stream, char *ret_line, size_t size)
{
    size_t len = 0;
    int byte;

    while ((byte = next_byte(stream)) != '\n') {
        if (byte < 0)
            return false;
        cr_assert_lt(len, size - 1, "a chunk's head is too long");
        ret_line[len++] = (char)byte;
    }
    ret_line[len > 0 ? len - 1 : 0] = '\0';
    return true;
}

/* The next byte of the body, chunks undone; -1 at the end. */
static int next_of_body(struct event_stream *stream)
{
    char line[32];

    if (stream->chunk_left == 0) {
        if (stream->begun && !read_size_line(stream, line, sizeof line))
            return -1;
        if (!read_size_line(stream, line, sizeof line))
            return -1;
        stream->begun = true;
        stream->chunk_left = strtoul(line, NULL, 16);
        if (stream->chunk_left == 0)
            return -1;
    }
    stream->chunk_left--;
    return next_byte(stream);
}

static bool read_line(struct event_stream *stream, struct buf *line)
{
    int byte;

    buf_clear(line);
    while ((byte = next_of_body(stream)) != '\n') {
        if (byte < 0)
            return false;
        buf_add_char(line, (char)byte);
    }
    cr_assert_not_null(buf_text(line));
    return true;
}

/* Takes the value of a field, if that is its name. */
static void take_field(const char *line, const char *name, struct buf *value)
{
    size_t len = strlen(name);

    if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
        buf_add_str(value, line + len + 2);
}

/* Reads a block; false at the end. */
static bool read_block(struct event_stream *stream)
{
    struct buf line = BUF_EMPTY;
    bool more;

    buf_clear(&stream->id);
    buf_clear(&stream->event);
    buf_clear(&stream->data);
    while ((more = read_line(stream, &line)) && line.len > 0) {
        take_field(line.data, "id", &stream->id);
        take_field(line.data, "event", &stream->event);
        take_field(line.data, "data", &stream->data);
        if (strncmp(line.data, "retry: ", 7) == 0)
            stream->retried = true;
    }
    buf_done(&line);
    return more;
}

struct event_stream *event_stream_open(const char *address, const char *query, const char *headers)
{
    struct event_stream *stream = calloc(1, sizeof *stream);
    struct raw_answer answer;
    struct buf request = BUF_EMPTY;

    buf_printf(&request, "GET /admin/v1/events%s HTTP/1.1\r\nHost: %s\r\n" ADMIN_HEADER "%s\r\n",
               query, address, headers != NULL ? headers : "");
    stream->fd = raw_connect(atoi(strrchr(address, ':') + 1));
    raw_send(stream->fd, request.data, request.len);
    buf_done(&request);
    answer = raw_read_head(stream->fd);
    cr_assert_eq(answer.status, 200, "%s", answer.head);
    raw_expect_header(&answer, "Content-Type", "text/event-stream");
    raw_answer_done(&answer);
    return stream;
}

struct event_stream *event_stream_open_ready(const char *address, const char *query,
                                             const char *headers)
{
    struct event_stream *stream = event_stream_open(address, query, headers);

    while (!stream->retried)
        cr_assert(read_block(stream), "the stream has ended at once");
    return stream;
}

const struct event_block *event_stream_next(struct event_stream *stream)
{
    json_decref(stream->block.json);
    stream->block.json = NULL;
    do
        if (!read_block(stream))
            return NULL;
    while (stream->data.len == 0);
    stream->block = (struct event_block){
        .id = stream->id.len > 0 ? buf_text(&stream->id) : "",
        .event = stream->event.len > 0 ? buf_text(&stream->event) : "",
        .data = buf_text(&stream->data),
        .json = json_loadb(stream->data.data, stream->data.len, 0, NULL),
    };
    return &stream->block;
}

const struct event_block *event_stream_expect(struct event_stream *stream, const char *event)
{
    const struct event_block *block = event_stream_next(stream);

    cr_assert_not_null(block, "the stream ended where %s was to come", event);
    cr_assert_str_eq(block->event, event, "%s", block->data);
    return block;
}

const char *event_block_text(const struct event_block *block, const char *member)
{
    const char *text = json_string_value(json_object_get(block->json, member));

    return text != NULL ? text : "";
}

void event_stream_close(struct event_stream *stream)
{
    if (stream == NULL)
        return;
    close(stream->fd);
    json_decref(stream->block.json);
    buf_done(&stream->id);
    buf_done(&stream->event);
    buf_done(&stream->data);
    free(stream);
}
