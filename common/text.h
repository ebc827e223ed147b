/*
 * Text as it comes from outside: UTF-8 checks, percent-encoding (RFC 3986), hexadecimal; and numbers as text.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum { TEXT_INT_MAX = 20 }; /* characters of -9223372036854775808 */

/*
 * Whether these bytes are UTF-8 (RFC 3629: no over-long forms, no surrogates) in which nothing steers a
 * terminal, a log or a line of text: no control characters (C0, DEL, C1), no bidirectional controls
 * (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), no U+2028 and U+2029.
 */
bool text_is_printable(const char *text, size_t len);

/*
 * Decodes %XX once, from text into ret_text, which may be text itself and needs len + 1 bytes; adds a NUL.
 * Returns the length; -1 at a '%' that two hexadecimal digits don't follow, or at an encoded NUL.
 */
int text_percent_decode(const char *text, size_t len, char *ret_text);

/* Whether text_percent_encode would change anything in a text. */
bool text_needs_percent(const char *text, size_t len);

/*
 * Appends text with everything percent-encoded but visible ASCII (0x21 to 0x7e) without '%': fit for a
 * header's value, and for a word among others that blanks part.
 */
void text_percent_encode(struct buf *buf, const char *text);

/* Appends text in quotes, escaped as JSON (RFC 8259) wants it. */
void text_json_quote(struct buf *buf, const char *text);

/* Reads 2 * size hexadecimal digits, and nothing more, into ret_bytes. Returns 0, or -1. */
int text_from_hex(const char *text, uint8_t *ret_bytes, size_t size);

/* Writes a number in decimal, without a NUL, so that it ends where digits ends. Returns where it begins. */
const char *text_int(int64_t value, char digits[TEXT_INT_MAX]);

/* Copies text into an array of size bytes. Returns 0; -1, and an empty string, where it doesn't fit. */
int text_copy(char *ret_text, size_t size, const char *text);

#endif
