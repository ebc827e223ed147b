/*
 * A small blocking client of HTTP over TLS: a connection, raw requests, whole answers. Whatever goes wrong beside
 * what a function says fails the test.
 */
#ifndef SUPPORT_TLS_CLIENT_H
#define SUPPORT_TLS_CLIENT_H

struct tls_client;

struct tls_client_options {
    const char *address; /* "127.0.0.1:8443" */
    const char *ca;      /* file of who signed the server's certificate */
    const char *name;    /* that the certificate must be for */
    int least, most;     /* versions, as OpenSSL has them (TLS1_2_VERSION); 0: any */
};

/* Connects and shakes hands. NULL where the handshake fails. */
struct tls_client *tls_client_open(const struct tls_client_options *options);
void tls_client_close(struct tls_client *client); /* accepts NULL */

/* Sends text as it is. Returns 0; -1 where the connection is gone. */
int tls_client_send(struct tls_client *client, const char *text);

/*
 * Reads until the answer's text holds this, or the connection ends; at most 60 s. Returns all of it, until the
 * next call.
 */
const char *tls_client_read(struct tls_client *client, const char *until);

/* The serial number of the certificate that was shown, in hexadecimal digits. */
const char *tls_client_serial(struct tls_client *client);

#endif
