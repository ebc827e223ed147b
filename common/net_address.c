/* IP addresses and ranges of them. */
#include "net_address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MAPPED_BITS = 96, CLIENT_BYTES = 8 };

static struct net_address map(const struct in_addr *in4)
{
    struct net_address address = {.in6.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(&address.in6.s6_addr[12], in4, sizeof *in4);
    return address;
}

static bool is_ipv4(const struct net_address *address)
{
    return IN6_IS_ADDR_V4MAPPED(&address->in6);
}

int net_address_parse(const char *text, size_t len, struct net_address *ret_address)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr in4;

    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, &in4) == 1)
        *ret_address = map(&in4);
    else if (inet_pton(AF_INET6, copy, &ret_address->in6) != 1)
        return -1;
    return 0;
}

struct net_address net_address_of(const struct sockaddr *addr)
{
    struct net_address address = {0};

    if (addr != NULL && addr->sa_family == AF_INET)
        return map(&((const struct sockaddr_in *)(const void *)addr)->sin_addr);
    if (addr != NULL && addr->sa_family == AF_INET6)
        address.in6 = ((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    return address;
}

bool net_address_is_none(const struct net_address *address)
{
    return IN6_IS_ADDR_UNSPECIFIED(&address->in6);
}

struct net_address net_address_client(const struct net_address *address)
{
    struct net_address client = *address;

    if (!is_ipv4(address) && !IN6_IS_ADDR_LOOPBACK(&address->in6))
        memset(&client.in6.s6_addr[CLIENT_BYTES], 0, sizeof client.in6.s6_addr - CLIENT_BYTES);
    return client;
}

void net_address_text(const struct net_address *address, char ret_text[INET6_ADDRSTRLEN])
{
    if (net_address_is_none(address))
        ret_text[0] = '\0';
    else if (is_ipv4(address))
        inet_ntop(AF_INET, &address->in6.s6_addr[12], ret_text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &address->in6, ret_text, INET6_ADDRSTRLEN);
}

/* Whether two addresses begin with the same bits. */
static bool begin_alike(const struct net_address *a, const struct net_address *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(&a->in6, &b->in6, whole) == 0 &&
           (rest == 0 || ((a->in6.s6_addr[whole] ^ b->in6.s6_addr[whole]) >> (8 - rest)) == 0);
}

static bool is_first(const struct net_range *range)
{
    for (unsigned bit = range->bits; bit < 128; bit++)
        if (range->first.in6.s6_addr[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    return true;
}

int net_range_parse(const char *text, struct net_range *ret_range)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);

    if (net_address_parse(text, len, &ret_range->first) != 0)
        return -1;
    ret_range->bits = 128;
    if (slash == NULL)
        return 0;
    size_t digits = strspn(slash + 1, "0123456789");
    unsigned base = strchr(text, ':') == NULL ? MAPPED_BITS : 0; /* of IPv4 the last 32 */
    if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
        return -1;
    ret_range->bits = base + (unsigned)atoi(slash + 1);
    return ret_range->bits <= 128 && is_first(ret_range) ? 0 : -1;
}

bool net_range_has(const struct net_range *range, const struct net_address *address)
{
    return begin_alike(&range->first, address, range->bits);
}
