/* Commands as Redis reads them. */
#include "resp.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"

static void begin(struct buf *buf, char type, size_t number)
{
    buf_add_char(buf, type);
    buf_add_int(buf, (int64_t)number);
    buf_add(buf, "\r\n", 2);
}

void resp_command(struct buf *buf, size_t count)
{
    begin(buf, '*', count);
}

void resp_bytes(struct buf *buf, const void *bytes, size_t len)
{
    begin(buf, '$', len);
    buf_add(buf, bytes, len);
    buf_add(buf, "\r\n", 2);
}

void resp_text(struct buf *buf, const char *text)
{
    resp_bytes(buf, text, strlen(text));
}

void resp_int(struct buf *buf, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);

    resp_bytes(buf, digits, (size_t)len);
}

void resp_key(struct buf *buf, const char *prefix, const char *kind, const char *name)
{
    size_t prefix_len = strlen(prefix), kind_len = strlen(kind), name_len = strlen(name);

    begin(buf, '$', prefix_len + kind_len + name_len);
    buf_add(buf, prefix, prefix_len);
    buf_add(buf, kind, kind_len);
    buf_add(buf, name, name_len);
    buf_add(buf, "\r\n", 2);
}
