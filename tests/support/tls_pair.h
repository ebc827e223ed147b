/*
 * A handshake in memory: the gateway's side of TLS to Redis, and a server of the test's own. Whatever
 * fails here, but the handshake, fails the test (criterion).
 */
#ifndef SUPPORT_TLS_PAIR_H
#define SUPPORT_TLS_PAIR_H

#include <stdbool.h>

struct redis_tls;

/* A server as the test wants it. */
struct tls_pair_server {
    const char *cert; /* its certificate and key, by name (certificates.h); NULL: "server" */
    const char
        *clients; /* the CA of the clients' certificates, which it demands; NULL: it doesn't */
    int version;  /* the only one of TLS that it speaks; 0: any */
    bool plain;   /* speaks no TLS at all */
    bool silent;  /* closes at once */
};

/* What came of a connection. */
struct tls_pair_outcome {
    bool good;      /* a byte of the server's arrived */
    char why[1024]; /* else redis_tls_explain's words */
    char sni[64];   /* what the server was called, or "" */
};

/* Connects to a host; the server's certificates are in dir. */
struct tls_pair_outcome tls_pair_connect(struct redis_tls *tls, const char *host, const char *dir,
                                         struct tls_pair_server options);

#endif
