/*
 * Connections that are closed while their client still sends: a body that was refused, or that
 * nobody reads. Closing such a socket at once resets the connection, and the answer, or the
 * client's own write, fails (a proxy makes a 502 of that). libmicrohttpd does close at once, so a
 * duplicate of the descriptor is kept here, and what comes is thrown away until the client closes
 * too, or a request's time is up.
 */
#ifndef HTTP_LINGER_H
#define HTTP_LINGER_H

#include <sys/queue.h>

struct http_deadlines;
struct http_linger;
struct uv_loop_s;

/* All that a server has of them. */
struct http_lingers {
    struct uv_loop_s *loop;           /* which watches them */
    struct http_deadlines *deadlines; /* which bound them */
    TAILQ_HEAD(, http_linger) list;   /* in no order */
    unsigned count;                   /* in list */
};

void http_lingers_init(struct http_lingers *lingers, struct uv_loop_s *loop,
                       struct http_deadlines *deadlines);

/* Lingers on a socket that is about to be closed by its owner; doesn't where resources are short.
 */
void http_lingers_add(struct http_lingers *lingers, int fd);

/* Ends them all; the loop must run once more, to give their handles back. */
void http_lingers_stop(struct http_lingers *lingers);

#endif
