/*
 * A listener's certificate.
 *
 * libmicrohttpd asks for it by GnuTLS' callback in each handshake, and GnuTLS goes on to use what it was given until
 * the handshake is over. So one that was replaced is kept until no handshake can be that old any more.
 */
#include "http_tls.h"

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "http_tls_private.h"

enum {
    CHAIN_MAX = 16, /* certificates in a file */
    RETIRED_FOR_S =
        3600, /* no request, and so no handshake, may take longer (http.request_timeout_ms) */
    KEY_ID_SIZE = 64 /* room for the hash that tells whether certificate and key belong together */
};

/* A certificate with its key, as GnuTLS wants them. */
struct pair {
    gnutls_pcert_st chain[CHAIN_MAX]; /* the server's own first */
    unsigned count;                   /* of them */
    gnutls_privkey_t key;             /* of the first */
    time_t retired;                   /* when another took its place */
    struct pair *next;                /* retired before it */
};

struct http_tls {
    struct pair *shown;   /* in new handshakes */
    struct pair *retired; /* latest first */
};

static _Thread_local struct http_tls *serving;

static void free_pair(struct pair *pair)
{
    if (pair == NULL)
        return;
    for (unsigned i = 0; i < pair->count; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->key != NULL)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

static gnutls_datum_t text_datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

static int complain(struct buf *reason, const char *what, int rc)
{
    buf_printf(reason, "%s: %s", what, gnutls_strerror(rc));
    return -1;
}

/* Whether a key is the one that a certificate is about. */
static bool belongs_to(gnutls_privkey_t key, gnutls_pcert_st *certificate)
{
    unsigned char of_key[KEY_ID_SIZE], of_certificate[KEY_ID_SIZE];
    size_t key_size = sizeof of_key, certificate_size = sizeof of_certificate;
    gnutls_pubkey_t public;

    if (gnutls_pubkey_init(&public) != 0)
        return false;
    bool same =
        gnutls_pubkey_import_privkey(public, key, 0, 0) == 0 &&
        gnutls_pubkey_get_key_id(public, 0, of_key, &key_size) == 0 &&
        gnutls_pubkey_get_key_id(certificate->pubkey, 0, of_certificate, &certificate_size) == 0 &&
        key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0;
    gnutls_pubkey_deinit(public);
    return same;
}

static bool is_over(const gnutls_pcert_st *certificate)
{
    gnutls_x509_crt_t crt;
    bool over = false;

    if (gnutls_x509_crt_init(&crt) != 0)
        return false;
    if (gnutls_x509_crt_import(crt, &certificate->cert, GNUTLS_X509_FMT_DER) == 0)
        over = gnutls_x509_crt_get_expiration_time(crt) <= time(NULL);
    gnutls_x509_crt_deinit(crt);
    return over;
}

static int read_chain(struct pair *pair, const struct http_tls_pem *pem, struct buf *reason)
{
    gnutls_datum_t text = text_datum(pem->certificate);
    unsigned count = CHAIN_MAX;
    int rc = gnutls_pcert_list_import_x509_raw(pair->chain, &count, &text, GNUTLS_X509_FMT_PEM,
                                               GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);

    if (rc != 0)
        return complain(reason, "the certificate can't be read", rc);
    pair->count = count;
    if (is_over(&pair->chain[0])) {
        buf_add_str(reason, "the certificate's time is over");
        return -1;
    }
    return 0;
}

static int read_key(struct pair *pair, const struct http_tls_pem *pem, struct buf *reason)
{
    gnutls_datum_t text = text_datum(pem->key);
    int rc = gnutls_privkey_init(&pair->key);

    if (rc == 0)
        rc = gnutls_privkey_import_x509_raw(pair->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc != 0)
        return complain(reason, "the key can't be read", rc);
    if (!belongs_to(pair->key, &pair->chain[0])) {
        buf_add_str(reason, "the key isn't the certificate's");
        return -1;
    }
    return 0;
}

static struct pair *new_pair(const struct http_tls_pem *pem, struct buf *reason)
{
    struct pair *pair = calloc(1, sizeof *pair);

    if (pair == NULL) {
        buf_add_str(reason, "out of memory");
        return NULL;
    }
    if (read_chain(pair, pem, reason) != 0 || read_key(pair, pem, reason) != 0) {
        free_pair(pair);
        return NULL;
    }
    return pair;
}

/* Frees those that were retired before a time. */
static void free_retired(struct http_tls *tls, time_t before)
{
    struct pair **link = &tls->retired;

    while (*link != NULL) {
        struct pair *pair = *link;

        if (pair->retired < before) {
            *link = pair->next;
            free_pair(pair);
        } else {
            link = &pair->next;
        }
    }
}

struct http_tls *http_tls_new(const struct http_tls_pem *pem, struct buf *reason)
{
    struct http_tls *tls = calloc(1, sizeof *tls);

    if (tls == NULL) {
        buf_add_str(reason, "out of memory");
        return NULL;
    }
    tls->shown = new_pair(pem, reason);
    if (tls->shown == NULL) {
        free(tls);
        return NULL;
    }
    return tls;
}

int http_tls_renew(struct http_tls *tls, const struct http_tls_pem *pem, struct buf *reason)
{
    struct pair *pair = new_pair(pem, reason);
    time_t now = time(NULL);

    if (pair == NULL)
        return -1;
    free_retired(tls, now - RETIRED_FOR_S);
    tls->shown->retired = now;
    tls->shown->next = tls->retired;
    tls->retired = tls->shown;
    tls->shown = pair;
    return 0;
}

void http_tls_free(struct http_tls *tls)
{
    if (tls == NULL)
        return;
    while (tls->retired != NULL) {
        struct pair *pair = tls->retired;

        tls->retired = pair->next;
        free_pair(pair);
    }
    free_pair(tls->shown);
    free(tls);
}

void http_tls_serve(struct http_tls *tls)
{
    serving = tls;
}

int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                      const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                      gnutls_pcert_st **ret_chain, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    (void)session;
    (void)issuers;
    (void)issuer_count;
    (void)algorithms;
    (void)algorithm_count;
    *ret_chain = serving->shown->chain;
    *ret_count = serving->shown->count;
    *ret_key = serving->shown->key;
    return 0;
}
