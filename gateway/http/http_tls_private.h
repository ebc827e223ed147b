/* How http_server.c gives a certificate to libmicrohttpd; included by nobody else. */
#ifndef HTTP_TLS_PRIVATE_H
#define HTTP_TLS_PRIVATE_H

#include <gnutls/abstract.h>

struct http_tls;

/*
 * Whose certificates a daemon shows: libmicrohttpd's callback has no argument, but a thread has one such server.
 */
void http_tls_serve(struct http_tls *tls);

/* The callback, of MHD_OPTION_HTTPS_CERT_CALLBACK. */
int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                      const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                      gnutls_pcert_st **ret_chain, unsigned *ret_count, gnutls_privkey_t *ret_key);

#endif
