/* An address to listen on: TCP or a unix socket. */
#include "listen_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a whole text as a port, 0 to 65535; -1 where it is none. */
static int parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -1;
    int port = atoi(text);
    return port <= 65535 ? port : -1;
}

/* Returns what is wrong, or NULL: so do the parsers below. */
static const char *parse_unix(const char *path, struct listen_address *ret)
{
    size_t len = strlen(path);

    if (path[0] != '/')
        return "the path of a unix socket must begin with '/'";
    if (len >= sizeof ret->addr.un.sun_path)
        return "the path is too long for a unix socket";
    ret->kind = LISTEN_UNIX;
    ret->addr.un.sun_family = AF_UNIX;
    memcpy(ret->addr.un.sun_path, path, len + 1);
    ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return NULL;
}

static const char *parse_tcp(const char *text, struct listen_address *ret)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + sizeof "[]"] = "";

    if (colon == NULL)
        return "must be host:port or unix:/path";
    int port = parse_port(colon + 1);
    if (port < 0)
        return "the port must be an integer from 0 to 65535";
    size_t len = (size_t)(colon - text);
    if (len < sizeof host)
        memcpy(host, text, len); /* a longer one stays empty, and is refused below */

    ret->kind = LISTEN_TCP;
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        ret->addr.in6.sin6_family = AF_INET6;
        ret->addr.in6.sin6_port = htons((uint16_t)port);
        ret->len = sizeof ret->addr.in6;
        return inet_pton(AF_INET6, host + 1, &ret->addr.in6.sin6_addr) == 1
                   ? NULL
                   : "what stands in brackets isn't an IPv6 address";
    }

    const char *number = host;
    if (len == 0 || strcmp(host, "*") == 0)
        number = "0.0.0.0";
    else if (strcmp(host, "localhost") == 0)
        number = "127.0.0.1";
    ret->addr.in4.sin_family = AF_INET;
    ret->addr.in4.sin_port = htons((uint16_t)port);
    ret->len = sizeof ret->addr.in4;
    return inet_pton(AF_INET, number, &ret->addr.in4.sin_addr) == 1
               ? NULL
               : "the host must be an IPv4 address, an IPv6 address in brackets, localhost or *";
}

int listen_address_parse(const char *text, struct listen_address *ret_address, char *reason,
                         size_t size)
{
    const char *why;

    memset(ret_address, 0, sizeof *ret_address);
    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        why = parse_unix(text + strlen("unix:"), ret_address);
    else
        why = parse_tcp(text, ret_address);
    if (why == NULL)
        return 0;
    snprintf(reason, size, "%s", why);
    return -1;
}

bool listen_address_is_loopback(const struct listen_address *address)
{
    const struct in6_addr *in6 = &address->addr.in6.sin6_addr;

    switch (address->addr.any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(address->addr.in4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
    default:
        return false;
    }
}

int listen_address_port(const struct listen_address *address)
{
    switch (address->addr.any.sa_family) {
    case AF_INET:
        return ntohs(address->addr.in4.sin_port);
    case AF_INET6:
        return ntohs(address->addr.in6.sin6_port);
    default:
        return 0;
    }
}

char *listen_address_text(const struct listen_address *address, char ret_text[LISTEN_ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";
    int port = listen_address_port(address);

    switch (address->addr.any.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->addr.in4.sin_addr, host, sizeof host);
        snprintf(ret_text, LISTEN_ADDRESS_TEXT, "%s:%d", host, port);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &address->addr.in6.sin6_addr, host, sizeof host);
        snprintf(ret_text, LISTEN_ADDRESS_TEXT, "[%s]:%d", host, port);
        break;
    default:
        snprintf(ret_text, LISTEN_ADDRESS_TEXT, "unix:%s", address->addr.un.sun_path);
        break;
    }
    return ret_text;
}
