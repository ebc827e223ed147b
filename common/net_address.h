/*
 * IP addresses and ranges of them. An IPv4 address and the IPv6 address that it is mapped to are one.
 */
#ifndef COMMON_NET_ADDRESS_H
#define COMMON_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

/* An address; all zeroes (::) is none. */
struct net_address {
    struct in6_addr in6; /* IPv4: mapped, ::ffff:192.0.2.1 */
};

/* All addresses whose first bits are those of one. */
struct net_range {
    struct net_address first; /* of them */
    unsigned bits;            /* 0 to 128, counted as those of IPv6 */
};

/* Reads the first len bytes of text: 192.0.2.1 or 2001:db8::1, neither brackets nor port. Returns 0, or -1. */
int net_address_parse(const char *text, size_t len, struct net_address *ret_address);

/* What a socket's address names; none where it is no IP socket's. */
struct net_address net_address_of(const struct sockaddr *addr);

bool net_address_is_none(const struct net_address *address);

/*
 * Whom an address stands for where clients are counted: itself; of IPv6, ::1 aside, the /64 network, of
 * which one client has all addresses.
 */
struct net_address net_address_client(const struct net_address *address);

/* Writes it as text; "" where it is none. */
void net_address_text(const struct net_address *address, char ret_text[INET6_ADDRSTRLEN]);

/* Reads a range: 192.0.2.0/24, 2001:db8::/32, or one address. Returns 0; -1 also where bits beyond the length are set. */
int net_range_parse(const char *text, struct net_range *ret_range);

bool net_range_has(const struct net_range *range, const struct net_address *address);

#endif
