/*
 * Deadlines of connections. libmicrohttpd knows a time of inactivity alone, which a client resets
 * with every byte; these are absolute.
 *
 * Each kind of deadline is a fixed time after now, so a queue per kind is sorted by itself, and one
 * timer looks at the two that are due first. A connection that is late is shut down, which
 * libmicrohttpd then sees as its end.
 */
#ifndef HTTP_DEADLINE_H
#define HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

enum http_deadline_kind {
    HTTP_DEADLINE_REQUEST, /* for the rest of a request, or of its answer */
    HTTP_DEADLINE_SETTLE,  /* a moment after an answer: is the client still there? then IDLE */
    HTTP_DEADLINE_IDLE,    /* for the head of the next request */
    HTTP_DEADLINE_KINDS,
    HTTP_DEADLINE_NONE /* as long as it takes */
};

/* A connection's deadline; part of it. */
struct http_deadline {
    enum http_deadline_kind kind;     /* in which queue it is */
    uint64_t at_ms;                   /* by uv_now */
    int fd;                           /* what is shut down */
    TAILQ_ENTRY(http_deadline) links; /* in its queue */
};

/* All deadlines of a server. */
struct http_deadlines {
    uv_timer_t timer;                                        /* runs while there are deadlines */
    uint64_t timer_at_ms;                                    /* when it fires next */
    uint64_t after_ms[HTTP_DEADLINE_KINDS];                  /* how long each kind is */
    TAILQ_HEAD(, http_deadline) queues[HTTP_DEADLINE_KINDS]; /* earliest first */
};

void http_deadlines_init(struct http_deadlines *deadlines, uv_loop_t *loop, uint64_t request_ms,
                         uint64_t idle_ms);

/* A new connection's: it gets the deadline of a request. */
void http_deadline_init(struct http_deadline *deadline, struct http_deadlines *deadlines, int fd);

/* Starts another deadline, from now on, instead of the one that runs. */
void http_deadline_set(struct http_deadline *deadline, struct http_deadlines *deadlines,
                       enum http_deadline_kind kind);

#endif
