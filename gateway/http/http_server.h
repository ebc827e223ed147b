/*
 * One thread's HTTP server: a libmicrohttpd daemon turned by the thread's loop, with routes.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "http_addresses.h"
#include "http_cors.h"
#include "http_forwarded.h"
#include "http_request.h"
#include "http_tls.h"

struct buf;
struct http_server;
struct loop;

typedef void http_handler_fn(struct http_request *req);

enum {
    HTTP_NO_BODY = 1 << 0, /* a body is neither waited for nor read: answered when the head is in */
    HTTP_JSON_BODY = 1 << 1,  /* a body is read, and must be application/json; absent is allowed */
    HTTP_ANY_BODY = 1 << 2,   /* a body of any type is read and thrown away */
    HTTP_ANY_METHOD = 1 << 3, /* the route answers every method */
    /* none of the first three is the same as HTTP_NO_BODY */
};

/*
 * A route. Patterns are whole paths; a segment {name} matches any one segment that is not empty,
 * and a last segment {name*} any rest, slashes included, also an empty one ("/a/{rest*}" matches
 * "/a/", but not "/a"). Of several that match, the first in the table counts. A pattern has at most
 * 12 segments and 4 {…}.
 */
struct http_route {
    const char *method;       /* "GET" answers HEAD as well; NULL with HTTP_ANY_METHOD */
    const char *pattern;      /* also what the access log names */
    http_handler_fn *handler; /* called once for each request */
    unsigned flags;           /* HTTP_… above */
    size_t body_limit;        /* bytes; more is a 413 */
};

/*
 * What the access log and the counters are told of each request, when its answer has been decided. A
 * connection above a limit, whose request nobody reads, is one with the code ERR_OVERLOADED and a "-" for
 * method, route and id.
 */
struct http_access {
    const char *method;                 /* as sent */
    const char *route;                  /* the route's pattern; "-" where none matched */
    const struct http_route *matched;   /* the route; NULL where none matched */
    size_t route_index;                 /* its place in the table; 0 where none matched */
    const char *request_id;             /* never empty */
    const char *session_id;             /* as noted by the handler; "" where it wasn't */
    const char *caller;                 /* the same */
    const struct http_request *request; /* for http_request_client; NULL where none was read */
    const char *peer;                   /* who has connected, as http_request_client names it */
    enum err code;                      /* ERR_OK where it isn't a problem */
    int status;                         /* of the answer */
    int64_t duration_us;                /* from the head's arrival to the decision */
};

/* So many connections that were refused, or are closed while their client still sends, a server keeps. */
enum { HTTP_LINGERS_MAX = 256 };

struct http_options {
    const struct http_route *routes;                          /* must outlive the server */
    size_t route_count;                                       /* routes in the table */
    void *arg;                                                /* http_request_server_arg */
    void *log_arg;                                            /* of the next two */
    void (*on_access)(void *arg, const struct http_access *); /* or NULL */
    void (*on_error)(void *arg, const char *text); /* libmicrohttpd's complaints, or NULL; most are
                                                      about clients, none names a target */
    int listen_fd;             /* listening, non-blocking; or -1 (connections are handed over). The
                                  server takes it over and closes it, also where start fails */
    unsigned connection_limit; /* open connections; further ones are answered 503 and closed */
    atomic_uint *connections;  /* how many there are, of all servers that share the limit; NULL: it
                                  is this one's alone */
    unsigned request_timeout_ms; /* for a whole request, first byte to last, and then for the whole
                                    answer; the time a handler takes is not bounded */
    unsigned idle_timeout_s;     /* for a connection between two requests */
    struct http_tls_pem tls;     /* the listener's certificate, copied; all zeroes: without TLS */
    struct http_cors cors;       /* pages of other origins; all zeroes: none may call */
    struct http_proxies proxies; /* who may name the client; outlives the server */
    struct http_addresses *addresses; /* bounds the connections of each address but of these, of all
                                         servers that share it; NULL: nothing does */
    size_t header_limit;              /* bytes of a request's head; more is a 431 */
};

/*
 * Starts serving on this loop's thread. Returns 0 with the server in *ret_server, or -1 with a
 * reason in ret_reason; the loop must run then, until it ends, for there may be handles to close.
 */
int http_server_start(struct loop *loop, const struct http_options *options,
                      struct http_server **ret_server, char *ret_reason, size_t reason_size);

/* Hands an accepted connection over (a unix socket's), to be served or refused. The server closes it. */
void http_server_add_connection(struct http_server *server, int fd);

/*
 * Shows another certificate in the handshakes to come. -1, with a reason, and nothing changed, where it can't be
 * (http_tls.h), or the server is one without TLS.
 */
int http_server_renew_tls(struct http_server *server, const struct http_tls_pem *pem,
                          struct buf *reason);

/* Takes no new connections from now on, and closes the listening socket. Kept-alive ones are closed
 * after the answer to their next request. */
void http_server_quiesce(struct http_server *server);

/* Connections that are open. */
size_t http_server_connections(const struct http_server *server);

/* Requests whose head has come and whose answer is not yet wholly sent; streams that have begun don't count. */
size_t http_server_busy(const struct http_server *server);

/*
 * Stops: every stream is ended, every connection is closed, every handle of the loop is given back. No request may be
 * waiting for its answer any more (whoever owns them has answered). The loop must run afterwards
 * until on_stopped was called, in which the server is freed already.
 */
void http_server_stop(struct http_server *server, void (*on_stopped)(void *arg), void *arg);

#endif
