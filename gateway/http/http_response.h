/*
 * An answer: status, headers, body. Counted, so that one that never changes is built once and
 * shared by all requests of its thread.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stddef.h>

struct http_response;

/*
 * A response with a copy of a body. content_type may be NULL where len is 0. One reference belongs
 * to the caller. NULL where memory runs out.
 */
struct http_response *http_response_new(int status, const char *content_type, const void *body,
                                        size_t len);

/*
 * Adds a header (both are copied). Returns 0; -1 where memory runs out or the value holds what no
 * header may (control characters): the response must not be sent then.
 */
int http_response_add_header(struct http_response *response, const char *name, const char *value);

/*
 * Adds what keeps an answer out of caches, and browsers from taking it for anything but its type: nearly all
 * answers tell of a viewer. Returns 0; -1 as http_response_add_header.
 */
int http_response_guard(struct http_response *response);

/* One more reference, for a response that is sent again and again. Returns response. */
struct http_response *http_response_ref(struct http_response *response);

/* Gives one reference back. Accepts NULL. */
void http_response_unref(struct http_response *response);

#endif
