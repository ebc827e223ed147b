/*
 * The address of a Redis server, as a URL and in parts.
 *
 *   redis://[[user]:password@]host[:port][/db]
 *   rediss://…                                   the same with TLS
 *   unix://[[user]:password@]/path[?db=n]
 *
 * A host is a name, an IPv4 address, or an IPv6 address in brackets.
 *
 * User, password and path are percent-encoded in the URL. A user name needs a password, which may
 * be empty.
 */
#ifndef STORE_REDIS_ADDRESS_H
#define STORE_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define REDIS_ADDRESS_PORT   6379
#define REDIS_ADDRESS_MAX_DB 999999

struct redis_address {
    char *host;     /* without brackets; NULL with a unix socket */
    int port;       /* 1 to 65535; 0 with a unix socket */
    char *path;     /* of the unix socket, else NULL */
    char *user;     /* NULL: none, which is Redis's own "default" */
    char *password; /* NULL: no AUTH at all */
    int db;         /* 0 to REDIS_ADDRESS_MAX_DB */
    bool tls;       /* rediss */
};

/*
 * Takes a URL apart. Returns 0; -1, *ret_address all zeroes, with what is wrong in reason (at most
 * size bytes with the NUL), which never quotes the URL, since that may hold a password.
 */
int redis_address_parse(const char *url, struct redis_address *ret_address, char *reason,
                        size_t size);

/* Appends the URL of an address, port and db always said: parsing it gives the same address. */
void redis_address_format(const struct redis_address *address, struct buf *out);

/* Frees what the struct holds, and zeroes it. */
void redis_address_free(struct redis_address *address);

#endif
