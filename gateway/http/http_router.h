/*
 * Finds the route of a request: splits its path into segments, decodes each one once, and compares
 * them with the patterns of the table (http_server.h says what a pattern is).
 *
 * An encoded slash is part of its segment's value. Dot segments are not resolved; they are segments
 * like any other, and match what a client's own id might be.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

struct http_route;
struct http_router;

enum { HTTP_PARAMS_MAX = 4 }; /* {…} in one pattern */

/* What was found; reused from request to request, so that it allocates seldom. All zeroes at the
 * start. */
struct http_match {
    const struct http_route *route;      /* the route; NULL where there is none */
    const char *params[HTTP_PARAMS_MAX]; /* values of its {…}, in storage */
    size_t param_count;                  /* how many there are */
    bool ill;                            /* a segment of the path is not encoded as it should be */
    struct buf storage;                  /* the path, and its segments decoded */
    struct buf allow; /* after ERR_METHOD_NOT_ALLOWED: the methods, as Allow lists them */
};

/* A router over a table, which must outlive it. NULL where memory runs out or a pattern is too
 * long. */
struct http_router *http_router_new(const struct http_route *routes, size_t count);

void http_router_free(struct http_router *router);

/*
 * Finds the route of a method and a path (path_len bytes, without query; not decoded). Returns
 * ERR_OK; ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED where the path has routes, but none for this
 * method; ERR_INVALID_REQUEST where none matches and the path is ill-encoded; ERR_INTERNAL where
 * memory runs out.
 */
enum err http_router_find(const struct http_router *router, const char *method, const char *path,
                          size_t path_len, struct http_match *match);

void http_match_done(struct http_match *match);

#endif
