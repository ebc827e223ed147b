/* Text as it comes from outside. */
#include "text.h"

#include <criterion/criterion.h>
#include <string.h>

#include "buf.h"

#define PRINTABLE(text)     cr_expect(text_is_printable(text, sizeof(text) - 1), "%s", #text)
#define NOT_PRINTABLE(text) cr_expect_not(text_is_printable(text, sizeof(text) - 1), "%s", #text)

Test(text, letters_of_all_lengths_are_printable)
{
    PRINTABLE("");
    PRINTABLE("plain ~");
    PRINTABLE("\u00a0\u07ff\u0800\ud7ff\ue000\uffff");
    PRINTABLE("\U00010000\U0010ffff");
    PRINTABLE("\u061b\u200d\u2010\u2027\u202f\u2065\u206a"); /* neighbours of those that steer */
}

Test(text, what_steers_a_line_is_not_printable)
{
    NOT_PRINTABLE("a\nb");
    NOT_PRINTABLE("a\0b");
    NOT_PRINTABLE("\x1b[2J");
    NOT_PRINTABLE("\x7f");
    NOT_PRINTABLE("\xc2\x80");
    NOT_PRINTABLE("\xc2\x9f");
    NOT_PRINTABLE("\u061c");
    NOT_PRINTABLE("\u200e");
    NOT_PRINTABLE("\u200f");
    NOT_PRINTABLE("\u2028");
    NOT_PRINTABLE("\u2029");
    NOT_PRINTABLE("\u202a");
    NOT_PRINTABLE("\u202e");
    NOT_PRINTABLE("\u2066");
    NOT_PRINTABLE("\u2069");
}

Test(text, what_is_not_utf8_is_not_printable)
{
    NOT_PRINTABLE("\x80");
    NOT_PRINTABLE("\xc3");
    NOT_PRINTABLE("\xc3(");
    NOT_PRINTABLE("\xe2\x82");
    NOT_PRINTABLE("\xf0\x9f\x98");
    NOT_PRINTABLE("\xff");
    NOT_PRINTABLE("\xf8\x88\x80\x80\x80");
}

Test(text, over_long_forms_surrogates_and_numbers_beyond_unicode_are_not_utf8)
{
    NOT_PRINTABLE("\xc0\xaf");
    NOT_PRINTABLE("\xc1\x81");
    NOT_PRINTABLE("\xe0\x9f\xbf");
    NOT_PRINTABLE("\xf0\x8f\xbf\xbf");
    NOT_PRINTABLE("\xed\xa0\x80");
    NOT_PRINTABLE("\xed\xbf\xbf");
    NOT_PRINTABLE("\xf4\x90\x80\x80");
}

/* Decodes within an array that is just as large as it must be. */
static int decode(const char *text, char *ret_text)
{
    return text_percent_decode(text, strlen(text), ret_text);
}

Test(text, percent_encoding_is_decoded_once)
{
    char out[32];

    cr_expect_eq(decode("", out), 0);
    cr_expect_str_eq(out, "");
    cr_expect_eq(decode("a%2Fb%2fc%2541", out), 8);
    cr_expect_str_eq(out, "a/b/c%41");
    cr_expect_eq(decode("a+b", out), 3);
    cr_expect_str_eq(out, "a+b");
}

Test(text, decoding_works_in_place)
{
    char text[] = "%41%42C";

    cr_expect_eq(text_percent_decode(text, 7, text), 3);
    cr_expect_str_eq(text, "ABC");
}

Test(text, broken_encoding_and_encoded_nul_are_refused)
{
    char out[32];

    cr_expect_eq(decode("%", out), -1);
    cr_expect_eq(decode("a%4", out), -1);
    cr_expect_eq(decode("%zz", out), -1);
    cr_expect_eq(decode("%4z", out), -1);
    cr_expect_eq(decode("%-1", out), -1);
    cr_expect_eq(decode("a%00b", out), -1);
    cr_expect_eq(text_percent_decode("%41", 2, out), -1);
}

Test(text, encoding_leaves_visible_ascii_alone_but_for_the_percent_sign)
{
    struct buf buf = BUF_EMPTY;

    text_percent_encode(&buf, "a/~!%\xc3\xa9 \x7f\n");
    cr_expect_str_eq(buf_text(&buf), "a/~!%25%C3%A9%20%7F%0A");
    buf_done(&buf);
}

Test(text, whether_encoding_changes_anything_is_known_beforehand)
{
    char text[40];

    for (size_t len = 1; len < sizeof text; len++) {
        for (int c = 1; c < 256; c++) {
            struct buf buf = BUF_EMPTY;

            memset(text, 'x', len);
            text[len] = '\0';
            text[len / 2] = (char)c;
            text_percent_encode(&buf, text);
            cr_assert_eq(text_needs_percent(text, len), buf.len != len, "%d of %zu", c, len);
            buf_done(&buf);
        }
    }
    cr_assert_not(text_needs_percent("", 0));
}

Test(text, hexadecimal_is_read_in_both_cases)
{
    uint8_t bytes[3];

    cr_expect_eq(text_from_hex("00aFfA", bytes, 3), 0);
    cr_expect_arr_eq(bytes, ((uint8_t[]){0x00, 0xaf, 0xfa}), 3);
}

Test(text, hexadecimal_of_another_length_or_with_other_digits_is_refused)
{
    uint8_t bytes[3];

    cr_expect_eq(text_from_hex("", bytes, 3), -1);
    cr_expect_eq(text_from_hex("00aFf", bytes, 3), -1);
    cr_expect_eq(text_from_hex("00aFfA0", bytes, 3), -1);
    cr_expect_eq(text_from_hex("00xFfA", bytes, 3), -1);
}

Test(text, a_copy_fits_or_is_empty)
{
    char out[4] = "xxx";

    cr_expect_eq(text_copy(out, sizeof out, "abc"), 0);
    cr_expect_str_eq(out, "abc");
    cr_expect_eq(text_copy(out, sizeof out, "abcd"), -1);
    cr_expect_str_eq(out, "");
}
