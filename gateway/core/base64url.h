/* The alphabet of sessionIds and tokens (RFC 4648, section 5). Private to this folder. */
#ifndef CORE_BASE64URL_H
#define CORE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#include "lanes.h"

static inline lanes base64url_strange(lanes c)
{
    lanes letter = (c | 0x20) - 'a' < 26;
    lanes other = (lanes)(c - '0' < 10) | (lanes)(c == '-') | (lanes)(c == '_');

    return ~(letter | other);
}

/* Every authorize looks at some tokens, of some 300 characters. */
static inline bool is_base64url(const char *text, size_t len)
{
    return !lanes_find(text, len, base64url_strange, 'A');
}

#endif
