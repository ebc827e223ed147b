/*
 * Connections that are closed while their client still sends: a body that was refused, or that
 * nobody reads. Closing such a socket at once resets the connection, and the answer, or the
 * client's own write, fails (a proxy makes a 502 of that). libmicrohttpd does close at once, so a
 * duplicate of the descriptor is kept here, and what comes is thrown away until the client closes
 * too, or a request's time is up.
 *
 * A connection that there is no room for comes here as well: nothing of its request is looked at but that
 * it begins, and then it is answered and lingered on. (An answer before that would be stray bytes to a
 * client that has opened the connection in advance.)
 */
#ifndef HTTP_LINGER_H
#define HTTP_LINGER_H

#include <sys/queue.h>

#include "buf.h"

struct http_deadlines;
struct http_linger;
struct uv_loop_s;

/* All that a server has of them. */
struct http_lingers {
    struct uv_loop_s *loop;           /* which watches them */
    struct http_deadlines *deadlines; /* which bound them */
    TAILQ_HEAD(, http_linger) list;   /* in no order */
    unsigned count;                   /* in list */
    struct buf refusal;               /* the whole answer to those that there is no room for */
};

/* Returns 0; -1 where memory runs out. Release with http_lingers_done, also then. */
int http_lingers_init(struct http_lingers *lingers, struct uv_loop_s *loop,
                      struct http_deadlines *deadlines);

/* Lingers on a socket that is about to be closed by its owner; doesn't where resources are short.
 */
void http_lingers_add(struct http_lingers *lingers, int fd);

/* Takes over a connection that there is no room for. Closed at once where there are too many of those, too. */
void http_lingers_refuse(struct http_lingers *lingers, int fd);

/* Ends them all; the loop must run once more, to give their handles back. */
void http_lingers_stop(struct http_lingers *lingers);

/* Frees what init made, none being left. */
void http_lingers_done(struct http_lingers *lingers);

#endif
