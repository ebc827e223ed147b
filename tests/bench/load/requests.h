/*
 * The requests that a load generator sends: a file of them, formatted beforehand, each ended by a
 * NUL byte. The file is mapped, so a million of them cost no more to begin with than one.
 */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

enum requests_order {
    REQUESTS_IN_TURN,   /* from first to last, and again */
    REQUESTS_AT_RANDOM, /* any, each time */
    REQUESTS_ONCE       /* from first to last, and no more */
};

struct requests {
    const char *data;          /* the mapped file */
    size_t size;               /* of it, bytes */
    size_t *offsets;           /* of each request, and of the end */
    size_t count;              /* of requests */
    enum requests_order order; /* see above */
    size_t next;               /* in turn or once: which comes next */
    uint64_t random;           /* state of the generator */
};

/* Maps a file; 0, or -1 where it can't be read, or holds no request: *ret_reason says why. */
int requests_open(struct requests *requests, const char *file, enum requests_order order,
                  const char **ret_reason);
void requests_close(struct requests *requests);

/* The next request and its length; NULL where there is none any more. */
const char *requests_next(struct requests *requests, size_t *ret_len);

#endif
