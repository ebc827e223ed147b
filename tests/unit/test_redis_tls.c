/* TLS to Redis: whom the handshake accepts, and how a refusal is explained. */
#include <criterion/criterion.h>

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "temp_dir.h"
#include "tls_sample.h"

TestSuite(redis_tls, .init = tls_set_up, .fini = tls_tear_down);

/* ---- the server's certificate ---- */

Test(redis_tls, a_server_with_a_certificate_of_the_ca_is_accepted)
{
    struct redis_tls *tls = tls_make_usual();

    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){0});
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.version = TLS1_3_VERSION});
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.version = TLS1_2_VERSION});
    redis_tls_free(tls);
}

Test(redis_tls, a_name_is_sent_ahead_and_an_address_is_not)
{
    struct redis_tls *tls = tls_make_usual();

    cr_assert_str_eq(tls_pair_connect(tls, TLS_SERVER, tls_dir, (struct tls_pair_server){0}).sni,
                     TLS_SERVER);
    cr_assert_str_eq(
        tls_pair_connect(tls, TLS_SERVER ".", tls_dir, (struct tls_pair_server){0}).sni,
        TLS_SERVER);
    cr_assert_str_eq(tls_pair_connect(tls, "127.0.0.1", tls_dir, (struct tls_pair_server){0}).sni,
                     "");
    cr_assert_str_eq(tls_pair_connect(tls, "::1", tls_dir, (struct tls_pair_server){0}).sni, "");
    redis_tls_free(tls);
}

Test(redis_tls, an_address_must_stand_in_the_certificate)
{
    struct redis_tls *tls = tls_make_usual();

    tls_succeeds(tls, "127.0.0.1", (struct tls_pair_server){0});
    tls_succeeds(tls, "::1", (struct tls_pair_server){0});
    tls_succeeds(tls, "0:0:0:0:0:0:0:1", (struct tls_pair_server){0});
    tls_fails(tls, "127.0.0.2", (struct tls_pair_server){0},
              "the server's certificate is not for 127.0.0.2");
    tls_fails(tls, "::2", (struct tls_pair_server){0}, "the server's certificate is not for ::2");
    redis_tls_free(tls);
}

Test(redis_tls, a_certificate_for_another_name_is_refused)
{
    struct redis_tls *tls = tls_make_usual();

    tls_fails(tls, "other.example", (struct tls_pair_server){0},
              "the server's certificate is not for other.example");
    tls_fails(tls, "a." TLS_SERVER, (struct tls_pair_server){0}, "is not for a." TLS_SERVER);
    redis_tls_free(tls);
}

Test(redis_tls, without_verify_name_any_name_is_accepted_and_no_other_ca)
{
    struct redis_tls *tls =
        tls_make((struct redis_tls_options){.ca = tls_ca, .verify_name = false});

    certificates_make_ca(tls_dir, "stranger");
    certificates_make(tls_dir, "theirs", (struct certificate_options){.ca = "stranger"});
    tls_succeeds(tls, "other.example", (struct tls_pair_server){0});
    tls_succeeds(tls, "127.0.0.2", (struct tls_pair_server){0});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "theirs"}, "no CA that is trusted");
    redis_tls_free(tls);
}

Test(redis_tls, server_name_stands_for_the_host)
{
    struct redis_tls *name = tls_make(
        (struct redis_tls_options){.ca = tls_ca, .server_name = TLS_SERVER, .verify_name = true});
    struct redis_tls *address = tls_make(
        (struct redis_tls_options){.ca = tls_ca, .server_name = "127.0.0.1", .verify_name = true});
    struct redis_tls *other = tls_make((struct redis_tls_options){
        .ca = tls_ca, .server_name = "other.example", .verify_name = true});

    tls_succeeds(name, "10.0.0.7", (struct tls_pair_server){0});
    cr_assert_str_eq(tls_pair_connect(name, "10.0.0.7", tls_dir, (struct tls_pair_server){0}).sni,
                     TLS_SERVER);
    tls_succeeds(address, "other.example", (struct tls_pair_server){0});
    tls_fails(other, TLS_SERVER, (struct tls_pair_server){0}, "is not for other.example");
    redis_tls_free(name);
    redis_tls_free(address);
    redis_tls_free(other);
}

Test(redis_tls, a_server_of_another_ca_is_refused)
{
    struct redis_tls *tls = tls_make_usual();
    struct redis_tls *by_system = tls_make((struct redis_tls_options){.verify_name = true});

    certificates_make_ca(tls_dir, "stranger");
    certificates_make(tls_dir, "theirs",
                      (struct certificate_options){.ca = "stranger", .names = "DNS:" TLS_SERVER});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "theirs"},
              "no CA that is trusted here, by redis.tls.ca");
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "stranger"},
              "no CA that is trusted here");
    tls_fails(by_system, TLS_SERVER, (struct tls_pair_server){0}, "redis.tls.ca isn't set");
    redis_tls_free(tls);
    redis_tls_free(by_system);
}

Test(redis_tls, an_expired_certificate_is_called_so_with_its_date)
{
    struct redis_tls *tls = tls_make_usual();

    certificates_make(
        tls_dir, "old",
        (struct certificate_options){.ca = "ca", .names = "DNS:" TLS_SERVER, .expired = true});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "old"},
              "the server's certificate has expired: it was good until 2021-01-01 00:00 UTC");
    redis_tls_free(tls);
}

