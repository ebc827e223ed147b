/*
 * What the embedded store keeps about families, devices and users beside their sessions: overrides of
 * limits, revocations, counts of creates, cooldowns. Each is a mark with a name and an end.
 */
#ifndef MEMORY_MARKS_H
#define MEMORY_MARKS_H

#include <stddef.h>
#include <stdint.h>

enum mark_kind {
    MARK_LIMITS,         /* family_limits:<familyId> */
    MARK_FAMILY_REVOKED, /* family_revoked:<familyId> */
    MARK_DEVICE_REVOKED, /* device_revoked:<deviceId> */
    MARK_RATE,           /* rate_limit:<userId>:create */
    MARK_EVICTED,        /* evicted:<deviceId> */
    MARK_KINDS
};

struct mark;

struct memory_marks {
    struct mark *tables[MARK_KINDS]; /* by name */
    struct mark *queues[MARK_KINDS]; /* the first to end first */
    struct mark *walked; /* what memory_marks_walk tells next; moves on before it goes */
    size_t
        walk_left; /* so many of its kind were there when the walk came to it, and not yet told */
    enum mark_kind walked_kind; /* its, or the last one looked at */
};

/* What a mark says, according to its kind. */
struct mark_value {
    int32_t family_limit, device_limit; /* MARK_LIMITS; -1: none */
    int64_t revoked_ms;                 /* MARK_…_REVOKED: when, wall clock */
    int64_t blocked_until_ms;           /* MARK_…_REVOKED: monotonic clock; 0: isn't */
    const char *message;                /* MARK_…_REVOKED: for the viewer; or NULL */
    uint32_t count;                     /* MARK_RATE */
};

/* The mark of this kind and name; NULL where there is none. ret_until_ms may be NULL. */
struct mark_value *memory_marks_find(struct memory_marks *marks, enum mark_kind kind,
                                     const char *name, int64_t *ret_until_ms);

/*
 * Puts a mark, until a time of the monotonic clock, in the place of one that was there; the message is
 * copied. -1, and nothing changed, where memory runs out.
 */
int memory_marks_put(struct memory_marks *marks, enum mark_kind kind, const char *name,
                     const struct mark_value *value, int64_t until_ms);

/* Goes to the first of all marks; only one who walks at a time. */
void memory_marks_walk_begin(struct memory_marks *marks);

/*
 * Tells the next mark: its value, kind, name and end. NULL: there is none. Between two calls marks may be put and
 * may go: those that were there at the beginning and still are come once, newer ones may; it always ends.
 */
const struct mark_value *memory_marks_walk(struct memory_marks *marks, enum mark_kind *ret_kind,
                                           const char **ret_name, int64_t *ret_until_ms);

/* Forgets those that have ended. */
void memory_marks_purge(struct memory_marks *marks, int64_t now_ms);

/* Forgets all. */
void memory_marks_done(struct memory_marks *marks);

#endif
