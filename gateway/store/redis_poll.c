/* hiredis on the loop. */
#include "redis_poll.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdlib.h>

#include "container_of.h"
#include "loop.h"

struct redis_poll {
    struct loop *loop;      /* of the thread */
    redisAsyncContext *ac;  /* NULL once hiredis has let go */
    uv_poll_t poll;         /* on the context's socket */
    int events;             /* that poll watches for */
    struct loop_task flush; /* writes what commands have been appended */
    bool flushing;          /* inside the flush */
    bool closed;            /* poll has been closed: free when no flush is queued */
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct redis_poll *self = CONTAINER_OF(handle, struct redis_poll, poll);

    if (status != 0) /* the error is on the socket; a read or write reports it */
        events = self->events;
    if (self->ac != NULL && (events & UV_READABLE))
        redisAsyncHandleRead(self->ac);
    if (self->ac != NULL && (events & UV_WRITABLE))
        redisAsyncHandleWrite(self->ac);
}

static void watch(struct redis_poll *self, int events)
{
    if (self->events == events)
        return;
    self->events = events;
    if (events != 0)
        uv_poll_start(&self->poll, events, on_poll);
    else
        uv_poll_stop(&self->poll);
}

static void add_read(void *privdata)
{
    struct redis_poll *self = privdata;

    watch(self, self->events | UV_READABLE);
}

static void del_read(void *privdata)
{
    struct redis_poll *self = privdata;

    watch(self, self->events & ~UV_READABLE);
}

static void add_write(void *privdata)
{
    struct redis_poll *self = privdata;

    if (!(self->ac->c.flags & REDIS_CONNECTED) || self->flushing)
        watch(self, self->events | UV_WRITABLE);
    else if (!(self->events & UV_WRITABLE))
        loop_post(self->loop, &self->flush);
}

static void del_write(void *privdata)
{
    struct redis_poll *self = privdata;

    watch(self, self->events & ~UV_WRITABLE);
}

static void free_if_done(struct redis_poll *self)
{
    if (self->closed && !self->flush.posted)
        free(self);
}

static void run_flush(struct loop_task *task)
{
    struct redis_poll *self = CONTAINER_OF(task, struct redis_poll, flush);

    if (self->ac != NULL) {
        self->flushing = true;
        redisAsyncHandleWrite(self->ac);
        self->flushing = false;
    }
    free_if_done(self);
}

static void on_closed(uv_handle_t *handle)
{
    struct redis_poll *self = CONTAINER_OF(handle, struct redis_poll, poll);

    self->closed = true;
    free_if_done(self);
}

static void cleanup(void *privdata)
{
    struct redis_poll *self = privdata;

    self->ac = NULL;
    uv_close((uv_handle_t *)&self->poll, on_closed);
}

int redis_poll_attach(struct redisAsyncContext *ac, struct loop *loop)
{
    struct redis_poll *self = calloc(1, sizeof *self);

    if (self == NULL)
        return -1;
    if (uv_poll_init(&loop->uv, &self->poll, ac->c.fd) != 0) {
        free(self);
        return -1;
    }
    self->loop = loop;
    self->ac = ac;
    self->flush = (struct loop_task){.run = run_flush};
    ac->ev.data = self;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return 0;
}
