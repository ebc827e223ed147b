/*
 * A play of random requests (test_random.c): what it keeps, and the comparison of a store's answers with the
 * model's. A mismatch fails the test and shows the last requests.
 */
#ifndef PLAY_H
#define PLAY_H

#include <stdint.h>

#include "model.h"
#include "store_fixture.h"

struct ask_ids;

enum {
    PLAY_HISTORY = 40,                /* requests that a mismatch shows */
    PLAY_STEP_MS = 1000000,           /* of ageing */
    PLAY_TTL_MS = 100 * PLAY_STEP_MS, /* nothing expires by itself */
    PLAY_TOLERANCE_MS = 60000         /* what two looks at the clock may differ by */
};

struct play {
    struct store_fixture *fixture;
    struct model model;
    uint64_t seed;                   /* of this play */
    uint64_t random;                 /* state of the generator */
    char history[PLAY_HISTORY][256]; /* the last requests, in a ring */
    unsigned played;                 /* requests */
    unsigned outcomes[ERR_COUNT];    /* how often each came */
};

/* The line of the history that is about the present request, to be written. */
char *play_line(struct play *play);

/* That an answer is as expected. before: the session as it was, where it lived; else NULL. */
void play_compare(struct play *play, const struct store_req *answer,
                  const struct model_answer *expected, const struct session *before);

/* That all pages together tell of those who live and match. */
void play_compare_page(struct play *play, const struct store_filter *filter,
                       const struct ask_ids *ids);

#endif
