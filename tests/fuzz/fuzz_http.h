/*
 * Requests to the API without sockets: from the router through the handlers to the embedded store and back. What
 * libmicrohttpd and the checks of http_strict.h would refuse must not be in them: control characters in a target,
 * a NUL anywhere.
 *
 * One API for the process; between two requests a day passes in its store, so that an input finds no session of
 * the one before.
 */
#ifndef FUZZ_HTTP_H
#define FUZZ_HTTP_H

#include <stddef.h>

#include "http_request.h"
#include "session.h"

enum fuzz_listener { FUZZ_PLAYER, FUZZ_ADMIN };

struct fuzz_request {
    enum fuzz_listener listener;            /* that it comes to */
    const char *method;                     /* any */
    const char *target;                     /* path and query */
    const char *headers[HTTP_HEADER_COUNT]; /* NULL: isn't there */
    const char *body;                       /* body_len bytes; given to routes that read one */
    size_t body_len;                        /* at most 16 KiB are given */
};

/*
 * Carries it out where a session of family f1, device d1, title m1 lives. Returns the status; 404 of what isn't
 * routed. look, unless NULL, is shown every session that lives after it.
 */
int fuzz_http_ask(const struct fuzz_request *request, void (*look)(const struct session *session));

/* The token of that session, which changes from request to request; and its id. */
const char *fuzz_http_token(void);
const char *fuzz_http_session_id(void);

/* The bearer of an admin token. */
extern const char fuzz_http_admin[];

/* A text in which every \1 is made the token and every \2 the sessionId; to be freed. */
char *fuzz_http_fill_in(const char *text);

/* Whether text can be a request's target, or a header's value, by the time that a handler reads it. */
int fuzz_http_is_target(const char *text);
int fuzz_http_is_value(const char *text);

#endif
