/*
 * Commands as Redis reads them (RESP, "array of bulk strings"), appended to a buffer.
 */
#ifndef RESP_H
#define RESP_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Begins a command of count words, which must follow. */
void resp_command(struct buf *buf, size_t count);

/* One word: bytes, text, a number, or a key: prefix, kind ("session:") and name joined. */
void resp_bytes(struct buf *buf, const void *bytes, size_t len);
void resp_text(struct buf *buf, const char *text);
void resp_int(struct buf *buf, int64_t value);
void resp_key(struct buf *buf, const char *prefix, const char *kind, const char *name);

#endif
