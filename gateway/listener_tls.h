/*
 * The files of a listener's certificate, read.
 */
#ifndef GATEWAY_LISTENER_TLS_H
#define GATEWAY_LISTENER_TLS_H

#include "buf.h"
#include "http_tls.h"

struct settings;

enum listener_name { LISTENER_PLAYER, LISTENER_ADMIN };

/* All zeroes: nothing read. */
struct listener_tls {
    struct buf certificate, key; /* as they stand in the files, a NUL behind each */
};

/*
 * Reads what <listener>.tls.cert and <listener>.tls.key name; nothing where neither is set. -1, with a reason that
 * names setting and file, where a file can't be read, or what is in them can't be used (http_tls.h). Release with
 * listener_tls_done in any case.
 */
int listener_tls_load(struct listener_tls *tls, const struct settings *settings,
                      enum listener_name listener, struct buf *reason);

/* What was read, as a server wants it; all zeroes where there is nothing. */
struct http_tls_pem listener_tls_pem(const struct listener_tls *tls);

/* Wipes and frees it. */
void listener_tls_done(struct listener_tls *tls);

#endif
