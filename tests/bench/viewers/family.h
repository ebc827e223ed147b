/*
 * What is known of a family's sessions from the answers alone, and what follows from it by the
 * rules (DESIGN.md sections 3 and 5).
 *
 * Much can't be known: a stop that isn't answered yet may have happened, a session that has been
 * silent for long may have been displaced. So a session is live for sure, ended for sure, or
 * neither, and only what is sure is held against the gateway. Times are milliseconds of the
 * monotonic clock.
 */
#ifndef VIEWERS_FAMILY_H
#define VIEWERS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SESSION_ID_MAX = 22 };

/* Reasons for which a session may have ended; bits of a mask. */
enum {
    REASON_STOPPED = 1,
    REASON_EXPIRED = 2,
    REASON_REPLACED = 4,
    REASON_DISPLACED = 8,
};

struct view { /* a session, as its viewer knows it */
    char id[SESSION_ID_MAX + 1];
    unsigned device;       /* of the family's */
    unsigned media;        /* what the last answer said is watched */
    unsigned media_next;   /* of a zap under way, else media */
    unsigned media_before; /* before the last zap */
    int pending_ends;      /* requests under way that may end it */
    unsigned reasons;      /* for which it may have ended */
    bool ended;            /* for sure */
    int64_t ended_ms;      /* when that was known */
    int64_t sign_ms;       /* when the last sign of life was sent that was answered */
    int64_t doubt_ms;      /* when it was last known that it may have ended, or not */
    int64_t sure_since_ms; /* since when it has been live for sure, if it is */
    bool held;             /* by its viewer: isn't forgotten */
    struct view *next;     /* of its family */
};

struct family_rules {          /* the gateway's settings */
    size_t family_limit;       /* 0: none */
    size_t device_limit;       /* 0: none */
    int64_t ttl_ms;            /* of a session */
    int64_t displace_after_ms; /* of silence; 0: never */
    int64_t grace_ms;          /* until an end is known to every gateway */
};

struct family {
    unsigned number;    /* its name */
    struct view *views; /* newest first */
    size_t creates;     /* creates under way: sessions whose name isn't known yet */
};

/* A session that was created just now, by a request sent at sent_ms. NULL where memory runs out. */
struct view *family_add(struct family *family, const char *id, unsigned device, unsigned media,
                        int64_t sent_ms, int64_t now_ms);
void family_free(struct family *family);

/* Forgets what can't be met any more. */
void family_forget(struct family *family, const struct family_rules *rules, int64_t now_ms);

struct view *family_find(const struct family *family, const char *id);

/* Notes a sign of life that was sent at sent_ms and answered with yes. Returns whether it was not
 * sure to live before. */
bool view_sign(struct view *view, const struct family_rules *rules, int64_t sent_ms,
               int64_t now_ms);

void view_end(struct view *view, unsigned reasons, int64_t now_ms);

/* It may have ended for these reasons, or may live: only a later sign of life will tell. */
void view_doubt(struct view *view, unsigned reasons, int64_t now_ms);

/* Nobody may refuse it. */
bool view_is_live(const struct view *view, const struct family_rules *rules, int64_t now_ms);

/* It was all the time since a request was sent. */
bool view_was_live(const struct view *view, const struct family_rules *rules, int64_t since_ms,
                   int64_t now_ms);

/* It had ended, and every gateway knew, when a request was sent. */
bool view_had_ended(const struct view *view, const struct family_rules *rules, int64_t sent_ms);

enum { ANY_DEVICE = -1 };

/* How many of the family's sessions live for sure, on this device or any. */
size_t family_live(const struct family *family, const struct family_rules *rules, int device,
                   int64_t now_ms);

/* How many lived at least at one time since. */
size_t family_possible(const struct family *family, const struct family_rules *rules, int device,
                       int64_t since_ms);

#endif
