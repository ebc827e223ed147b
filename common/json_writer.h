/*
 * Writes JSON (RFC 8259) into a buffer as it goes, without building it in memory first: for answers
 * that are given thousands of times a second. Compact, members in the order of the calls.
 *
 * Every value has a name where it is a member of an object, and NULL where it is an element of an
 * array or stands alone. Names are the program's own: they are written as they are. What runs out
 * of memory shows in the buffer's mark, once, at the end.
 */
#ifndef COMMON_JSON_WRITER_H
#define COMMON_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* A writer at the beginning: `{.out = &buf}`. */
struct json_writer {
    struct buf *out; /* where the text goes; the caller's */
    bool more;       /* the next value has one before it in its object or array */
};

void json_writer_begin_object(struct json_writer *writer, const char *name);
void json_writer_end_object(struct json_writer *writer);
void json_writer_begin_array(struct json_writer *writer, const char *name);
void json_writer_end_array(struct json_writer *writer);

/* A string; text is UTF-8. */
void json_writer_text(struct json_writer *writer, const char *name, const char *text);

/* The same, but nothing at all where text is "". */
void json_writer_text_if_given(struct json_writer *writer, const char *name, const char *text);

/* A time of the wall clock, in milliseconds, as clock_format writes it. */
void json_writer_time(struct json_writer *writer, const char *name, int64_t wall_ms);

void json_writer_int(struct json_writer *writer, const char *name, int64_t value);

/* A value that is JSON already, or `true`, or `null`. */
void json_writer_raw(struct json_writer *writer, const char *name, const char *json);

#endif
