/* A growable byte buffer. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Allocates room for `more` bytes behind those in use; false, and the mark set, where there is no memory. */
static bool grow(struct buf *buf, size_t more)
{
    if (more > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return false;
    }

    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < buf->len + more)
        cap *= 2;
    char *data = realloc(buf->data, cap);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

/* Makes sure of that room; false where there is none. */
static inline bool reserve(struct buf *buf, size_t more)
{
    return !buf->failed && (more <= buf->cap - buf->len || grow(buf, more));
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_EMPTY;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0 || !reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    if (reserve(buf, 1))
        buf->data[buf->len++] = c;
}

void buf_add_int(struct buf *buf, int64_t value)
{
    char digits[TEXT_INT_MAX];
    const char *at = text_int(value, digits);

    buf_add(buf, at, (size_t)(digits + sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0)
        buf->failed = true;
    else if (reserve(buf, (size_t)len + 1)) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

char *buf_text(struct buf *buf)
{
    if (!reserve(buf, 1))
        return NULL;
    buf->data[buf->len] = '\0';
    return buf->data;
}
