/* A Sentinel that says what the test wants. */
#include "fake_sentinel.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "container_of.h"
#include "loop.h"
#include "pump.h"

/* A connection. */
struct client {
    struct fake_sentinel *fake; /* whose */
    uv_tcp_t tcp;               /* the connection */
    redisReader *reader;        /* reads commands, which look like replies */
    bool listens;               /* has subscribed */
    char room[16384];           /* for what is read */
    struct client *prev, *next; /* of the fake's */
};

struct fake_sentinel {
    struct loop *loop;            /* of the test */
    uv_tcp_t tcp;                 /* listens */
    int port;                     /* where */
    enum fake_sentinel_mood mood; /* what it does */
    int master;                   /* port of the one that it names */
    size_t questions;             /* it was asked */
    struct client *clients;       /* that are connected */
    bool closed;                  /* tcp is */
};

/* ---- what it says ---- */

struct write {
    uv_write_t req; /* libuv's */
    char text[512]; /* what is written */
};

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    free(CONTAINER_OF(req, struct write, req));
}

static void say(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct client *client, const char *format, ...)
{
    struct write *write = calloc(1, sizeof *write);
    va_list args;

    cr_assert_not_null(write);
    va_start(args, format);
    int len = vsnprintf(write->text, sizeof write->text, format, args);
    va_end(args);
    cr_assert_lt((size_t)len, sizeof write->text);
    const uv_buf_t buf = uv_buf_init(write->text, (unsigned)len);
    cr_assert_eq(uv_write(&write->req, (uv_stream_t *)&client->tcp, &buf, 1, on_written), 0);
}

/* ---- connections ---- */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = CONTAINER_OF(handle, struct client, tcp);

    DL_DELETE(client->fake->clients, client);
    redisReaderFree(client->reader);
    free(client);
}

static void close_client(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->tcp))
        uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

static void answer_question(struct client *client)
{
    const struct fake_sentinel *fake = client->fake;
    char port[8];

    client->fake->questions++;
    switch (fake->mood) {
    case FAKE_SENTINEL_NAMES:
        snprintf(port, sizeof port, "%d", fake->master);
        say(client, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
        break;
    case FAKE_SENTINEL_NIL:
        say(client, "*-1\r\n");
        break;
    case FAKE_SENTINEL_NOAUTH:
        say(client, "-NOAUTH Authentication required.\r\n");
        break;
    case FAKE_SENTINEL_CLOSES:
        close_client(client);
        break;
    case FAKE_SENTINEL_HANGS:
        break;
    case FAKE_SENTINEL_RAVES:
        say(client, "*2\r\n:1\r\n*1\r\n$-1\r\n");
        break;
    }
}

static void obey(struct client *client, const redisReply *command)
{
    const char *word = command->elements > 0 ? command->element[0]->str : "";

    if (strcasecmp(word, "SENTINEL") == 0) {
        answer_question(client);
    } else if (strcasecmp(word, "SUBSCRIBE") == 0 && client->fake->mood == FAKE_SENTINEL_NOAUTH) {
        say(client, "-NOAUTH Authentication required.\r\n");
    } else if (strcasecmp(word, "SUBSCRIBE") == 0) {
        client->listens = true;
        say(client, "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    } else {
        say(client, "-ERR unknown command\r\n");
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
    struct client *client = CONTAINER_OF(handle, struct client, tcp);

    (void)size;
    *ret_buf = uv_buf_init(client->room, sizeof client->room);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct client *client = CONTAINER_OF(stream, struct client, tcp);
    void *command = NULL;

    if (len < 0) {
        close_client(client);
        return;
    }
    redisReaderFeed(client->reader, buf->base, (size_t)len);
    while (!uv_is_closing((uv_handle_t *)stream) &&
           redisReaderGetReply(client->reader, &command) == REDIS_OK && command != NULL) {
        obey(client, command);
        freeReplyObject(command);
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct fake_sentinel *fake = CONTAINER_OF(server, struct fake_sentinel, tcp);
    struct client *client = calloc(1, sizeof *client);

    cr_assert_eq(status, 0);
    cr_assert_not_null(client);
    client->fake = fake;
    client->reader = redisReaderCreate();
    DL_APPEND(fake->clients, client);
    uv_tcp_init(&fake->loop->uv, &client->tcp);
    if (uv_accept(server, (uv_stream_t *)&client->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) != 0)
        close_client(client);
}

/* ---- what tests call ---- */

struct fake_sentinel *fake_sentinel_start(struct loop *loop)
{
    struct fake_sentinel *fake = calloc(1, sizeof *fake);
    struct sockaddr_in where;
    int len = sizeof where;

    cr_assert_not_null(fake);
    fake->loop = loop;
    uv_ip4_addr("127.0.0.1", 0, &where);
    uv_tcp_init(&loop->uv, &fake->tcp);
    cr_assert_eq(uv_tcp_bind(&fake->tcp, (struct sockaddr *)&where, 0), 0);
    cr_assert_eq(uv_listen((uv_stream_t *)&fake->tcp, 64, on_connection), 0);
    cr_assert_eq(uv_tcp_getsockname(&fake->tcp, (struct sockaddr *)&where, &len), 0);
    fake->port = ntohs(where.sin_port);
    return fake;
}

static void on_closed(uv_handle_t *handle)
{
    CONTAINER_OF(handle, struct fake_sentinel, tcp)->closed = true;
}

static bool is_closed(void *arg)
{
    const struct fake_sentinel *fake = arg;

    return fake->closed && fake->clients == NULL;
}

void fake_sentinel_stop(struct fake_sentinel *fake)
{
    struct client *client;

    if (fake == NULL)
        return;
    uv_close((uv_handle_t *)&fake->tcp, on_closed);
    DL_FOREACH (fake->clients, client)
        close_client(client);
    pump_until(fake->loop, is_closed, fake);
    free(fake);
}

int fake_sentinel_port(const struct fake_sentinel *fake)
{
    return fake->port;
}

void fake_sentinel_set_mood(struct fake_sentinel *fake, enum fake_sentinel_mood mood)
{
    fake->mood = mood;
}

void fake_sentinel_name(struct fake_sentinel *fake, int port)
{
    fake->mood = FAKE_SENTINEL_NAMES;
    fake->master = port;
}

void fake_sentinel_publish(struct fake_sentinel *fake, const char *master, int from, int to)
{
    char text[256];
    struct client *client;

    snprintf(text, sizeof text, "%s 127.0.0.1 %d 127.0.0.1 %d", master, from, to);
    DL_FOREACH (fake->clients, client)
        if (client->listens)
            say(client, "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%zu\r\n%s\r\n",
                strlen(text), text);
}

size_t fake_sentinel_listeners(const struct fake_sentinel *fake)
{
    const struct client *client;
    size_t count = 0;

    DL_FOREACH (fake->clients, client)
        count += client->listens;
    return count;
}

size_t fake_sentinel_questions(const struct fake_sentinel *fake)
{
    return fake->questions;
}
