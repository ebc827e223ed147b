/*
 * What the threads' store handles share: the embedded store; or where Redis is, whether it is there, and what answers
 * in its place.
 */
#ifndef GATEWAY_SHARED_STORE_H
#define GATEWAY_SHARED_STORE_H

#include "redis_setup.h"

struct generations;
struct memory;
struct outage;
struct settings;

/* All zeroes: nothing is open. */
struct shared_store {
    struct memory *memory; /* the embedded store; NULL where it isn't used */
    const char
        *snapshot; /* its file, where it isn't below Redis and the settings name one; else NULL */
    struct outage *outage;           /* whether Redis is there; NULL: without Redis */
    struct generations *generations; /* of cached answers; the same */
    struct redis_setup redis;        /* where it is */
};

/*
 * Opens what the settings say, which must outlive it; loads the snapshot, if there is one. Returns an exit code
 * (app.h); what is wrong has been logged. Close it in any case, when no thread uses it any more.
 */
int shared_store_open(struct shared_store *shared, const struct settings *settings);

void shared_store_close(struct shared_store *shared);

#endif
