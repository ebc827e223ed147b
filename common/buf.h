/*
 * A growable byte buffer. Appending never fails halfway: where memory runs out the buffer is marked and
 * everything appended later is dropped, so that a caller checks once, at the end.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;  /* the bytes; not NUL-terminated unless buf_text was asked */
    size_t len;  /* bytes in use */
    size_t cap;  /* bytes allocated */
    bool failed; /* memory ran out, or the text can't be formatted: what is in here is not whole */
};

/* An empty buffer needs no memory: BUF_EMPTY, or all zeroes. */
#define BUF_EMPTY ((struct buf){0})

/* Frees the bytes; the buffer is empty and usable afterwards. */
void buf_done(struct buf *buf);

/* Forgets the bytes, keeps the memory, clears the mark of failure. */
void buf_clear(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);

/* Appends a decimal number. */
void buf_add_int(struct buf *buf, int64_t value);

/* Appends text as printf formats it. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes with a NUL behind them (not counted in len); NULL when the buffer failed. */
char *buf_text(struct buf *buf);

#endif
