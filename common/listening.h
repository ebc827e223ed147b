/*
 * A listening socket that a loop watches: each connection is accepted and given to the socket's owner.
 *
 * Where the process may open no more files accept fails, and the connection stays in the queue, for which the
 * loop would be woken again and again: the socket is left alone for a moment then.
 */
#ifndef COMMON_LISTENING_H
#define COMMON_LISTENING_H

#include <sys/socket.h>
#include <uv.h>

/* Is given a connection, non-blocking, which is the callee's from then on, and where it comes from. */
typedef void listening_fn(void *arg, int fd, const struct sockaddr *from, socklen_t from_len);

struct listening {
    uv_poll_t poll;              /* on the socket */
    uv_timer_t pause;            /* runs while the socket is left alone */
    int fd;                      /* the socket, the caller's */
    listening_fn *on_connection; /* gets what is accepted */
    void *arg;                   /* of on_connection */
};

/* Starts to accept on a non-blocking socket. Returns 0, or a libuv error code (negative; uv_strerror). */
int listening_start(struct listening *listening, uv_loop_t *loop, int fd,
                    listening_fn *on_connection, void *arg);

/*
 * Accepts no more; the socket may be closed. The caller closes both handles of the loop.
 */
void listening_stop(struct listening *listening);

#endif
