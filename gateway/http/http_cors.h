/*
 * Pages of other origins as callers: CORS, as the Fetch standard has it (https://fetch.spec.whatwg.org/, "HTTP
 * CORS protocol"). What a page may send and read is the server's options' to say.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include <stdbool.h>
#include <stddef.h>

struct http_request;

/* Whose pages may call, and how. */
struct http_cors {
    const char *const *origins; /* as browsers send them; "*" alone: any, without its cookies */
    size_t count;               /* of them; 0: none */
    const char *headers;        /* that a page may send, beside the harmless ones */
    const char *exposed;        /* headers of answers that a page may read, beside those */
    const char *max_age_s;      /* for which a browser may remember what it was told */
};

/*
 * Whether this is the form of an origin that a list may hold: "*", or scheme, host and port in lower case, as
 * browsers write it: without a path, and without the scheme's own port.
 */
bool http_cors_is_origin(const char *text);

/*
 * Answers the question that a browser asks before a call (an OPTIONS with Origin and
 * Access-Control-Request-Method), for any path that has a route, with a 204: which says nothing to a page that
 * may not call. false: it is no such question, and has not been answered. Before the route is looked for.
 */
bool http_cors_preflight(struct http_request *req);

/* Adds to an answer, whatever it is, that the page which asked may read it, if it may. */
void http_cors_mark(struct http_request *req);

#endif
