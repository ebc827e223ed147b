/*
 * The files of a listener's certificate, read; shared by threads, and counted, since a reload reads others.
 */
#ifndef GATEWAY_LISTENER_TLS_H
#define GATEWAY_LISTENER_TLS_H

#include "http_tls.h"

struct buf;
struct listener_tls;
struct settings;

enum listener_name { LISTENER_PLAYER, LISTENER_ADMIN };

/*
 * Reads what <listener>.tls.cert and <listener>.tls.key name into *ret_tls, which one reference of is the caller's;
 * NULL where neither is set. -1, with a reason that names setting and file, where a file can't be read, or what is
 * in them can't be used (http_tls.h).
 */
int listener_tls_load(const struct settings *settings, enum listener_name listener,
                      struct listener_tls **ret_tls, struct buf *reason);

/* What was read, as a server wants it; all zeroes for NULL. */
struct http_tls_pem listener_tls_pem(const struct listener_tls *tls);

/* One more reference; returns tls. Both accept NULL, on any thread; what nobody refers to is wiped and freed. */
struct listener_tls *listener_tls_hold(struct listener_tls *tls);
void listener_tls_release(struct listener_tls *tls);

#endif
