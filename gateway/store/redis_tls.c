/*
 * TLS to Redis.
 *
 * The happy path: redis_tls_new reads the files into a context of OpenSSL's; redis_tls_open looks whether
 * they were replaced, then makes a connection's SSL of the context. Where new files can't be used, because
 * they are wrong or only half of them are there yet, the old context goes on, the connection's note says
 * why, and they are read again once they change again.
 */
#include "redis_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "redis_tls_files.h"
#include "redis_tls_private.h"
#include "text.h"

struct redis_tls {
    char *ca, *cert, *key;        /* paths; NULL: not set */
    char *server_name;            /* what certificates must be for; NULL: the host */
    bool verify_name;             /* they must be for it */
    pthread_mutex_t lock;         /* over what follows */
    SSL_CTX *ctx;                 /* made of the files */
    struct redis_tls_stamp stamp; /* of the files when they were last read, used or not */
    struct buf unread;            /* why the files as last read aren't used; empty: they are */
};

/* ---- notes ---- */

static int note_index = -1; /* among the data that applications keep with an SSL */
static pthread_once_t note_once = PTHREAD_ONCE_INIT;

static void free_note(void *parent, void *note, CRYPTO_EX_DATA *data, int index, long number,
                      void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    free(note);
}

static void make_note_index(void)
{
    note_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_note);
}

struct redis_tls_note *redis_tls_note(const struct ssl_st *ssl)
{
    return SSL_get_ex_data(ssl, note_index);
}

/* OpenSSL's callback: the server asks for our certificate. */
static int on_certificate_request(SSL *ssl, void *arg)
{
    struct redis_tls_note *note = arg;

    (void)ssl;
    note->wants_cert = true;
    return 1;
}

/* ---- the context ---- */

/* A context made of the files as they are. NULL: reason says why. */
static SSL_CTX *read_files(const struct redis_tls *tls, struct buf *reason)
{
    const struct redis_tls_files files = {.ca = tls->ca, .cert = tls->cert, .key = tls->key};
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        buf_add_str(reason, "OpenSSL can't be used: no memory, or no TLS 1.2");
        ERR_clear_error();
    } else if (redis_tls_files_read(&files, ctx, reason) == 0) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, redis_tls_note_verdict);
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

/* With the lock held: reads the files again where they have changed. */
static void renew(struct redis_tls *tls)
{
    const struct redis_tls_files files = {.ca = tls->ca, .cert = tls->cert, .key = tls->key};
    /* Before the reading: what changes after this counts as changed the next time. */
    struct redis_tls_stamp now = redis_tls_files_stamp(&files);

    if (redis_tls_files_same(&now, &tls->stamp))
        return;
    tls->stamp = now;
    buf_clear(&tls->unread);
    SSL_CTX *ctx = read_files(tls, &tls->unread);
    if (ctx == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    tls->ctx = ctx;
}

/* Copies what may be NULL. Returns 0, or -1. */
static int copy(const char *text, char **ret_text)
{
    *ret_text = text != NULL ? strdup(text) : NULL;
    return text == NULL || *ret_text != NULL ? 0 : -1;
}

struct redis_tls *redis_tls_new(const struct redis_tls_options *options, struct buf *reason)
{
    struct redis_tls *tls = calloc(1, sizeof *tls);

    pthread_once(&note_once, make_note_index);
    if (tls == NULL)
        goto no_memory;
    pthread_mutex_init(&tls->lock, NULL);
    tls->verify_name = options->verify_name;
    if (note_index < 0 || copy(options->ca, &tls->ca) != 0 ||
        copy(options->cert, &tls->cert) != 0 || copy(options->key, &tls->key) != 0 ||
        copy(options->server_name, &tls->server_name) != 0)
        goto no_memory;

    const struct redis_tls_files files = {.ca = tls->ca, .cert = tls->cert, .key = tls->key};
    tls->stamp = redis_tls_files_stamp(&files);
    tls->ctx = read_files(tls, reason);
    if (tls->ctx != NULL)
        return tls;
    redis_tls_free(tls);
    return NULL;

no_memory:
    buf_add_str(reason, "no memory");
    redis_tls_free(tls);
    return NULL;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    buf_done(&tls->unread);
    pthread_mutex_destroy(&tls->lock);
    free(tls->ca);
    free(tls->cert);
    free(tls->key);
    free(tls->server_name);
    free(tls);
}

/* ---- a connection ---- */

static bool is_address(const char *host)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}

/* Says whom the connection is to. Returns 1, or 0: so do OpenSSL's functions. */
static int name_server(SSL *ssl, const char *name, bool verify_name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (is_address(name))
        return !verify_name || X509_VERIFY_PARAM_set1_ip_asc(param, name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) && (!verify_name || SSL_set1_host(ssl, name));
}

/* Copies a name without the dot that DNS lets it end in, and certificates don't. Returns 0, or -1. */
static int copy_name(const char *name, char *ret_name, size_t size)
{
    size_t len = strlen(name);

    if (len == 0 || text_copy(ret_name, size, name) != 0)
        return -1;
    if (len > 1 && ret_name[len - 1] == '.')
        ret_name[len - 1] = '\0';
    return 0;
}

struct ssl_st *redis_tls_open(struct redis_tls *tls, const char *host, char *reason, size_t size)
{
    struct redis_tls_note *note = calloc(1, sizeof *note);
    SSL *ssl = NULL;

    if (note == NULL)
        goto no_memory;
    if (copy_name(tls->server_name != NULL ? tls->server_name : host, note->name,
                  sizeof note->name) != 0) {
        snprintf(reason, size,
                 "the name that the server's certificate must be for isn't well-formed");
        free(note);
        return NULL;
    }
    note->has_ca = tls->ca != NULL;
    note->has_cert = tls->cert != NULL;

    pthread_mutex_lock(&tls->lock);
    renew(tls);
    if (tls->unread.len > 0 && buf_text(&tls->unread) != NULL)
        snprintf(note->unread, sizeof note->unread, "the newer files can't be used: %s",
                 buf_text(&tls->unread));
    ssl = SSL_new(tls->ctx);
    pthread_mutex_unlock(&tls->lock);

    if (ssl == NULL || SSL_set_ex_data(ssl, note_index, note) != 1)
        goto no_memory;
    SSL_set_cert_cb(ssl, on_certificate_request, note);
    SSL_set_connect_state(ssl);
    if (!name_server(ssl, note->name, tls->verify_name)) {
        snprintf(reason, size, "OpenSSL refuses the server's name %s", note->name);
        ERR_clear_error();
        SSL_free(ssl); /* and the note with it */
        return NULL;
    }
    return ssl;

no_memory:
    snprintf(reason, size, "no memory");
    ERR_clear_error();
    SSL_free(ssl);
    free(note);
    return NULL;
}
