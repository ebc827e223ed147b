/*
 * What libmicrohttpd 1.0.1 lets by, though RFC 9110 and 9112 refuse it: requests that two parsers
 * could read as two different ones (request smuggling), and characters that no message may hold.
 *
 * At its strictest (MHD_OPTION_CLIENT_DISCIPLINE_LVL 3) libmicrohttpd itself refuses: a missing
 * Host, folded lines, blanks around a header's name, bare CR and LF, NUL, a transfer coding that
 * isn't exactly `chunked`, Transfer-Encoding together with Content-Length, a Content-Length that
 * isn't a number, broken chunks, versions that aren't 1.x. The rest is here. Every fault is a 400,
 * and closes the connection.
 */
#ifndef HTTP_STRICT_H
#define HTTP_STRICT_H

#include <stdbool.h>
#include <stddef.h>

/* What is known of a request's headers so far; all zeroes at the start. */
struct http_strict {
    unsigned hosts;     /* Host headers */
    unsigned lengths;   /* Content-Length headers */
    unsigned encodings; /* Transfer-Encoding headers */
    const char *fault;  /* the first fault that was found: a sentence for a person; or NULL */
};

/* Looks at one header of the request. */
void http_strict_header(struct http_strict *strict, const char *name, size_t name_len,
                        const char *value, size_t value_len);

/*
 * Looks at the request line, after the headers. Returns what is wrong with the request, a sentence;
 * NULL where nothing is.
 *
 * target is what stood in the request line, and may be written to. *ret_target is the path and
 * query of it (of an absolute-form target what follows the authority), inside of target; or "*", or
 * for CONNECT an authority, which are no paths.
 */
const char *http_strict_request(const struct http_strict *strict, const char *method,
                                const char *version, char *target, const char **ret_target);

#endif
