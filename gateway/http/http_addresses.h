/*
 * How many connections each client's address has open, so that one client doesn't take all there are.
 *
 * One table for all threads, under a lock: the kernel spreads a client's connections over the threads, so a table of
 * each thread's own would let through so many times the limit; and the lock is taken once when a connection comes and
 * once when it goes, for well under a microsecond, never for a request. An address is in it while it has connections:
 * it is no larger than http.connections.
 */
#ifndef HTTP_ADDRESSES_H
#define HTTP_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "net_address.h"

struct http_addresses;

/* A table that allows each address so many connections, at least 1. NULL where memory runs out. */
struct http_addresses *http_addresses_new(unsigned most);
void http_addresses_free(struct http_addresses *addresses); /* accepts NULL; all have left */

/*
 * Counts a connection of a client (net_address_client). false: it has as many as it may, or memory ran out; it
 * isn't counted then.
 */
bool http_addresses_enter(struct http_addresses *addresses, const struct net_address *client);

/* One that was counted is closed. */
void http_addresses_leave(struct http_addresses *addresses, const struct net_address *client);

/* How many addresses have connections. */
size_t http_addresses_count(struct http_addresses *addresses);

#endif
