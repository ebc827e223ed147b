/*
 * base64url without padding (RFC 4648, section 5), the alphabet of sessionIds and tokens. For what is read and written
 * with every request: libsodium's takes as long for a text as for opening the token in it, to be of constant time, which
 * a token that came over a network does not need. Private to this folder.
 */
#ifndef CORE_BASE64URL_H
#define CORE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes so many characters are at most. */
#define BASE64URL_BYTES(chars) ((chars) / 4 * 3 + (chars) % 4 * 3 / 4)

/* Whether all characters of a text are of the alphabet. */
bool base64url_is(const char *text, size_t len);

/*
 * Decodes len characters into ret_bytes, which has room for size bytes. Returns their number; -1 where there is
 * no room, a character is none of the alphabet's, or the text isn't the one spelling of the bytes: one character is left
 * over, or one with bits that aren't used and aren't zero.
 */
int base64url_decode(const char *text, size_t len, uint8_t *ret_bytes, size_t size);

/* Encodes len bytes into ret_text, with a NUL behind; it has room for that, 4 characters for 3 bytes. Returns the length. */
size_t base64url_encode(const uint8_t *bytes, size_t len, char *ret_text);

#endif
