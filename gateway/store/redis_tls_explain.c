/*
 * Why TLS to Redis failed, in words.
 *
 * There are three to ask: OpenSSL's check of the server's certificate, whose verdict is noted when it falls;
 * OpenSSL's queue of errors, where the server's alerts stand; hiredis, which knows of the socket alone.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "redis_tls.h"
#include "redis_tls_private.h"

#define DATE_SIZE 32

/* ---- the server's certificate ---- */

static void format_date(const ASN1_TIME *time, char *ret_text, size_t size)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(ret_text, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(ret_text, size, "an unknown time");
}

/* Which certificate of the chain it is. */
static const char *whose(int depth)
{
    return depth == 0 ? "the server's certificate" : "a CA's certificate above the server's";
}

int redis_tls_note_verdict(int accepted, struct x509_store_ctx_st *chain)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct redis_tls_note *note = redis_tls_note(ssl);
    X509 *cert = X509_STORE_CTX_get_current_cert(chain);
    const char *subject = whose(X509_STORE_CTX_get_error_depth(chain));
    int error = X509_STORE_CTX_get_error(chain);
    char *text;
    size_t size;
    char date[DATE_SIZE];

    if (accepted || note == NULL || note->verdict[0] != '\0')
        return accepted;
    text = note->verdict;
    size = sizeof note->verdict;
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        format_date(X509_get0_notAfter(cert), date, sizeof date);
        snprintf(text, size, "%s has expired: it was good until %s", subject, date);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        format_date(X509_get0_notBefore(cert), date, sizeof date);
        snprintf(text, size, "%s is not valid yet: it is good from %s", subject, date);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        snprintf(text, size, "the server's certificate is not for %s", note->name);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        snprintf(text, size,
                 "the server's certificate comes from no CA that is trusted here, %s (%s)",
                 note->has_ca ? "by redis.tls.ca" : "by the system, and redis.tls.ca isn't set",
                 X509_verify_cert_error_string(error));
        break;
    default:
        snprintf(text, size, "%s is not accepted: %s", subject,
                 X509_verify_cert_error_string(error));
    }
    return accepted;
}

/* ---- errors of OpenSSL's ---- */

/* What the server says of our certificate or of us, by its alert (RFC 8446, section 6). */
static void explain_alert(int alert, const struct redis_tls_note *note, char *ret_text, size_t size)
{
    const char *said = SSL_alert_desc_string_long(alert);
    bool lacks_cert = note != NULL && note->wants_cert && !note->has_cert;

    switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
        snprintf(ret_text, size,
                 "the server says that our certificate (redis.tls.cert) has expired");
        return;
    case SSL_AD_UNKNOWN_CA:
        snprintf(ret_text, size,
                 "the server doesn't trust the CA of our certificate (redis.tls.cert)");
        return;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
        if (lacks_cert)
            break;
        snprintf(ret_text, size, "the server refuses our certificate (redis.tls.cert): %s", said);
        return;
    case SSL_AD_PROTOCOL_VERSION:
        snprintf(ret_text, size, "the server speaks neither TLS 1.2 nor 1.3");
        return;
    case SSL_AD_CERTIFICATE_REQUIRED:
        lacks_cert = true;
        break;
    case SSL_AD_UNRECOGNIZED_NAME:
        if (note == NULL)
            break;
        snprintf(ret_text, size, "the server doesn't know the name %s", note->name);
        return;
    default:
        break;
    }
    if (lacks_cert)
        snprintf(ret_text, size,
                 "the server wants a client's certificate, and redis.tls.cert isn't set");
    else
        snprintf(ret_text, size, "the server ended TLS: %s", said);
}

static void explain_error(unsigned long error, const struct redis_tls_note *note, char *ret_text,
                          size_t size)
{
    int reason = ERR_GET_REASON(error);
    const char *said = ERR_reason_error_string(error);

    if (ERR_SYSTEM_ERROR(error))
        snprintf(ret_text, size, "%s", strerror(reason));
    else if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        snprintf(ret_text, size, "TLS: %s", said != NULL ? said : "an unknown error");
    else if (reason >= SSL_AD_REASON_OFFSET)
        explain_alert(reason - SSL_AD_REASON_OFFSET, note, ret_text, size);
    else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
        snprintf(ret_text, size, "the server doesn't speak TLS here");
    else if (reason == SSL_R_UNSUPPORTED_PROTOCOL)
        snprintf(ret_text, size, "the server speaks neither TLS 1.2 nor 1.3");
    else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        snprintf(ret_text, size, "the server closed the connection");
    else
        snprintf(ret_text, size, "TLS: %s", said != NULL ? said : "an unknown error");
}

/*
 * With TLS 1.3 a server refuses our certificate only after the handshake, when our first command is on its
 * way already; the reset that answers the command fails our write, with the alert still unread before it. (Newer
 * OpenSSLs queue the reset as an error of the system's.)
 */
static unsigned long read_alert(SSL *ssl, unsigned long error)
{
    unsigned long alert;
    char ignored;

    ERR_clear_error();
    if (SSL_is_init_finished(ssl))
        SSL_peek(ssl, &ignored, 1);
    alert = ERR_peek_last_error();
    return alert != 0 ? alert : error;
}

void redis_tls_explain(struct ssl_st *ssl, const char *why, char *ret_text, size_t size)
{
    const struct redis_tls_note *note = redis_tls_note(ssl);
    unsigned long error = ERR_peek_last_error();

    if (error == 0 || ERR_SYSTEM_ERROR(error))
        error = read_alert(ssl, error);
    /* What stays in the queue would be taken for an error of the thread's next connection. */
    ERR_clear_error();
    if (note != NULL && note->verdict[0] != '\0')
        snprintf(ret_text, size, "%s", note->verdict);
    else if (error != 0)
        explain_error(error, note, ret_text, size);
    else
        snprintf(ret_text, size, "%s", why);
    if (note != NULL && note->unread[0] != '\0') {
        size_t len = strlen(ret_text);

        snprintf(ret_text + len, size - len, "; %s", note->unread);
    }
}
