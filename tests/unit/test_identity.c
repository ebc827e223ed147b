/* API keys: which are found, under which name. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

static struct api_keys *keys;

static void make_keys(void)
{
    keys = api_keys_new();
    cr_assert_not_null(keys);
}

static void free_keys(void)
{
    api_keys_free(keys);
}

TestSuite(identity, .init = make_keys, .fini = free_keys);

Test(identity, finds_the_name_of_each_key)
{
    cr_assert_eq(api_keys_add(keys, "web:s3cret", "default"), 0);
    cr_assert_eq(api_keys_add(keys, "tv:other-s3cret", "default"), 0);
    cr_assert_eq(api_keys_add(keys, "ops:third", "default"), 0);

    cr_assert_str_eq(api_keys_find(keys, "s3cret"), "web");
    cr_assert_str_eq(api_keys_find(keys, "other-s3cret"), "tv");
    cr_assert_str_eq(api_keys_find(keys, "third"), "ops");
}

Test(identity, refuses_what_is_nearly_a_key)
{
    const char *near[] = {"", "s", "s3cre", "s3cret ", "S3cret", "s3creT", "web", "web:s3cret"};

    cr_assert_eq(api_keys_add(keys, "web:s3cret", "default"), 0);
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
        cr_assert_null(api_keys_find(keys, near[i]), "'%s' was taken", near[i]);
}

Test(identity, finds_nothing_in_an_empty_list)
{
    cr_assert_null(api_keys_find(keys, ""));
    cr_assert_null(api_keys_find(keys, "s3cret"));
}

Test(identity, names_a_bare_secret_default)
{
    cr_assert_eq(api_keys_add(keys, "s3cret", "default"), 0);
    cr_assert_str_eq(api_keys_find(keys, "s3cret"), "default");
}

Test(identity, takes_all_behind_the_first_colon_as_the_secret)
{
    cr_assert_eq(api_keys_add(keys, "web:a:b:", "default"), 0);
    cr_assert_str_eq(api_keys_find(keys, "a:b:"), "web");
    cr_assert_null(api_keys_find(keys, "a"));
}

Test(identity, lets_a_name_have_two_secrets_while_one_is_rotated)
{
    cr_assert_eq(api_keys_add(keys, "web:old", "default"), 0);
    cr_assert_eq(api_keys_add(keys, "web:new", "default"), 0);
    cr_assert_str_eq(api_keys_find(keys, "old"), "web");
    cr_assert_str_eq(api_keys_find(keys, "new"), "web");
}

Test(identity, refuses_an_empty_secret_and_an_empty_name)
{
    cr_assert_eq(api_keys_add(keys, "", "default"), -1);
    cr_assert_eq(api_keys_add(keys, "web:", "default"), -1);
    cr_assert_eq(api_keys_add(keys, ":s3cret", "default"), -1);
    cr_assert_null(api_keys_find(keys, ""));
    cr_assert_null(api_keys_find(keys, "s3cret"));
}

Test(identity, keeps_many_keys_apart)
{
    char text[64], secret[64], name[64];

    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "caller-%d:secret-%d", i, i);
        cr_assert_eq(api_keys_add(keys, text, "default"), 0);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(secret, sizeof secret, "secret-%d", i);
        snprintf(name, sizeof name, "caller-%d", i);
        cr_assert_str_eq(api_keys_find(keys, secret), name);
    }
}

Test(identity, frees_a_list_that_was_never_made)
{
    api_keys_free(NULL);
}
