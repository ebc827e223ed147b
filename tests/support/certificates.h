/*
 * Certificates of the test's own, made by the openssl program in the test's directory: NAME.pem is
 * a certificate, NAME.key its key without a password. Whatever fails here fails the test; where
 * there is no openssl the test is skipped, or fails with GATEWAY_NO_SKIP=1.
 */
#ifndef SUPPORT_CERTIFICATES_H
#define SUPPORT_CERTIFICATES_H

#include <stdbool.h>

struct certificate_options {
    const char *ca;    /* by whom: a name that certificates_make_ca was called with */
    const char *names; /* whom it is for, as OpenSSL writes it ("DNS:a,IP:::1"); NULL: its name */
    bool client;       /* a client's certificate; else a server's */
    bool expired;      /* it was good throughout 2020; else it is good for a month */
};

/* Makes a CA that is good for a month. */
void certificates_make_ca(const char *dir, const char *name);

/* Makes a certificate and its key, over what is there; its common name is this name. */
void certificates_make(const char *dir, const char *name, struct certificate_options options);

/* Renames NAME.pem and NAME.key to those of another name, as a renewal does. */
void certificates_rename(const char *dir, const char *name, const char *new_name);

#endif
