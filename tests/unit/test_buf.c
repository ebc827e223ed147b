/* The growable byte buffer. */
#include <criterion/criterion.h>

#include <string.h>

#include "buf.h"

Test(buf, starts_empty_and_gives_an_empty_text)
{
    struct buf buf = BUF_EMPTY;

    cr_assert_str_eq(buf_text(&buf), "");
    cr_assert_eq(buf.len, 0);
    buf_done(&buf);
}

Test(buf, appends_bytes_text_characters_and_formatted_text)
{
    struct buf buf = BUF_EMPTY;

    buf_add(&buf, "ab", 2);
    buf_add_str(&buf, "cd");
    buf_add_char(&buf, 'e');
    buf_printf(&buf, "%d-%s", 7, "f");
    buf_add(&buf, NULL, 0);
    cr_assert_str_eq(buf_text(&buf), "abcde7-f");
    cr_assert_eq(buf.len, strlen("abcde7-f"));
    buf_done(&buf);
}

Test(buf, keeps_nul_bytes)
{
    struct buf buf = BUF_EMPTY;

    buf_add(&buf, "a\0b", 3);
    cr_assert_eq(buf.len, 3);
    cr_assert_eq(memcmp(buf_text(&buf), "a\0b", 4), 0);
    buf_done(&buf);
}

Test(buf, grows_over_many_appends)
{
    struct buf buf = BUF_EMPTY;

    for (int i = 0; i < 100000; i++)
        buf_add_char(&buf, (char)('a' + i % 26));
    cr_assert_eq(buf.len, 100000);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(buf.data[i], 'a' + i % 26);
    buf_done(&buf);
}

Test(buf, takes_at_once_more_than_twice_what_it_has)
{
    static char many[10000];
    struct buf buf = BUF_EMPTY;

    memset(many, 'x', sizeof many);
    buf_add_char(&buf, 'y');
    buf_add(&buf, many, sizeof many);
    cr_assert_eq(buf.len, sizeof many + 1);
    cr_assert_eq(buf.data[0], 'y');
    cr_assert_eq(buf.data[sizeof many], 'x');
    buf_done(&buf);
}

Test(buf, writes_the_extreme_numbers)
{
    struct buf buf = BUF_EMPTY;

    buf_add_int(&buf, INT64_MIN);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, INT64_MAX);
    buf_add_char(&buf, ' ');
    buf_add_int(&buf, 0);
    buf_add_int(&buf, -10);
    cr_assert_str_eq(buf_text(&buf), "-9223372036854775808 9223372036854775807 0-10");
    buf_done(&buf);
}

Test(buf, keeps_its_memory_when_cleared)
{
    struct buf buf = BUF_EMPTY;

    buf_add_str(&buf, "something");
    const char *data = buf.data;
    buf_clear(&buf);
    cr_assert_eq(buf.len, 0);
    buf_add_str(&buf, "else");
    cr_assert_eq(buf.data, data);
    cr_assert_str_eq(buf_text(&buf), "else");
    buf_done(&buf);
}

Test(buf, is_usable_again_after_done)
{
    struct buf buf = BUF_EMPTY;

    buf_add_str(&buf, "something");
    buf_done(&buf);
    buf_done(&buf);
    buf_add_str(&buf, "else");
    cr_assert_str_eq(buf_text(&buf), "else");
    buf_done(&buf);
}

Test(buf, drops_what_comes_after_a_failure_until_it_is_cleared)
{
    struct buf buf = BUF_EMPTY;

    buf_add_str(&buf, "a");
    buf_add(&buf, "", SIZE_MAX / 2); /* fails before a byte is read */
    cr_assert(buf.failed);
    buf_add_str(&buf, "b");
    buf_printf(&buf, "c");
    cr_assert_eq(buf.len, 1);
    cr_assert_null(buf_text(&buf));
    buf_clear(&buf);
    buf_add_str(&buf, "d");
    cr_assert_str_eq(buf_text(&buf), "d");
    buf_done(&buf);
}

Test(buf, the_text_may_be_appended_to)
{
    struct buf buf = BUF_EMPTY;

    buf_add_str(&buf, "ab");
    buf_text(&buf);
    buf_add_str(&buf, "cd");
    cr_assert_str_eq(buf_text(&buf), "abcd");
    buf_done(&buf);
}
