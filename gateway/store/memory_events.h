/*
 * What happened last in the embedded store: the feed that Redis keeps in stream_events, in a ring.
 */
#ifndef MEMORY_EVENTS_H
#define MEMORY_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define MEMORY_EVENTS_MAX 1024 /* the latest are kept */

/* An entry. Texts are "" where unknown. */
struct memory_event {
    uint64_t number;        /* 1, 2, 3… */
    enum event_type type;   /* what happened */
    const char *session_id; /* to whom */
    const char *user_id;
    const char *family_id;
    const char *device_id;
    const char *media_id;
    const char *cause;  /* a code or reason */
    const char *by;     /* who took its place */
    int64_t time_ms;    /* wall clock */
    int64_t duration_s; /* of the session that ended; -1 where none did */
};

struct memory_events {
    char **ring; /* packed entries, the oldest at `number % MEMORY_EVENTS_MAX`; NULL until used */
    uint64_t number; /* of the latest entry */
};

/*
 * Appends a copy of an entry, numbering it. Where memory runs out the entry is lost, but its number is
 * used: readers see the gap.
 */
void memory_events_add(struct memory_events *events, struct memory_event *event);

/*
 * Reads the entry of this number: its texts stay valid until the next is added. Returns 0; -1 where it is
 * no longer, or not yet, there.
 */
int memory_events_get(const struct memory_events *events, uint64_t number,
                      struct memory_event *ret_event);

/* Forgets all. */
void memory_events_done(struct memory_events *events);

#endif
