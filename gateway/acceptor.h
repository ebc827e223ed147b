/*
 * Accepts on a unix socket, which is one descriptor, and deals its connections out to workers in turn.
 */
#ifndef GATEWAY_ACCEPTOR_H
#define GATEWAY_ACCEPTOR_H

#include <stddef.h>
#include <uv.h>

struct listener;
struct loop;
struct worker;

struct acceptor {
    uv_poll_t poll;          /* on the socket */
    int fd;                  /* the socket, the listener's; -1: not in use */
    struct worker **workers; /* in turn */
    size_t count, next;      /* of workers; whose turn it is */
};

/* One that isn't in use. */
#define ACCEPTOR_UNUSED ((struct acceptor){.fd = -1})

/* Starts, on this loop's thread, if the listener is a unix socket; else does nothing. */
void acceptor_start(struct acceptor *acceptor, struct loop *loop, const struct listener *listener,
                    struct worker **workers, size_t count);

/* Accepts no more; its handle closes with the loop. */
void acceptor_stop(struct acceptor *acceptor);

#endif
