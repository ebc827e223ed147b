/* What came of it all: answers by kind of request, their times, and those that were wrong. */
#ifndef VIEWERS_TALLY_H
#define VIEWERS_TALLY_H

#include <stdint.h>
#include <stdio.h>

#include "latency.h"

#define CALL_TABLE(X)                                                                              \
    X(CALL_CREATE, "create")                                                                       \
    X(CALL_AUTHORIZE, "authorize")                                                                 \
    X(CALL_HEARTBEAT, "heartbeat")                                                                 \
    X(CALL_ZAP, "zap")                                                                             \
    X(CALL_STOP, "stop")                                                                           \
    X(CALL_LIST, "family's list")

enum call {
#define X(name, word) name,
    CALL_TABLE(X)
#undef X
        CALL_COUNT
};

struct tally {
    struct latency latency[CALL_COUNT]; /* from sending to the whole answer */
    uint64_t good[CALL_COUNT];          /* answers 2xx */
    uint64_t refused[CALL_COUNT];       /* 403, 409, 410 */
    uint64_t wrong;        /* answers that the rules forbid, and requests without one */
    struct latency recent; /* of all calls, since the last line of progress */
    uint64_t revived, reloaded, slept, crashed,
        replaced; /* what viewers did and what became of it */
};

void tally_answer(struct tally *tally, enum call call, int status, uint64_t us);

/* Counts a wrong answer and prints what is wrong with it; after 20, only counts. */
void tally_wrong(struct tally *tally, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last word: a table of all calls. */
void tally_print(const struct tally *tally, double seconds, FILE *out);

#endif
