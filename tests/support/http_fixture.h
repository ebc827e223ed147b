/*
 * An HTTP server in a thread of its own, with routes that show what the HTTP layer does:
 *
 *   GET  /sync            "hello"; a shared response
 *   GET  /later           the same, from the loop's next turn
 *   GET  /hold            not answered until http_fixture_release
 *   GET  /large           LARGE bytes of 'x'
 *   GET  /param/{a}/{b}   "a|b"
 *   GET  /rest/{path*}    the rest
 *   GET  /own-header      with a header for this answer alone, on the shared response
 *   POST /json            the body; at most 100 bytes of JSON
 *   POST /json-later      the same, from the loop's next turn
 *   POST /ignored         204; a body of any type, at most 100 bytes
 *   any  /any             200, no body; a body is not waited for
 *   any  /any-later       the same, from the loop's next turn
 */
#ifndef SUPPORT_HTTP_FIXTURE_H
#define SUPPORT_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "http_server.h"

enum { HTTP_FIXTURE_LARGE = 8 * 1024 * 1024 };

struct http_fixture;

/* Limits of the server, and its routes; zeroes stand for values that no test runs into. */
struct http_fixture_limits {
    unsigned connections;            /* connection_limit */
    unsigned request_timeout_ms;     /* the same */
    unsigned idle_timeout_s;         /* the same */
    bool no_listener;                /* connections come by http_fixture_hand_over alone */
    const struct http_route *routes; /* in place of the above; NULL: those */
    size_t route_count;              /* of routes */
    void *arg;                       /* what http_request_server_arg is in routes */
};

/* Starts it on a free port of the loopback, or fails the test. */
struct http_fixture *http_fixture_start(struct http_fixture_limits limits);

/* Stops the server as the gateway does, and frees everything. What is held is answered first. */
void http_fixture_stop(struct http_fixture *fixture);

int http_fixture_port(const struct http_fixture *fixture);

/* Waits until so many requests are held by /hold. */
void http_fixture_wait_held(struct http_fixture *fixture, size_t count);

/* Answers them all. */
void http_fixture_release(struct http_fixture *fixture);

/* Calls http_server_quiesce. */
void http_fixture_quiesce(struct http_fixture *fixture);

/* Calls http_server_add_connection. */
void http_fixture_hand_over(struct http_fixture *fixture, int fd);

/* Calls fn(arg) on the server's thread, and waits until it has returned. */
void http_fixture_run(struct http_fixture *fixture, void (*fn)(void *arg), void *arg);

/* What http_server_busy says. */
size_t http_fixture_busy(struct http_fixture *fixture);

/* How many requests were reported by on_access. */
size_t http_fixture_reports(struct http_fixture *fixture);

/* The last of them; its strings are valid until the next. */
struct http_access http_fixture_last_report(struct http_fixture *fixture);

/* How many times a handler was called. */
size_t http_fixture_handled(struct http_fixture *fixture);

/* Whether libmicrohttpd complained with this text in it. */
bool http_fixture_complained(struct http_fixture *fixture, const char *text);

#endif
