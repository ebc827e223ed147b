/*
 * A client that sends bytes as they are: for what no well-behaved client would do. Everything fails
 * the test (criterion) where the server takes longer than ten seconds.
 */
#ifndef SUPPORT_RAW_HTTP_H
#define SUPPORT_RAW_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* What requests are made of. */
#define HOST        "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

/* An answer, read off a connection. */
struct raw_answer {
    int status;      /* 0 where the connection ended before there was one */
    char head[4096]; /* status line and headers, NUL-terminated */
    char *body;      /* NUL-terminated; raw_answer_done frees it */
    size_t body_len; /* without the NUL */
};

/* A connection to a port of this machine. */
int raw_connect(int port);

/* Whether a connection to it can be made. */
bool raw_can_connect(int port);

/* Sends all of these bytes; false where the server has closed. */
bool raw_send(int fd, const void *bytes, size_t len);

/* The same for text. */
bool raw_send_text(int fd, const char *text);

/* Says that nothing more will be sent. */
void raw_half_close(int fd);

/* Reads one answer; to a HEAD request one without body. */
struct raw_answer raw_read(int fd);
struct raw_answer raw_read_head(int fd);

/* Sends a request and reads the answer to it. */
struct raw_answer raw_ask(int fd, const char *request);

/* The same, where the status alone is of interest. */
int raw_ask_status(int fd, const char *request);

void raw_answer_done(struct raw_answer *answer);

/* The value of a header of an answer, copied into ret_value; false where it is absent. */
bool raw_header(const struct raw_answer *answer, const char *name, char *ret_value, size_t size);

/* Expects a header to have this value; NULL: to be absent. */
void raw_expect_header(const struct raw_answer *answer, const char *name, const char *expected);

/* Expects an answer to a request to have this status and, where it isn't NULL, this body. */
void raw_expect(int fd, const char *request, int status, const char *body);

/* The same of the next answer, to what was sent before. */
void raw_expect_answer(int fd, int status, const char *body);

/* Whether the server ends the connection without sending anything more. */
bool raw_is_closed(int fd);

/*
 * Sends text over a connection of its own and reads answers until the server closes it. Returns the
 * status of the first answer, 0 where there was none; ret_count, if not NULL, is how many answers
 * there were.
 */
int raw_exchange(int port, const void *bytes, size_t len, int *ret_count);

#endif
