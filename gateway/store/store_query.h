/*
 * What operators ask of a store: the part of a request that players' calls do without (store.h).
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event.h"
#include "session.h"

/* At most so many sessions, or events, are asked for at once. */
#define STORE_PAGE_MAX 1000

/* Room for a place in a store's order, as printable ASCII; "" is the beginning and, coming back, the end. */
typedef char store_cursor[640];

/* Which sessions, or events: those that agree with all that are not "". */
struct store_filter {
    session_name family_id;
    session_name device_id;
    session_name user_id;
    session_name media_id;
};

static inline bool store_filter_agrees(const char *wanted, const char *name)
{
    return wanted[0] == '\0' || strcmp(wanted, name) == 0;
}

/* Whether names, none of them NULL, agree with a filter. */
static inline bool store_filter_matches(const struct store_filter *filter, const char *family_id,
                                        const char *device_id, const char *user_id,
                                        const char *media_id)
{
    return store_filter_agrees(filter->family_id, family_id) &&
           store_filter_agrees(filter->device_id, device_id) &&
           store_filter_agrees(filter->user_id, user_id) &&
           store_filter_agrees(filter->media_id, media_id);
}

/*
 * PAGE: `most` sessions at most that match the filter, from the cursor on, which is moved behind them. There
 * may be fewer, even none, before the end: a store looks at a bounded number of sessions for one answer. A
 * session that lives from the first page to the last is in one of them, or in more than one.
 */
struct store_page {
    struct store_filter filter; /* in */
    uint32_t most;              /* in: 1 to STORE_PAGE_MAX */
    store_cursor cursor;        /* in, and out */
};

/* DESCRIBE, out. A device has no override: its limits are the settings'. */
struct store_description {
    uint32_t family_limit, device_limit; /* in force for a caller who claims none; 0: no limit */
    bool overridden;                     /* at least one of them by SET_LIMITS */
    int64_t
        limits_until_ms; /* the override's end, wall clock; 0: it has none, or there is no override */
    int64_t blocked_until_ms; /* new streams are refused until then, wall clock; 0: they aren't */
    char message[257];        /* what those refused are told; "" where none are */
};

/* COUNT, out. */
struct store_count {
    uint64_t sessions; /* that live; up to a sweep's delay also such as have just expired */
    uint64_t
        users_online; /* seen in this window or the last (DESIGN.md section 4): about so many */
};

/*
 * EVENTS: from an event on, in the order in which they happened; or from the newest on backwards. A store
 * looks at `most` events, and hands out those that match.
 *
 * Forwards from an event on, there is a gap where some behind it are lost: there were too many; or it lies behind
 * all that there are, since it is another store's or the clock was set, and `after` is moved to the newest then.
 */
struct store_events {
    struct store_filter filter; /* in */
    bool backwards;             /* in: newest first */
    uint32_t most;              /* in: 1 to STORE_PAGE_MAX: so many are looked at */
    event_id
        after; /* in: those behind this one (backwards: before it). "": from the first (backwards: the
                       newest) on. out: the last that was looked at, or as it was where there was none */
    bool
        newest; /* in: none are wanted, only `after`, as the newest that there is ("0-0": none yet) */
    bool gap;   /* out: some behind `after` are lost */
    struct event *events; /* out: the store's, as are their texts, until done returns */
    size_t count;         /* of them */
};

struct store_query {
    union {
        struct store_page page;               /* PAGE */
        struct store_description description; /* DESCRIBE */
        struct store_count count;             /* COUNT */
        struct store_events events;           /* EVENTS */
        enum event_type note;                 /* NOTE */
    };
};

#endif
