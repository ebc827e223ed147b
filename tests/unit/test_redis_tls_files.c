/* TLS to Redis: its files, at start and when they change. */
#include <criterion/criterion.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "certificates.h"
#include "temp_dir.h"
#include "tls_sample.h"

TestSuite(redis_tls_files, .init = tls_set_up, .fini = tls_tear_down);

/* Writes the contents of two files into a third. */
static void join(const char *first, const char *second, const char *both)
{
    struct buf text = BUF_EMPTY;
    const char *const names[] = {first, second};

    for (size_t i = 0; i < 2; i++) {
        char *path = temp_dir_path(tls_dir, names[i]), chunk[4096];
        FILE *file = fopen(path, "r");

        cr_assert_not_null(file);
        buf_add(&text, chunk, fread(chunk, 1, sizeof chunk, file));
        fclose(file);
        free(path);
    }
    free(temp_dir_write(tls_dir, both, buf_text(&text)));
    buf_done(&text);
}

/* ---- files that change ---- */

Test(redis_tls_files, certificate_and_key_may_be_in_one_file)
{
    certificates_make(tls_dir, "client", (struct certificate_options){.ca = "ca", .client = true});
    join("client.pem", "client.key", "both.pem");
    struct redis_tls *tls = tls_make_with_cert("both.pem", NULL);

    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.clients = "ca"});
    redis_tls_free(tls);
}

Test(redis_tls_files, files_that_were_renewed_are_read_again)
{
    struct redis_tls *tls = tls_make_usual();

    certificates_make_ca(tls_dir, "new");
    certificates_make(tls_dir, "renewed",
                      (struct certificate_options){.ca = "new", .names = "DNS:" TLS_SERVER});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "renewed"},
              "no CA that is trusted");
    certificates_rename(tls_dir, "new", "ca");
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.cert = "renewed"});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){0}, "no CA that is trusted");
    redis_tls_free(tls);
}

Test(redis_tls_files,
     broken_files_leave_the_old_ones_in_force_and_are_named_when_a_connection_fails)
{
    struct redis_tls *tls = tls_make_usual();

    free(temp_dir_write(tls_dir, "ca.pem", "this was to be a certificate"));
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){0});
    tls_fails(tls, "other.example", (struct tls_pair_server){0},
              "is not for other.example; the newer files can't be used: redis.tls.ca: ");
    tls_fails(tls, "other.example", (struct tls_pair_server){0},
              "/ca.pem: holds no certificate in PEM");

    cr_assert_eq(unlink(tls_ca), 0);
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){0});
    tls_fails(tls, "other.example", (struct tls_pair_server){0},
              "/ca.pem: No such file or directory");
    redis_tls_free(tls);
}

Test(redis_tls_files, a_certificate_renewed_before_its_key_waits_for_it)
{
    certificates_make(tls_dir, "client",
                      (struct certificate_options){.ca = "ca", .client = true, .expired = true});
    struct redis_tls *tls = tls_make_with_cert("client.pem", "client.key");
    char *cert = temp_dir_path(tls_dir, "client.pem"), *key = temp_dir_path(tls_dir, "client.key");
    char *new_cert = temp_dir_path(tls_dir, "new.pem"),
         *new_key = temp_dir_path(tls_dir, "new.key");
    const struct tls_pair_server demanding = {.clients = "ca"};

    certificates_make(tls_dir, "new", (struct certificate_options){.ca = "ca", .client = true});
    tls_fails(tls, TLS_SERVER, demanding, "our certificate (redis.tls.cert) has expired");
    cr_assert_eq(rename(new_cert, cert), 0);
    tls_fails(tls, TLS_SERVER, demanding, "isn't the key of the certificate in redis.tls.cert");
    cr_assert_eq(rename(new_key, key), 0);
    tls_succeeds(tls, TLS_SERVER, demanding);
    free(cert);
    free(key);
    free(new_cert);
    free(new_key);
    redis_tls_free(tls);
}

Test(redis_tls_files, the_ca_may_be_a_directory_of_files_of_any_name)
{
    char *cas = temp_dir_path(tls_dir, "cas");
    char *first = temp_dir_path(cas, "first.crt"), *second = temp_dir_path(cas, "second.pem");
    char *stranger = temp_dir_path(tls_dir, "stranger.pem");

    cr_assert_eq(mkdir(cas, 0700), 0);
    free(temp_dir_write(cas, "README", "CAs of the company"));
    cr_assert_eq(rename(tls_ca, first), 0);
    struct redis_tls *tls = tls_make((struct redis_tls_options){.ca = cas, .verify_name = true});
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){0});

    certificates_make_ca(tls_dir, "stranger");
    certificates_make(tls_dir, "theirs",
                      (struct certificate_options){.ca = "stranger", .names = "DNS:" TLS_SERVER});
    tls_fails(tls, TLS_SERVER, (struct tls_pair_server){.cert = "theirs"}, "no CA that is trusted");
    cr_assert_eq(symlink(stranger, second), 0);
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.cert = "theirs"});
    redis_tls_free(tls);
    free(cas);
    free(first);
    free(second);
    free(stranger);
}

enum { OPENERS = 4, OPENS = 100, RENEWALS = 50 };

static void *open_many(void *arg)
{
    size_t failed = 0;
    char why[128];

    for (int i = 0; i < OPENS; i++) {
        SSL *ssl = redis_tls_open(arg, TLS_SERVER, why, sizeof why);

        failed += ssl == NULL;
        SSL_free(ssl);
    }
    return (void *)failed;
}

