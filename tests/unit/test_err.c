/* The one table of error codes. */
#include <criterion/criterion.h>

#include <string.h>

#include "err.h"

Test(err, every_code_has_a_word_a_title_and_a_status_of_its_own_kind)
{
    for (int i = ERR_OK + 1; i < ERR_COUNT; i++) {
        enum err code = (enum err)i;

        cr_assert_geq(strlen(err_word(code)), 1);
        cr_assert_eq(strspn(err_word(code), "abcdefghijklmnopqrstuvwxyz_"), strlen(err_word(code)));
        cr_assert_geq(strlen(err_title(code)), 1);
        cr_assert_geq(err_status(code), 400);
        cr_assert_lt(err_status(code), 600);
    }
}

Test(err, finds_every_code_by_its_word)
{
    for (int i = ERR_OK; i < ERR_COUNT; i++)
        cr_assert_eq(err_from_word(err_word((enum err)i)), (enum err)i);
}

Test(err, ok_is_200)
{
    cr_assert_str_eq(err_word(ERR_OK), "ok");
    cr_assert_eq(err_status(ERR_OK), 200);
}

Test(err, a_word_that_nobody_knows_is_internal)
{
    cr_assert_eq(err_from_word("no_such_word"), ERR_INTERNAL);
    cr_assert_eq(err_from_word(""), ERR_INTERNAL);
}

Test(err, speaks_the_words_of_the_http_contract)
{
    cr_assert_eq(err_status(err_from_word("family_limit")), 409);
    cr_assert_eq(err_status(err_from_word("device_limit")), 409);
    cr_assert_eq(err_status(err_from_word("session_ended")), 410);
    cr_assert_eq(err_status(err_from_word("payload_too_large")), 413);
    cr_assert_eq(err_status(err_from_word("unsupported_media_type")), 415);
    cr_assert_eq(err_status(err_from_word("rate_limited")), 429);
    cr_assert_eq(err_status(err_from_word("store_unavailable")), 503);
}
