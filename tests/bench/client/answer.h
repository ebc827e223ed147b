/*
 * An HTTP/1.1 answer as it lies in a buffer: its status, where its body is, whether all of it has
 * come. Content-Length alone frames a body; all that is measured here answers so.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct answer {
    int status;      /* 100 to 599 */
    size_t head_len; /* bytes, the empty line with them */
    size_t body_len; /* bytes behind the head */
    bool closes;     /* the server says that it closes the connection */
};

/* 1: a whole answer lies at data; 0: more must come; -1: that is no answer, or one that is framed
 * otherwise. */
int answer_parse(const char *data, size_t len, struct answer *ret_answer);

/* A header's value, which lies in data, the whole answer; NULL where the answer has none. Names are
 * without case. */
const char *answer_header(const struct answer *answer, const char *data, const char *name,
                          size_t *ret_len);

#endif
