/* What a header's value may hold: RFC 9110, section 5.5. */
#ifndef HTTP_VALUE_H
#define HTTP_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "lanes.h"

/* Control characters other than the tab. */
static inline lanes http_value_controls(lanes c)
{
    return (lanes)((c < 0x20) & (c != '\t')) | (lanes)(c == 0x7f);
}

/* Whether a text may be a value. Values are long, and every request has some. */
static inline bool http_value_is_sound(const char *text, size_t len)
{
    return !lanes_find(text, len, http_value_controls, ' ');
}

#endif
