/* Deadlines of connections. */
#include "http_deadline.h"

#include <sys/socket.h>

#include "container_of.h"

enum {
    COARSE_MS =
        50, /* the timer need not fire for each deadline: they are kept to about this much */
    SETTLE_MS = 200 /* how long HTTP_DEADLINE_SETTLE is */
};

static void on_timer(uv_timer_t *timer);

/* Makes the timer fire at the earliest deadline there is. */
static void arm(struct http_deadlines *deadlines, uint64_t at_ms)
{
    uint64_t now_ms = uv_now(deadlines->timer.loop);
    uint64_t wait_ms = at_ms > now_ms + COARSE_MS ? at_ms - now_ms : COARSE_MS;

    deadlines->timer_at_ms = now_ms + wait_ms;
    uv_timer_start(&deadlines->timer, on_timer, wait_ms, 0); /* cannot fail with a callback */
}

/*
 * Whether the client has said that it sends nothing more. libmicrohttpd 1.0.1 misses that where it
 * comes together with the request: its epoll is edge-triggered, and it reads no further than a
 * short read.
 */
static bool is_half_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A deadline has passed. */
static void expire(struct http_deadline *deadline, struct http_deadlines *deadlines)
{
    if (deadline->kind == HTTP_DEADLINE_SETTLE && !is_half_closed(deadline->fd)) {
        http_deadline_set(deadline, deadlines, HTTP_DEADLINE_IDLE);
    } else {
        http_deadline_set(deadline, deadlines, HTTP_DEADLINE_NONE);
        shutdown(deadline->fd, SHUT_RDWR);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct http_deadlines *deadlines = CONTAINER_OF(timer, struct http_deadlines, timer);
    uint64_t now_ms = uv_now(timer->loop);
    uint64_t earliest_ms = UINT64_MAX;

    for (int kind = 0; kind < HTTP_DEADLINE_KINDS; kind++) {
        struct http_deadline *first;

        while ((first = TAILQ_FIRST(&deadlines->queues[kind])) != NULL && first->at_ms <= now_ms)
            expire(first, deadlines);
        if (first != NULL && first->at_ms < earliest_ms)
            earliest_ms = first->at_ms;
    }
    if (earliest_ms != UINT64_MAX)
        arm(deadlines, earliest_ms);
}

void http_deadlines_init(struct http_deadlines *deadlines, uv_loop_t *loop, uint64_t request_ms,
                         uint64_t idle_ms)
{
    uv_timer_init(loop, &deadlines->timer); /* cannot fail */
    for (int kind = 0; kind < HTTP_DEADLINE_KINDS; kind++)
        TAILQ_INIT(&deadlines->queues[kind]);
    deadlines->after_ms[HTTP_DEADLINE_REQUEST] = request_ms;
    deadlines->after_ms[HTTP_DEADLINE_SETTLE] = SETTLE_MS;
    deadlines->after_ms[HTTP_DEADLINE_IDLE] = idle_ms;
}

void http_deadline_init(struct http_deadline *deadline, struct http_deadlines *deadlines, int fd)
{
    deadline->kind = HTTP_DEADLINE_NONE;
    deadline->fd = fd;
    http_deadline_set(deadline, deadlines, HTTP_DEADLINE_REQUEST);
}

void http_deadline_set(struct http_deadline *deadline, struct http_deadlines *deadlines,
                       enum http_deadline_kind kind)
{
    uint64_t at_ms =
        kind != HTTP_DEADLINE_NONE ? uv_now(deadlines->timer.loop) + deadlines->after_ms[kind] : 0;

    if (deadline->kind == kind && deadline->at_ms == at_ms)
        return;
    if (deadline->kind != HTTP_DEADLINE_NONE)
        TAILQ_REMOVE(&deadlines->queues[deadline->kind], deadline, links);
    deadline->kind = kind;
    deadline->at_ms = at_ms;
    if (kind == HTTP_DEADLINE_NONE)
        return;
    TAILQ_INSERT_TAIL(&deadlines->queues[kind], deadline, links);
    if (!uv_is_active((const uv_handle_t *)&deadlines->timer) ||
        deadline->at_ms < deadlines->timer_at_ms)
        arm(deadlines, deadline->at_ms);
}
