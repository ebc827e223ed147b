/*
 * What the files that make commands share (redis_format*.c, redis_page.c, redis_events.c).
 */
#ifndef REDIS_FORMAT_PRIVATE_H
#define REDIS_FORMAT_PRIVATE_H

#include <stddef.h>

#include "redis_format.h"
#include "redis_script.h"

/* Begins EVALSHA of a script with so many keys and arguments, which must follow. */
void redis_format_script(const struct redis_format *format, struct buf *out,
                         enum redis_script script, size_t keys, size_t args);

/*
 * One word of a command: a key; a buffer's text, which is freed (where it isn't whole, neither is the command);
 * what session_end:<id> is to hold.
 */
void redis_format_key(const struct redis_format *format, struct buf *out, const char *kind,
                      const char *name);
void redis_format_buf(struct buf *out, struct buf *text);
void redis_format_end(struct buf *out, const struct store_end *end);

/* Appends the command of a request's operation, of those that operators alone ask for. */
void redis_format_revoke(const struct redis_format *format, const struct store_req *req,
                         struct buf *out);
void redis_format_set_limits(const struct redis_format *format, const struct store_req *req,
                             struct buf *out);
void redis_format_describe(const struct redis_format *format, const struct store_req *req,
                           struct buf *out);
void redis_format_count(const struct redis_format *format, const struct store_req *req,
                        struct buf *out);
void redis_format_note(const struct redis_format *format, const struct store_req *req,
                       struct buf *out);

#endif
