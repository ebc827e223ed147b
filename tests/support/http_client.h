/*
 * A small blocking HTTP/1.1 client over TCP or a unix socket, which keeps its connection. It
 * doesn't use criterion, so threads may use it: what goes wrong is an answer of status 0, whose
 * body says why.
 */
#ifndef SUPPORT_HTTP_CLIENT_H
#define SUPPORT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct http_client;

struct http_answer {
    int status;      /* 0: no answer came, or one that is no HTTP */
    char *head;      /* status line and headers, each ending in NUL, an empty one at the end */
    char *body;      /* NUL-terminated; "" where there is none */
    size_t body_len; /* without the NUL */
    json_t *json;    /* the body as JSON; NULL where it is none */
};

/* A client of "127.0.0.1:8080" or "unix:/path". It connects when it is first used. */
struct http_client *http_client_new(const char *address);
void http_client_free(struct http_client *client);

/*
 * Sends a request and reads the answer; connects, where there is no connection or the server has
 * closed it. headers are lines ("Name: value\r\n…") or NULL. A body, where there is one, goes with
 * its Content-Length and, where the headers name no Content-Type, as application/json.
 */
struct http_answer http_client_ask(struct http_client *client, const char *method,
                                   const char *target, const char *headers, const char *body)
    __attribute__((warn_unused_result));

/* The two halves of http_client_ask. */
bool http_client_send(struct http_client *client, const char *method, const char *target,
                      const char *headers, const char *body);
struct http_answer http_client_read(struct http_client *client) __attribute__((warn_unused_result));

/* Waits until the server has read all that was sent; over a unix socket alone. */
bool http_client_wait_read(const struct http_client *client);

/* How many connections it has made. */
unsigned http_client_connections(const struct http_client *client);

void http_answer_done(struct http_answer *answer);

/* The value of the n-th header of this name, counted from 0; NULL where there are fewer. */
const char *http_answer_header_at(const struct http_answer *answer, const char *name, size_t n);

/* The value of the first header of this name; NULL where there is none. */
const char *http_answer_header(const struct http_answer *answer, const char *name);

/* A member of the body, found by its path ("usage.family.active"); NULL where there is none. */
const json_t *http_answer_member(const struct http_answer *answer, const char *path);

/* The same for a string; "" where it is none. */
const char *http_answer_text(const struct http_answer *answer, const char *path);

/* The same for an integer; -1 where it is none. */
long long http_answer_number(const struct http_answer *answer, const char *path);

#endif
