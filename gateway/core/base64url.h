/* The alphabet of sessionIds and tokens (RFC 4648, section 5). Private to this folder. */
#ifndef CORE_BASE64URL_H
#define CORE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

static inline bool is_base64url(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

#endif
