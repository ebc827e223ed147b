/*
 * The store's operations as commands: which keys and arguments each script gets (scripts/<name>.lua says
 * what they are).
 */
#ifndef REDIS_FORMAT_H
#define REDIS_FORMAT_H

#include <stddef.h>

#include "store.h"

struct buf;
struct redis_link;

/* The second that scripts are told (lib/text_now.lua); zeroed at first. Kept, since most commands share it. */
struct redis_second {
    int64_t wall_s; /* by Redis' clock */
    char text
        [48]; /* the same in digits, a blank, and as far as a time is written before its milliseconds */
    size_t len; /* of it */
};

/* What commands are made from, beside the request. */
struct redis_format {
    const struct store_options *options; /* of the store */
    const char *prefix;                  /* of every key */
    const struct redis_link *link;       /* knows the scripts' hashes */
    struct redis_second *second;         /* the store's */
    int64_t now_ms;                      /* Redis' wall clock, as far as known */
    int64_t
        useless_ms; /* by the same clock: when nobody waits any more; 0: the clock isn't known */
};

/* Appends the command of a request's operation. */
void redis_format_op(const struct redis_format *format, const struct store_req *req,
                     struct buf *out);

/* Appends GET session_end:<id>. */
void redis_format_why(const struct redis_format *format, const struct store_req *req,
                      struct buf *out);

/*
 * Appends the command that puts `after` in the place of `before` as the session's value; `tell` where caches
 * must hear of it.
 */
void redis_format_swap(const struct redis_format *format, const struct store_req *req,
                       const char *before, size_t before_len, const char *after, bool tell,
                       struct buf *out);

#endif
