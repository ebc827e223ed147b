/*
 * A listener's certificate: what a server shows in each TLS handshake, and can be given another of while it runs.
 * For one thread.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stddef.h>

struct buf;
struct http_tls;

/* A certificate, those that lead to who signed it behind it, and its key: texts in PEM. */
struct http_tls_pem {
    const char *certificate; /* NUL-terminated; NULL: the listener has no TLS */
    const char *key;         /* the same, without a password */
};

/*
 * Reads both. NULL, with a reason (a sentence's end, naming which of the two is wrong), where one can't be read,
 * they don't belong together, the certificate's time is over, or memory runs out.
 */
struct http_tls *http_tls_new(const struct http_tls_pem *pem, struct buf *reason);

/*
 * Shows another certificate from now on. Handshakes that are under way go on with the old one, which is freed
 * some time after. -1, with a reason, and nothing changed, as http_tls_new.
 */
int http_tls_renew(struct http_tls *tls, const struct http_tls_pem *pem, struct buf *reason);

/* No handshake may be under way. Accepts NULL. */
void http_tls_free(struct http_tls *tls);

#endif
