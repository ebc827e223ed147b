/* The alphabet of sessionIds and tokens (RFC 4648, section 5). Private to this folder. */
#ifndef CORE_BASE64URL_H
#define CORE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that are worked on at once: by a vector instruction where the machine has one. */
typedef unsigned char base64url_lanes __attribute__((vector_size(16)));

/* Not all zeroes where one of these bytes is outside of the alphabet. */
static inline uint64_t base64url_strange(const char *text)
{
    base64url_lanes c, letter;
    uint64_t strange[2];

    memcpy(&c, text, sizeof c);
    letter = (c | 0x20) - 'a' < 26;
    letter |= (base64url_lanes)(c - '0' < 10) | (base64url_lanes)(c == '-');
    letter = ~(letter | (base64url_lanes)(c == '_'));
    memcpy(strange, &letter, sizeof strange);
    return strange[0] | strange[1];
}

/* Every authorize looks at some tokens, of some 300 characters. */
static inline bool is_base64url(const char *text, size_t len)
{
    enum { AT_ONCE = sizeof(base64url_lanes) };
    uint64_t strange = 0;

    if (len < AT_ONCE) {
        char padded[AT_ONCE];

        memset(padded, 'A', sizeof padded);
        memcpy(padded, text, len);
        return base64url_strange(padded) == 0;
    }
    for (size_t i = 0; i + AT_ONCE < len; i += AT_ONCE)
        strange |= base64url_strange(text + i);
    return (strange | base64url_strange(text + len - AT_ONCE)) == 0;
}

#endif
