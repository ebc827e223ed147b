/*
 * Who may stay when a new stream asks for a place: steps 3 to 8 of admission (DESIGN.md section 3), as a
 * decision over a list. Nothing is changed here; the store carries the decision out, or not at all.
 *
 * scripts/create_room.lua and create.lua are the same decision for Redis; the contract suite holds both to it.
 */
#ifndef CORE_ADMISSION_H
#define CORE_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "session.h"

/* What becomes of a stream. */
enum admission_fate { ADMISSION_STAYS, ADMISSION_REPLACED, ADMISSION_DISPLACED, ADMISSION_EVICTED };

/* A live stream of the family, or on the device, or both. */
struct admission_stream {
    const char *id;           /* sessionId */
    const char *player_id;    /* "" where it has none */
    int64_t started_ms;       /* wall clock */
    int64_t silent_ms;        /* since its last sign of life, never below 0 */
    bool in_family;           /* of the family that asks */
    bool on_device;           /* on the device that asks */
    enum admission_fate fate; /* out: set by admission_decide */
    void *owner;              /* the caller's */
};

/* What the new stream asks for, and the limits in force for it. */
struct admission_ask {
    uint32_t family_limit;               /* 0: none */
    uint32_t device_limit;               /* 0: none */
    int64_t displace_after_ms;           /* silence that gives way; 0: none does */
    bool evict;                          /* onLimit evict_oldest, and allowed now */
    const char *player_id;               /* "" where not given */
    char (*replace)[SESSION_ID_LEN + 1]; /* sessionIds to give up for this one */
    size_t replace_count;                /* of them */
    bool dry_run;                        /* limits are only counted */
};

struct admission_answer {
    enum err err;           /* ERR_OK, ERR_DEVICE_LIMIT or ERR_FAMILY_LIMIT */
    enum err would_deny;    /* in a dry run: what err would have been */
    uint32_t family_active; /* streams: on ERR_OK with the new one and without those that end, */
    uint32_t device_active; /* else as they are */
};

/*
 * Decides, and marks each stream's fate. On a refusal every stream stays. Sorts nothing and keeps no
 * pointer. Among equals (silence, start) the smaller sessionId goes first, so that every store decides the
 * same. In a dry run err is always ERR_OK, and nobody ends on the limits' account: only what the viewer gives
 * up and the same player left behind does.
 */
void admission_decide(const struct admission_ask *ask, struct admission_stream *streams,
                      size_t count, struct admission_answer *ret_answer);

#endif
