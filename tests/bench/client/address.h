/* Where a server listens: "127.0.0.1:8080" or "unix:/path", as the gateway's own settings say it.
 */
#ifndef BENCH_ADDRESS_H
#define BENCH_ADDRESS_H

#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage; /* IPv4 or unix */
    socklen_t len;                   /* of what is used of it */
};

/* 0; -1 where text is no such address. */
int address_parse(const char *text, struct address *ret_address);

/* A connected socket, without Nagle's delay; -1 and errno where that fails. */
int address_connect(const struct address *address);

#endif
