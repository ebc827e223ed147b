/*
 * The access log: one line a request, at `info`.
 *
 * Authorize is asked for every segment, so allowed ones are left out, and a refused one is logged at most
 * once a second for each session (Shaka repeats a refused segment several times a second). `debug` logs all.
 * So is what comes while the gateway has too much to do: a log must not make that worse.
 * Paths are never logged, since a token may stand in one: the route's pattern is.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include <stdint.h>

#define ACCESS_LOG_PLACES 256 /* sessions that are told apart at a time */

struct http_access;

/* What one thread remembers of what it has logged. All zeroes at the start. */
struct access_log {
    struct {
        char session_id[32]; /* refused last, "" where there was no token; its hash is the place */
        int64_t until_ms;    /* monotonic clock: not to be logged again before */
    } places[ACCESS_LOG_PLACES];
};

/* Logs a request, if it is to be logged. */
void access_log_write(struct access_log *log, const struct http_access *access);

#endif
