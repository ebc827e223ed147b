/*
 * The feed of what happened, read from either store in one shape.
 */
#ifndef SUPPORT_FEED_H
#define SUPPORT_FEED_H

#include <stddef.h>

#include "store_fixture.h"

enum { FEED_MAX = 1000 }; /* entries that a test may make */

/* An entry; a text that is absent, as one that is unknown, is "". */
struct feed_entry {
    char type[16];
    char session_id[SESSION_ID_LEN + 1];
    session_name user_id, family_id, device_id, media_id;
    session_name cause, by;
    int64_t time_ms;    /* wall clock */
    int64_t duration_s; /* -1 where absent */
};

/* All of it. */
struct feed {
    struct feed_entry entries[FEED_MAX]; /* the oldest first */
    size_t count;                        /* of them */
};

/* Reads the feed; what is returned stays valid until the next call. */
const struct feed *feed_read(struct store_fixture *fixture);

/* How many entries of this type it has. */
size_t feed_count(struct store_fixture *fixture, const char *type);

/* Its only entry of this type; there must be just one. */
struct feed_entry feed_only(struct store_fixture *fixture, const char *type);

/* Makes the store lose all events that there are, as it does when there were too many: some that tell
 * of a drain take their places. */
void feed_lose(struct store_fixture *fixture);

#endif