Test(redis_tls_files, threads_connect_while_files_are_renewed)
{
    struct redis_tls *tls = tls_make_usual();
    char *spare = temp_dir_path(tls_dir, "spare.pem");
    pthread_t threads[OPENERS];

    certificates_make_ca(tls_dir, "first");
    certificates_make_ca(tls_dir, "second");
    certificates_make(tls_dir, "theirs",
                      (struct certificate_options){.ca = "second", .names = "DNS:" TLS_SERVER});
    for (int i = 0; i < OPENERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, open_many, tls), 0);
    for (int i = 0; i < RENEWALS; i++) {
        join(i % 2 == 0 ? "first.pem" : "second.pem", "server.pem", "spare.pem");
        cr_assert_eq(rename(spare, tls_ca), 0);
    }
    for (int i = 0; i < OPENERS; i++) {
        void *failed;

        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_assert_null(failed);
    }
    tls_succeeds(tls, TLS_SERVER, (struct tls_pair_server){.cert = "theirs"});
    redis_tls_free(tls);
    free(spare);
}

/* ---- files that can't be used at start ---- */

static void refuses(struct redis_tls_options options, const char *setting, const char *file,
                    const char *words)
{
    struct buf reason = BUF_EMPTY;
    struct redis_tls *tls = redis_tls_new(&options, &reason);
    const char *text = buf_text(&reason);

    cr_assert_null(tls);
    cr_assert_eq(strncmp(text, setting, strlen(setting)), 0, "%s", text);
    cr_assert_not_null(strstr(text, file), "%s", text);
    cr_assert_not_null(strstr(text, words), "%s", text);
    cr_assert_null(strchr(text, '\n'));
    cr_assert_eq(ERR_peek_error(), 0);
    buf_done(&reason);
}

Test(redis_tls_files, a_file_that_is_missing_is_named)
{
    char *cert = temp_dir_path(tls_dir, "server.pem");
    const char *none = "/nowhere/at/all.pem", *words = "No such file or directory";

    refuses((struct redis_tls_options){.ca = none}, "redis.tls.ca: ", none, words);
    refuses((struct redis_tls_options){.ca = tls_ca, .cert = none}, "redis.tls.cert: ", none,
            words);
    refuses((struct redis_tls_options){.ca = tls_ca, .cert = cert, .key = none},
            "redis.tls.key: ", none, words);
    free(cert);
}

Test(redis_tls_files, a_file_that_holds_something_else_is_named)
{
    char *text = temp_dir_write(tls_dir, "text", "no PEM\n");
    char *cert = temp_dir_path(tls_dir, "server.pem"), *key = temp_dir_path(tls_dir, "server.key");
    char *cut = temp_dir_write(tls_dir, "cut.pem",
                               "-----BEGIN CERTIFICATE-----\nMIIB\n"
                               "-----END CERTIFICATE-----\n");

    refuses((struct redis_tls_options){.ca = text}, "redis.tls.ca: ", text, "no certificate");
    refuses((struct redis_tls_options){.ca = key}, "redis.tls.ca: ", key, "no certificate");
    refuses((struct redis_tls_options){.ca = cut}, "redis.tls.ca: ", cut, "can't be read");
    refuses((struct redis_tls_options){.cert = text}, "redis.tls.cert: ", text, "no certificate");
    refuses((struct redis_tls_options){.cert = cut}, "redis.tls.cert: ", cut, "no certificate");
    refuses((struct redis_tls_options){.cert = cert, .key = text}, "redis.tls.key: ", text,
            "no private key");
    refuses((struct redis_tls_options){.cert = cert}, "redis.tls.cert: ", cert,
            "redis.tls.key isn't set");
    free(text);
    free(cert);
    free(key);
    free(cut);
}

Test(redis_tls_files, a_directory_without_certificates_is_named)
{
    char *empty = temp_dir_path(tls_dir, "empty"), *cert = temp_dir_path(tls_dir, "server.pem");

    cr_assert_eq(mkdir(empty, 0700), 0);
    refuses((struct redis_tls_options){.ca = empty}, "redis.tls.ca: ", empty, "no certificate");
    refuses((struct redis_tls_options){.cert = empty}, "redis.tls.cert: ", empty, "directory");
    free(empty);
    free(cert);
}

Test(redis_tls_files, a_key_of_another_certificate_is_refused)
{
    char *cert = temp_dir_path(tls_dir, "server.pem"), *key = temp_dir_path(tls_dir, "ca.key");

    refuses((struct redis_tls_options){.cert = cert, .key = key}, "redis.tls.key: ", key,
            "isn't the key of the certificate in redis.tls.cert");
    refuses((struct redis_tls_options){.key = key}, "redis.tls.key: ", key,
            "without its redis.tls.cert");
    free(cert);
    free(key);
}

Test(redis_tls_files, a_key_with_a_password_is_refused_and_nobody_is_asked)
{
    char *cert = temp_dir_path(tls_dir, "server.pem"), *key = temp_dir_path(tls_dir, "locked.key");
    char *plain = temp_dir_path(tls_dir, "server.key");
    FILE *file = fopen(plain, "r");
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    fclose(file);
    file = fopen(key, "w");
    cr_assert_eq(PEM_write_PKCS8PrivateKey(file, pkey, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
                 1);
    fclose(file);
    EVP_PKEY_free(pkey);
    refuses((struct redis_tls_options){.cert = cert, .key = key}, "redis.tls.key: ", key,
            "encrypted");
    free(cert);
    free(key);
    free(plain);
}
