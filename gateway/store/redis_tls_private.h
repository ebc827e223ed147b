/*
 * What is noted about one connection while TLS is made, to be told if it fails: redis_tls.c keeps it with
 * the SSL, redis_tls_explain.c puts it into words.
 */
#ifndef REDIS_TLS_PRIVATE_H
#define REDIS_TLS_PRIVATE_H

#include <stdbool.h>

struct ssl_st;
struct x509_store_ctx_st;

struct redis_tls_note {
    char name[256];    /* what the server's certificate must be for */
    char verdict[384]; /* what is wrong with the server's certificate; "" while nothing is */
    char unread[384];  /* why newer files aren't used; "": they are */
    bool has_ca;       /* redis.tls.ca is set */
    bool has_cert;     /* redis.tls.cert is set */
    bool wants_cert;   /* the server asked for a certificate of ours */
};

/* The note of a connection that redis_tls_open made; NULL for another's. */
struct redis_tls_note *redis_tls_note(const struct ssl_st *ssl);

/* OpenSSL's callback for each certificate of the server's chain: notes the first that is refused. */
int redis_tls_note_verdict(int accepted, struct x509_store_ctx_st *chain);

#endif
