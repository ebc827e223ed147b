/*
 * What happened, as stream_events tells it (DESIGN.md section 4): to a session, or by an operator.
 */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* The types. An operator's are about a family or a device, or (drain) about a gateway. */
#define EVENT_TABLE(X)                                                                             \
    X(EVENT_STARTED, "started")                                                                    \
    X(EVENT_STOPPED, "stopped")                                                                    \
    X(EVENT_EXPIRED, "expired")                                                                    \
    X(EVENT_REPLACED, "replaced")                                                                  \
    X(EVENT_DISPLACED, "displaced")                                                                \
    X(EVENT_TERMINATED, "terminated")                                                              \
    X(EVENT_REVIVED, "revived")                                                                    \
    X(EVENT_ADOPTED, "adopted")                                                                    \
    X(EVENT_DENIED, "denied")                                                                      \
    X(EVENT_WOULD_DENY, "would_deny")                                                              \
    X(EVENT_BLOCKED, "blocked")               /* REVOKE, which refuses new streams */              \
    X(EVENT_UNBLOCKED, "unblocked")           /* REVOKE, which lifts that */                       \
    X(EVENT_LIMITS_CHANGED, "limits_changed") /* SET_LIMITS */                                     \
    X(EVENT_DRAIN_STARTED, "drain_started")   /* a gateway takes no new sessions */                \
    X(EVENT_DRAIN_ENDED, "drain_ended")       /* it does again */

enum event_type {
#define X(name, word) name,
    EVENT_TABLE(X)
#undef X
        EVENT_TYPE_COUNT /* also what another writer's unknown type is read as */
};

/* An event's place in the order, as Redis writes it: milliseconds since 1970, '-', a number; or "". */
typedef char event_id[48];

/* An event. Texts are never NULL, and "" where unknown. */
struct event {
    event_id id;            /* its place */
    enum event_type type;   /* what happened */
    const char *session_id; /* to whom */
    const char *user_id;    /* the same */
    const char *family_id;  /* the same */
    const char *device_id;  /* the same */
    const char *media_id;   /* the same */
    const char *cause;      /* a code, a reason, or an operator's why */
    const char *by;         /* who took its place; or the operator */
    int64_t time_ms;        /* wall clock */
    int64_t duration_s;     /* of the session that ended; -1 where none did */
};

/* The word of a type. Never NULL. */
const char *event_type_word(enum event_type type);

/* The type of a word; EVENT_TYPE_COUNT where there is none. */
enum event_type event_type_of(const char *word);

/*
 * Reads both numbers of an id: decimal digits, '-', decimal digits, and nothing else. Returns 0, or -1 where text
 * is none; nothing is set then.
 */
int event_id_parse(const char *text, uint64_t *ret_ms, uint64_t *ret_number);

/* Writes an id. */
void event_id_format(uint64_t ms, uint64_t number, event_id ret_id);

/* Copies events with their texts into one piece of memory, to be freed. NULL where memory runs out. */
struct event *event_pack(const struct event *events, size_t count);

#endif
