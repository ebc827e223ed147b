/*
 * What the tests of TLS to Redis share: a directory of the test's own with a CA and the certificate of
 * a server, and short ways to say which connections come up. Whatever fails here fails the test.
 */
#ifndef UNIT_TLS_SAMPLE_H
#define UNIT_TLS_SAMPLE_H

#include "redis_tls.h"
#include "tls_pair.h"

/* Whom the server's certificate is for, beside 127.0.0.1 and ::1. */
#define TLS_SERVER "redis.example"

extern char *tls_dir; /* of the test's own */
extern char *tls_ca;  /* the path of the CA that the settings name, "ca" */

void tls_set_up(void);
void tls_tear_down(void);

/* Makes what these options ask for; the caller frees it. */
struct redis_tls *tls_make(struct redis_tls_options options);

/* The same for the CA above, names being checked; and with files of tls_dir as our certificate and its
 * key, NULL where that is in the same file. */
struct redis_tls *tls_make_usual(void);
struct redis_tls *tls_make_with_cert(const char *cert_name, const char *key_name);

/* Connects to a host, and expects that to be accepted; or to fail with these words. */
void tls_succeeds(struct redis_tls *tls, const char *host, struct tls_pair_server server);
void tls_fails(struct redis_tls *tls, const char *host, struct tls_pair_server server,
               const char *words);

#endif
