/*
 * Accepts on a unix socket, which is one descriptor, and deals its connections out to workers in turn.
 */
#ifndef GATEWAY_ACCEPTOR_H
#define GATEWAY_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "listening.h"

struct listener;
struct loop;
struct worker;

struct acceptor {
    struct listening listening; /* on the socket, the listener's */
    bool in_use;                /* it is a unix socket */
    struct worker **workers;    /* in turn */
    size_t count, next;         /* of workers; whose turn it is */
};

/* Starts, on this loop's thread, if the listener is a unix socket; else does nothing. Returns 0, or a libuv
 * error code (negative). */
int acceptor_start(struct acceptor *acceptor, struct loop *loop, const struct listener *listener,
                   struct worker **workers, size_t count);

/* Accepts no more; its handles close with the loop. One that is all zeroes has nothing to stop. */
void acceptor_stop(struct acceptor *acceptor);

#endif
