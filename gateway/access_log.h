/*
 * The access log: one line a request, at `info`.
 *
 * Authorize is asked for every segment, so allowed ones are left out, and a refused one is logged at most
 * once a second for each session (Shaka repeats a refused segment several times a second), or for each client where
 * its token names none. So is, for each client, what comes above a rate, and for all together what comes while there are
 * too many connections: a log must not make that worse. Probes ask for health every second, so the health routes are
 * logged when their status changes, which is the process', whichever thread answered last, and whenever one fails
 * otherwise than by not being ready (503). `debug` logs all but what there is no room for.
 * Paths are never logged, since a token may stand in one: the route's pattern is.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include <stdint.h>

#define ACCESS_LOG_PLACES 256 /* sessions and clients that are told apart at a time */

struct http_access;

/* What one thread remembers of what it has refused and logged. All zeroes at the start. */
struct access_log {
    struct {
        char who[48];     /* the session or client refused last; its hash is the place */
        int64_t until_ms; /* monotonic clock: not to be logged again before */
    } places[ACCESS_LOG_PLACES];
};

/* Logs a request, if it is to be logged. */
void access_log_write(struct access_log *log, const struct http_access *access);

#endif