Test(redis_tls, a_clients_certificate_is_none_for_a_server)
{
    struct redis_tls *tls = tls_make_usual();

    certificates_make(
        tls_dir, "client",
        (struct certificate_options){.ca = "ca", .names = "DNS:" TLS_SERVER, .client = true});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "client"},
              "the server's certificate is not accepted");
    redis_tls_free(tls);
}

/* ---- the server itself ---- */

Test(redis_tls, a_server_without_tls_is_called_so)
{
    struct redis_tls *tls = tls_make_usual();

    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.plain = true},
              "the server doesn't speak TLS here");
    redis_tls_free(tls);
}

Test(redis_tls, a_server_that_closes_is_called_so)
{
    struct redis_tls *tls = tls_make_usual();

    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.silent = true},
              "the server closed the connection");
    redis_tls_free(tls);
}

Test(redis_tls, tls_older_than_1_2_is_refused)
{
    struct redis_tls *tls = tls_make_usual();

    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.version = TLS1_1_VERSION},
              "neither TLS 1.2 nor 1.3");
    redis_tls_free(tls);
}

Test(redis_tls, where_openssl_knows_nothing_the_words_are_those_of_hiredis)
{
    struct redis_tls *tls = tls_make_usual();
    char why[64], small[5];
    SSL *ssl = redis_tls_open(tls, TLS_SERVER, why, sizeof why);

    cr_assert_not_null(ssl);
    redis_tls_explain(ssl, "Connection reset by peer", why, sizeof why);
    cr_assert_str_eq(why, "Connection reset by peer");
    redis_tls_explain(ssl, "Connection reset by peer", small, sizeof small);
    cr_assert_str_eq(small, "Conn");
    SSL_free(ssl);
    redis_tls_free(tls);
}

Test(redis_tls, a_host_without_a_name_is_refused)
{
    struct redis_tls *tls = tls_make_usual();
    char long_name[512] = "", why[128];

    memset(long_name, 'a', sizeof long_name - 1);
    cr_assert_null(redis_tls_open(tls, "", why, sizeof why));
    cr_assert_not_null(strstr(why, "name"));
    cr_assert_null(redis_tls_open(tls, long_name, why, sizeof why));
    cr_assert_not_null(strstr(why, "name"));
    redis_tls_free(tls);
}

Test(redis_tls, a_connection_outlives_what_it_was_made_of)
{
    struct redis_tls *tls = tls_make_usual();
    char why[64];
    SSL *ssl = redis_tls_open(tls, TLS_SERVER, why, sizeof why);

    redis_tls_free(tls);
    redis_tls_explain(ssl, "closed", why, sizeof why);
    cr_assert_str_eq(why, "closed");
    SSL_free(ssl);
    redis_tls_free(NULL);
}

/* ---- our certificate ---- */

/* In both versions: with 1.3 the refusal comes only after the handshake. */
static void both_fail(struct redis_tls *tls, const char *in_1_2, const char *in_1_3)
{
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.clients = "ca", .version = TLS1_2_VERSION},
              in_1_2);
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.clients = "ca", .version = TLS1_3_VERSION},
              in_1_3);
}

Test(redis_tls, a_server_that_wants_our_certificate_gets_it)
{
    certificates_make(tls_dir, "client", (struct certificate_options){.ca = "ca", .client = true});
    struct redis_tls *tls = tls_make_with_cert("client.pem", "client.key");

    tls_succeeds(tls, TLS_SERVER,
                 (struct tls_pair_server){.clients = "ca", .version = TLS1_2_VERSION});
    tls_succeeds(tls, TLS_SERVER,
                 (struct tls_pair_server){.clients = "ca", .version = TLS1_3_VERSION});
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){0});
    redis_tls_free(tls);
}

Test(redis_tls, a_wanted_certificate_that_is_not_set_is_asked_for)
{
    struct redis_tls *tls = tls_make_usual();
    const char *words = "the server wants a client's certificate, and redis.tls.cert isn't set";

    both_fail(tls, words, words);
    redis_tls_free(tls);
}

Test(redis_tls, an_expired_certificate_of_ours_is_called_so)
{
    certificates_make(tls_dir, "old",
                      (struct certificate_options){.ca = "ca", .client = true, .expired = true});
    struct redis_tls *tls = tls_make_with_cert("old.pem", "old.key");
    const char *words = "the server says that our certificate (redis.tls.cert) has expired";

    both_fail(tls, words, words);
    redis_tls_free(tls);
}

Test(redis_tls, a_certificate_of_ours_by_a_ca_that_the_server_does_not_trust_is_called_so)
{
    certificates_make_ca(tls_dir, "stranger");
    certificates_make(tls_dir, "client",
                      (struct certificate_options){.ca = "stranger", .client = true});
    struct redis_tls *tls = tls_make_with_cert("client.pem", "client.key");
    const char *words = "the server doesn't trust the CA of our certificate (redis.tls.cert)";

    both_fail(tls, words, words);
    redis_tls_free(tls);
}
