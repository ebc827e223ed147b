/* base64url, beside libsodium's. */
#include "base64url.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

enum {
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    LONGEST = 70,
    TEXT_SIZE = sodium_base64_ENCODED_LEN(LONGEST, VARIANT)
};

static int decode_by_libsodium(const char *text, size_t len, uint8_t *ret_bytes, size_t size)
{
    size_t decoded;

    return sodium_base642bin(ret_bytes, size, text, len, NULL, &decoded, NULL, VARIANT) == 0
               ? (int)decoded
               : -1;
}

/* libsodium 1.0.18 takes bytes of 128 and more for characters of the alphabet. */
static void expect_as_libsodium(const char *text, size_t len)
{
    uint8_t ours[LONGEST], theirs[LONGEST];
    int count = base64url_decode(text, len, ours, sizeof ours);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 128) {
            cr_assert_eq(count, -1);
            return;
        }
    }

    cr_assert_eq(count, decode_by_libsodium(text, len, theirs, sizeof theirs), "%.*s", (int)len,
                 text);
    if (count > 0)
        cr_assert_arr_eq(ours, theirs, (size_t)count);
}

Test(base64url, encodes_and_decodes_as_libsodium_does)
{
    uint8_t bytes[LONGEST];
    char ours[TEXT_SIZE], theirs[TEXT_SIZE];

    for (int round = 0; round < 100; round++) {
        for (size_t len = 0; len <= LONGEST; len++) {
            randombytes_buf(bytes, len);
            sodium_bin2base64(theirs, sizeof theirs, bytes, len, VARIANT);
            cr_assert_eq(base64url_encode(bytes, len, ours), strlen(theirs));
            cr_assert_str_eq(ours, theirs);
            expect_as_libsodium(theirs, strlen(theirs));
        }
    }
}

Test(base64url, refuses_what_libsodium_refuses)
{
    char text[] = "abcdefgh";

    for (size_t len = 1; len < sizeof text; len++) {
        for (size_t i = 0; i < len; i++) {
            char kept = text[i];

            for (int c = 0; c < 256;
                 c++) { /* among them those that leave bits over in the last one */
                text[i] = (char)c;
                expect_as_libsodium(text, len);
                cr_assert_eq(base64url_is(text, len),
                             memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-_",
                                    c, 64) != NULL);
            }
            text[i] = kept;
        }
    }
}

Test(base64url, writes_no_further_than_there_is_room)
{
    uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};

    cr_assert_eq(base64url_decode("AAAAAAAA", 8, bytes, 5), -1);
    cr_assert_eq(base64url_decode("AAAAAAA", 7, bytes, 5), 5);
    cr_assert_eq(bytes[5], 6);
    cr_assert_eq(base64url_decode("AAAAAAAA", 8, bytes, 6), 6);
    cr_assert_eq(bytes[6], 7);
}
