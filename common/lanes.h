/*
 * Sixteen bytes that are looked at at once: by a vector instruction where the machine has one. A comparison of lanes
 * gives all ones where it holds, all zeroes where not.
 */
#ifndef COMMON_LANES_H
#define COMMON_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char lanes __attribute__((vector_size(16)));

/* Whether any lane isn't zero. */
static inline bool lanes_any(lanes found)
{
    uint64_t halves[2];

    memcpy(halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

/*
 * Whether a text of any length has a byte that strange finds: it gives ones for these. It must find nothing in
 * filler, which a short text is filled up with. (Inlined with strange a constant, this calls nothing.)
 */
static inline bool lanes_find(const char *text, size_t len, lanes (*strange)(lanes c), char filler)
{
    char filled[sizeof(lanes)];
    lanes c, found = {0};

    if (len < sizeof filled) {
        memset(filled, filler, sizeof filled);
        text = memcpy(filled, text, len);
        len = sizeof filled;
    }
    for (size_t i = 0; i + sizeof c < len; i += sizeof c) {
        memcpy(&c, text + i, sizeof c);
        found |= strange(c);
    }
    memcpy(&c, text + len - sizeof c, sizeof c); /* some of it again, perhaps */
    return lanes_any(found | strange(c));
}

#endif
