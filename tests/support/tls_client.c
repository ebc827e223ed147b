/* A small blocking client of HTTP over TLS. */
#include "tls_client.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

struct tls_client {
    SSL_CTX *context;
    BIO *bio;           /* TLS over TCP */
    SSL *ssl;           /* of it */
    char text[1 << 16]; /* the last answer */
    char *serial;       /* NULL: not asked for yet */
};

static SSL_CTX *new_context(const struct tls_client_options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    cr_assert_not_null(context);
    cr_assert_eq(SSL_CTX_load_verify_locations(context, options->ca, NULL), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_security_level(context, 0); /* or older versions wouldn't even be offered */
    SSL_CTX_set_min_proto_version(context, options->least);
    SSL_CTX_set_max_proto_version(context, options->most);
    return context;
}

/* A server that says nothing must not hang the test. */
static void bound_reads(BIO *bio)
{
    const struct timeval most = {.tv_sec = 60};
    int fd = -1;

    BIO_get_fd(bio, &fd);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

struct tls_client *tls_client_open(const struct tls_client_options *options)
{
    struct tls_client *client = calloc(1, sizeof *client);

    cr_assert_not_null(client);
    client->context = new_context(options);
    client->bio = BIO_new_ssl_connect(client->context);
    cr_assert_not_null(client->bio);
    BIO_get_ssl(client->bio, &client->ssl);
    cr_assert_eq(SSL_set1_host(client->ssl, options->name), 1);
    SSL_set_tlsext_host_name(client->ssl, options->name);
    BIO_set_conn_hostname(client->bio, options->address);
    if (BIO_do_connect(client->bio) != 1 || BIO_do_handshake(client->bio) != 1) {
        tls_client_close(client);
        return NULL;
    }
    bound_reads(client->bio);
    return client;
}

void tls_client_close(struct tls_client *client)
{
    if (client == NULL)
        return;
    BIO_free_all(client->bio);
    SSL_CTX_free(client->context);
    OPENSSL_free(client->serial);
    free(client);
}

int tls_client_send(struct tls_client *client, const char *text)
{
    int len = (int)strlen(text);

    return BIO_write(client->bio, text, len) == len ? 0 : -1;
}

const char *tls_client_read(struct tls_client *client, const char *until)
{
    size_t len = 0;

    client->text[0] = '\0';
    while (strstr(client->text, until) == NULL && len < sizeof client->text - 1) {
        int got = BIO_read(client->bio, client->text + len, (int)(sizeof client->text - 1 - len));

        if (got <= 0)
            break;
        len += (size_t)got;
        client->text[len] = '\0';
    }
    return client->text;
}

const char *tls_client_serial(struct tls_client *client)
{
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);

    cr_assert_not_null(certificate);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    OPENSSL_free(client->serial);
    client->serial = BN_bn2hex(number);
    BN_free(number);
    X509_free(certificate);
    return client->serial;
}
