/*
 * Connections and the queue of requests that wait for one.
 *
 * A request leaves in pool_send where a connection is free, else when one becomes so. A connection
 * that is lost with a request under way fails that request and is made again; one lost in idleness
 * is made again, and nobody notices.
 */
#include "pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 * 1024, LATE_MS = 10 * 1000 };

struct connection {
    struct pool *pool;            /* that it is of */
    const struct address *to;     /* the server */
    int fd;                       /* connected */
    uv_poll_t *poll;              /* on fd; on the heap, since closing it takes a turn */
    struct pool_request *request; /* under way, or NULL */
    struct buf got;               /* of its answer, so far */
    struct connection *next;      /* of those that are free */
};

struct pool {
    uv_loop_t *loop;
    struct address addresses[8];        /* of the servers */
    struct connection *all;             /* count of them */
    size_t count;                       /* of connections */
    struct connection *idle;            /* without a request */
    struct pool_request *first, **last; /* that wait */
    size_t pending;                     /* that wait or are under way */
    uv_timer_t timer;                   /* looks for late answers */
};

static void on_readable(uv_poll_t *poll, int status, int events);

static bool open_connection(struct connection *connection)
{
    connection->fd = address_connect(connection->to);
    if (connection->fd < 0)
        return false;
    connection->poll = malloc(sizeof *connection->poll);
    if (connection->poll == NULL ||
        uv_poll_init(connection->pool->loop, connection->poll, connection->fd) != 0)
        return false;
    connection->poll->data = connection;
    buf_clear(&connection->got);
    return uv_poll_start(connection->poll, UV_READABLE, on_readable) == 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_connection(struct connection *connection)
{
    uv_poll_stop(connection->poll);
    close(connection->fd);
    uv_close((uv_handle_t *)connection->poll, on_poll_closed);
}

static void reopen(struct connection *connection)
{
    close_connection(connection);
    if (!open_connection(connection)) {
        fprintf(stderr, "bench_viewers: the gateway can't be reached any more: %s\n",
                strerror(errno));
        exit(2);
    }
}

static bool write_all(struct connection *connection, const struct buf *text)
{
    for (size_t sent = 0; sent < text->len;) {
        ssize_t n = send(connection->fd, text->data + sent, text->len - sent, MSG_NOSIGNAL);

        if (n < 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static void start(struct connection *connection, struct pool_request *request)
{
    connection->request = request;
    request->sent_ns = uv_hrtime();
    request->sent_ms = (int64_t)(request->sent_ns / 1000000);
    if (write_all(connection, &request->text))
        return;
    reopen(connection); /* it was closed while it idled */
    write_all(connection, &request->text);
}

/* The connection is free: for the next that waits, if there is one. */
static void go_on(struct connection *connection)
{
    struct pool *pool = connection->pool;
    struct pool_request *request = pool->first;

    if (request == NULL) {
        connection->next = pool->idle;
        pool->idle = connection;
        return;
    }
    pool->first = request->next;
    if (pool->first == NULL)
        pool->last = &pool->first;
    start(connection, request);
}

/* Tells whose request it was, then goes on. The answer stays in its buffer until then. */
static void finish(struct connection *connection, const struct answer *answer)
{
    struct pool_request *request = connection->request;
    struct buf got = connection->got;

    connection->request = NULL;
    connection->got = BUF_EMPTY;
    connection->pool->pending--;
    if (answer == NULL || answer->closes)
        reopen(connection);
    request->done(request, answer, got.data);
    buf_clear(&got);
    buf_done(&connection->got);
    connection->got = got;
    go_on(connection);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct connection *connection = poll->data;
    struct answer answer;
    char bytes[16 * 1024];
    (void)status;
    (void)events;

    ssize_t n = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        buf_add(&connection->got, bytes, (size_t)n);
    if (connection->request == NULL) {
        reopen(connection); /* closed in idleness; it stays among the idle */
        return;
    }
    if (n <= 0 || connection->got.failed || connection->got.len > ANSWER_MAX) {
        finish(connection, NULL);
        return;
    }
    int rc = answer_parse(connection->got.data, connection->got.len, &answer);
    if (rc != 0)
        finish(connection, rc > 0 ? &answer : NULL);
}

static void on_timer(uv_timer_t *timer)
{
    struct pool *pool = timer->data;
    int64_t now_ms = (int64_t)(uv_hrtime() / 1000000);

    for (size_t i = 0; i < pool->count; i++)
        if (pool->all[i].request != NULL && now_ms - pool->all[i].request->sent_ms > LATE_MS)
            finish(&pool->all[i], NULL);
}

struct pool *pool_new(uv_loop_t *loop, const struct address *addresses, size_t address_count,
                      size_t connections)
{
    struct pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->all = calloc(connections, sizeof *pool->all);
    if (pool->all == NULL || address_count > sizeof pool->addresses / sizeof pool->addresses[0]) {
        free(pool->all);
        free(pool);
        return NULL;
    }
    pool->loop = loop;
    pool->last = &pool->first;
    memcpy(pool->addresses, addresses, address_count * sizeof *addresses);
    for (; pool->count < connections; pool->count++) {
        struct connection *connection = &pool->all[pool->count];

        connection->pool = pool;
        connection->to = &pool->addresses[pool->count % address_count];
        if (!open_connection(connection))
            return NULL; /* with what is open: the program ends */
        connection->next = pool->idle;
        pool->idle = connection;
    }
    uv_timer_init(loop, &pool->timer);
    pool->timer.data = pool;
    uv_timer_start(&pool->timer, on_timer, 1000, 1000);
    return pool;
}

void pool_close(struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        close_connection(&pool->all[i]);
        buf_done(&pool->all[i].got);
    }
    uv_close((uv_handle_t *)&pool->timer, NULL);
}

void pool_free(struct pool *pool)
{
    free(pool->all);
    free(pool);
}

void pool_send(struct pool *pool, struct pool_request *request)
{
    struct connection *connection = pool->idle;

    pool->pending++;
    if (connection != NULL) {
        pool->idle = connection->next;
        start(connection, request);
        return;
    }
    request->next = NULL;
    *pool->last = request;
    pool->last = &request->next;
}

size_t pool_pending(const struct pool *pool)
{
    return pool->pending;
}
