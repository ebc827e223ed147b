/* Text as it comes from outside. */
#include "text.h"

#include <string.h>

#include "buf.h"
#include "lanes.h"

/* Whether a code point steers a terminal, a log or a line of text. */
static bool is_steering(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/*
 * Reads the code point at text, of which len > 0 bytes are left. Returns its length in bytes; 0
 * where these bytes aren't UTF-8.
 */
static size_t read_code_point(const unsigned char *text, size_t len, uint32_t *ret_c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: less is over-long */
    size_t size;

    if (text[0] < 0x80) {
        *ret_c = text[0];
        return 1;
    } else if ((text[0] & 0xe0) == 0xc0) {
        size = 2;
        *ret_c = text[0] & 0x1f;
    } else if ((text[0] & 0xf0) == 0xe0) {
        size = 3;
        *ret_c = text[0] & 0x0f;
    } else if ((text[0] & 0xf8) == 0xf0) {
        size = 4;
        *ret_c = text[0] & 0x07;
    } else {
        return 0;
    }
    if (size > len)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *ret_c = *ret_c << 6 | (text[i] & 0x3f);
    }
    if (*ret_c < least[size] || *ret_c > 0x10ffff || (*ret_c >= 0xd800 && *ret_c <= 0xdfff))
        return 0;
    return size;
}

bool text_is_printable(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;

    while (len > 0) {
        uint32_t c;
        size_t size = read_code_point(at, len, &c);

        if (size == 0 || is_steering(c))
            return false;
        at += size;
        len -= size;
    }
    return true;
}

/* The value of a hexadecimal digit; -1 for any other character. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int text_percent_decode(const char *text, size_t len, char *ret_text)
{
    const char *end = text + len;
    size_t out = 0;

    for (;;) {
        const char *percent = memchr(text, '%', (size_t)(end - text));
        size_t plain = (size_t)((percent != NULL ? percent : end) - text);

        memmove(ret_text + out, text, plain);
        out += plain;
        if (percent == NULL)
            break;

        int high = percent + 1 < end ? hex_digit(percent[1]) : -1;
        int low = percent + 2 < end ? hex_digit(percent[2]) : -1;
        if (high < 0 || low < 0 || (high | low) == 0)
            return -1;
        ret_text[out++] = (char)(high << 4 | low);
        text = percent + 3;
    }
    ret_text[out] = '\0';
    return (int)out;
}

/* What is encoded: all but visible ASCII, and '%'. */
static inline lanes encoded(lanes c)
{
    return (lanes)(c <= 0x20) | (lanes)(c >= 0x7f) | (lanes)(c == '%');
}

bool text_needs_percent(const char *text, size_t len)
{
    return lanes_find(text, len, encoded, 'a');
}

void text_percent_encode(struct buf *buf, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *plain = text; /* the first byte not yet appended */

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c > 0x20 && c < 0x7f && c != '%')
            continue;
        char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        buf_add(buf, plain, (size_t)(text - plain));
        buf_add(buf, encoded, sizeof encoded);
        plain = text + 1;
    }
    buf_add(buf, plain, (size_t)(text - plain));
}

void text_json_quote(struct buf *buf, const char *text)
{
    const char *plain = text; /* the first byte not yet appended */
    const char *at = text;

    buf_add_char(buf, '"');
    for (; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, plain, (size_t)(at - plain));
        plain = at + 1;
        if (c < 0x20) {
            buf_printf(buf, "\\u%04x", c);
        } else {
            buf_add_char(buf, '\\');
            buf_add_char(buf, *at);
        }
    }
    buf_add(buf, plain, (size_t)(at - plain));
    buf_add_char(buf, '"');
}

int text_from_hex(const char *text, uint8_t *ret_bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high >= 0 ? hex_digit(text[2 * i + 1]) : -1;

        if (low < 0)
            return -1;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * size] == '\0' ? 0 : -1;
}

const char *text_int(int64_t value, char digits[TEXT_INT_MAX])
{
    char *at = digits + TEXT_INT_MAX;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        *--at = '-';
    return at;
}

int text_copy(char *ret_text, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size) {
        if (size > 0)
            ret_text[0] = '\0';
        return -1;
    }
    memcpy(ret_text, text, len + 1);
    return 0;
}
