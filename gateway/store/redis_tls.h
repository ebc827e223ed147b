/*
 * TLS to Redis: what the settings redis.tls.* say, made into OpenSSL's objects.
 *
 * The files are read at start, and again when they have changed by the time that a connection is made: a
 * certificate that was renewed needs no restart. New files that can't be used leave the old ones in force.
 */
#ifndef REDIS_TLS_H
#define REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct redis_tls;
struct ssl_st; /* OpenSSL's SSL */

struct redis_tls_options {
    const char *ca;          /* redis.tls.ca: PEM file, or a directory of them; NULL: the system's */
    const char *cert;        /* redis.tls.cert: PEM file of the client's certificate; NULL: none */
    const char *key;         /* redis.tls.key: PEM file of its key; NULL with cert: in the same file */
    const char *server_name; /* redis.tls.server_name: what the certificate must be for; NULL: the host */
    bool verify_name;        /* redis.tls.verify_name: whether the certificate's name is checked at all */
};

/*
 * Reads the files; the strings are copied. NULL with one line in reason, naming the setting and the file,
 * where they can't be used (missing, no PEM, a key that isn't the certificate's).
 */
struct redis_tls *redis_tls_new(const struct redis_tls_options *options, struct buf *reason);

/* Frees it; connections that were made of it stay whole. Accepts NULL. */
void redis_tls_free(struct redis_tls *tls);

/*
 * Any thread: the TLS of one connection to a host (a name, or an address without brackets; it is sent as the
 * SNI where it is a name, and the certificate must be for it). To be handed to redisInitiateSSL, or freed with
 * SSL_free. NULL with what is wrong in reason, at most size bytes with the NUL.
 */
struct ssl_st *redis_tls_open(struct redis_tls *tls, const char *host, char *reason, size_t size);

/*
 * Why a connection failed, in words for an operator: what is wrong with the server's certificate ("the
 * server's certificate has expired…", "… is not for redis.example"), what the server said of ours, else what
 * hiredis said in why; and behind it why newer files aren't used, where they aren't. To be called once, on
 * the thread and right after the failure: OpenSSL's queue of errors is read, and emptied for the next
 * connection. Where the handshake was over, the socket must still be open and non-blocking: an alert is
 * looked for.
 */
void redis_tls_explain(struct ssl_st *ssl, const char *why, char *ret_text, size_t size);

#endif
