/*
 * An address to listen on: TCP or a unix socket.
 *
 *   127.0.0.1:8080   [::1]:8080   unix:/path
 *   localhost:8080 (127.0.0.1)    *:8080 or :8080 (0.0.0.0)
 *
 * Numbers only, but for localhost: what a gateway is reachable by is not left to a resolver. Port 0
 * has the kernel choose.
 */
#ifndef GATEWAY_LISTEN_ADDRESS_H
#define GATEWAY_LISTEN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Room for any address as text, with its NUL. */
#define LISTEN_ADDRESS_TEXT (sizeof "unix:" + sizeof((struct sockaddr_un *)NULL)->sun_path)

enum listen_kind { LISTEN_TCP, LISTEN_UNIX };

struct listen_address {
    enum listen_kind kind;
    union {
        struct sockaddr any; /* for bind(), and what accept() and getsockname() fill */
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } addr;
    socklen_t len; /* of what is used in addr */
};

/* Returns 0; -1 with what is wrong in reason (at most size bytes with the NUL). */
int listen_address_parse(const char *text, struct listen_address *ret_address, char *reason,
                         size_t size);

/* Whether only this machine can reach it: 127.0.0.0/8, ::1, or a unix socket. */
bool listen_address_is_loopback(const struct listen_address *address);

/* The port; 0 of a unix socket, or where the kernel is to choose. */
int listen_address_port(const struct listen_address *address);

/* Writes the address as text that listen_address_parse reads; returns ret_text. */
char *listen_address_text(const struct listen_address *address, char ret_text[LISTEN_ADDRESS_TEXT]);

#endif
