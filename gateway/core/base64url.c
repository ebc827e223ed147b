/* base64url without padding. */
#include "base64url.h"

#include "lanes.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Values, each with a bit more, so that what isn't in the alphabet is the only 0. */
enum { KNOWN = 64, VALUE = KNOWN - 1 };

/* clang-format off */
static const uint8_t values[256] = {
    ['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    ['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112,
            113, 114, 115,
    ['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, ['-'] = 126, ['_'] = 127,
};
/* clang-format on */

static inline lanes strange(lanes c)
{
    lanes letter = (c | 0x20) - 'a' < 26;
    lanes other = (lanes)(c - '0' < 10) | (lanes)(c == '-') | (lanes)(c == '_');

    return ~(letter | other);
}

bool base64url_is(const char *text, size_t len)
{
    return !lanes_find(text, len, strange, 'A');
}

/* Adds a character's bits to bits, and to known whether it is one of the alphabet's. */
static inline uint32_t shift_in(uint32_t bits, char c, uint32_t *known)
{
    uint32_t value = values[(unsigned char)c];

    *known &= value;
    return bits << 6 | (value & VALUE);
}

int base64url_decode(const char *text, size_t len, uint8_t *ret_bytes, size_t size)
{
    const char *whole = text + len / 4 * 4;
    uint8_t *at = ret_bytes;
    uint32_t bits, known = KNOWN;
    size_t rest = len % 4;

    if (rest == 1 || BASE64URL_BYTES(len) > size)
        return -1;
    for (; text < whole; text += 4) {
        bits = shift_in(0, text[0], &known);
        bits = shift_in(bits, text[1], &known);
        bits = shift_in(bits, text[2], &known);
        bits = shift_in(bits, text[3], &known);
        *at++ = (uint8_t)(bits >> 16);
        *at++ = (uint8_t)(bits >> 8);
        *at++ = (uint8_t)bits;
    }
    if (rest > 0) {
        bits = shift_in(0, text[0], &known);
        bits = shift_in(bits, text[1], &known) << 6;
        if (rest == 3)
            bits = shift_in(bits >> 6, text[2], &known);
        bits <<= 6;
        *at++ = (uint8_t)(bits >> 16);
        if (rest == 3)
            *at++ = (uint8_t)(bits >> 8);
        if ((bits & (rest == 3 ? 0xff : 0xffff)) != 0)
            return -1;
    }
    return known == KNOWN ? (int)(at - ret_bytes) : -1;
}

size_t base64url_encode(const uint8_t *bytes, size_t len, char *ret_text)
{
    char *at = ret_text;

    for (; len >= 3; len -= 3, bytes += 3) {
        uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];

        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        *at++ = alphabet[bits >> 6 & 63];
        *at++ = alphabet[bits & 63];
    }
    if (len > 0) {
        uint32_t bits = (uint32_t)bytes[0] << 16 | (len == 2 ? (uint32_t)bytes[1] << 8 : 0);

        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        if (len == 2)
            *at++ = alphabet[bits >> 6 & 63];
    }
    *at = '\0';
    return (size_t)(at - ret_text);
}
