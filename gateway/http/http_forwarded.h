/*
 * Whom a request comes from, where it came through proxies: what X-Forwarded-For and Forwarded (RFC 7239) say, as far
 * as who says it is to be believed.
 *
 * Each proxy writes behind what it was sent whom it was sent that by. So the list is believed from its end, as long
 * as those who wrote it are trusted: the client is the last address in it that is no trusted proxy's. What isn't an
 * address (`unknown`, a name) ends that: the client is the trusted proxy behind it then. In front of all of them
 * anybody may write anything.
 */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "net_address.h"

/* Who may name the client. */
struct http_proxies {
    struct net_range *ranges; /* proxies with these addresses */
    size_t count;             /* of them */
    bool unix_peers;          /* and whoever connects to a unix socket */
};

/*
 * Reads who may: texts like 10.0.0.0/8, ::1 and `unix`. Returns 0; -1 where one is wrong (*ret_bad: which) or memory
 * runs out (*ret_bad is count). Release with http_proxies_done.
 */
int http_proxies_parse(const char *const *texts, size_t count, struct http_proxies *ret_proxies,
                       size_t *ret_bad);
void http_proxies_done(struct http_proxies *proxies);

/* Whether this peer, none where it came by a unix socket, may name the client. */
bool http_proxies_trust(const struct http_proxies *proxies, const struct net_address *peer);

/*
 * Reads one line: of X-Forwarded-For, addresses, with or without a port, between commas; of Forwarded. Several lines
 * of a request are one list, read in their order. *client begins as none, and is the client as far as was read; none:
 * nobody to be believed is named.
 */
void http_forwarded_read_list(const struct http_proxies *proxies, const char *line, size_t len,
                              struct net_address *client);
void http_forwarded_read(const struct http_proxies *proxies, const char *line, size_t len,
                         struct net_address *client);

#endif
