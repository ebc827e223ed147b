/*
 * Listening sockets, all opened before any thread starts.
 *
 * A TCP address gets one socket for each thread, between which the kernel spreads connections
 * (SO_REUSEPORT). The first is bound without that option: so a second gateway on the same address is
 * refused, where it would otherwise silently share the port. A unix socket is one descriptor; whoever owns
 * it accepts and hands connections on.
 */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include <stddef.h>

#include "listen_address.h"

struct buf;

struct listener {
    struct listen_address address; /* as bound: a port of 0 has become the real one */
    int *fds;                      /* listening, non-blocking; -1 where somebody took one over */
    size_t count;                  /* of fds */
};

/*
 * Opens sockets for `threads` threads on an address: that many for TCP, one for a unix socket, whose stale
 * file (nobody answers on it) is replaced. Returns 0; -1 with a reason that names the address.
 */
int listener_open(const char *text, size_t threads, struct listener *ret_listener,
                  struct buf *reason);

/* Takes over the n-th socket: the caller closes it. */
int listener_take(struct listener *listener, size_t n);

/* Closes what nobody took over, and removes a unix socket's file. Accepts one that is all zeroes. */
void listener_close(struct listener *listener);

#endif
