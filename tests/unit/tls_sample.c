/* What the tests of TLS to Redis share. */
#include "tls_sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "certificates.h"
#include "temp_dir.h"

char *tls_dir;
char *tls_ca;

void tls_set_up(void)
{
    tls_dir = temp_dir_make();
    certificates_make_ca(tls_dir, "ca");
    tls_ca = temp_dir_path(tls_dir, "ca.pem");
    certificates_make(tls_dir, "server",
                      (struct certificate_options){
                          .ca = "ca", .names = "DNS:" TLS_SERVER ",IP:127.0.0.1,IP:::1"});
}

void tls_tear_down(void)
{
    temp_dir_remove(tls_dir);
    free(tls_ca);
}

struct redis_tls *tls_make(struct redis_tls_options options)
{
    struct buf reason = BUF_EMPTY;
    struct redis_tls *tls = redis_tls_new(&options, &reason);

    cr_assert_not_null(tls, "%s", buf_text(&reason));
    cr_assert_eq(reason.len, 0);
    return tls;
}

struct redis_tls *tls_make_usual(void)
{
    return tls_make((struct redis_tls_options){.ca = tls_ca, .verify_name = true});
}

struct redis_tls *tls_make_with_cert(const char *cert_name, const char *key_name)
{
    char *cert = temp_dir_path(tls_dir, cert_name);
    char *key = key_name != NULL ? temp_dir_path(tls_dir, key_name) : NULL;
    struct redis_tls *tls = tls_make(
        (struct redis_tls_options){.ca = tls_ca, .cert = cert, .key = key, .verify_name = true});

    free(cert);
    free(key);
    return tls;
}

void tls_succeeds(struct redis_tls *tls, const char *host, struct tls_pair_server server)
{
    struct tls_pair_outcome outcome = tls_pair_connect(tls, host, tls_dir, server);

    cr_assert(outcome.good, "%s: %s", host, outcome.why);
}

void tls_fails(struct redis_tls *tls, const char *host, struct tls_pair_server server,
               const char *words)
{
    struct tls_pair_outcome outcome = tls_pair_connect(tls, host, tls_dir, server);

    cr_assert(!outcome.good, "%s was accepted", host);
    cr_assert_not_null(strstr(outcome.why, words), "%s: %s", host, outcome.why);
}
