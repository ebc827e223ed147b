/*
 * A request as a handler sees it, and the one answer it gets.
 *
 * Life: the server makes the request when its head has arrived, checks it (http_strict.h), finds
 * its route, collects its body where the route reads one, and calls the handler. From then on the
 * request is the handler's, until it calls http_reply or http_problem, exactly once: within the
 * handler, or later, on the same thread (the connection sleeps meanwhile, and nothing else happens
 * on it). The request must not be touched after that. A client that leaves while its request waits
 * is not noticed until the answer; the request stays valid all the same.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct http_request;
struct http_response;

/* The headers that a handler may ask for; no other is kept. */
enum http_header {
    HTTP_ACCESS_CONTROL_REQUEST_METHOD,
    HTTP_AUTHORIZATION,
    HTTP_CONTENT_LENGTH,
    HTTP_CONTENT_TYPE,
    HTTP_COOKIE,
    HTTP_FORWARDED,
    HTTP_HOST,
    HTTP_IF_NONE_MATCH,
    HTTP_LAST_EVENT_ID,
    HTTP_ORIGIN,
    HTTP_TRANSFER_ENCODING,
    HTTP_VIA,
    HTTP_X_FORWARDED_ANY, /* whichever X-Forwarded-… came first */
    HTTP_X_FORWARDED_FOR,
    HTTP_X_FORWARDED_URI,
    HTTP_X_ORIGINAL_URI,
    HTTP_X_ORIGINAL_URL,
    HTTP_X_REAL_IP,
    HTTP_X_REQUEST_ID,
    HTTP_X_STREAM_TOKEN,
    HTTP_HEADER_COUNT
};

/* The value of a header, NUL-terminated; NULL where it is absent. Of a repeated one, the first. */
const char *http_request_header(const struct http_request *req, enum http_header header);

/* Whether a header came more than once: what a proxy added to a client's own, say. */
bool http_request_header_is_repeated(const struct http_request *req, enum http_header header);

/*
 * The request target as sent, path and query, not decoded; of an absolute-form target what follows
 * the authority. Begins with '/' (or is "*").
 */
const char *http_request_target(const struct http_request *req);

/*
 * The value of the n-th {…} in the route's pattern, percent-decoded once, NUL-terminated; NULL
 * where the pattern has no n-th. For a pattern that ends in {…*} the last value is the rest of the
 * path, undecoded.
 */
const char *http_request_param(const struct http_request *req, size_t n);

/*
 * The body, ret_len bytes; empty where there was none. Only for routes that read a body.
 */
const char *http_request_body(const struct http_request *req, size_t *ret_len);

/* Its X-Request-Id: the client's, or the one that was made for it. */
const char *http_request_id(const struct http_request *req);

#define HTTP_CLIENT_SIZE 48 /* bytes of a client's name, its NUL included */

/*
 * Who has sent it: an IPv4 address; of an IPv6 address the /64 network, of which one client has all addresses (::1
 * aside); of a unix socket the peer's user ("uid 33"); "" where the socket doesn't tell. Where the peer is a trusted
 * proxy, whom it names in X-Forwarded-For, or where there is none in Forwarded (http_forwarded.h): a proxy that
 * writes the latter must not pass on a client's own of the former. Itself, where it names nobody.
 */
void http_request_client(const struct http_request *req, char ret_client[HTTP_CLIENT_SIZE]);

/* The `arg` of the server's options. */
void *http_request_server_arg(const struct http_request *req);

/* Notes for the access log which session the request was about (copied; at most 31 characters). */
void http_request_note_session(struct http_request *req, const char *session_id);

/* Notes for the access log whose credentials it came with: a name, no secret (copied; at most 63 bytes). */
void http_request_note_caller(struct http_request *req, const char *name);

/* Notes for the access log and the counters how it ended; http_problem does that by itself. */
void http_request_note_err(struct http_request *req, enum err code);

/*
 * Adds a header to this request's answer alone, whatever response it will be. name is a literal, value is copied.
 * Returns 0; -1 where the value holds what no header may (control characters), or where memory runs out or there are a
 * dozen already: then the answer fails.
 */
int http_request_add_header(struct http_request *req, const char *name, const char *value);

/* The same with any text for a value: percent-encoded outside visible ASCII, and '%'. */
int http_request_add_encoded(struct http_request *req, const char *name, const char *text);

/*
 * Answers. Takes over one reference of response, which may be NULL where memory ran out: the client
 * gets a 500 then. X-Request-Id and what http_request_add_header was given are added on the way; so
 * shared responses stay the same for everybody.
 */
void http_reply(struct http_request *req, struct http_response *response);

/* Answers with a copy of a JSON body, guarded (http_response.h). */
void http_reply_json(struct http_request *req, int status, const void *body, size_t len);

/*
 * Answers with problem+json (RFC 9457) for a code: type, title, status, detail, code. detail is a
 * sentence for a person; NULL: err_detail's. The headers that go with a code are set
 * by it: 401 carries WWW-Authenticate: Bearer, 503 Retry-After: 1.
 */
void http_problem(struct http_request *req, enum err code, const char *detail);

/*
 * For the handler of a route that takes what others have left over: answers as if there were no such route: 405,
 * with Allow, where one that stands before it has the path but not the method; 400 where the path is ill-encoded;
 * else 404.
 */
void http_problem_unrouted(struct http_request *req);

/*
 * The response that http_problem would send, for callers that add members or headers to it: extra
 * is JSON text of further members without braces ("\"limit\":\"family\",\"max\":10"), or NULL; it
 * is copied as it is. retry_after_s is sent as Retry-After where it is > 0. NULL where memory runs
 * out.
 */
struct http_response *http_problem_response(enum err code, const char *detail, const char *extra,
                                            int retry_after_s);

/*
 * Reads the next parameter of this name out of the query of a target ("/a?b=c&d=e" has b and d),
 * percent-decoded ('+' stays), into ret_value. *at begins as the target, and is moved behind what was read;
 * NULL where there was no further one. Returns the value's length; -1 where there is none, or it is
 * longer than size - 1, ill-encoded, or has a NUL inside: there may be a better one behind it.
 */
int http_query_param(const char **at, const char *name, char *ret_value, size_t size);

/*
 * Reads the next cookie of this name out of a Cookie header (RFC 6265), quotes taken off, into
 * ret_value. *at begins as the header, and is moved as http_query_param does. Returns the value's length;
 * -1 where there is none or it is longer than size - 1.
 */
int http_cookie(const char **at, const char *name, char *ret_value, size_t size);

/* The token of `Bearer <token>`, scheme in any case (RFC 6750); NULL where the header is another's.
 */
const char *http_bearer(const char *authorization);

#endif
