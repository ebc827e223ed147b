/* A handshake in memory. */
#include "tls_pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_tls.h"
#include "temp_dir.h"

static SSL *make_server(const char *dir, const struct tls_pair_server *server)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    const char *name = server->cert != NULL ? server->cert : "server";
    char file[64];

    snprintf(file, sizeof file, "%s.pem", name);
    char *cert = temp_dir_path(dir, file);
    snprintf(file, sizeof file, "%s.key", name);
    char *key = temp_dir_path(dir, file);
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(ctx, cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM), 1);
    free(cert);
    free(key);
    if (server->clients != NULL) {
        snprintf(file, sizeof file, "%s.pem", server->clients);
        char *clients = temp_dir_path(dir, file);

        cr_assert_eq(SSL_CTX_load_verify_locations(ctx, clients, NULL), 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        free(clients);
    }
    if (server->version != 0) {
        SSL_CTX_set_security_level(ctx, 0); /* what is too old for us may be too old for Debian */
        SSL_CTX_set_min_proto_version(ctx, server->version);
        SSL_CTX_set_max_proto_version(ctx, server->version);
    }
    SSL *ssl = SSL_new(ctx);
    cr_assert_not_null(ssl);
    SSL_CTX_free(ctx);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* Lets both talk until the client has a byte or an error. The pair never blocks: that bounds it. */
static bool converse(SSL *client, SSL *server)
{
    bool sent = false;

    for (int turn = 0; turn < 100; turn++) {
        char byte;
        int rc = SSL_read(client, &byte, 1);
        int error = SSL_get_error(client, rc);

        if (rc == 1)
            return true;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
        sent = sent || SSL_write(server, "+", 1) == 1;
        ERR_clear_error(); /* the server's errors aren't the client's */
    }
    cr_assert_fail("the handshake doesn't end");
    return false;
}

struct tls_pair_outcome tls_pair_connect(struct redis_tls *tls, const char *host, const char *dir,
                                         struct tls_pair_server options)
{
    struct tls_pair_outcome outcome = {.good = false};
    SSL *client = redis_tls_open(tls, host, outcome.why, sizeof outcome.why);
    SSL *server = make_server(dir, &options);
    BIO *ours, *theirs;

    cr_assert_not_null(client, "%s", outcome.why);
    cr_assert_eq(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
    SSL_set_bio(client, ours, ours);
    SSL_set_bio(server, theirs, theirs);
    if (options.plain)
        BIO_write(theirs, "-ERR this is no TLS\r\n", 21);
    if (options.silent)
        BIO_shutdown_wr(theirs);
    outcome.good = converse(client, server);
    if (!outcome.good)
        redis_tls_explain(client, "the words of hiredis", outcome.why, sizeof outcome.why);
    const char *sni = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
    snprintf(outcome.sni, sizeof outcome.sni, "%s", sni != NULL ? sni : "");
    SSL_free(client);
    SSL_free(server);
    cr_assert_eq(ERR_peek_error(), 0, "an error is left in the queue");
    return outcome;
}
