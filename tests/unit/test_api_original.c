/* Original addresses: the token in a path, and the title that a path names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api_original.h"

/* Expects an address to name a title; NULL for none. */
static void expect_media(const char *address, const char *expected)
{
    session_name media_id = "untouched";
    int rc = api_original_media(address, "/s/{token}/", "/vod/{mediaId}/", media_id);

    cr_expect_eq(rc, expected != NULL ? 0 : -1, "%s: %d, %s", address, rc, media_id);
    if (rc == 0 && expected != NULL)
        cr_expect_str_eq(media_id, expected, "%s", address);
}

/* Expects of all these addresses that they name no title. */
static void expect_none(const char *const *addresses)
{
    for (; *addresses != NULL; addresses++)
        expect_media(*addresses, NULL);
}

Test(api_original, the_title_is_one_segment_behind_the_fixed_part)
{
    expect_media("/vod/m1/", "m1");
    expect_media("/vod/m1/seg-1.ts", "m1");
    expect_media("/vod/m1/720p/seg-1.ts?x=/../y", "m1");
    expect_media("/vod/m1/seg;v=1.ts", "m1");
    expect_media("/vod/.m1./..a/b../.../c", ".m1.");
}

Test(api_original, the_title_is_decoded_once)
{
    expect_media("/vod/%6d1/x", "m1");
    expect_media("/%76od/m1/x", "m1");
    expect_media("/vod/%E6%97%A5%20%3f%23/x", "日 ?#");
    expect_media("/vod/%256d1/x", "%6d1");
    expect_media("/vod/m1/%252e%252e/m2", "m1");
    expect_media("/vod/a+b/x", "a+b");
}

Test(api_original, a_path_that_does_not_begin_with_the_pattern_names_none)
{
    expect_none((const char *const[]){"/", "/vod", "/vod/", "/vod/m1", "/vod?/m1/", "/VOD/m1/x",
                                      "/vodka/m1/x", "/live/m1/x", "/x/vod/m1/x", "vod/m1/x", "",
                                      "*", "?/vod/m1/", NULL});
}

Test(api_original, what_two_programs_may_read_differently_names_none)
{
    expect_none((const char *const[]){"/vod/m1/../m2/x",
                                      "/vod/m1/..",
                                      "/vod/../vod/m1/x",
                                      "/./vod/m1/x",
                                      "/vod/m1/./x",
                                      "/vod/m1/.",
                                      "/vod/m1/%2e%2e/m2/",
                                      "/vod/m1/.%2E/m2/",
                                      "/vod/m1/%2e./m2/",
                                      "/vod/m1/%2e/x",
                                      "/vod/m1/..;/m2/x",
                                      "/vod/m1/.;a/x",
                                      "/vod/m1/%2e%2e%3b/m2/x",
                                      "//vod/m1/x",
                                      "/vod//m1/x",
                                      "/vod/m1//x",
                                      "/vod/m1//",
                                      "/vod/m1/..\\m2\\x",
                                      "/vod/m1/%5c..%5cx",
                                      "/vod/m1%2fx",
                                      "/vod/m1/..%2fm2/x",
                                      "/vod/m1/%2F/x",
                                      "/vod/m1%2Fm2/x",
                                      "/vod/m1/\x01x",
                                      "/vod/m1/%0a",
                                      "/vod/m1/%0D%0AX: y",
                                      "/vod/m1/%7f",
                                      "/vod/m1/%00",
                                      "/vod/m1/%",
                                      "/vod/m1/%zz",
                                      "/vod/m1/%2",
                                      "/vod/m1/#/../../m2",
                                      "/vod/m1#/x",
                                      "/vod/%2e%2e/m1/x",
                                      "/vod/%2e/x",
                                      "/vod/..%5cm2/x",
                                      "/vod/m1/%2e%2e%2fm2%2fx",
                                      "/vod/m1/\x7f",
                                      "/vod/;/m1/x",
                                      "/vod/m1/;a=b/x",
                                      "/vod/m1/%3b",
                                      NULL});
}

Test(api_original, a_token_in_front_is_taken_off_once)
{
    expect_media("/s/token/vod/m1/x", "m1");
    expect_media("/%73/%74oken/vod/m1/x", "m1");
    expect_none((const char *const[]){"/s/token/live/m1/x", "/s/token/vod/m1", "/s/vod/m1/x",
                                      "/s//vod/m1/x", "/s/a/s/b/vod/m1/x", "/s/../vod/m1/x",
                                      "/s/token//vod/m1/x", NULL});
}

Test(api_original, without_a_token_path_nothing_is_taken_off)
{
    session_name media_id;

    cr_expect_eq(api_original_media("/s/m1/x", NULL, "/s/{mediaId}/", media_id), 0);
    cr_expect_eq(api_original_media("/s/t/vod/m1/x", NULL, "/vod/{mediaId}/", media_id), -1);
}

Test(api_original, a_pattern_may_begin_with_the_title_or_go_on_behind_it)
{
    session_name media_id;

    cr_expect_eq(api_original_media("/m1/x", NULL, "/{mediaId}/", media_id), 0);
    cr_expect_str_eq(media_id, "m1");
    cr_expect_eq(api_original_media("/a/m2/hls/x", NULL, "/a/{mediaId}/hls/", media_id), 0);
    cr_expect_str_eq(media_id, "m2");
    cr_expect_eq(api_original_media("/a/m2/hlsx/", NULL, "/a/{mediaId}/hls/", media_id), -1);
    cr_expect_eq(api_original_media("/a/m2/hls", NULL, "/a/{mediaId}/hls/", media_id), -1);
}

Test(api_original, the_path_of_an_absolute_address_counts)
{
    expect_media("https://media.test/vod/m1/x?y", "m1");
    expect_media("http://[::1]:80/vod/m1/x", "m1");
    expect_none((const char *const[]){"https://media.test", "https://media.test?/vod/m1/x",
                                      "https://x?a/vod/m1/x", "https://x#/vod/m1/x",
                                      "https://x\\/vod/m1/x", "https:/vod/m1/x",
                                      "https:///x/vod/m1/", NULL});
}

Test(api_original, a_title_or_a_path_that_is_too_long_is_none)
{
    static char address[16 * 1024];
    char title[SESSION_NAME_MAX + 1];

    memset(title, 'm', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    snprintf(address, sizeof address, "/vod/%s/x", title);
    expect_media(address, title);
    snprintf(address, sizeof address, "/vod/%sm/x", title);
    expect_media(address, NULL);

    strcpy(address, "/vod/m1/");
    memset(address + 8, 'x', 8191 - 8);
    address[8191] = '\0';
    expect_media(address, "m1");
    strcat(address, "?and=a&query=too");
    expect_media(address, "m1");
    memset(address + 8, 'x', 8192 - 8);
    address[8192] = '\0';
    expect_media(address, NULL);
}

/* Expects an address to have a token in its path; NULL for none. */
static void expect_token(const char *address, const char *expected)
{
    size_t len = 0;
    const char *token = api_original_token(address, "/s/{token}/", &len);

    cr_expect_eq(token != NULL, expected != NULL, "%s", address);
    if (token != NULL && expected != NULL)
        cr_expect(len == strlen(expected) && memcmp(token, expected, len) == 0, "%s: %.*s", address,
                  (int)len, token);
}

Test(api_original, a_token_is_one_segment_of_the_path)
{
    expect_token("/s/abc/vod/m1/x", "abc");
    expect_token("/s/abc/?x", "abc");
    expect_token("/s/abc//../x", "abc");
    expect_token("https://media.test/s/abc/x", "abc");
    expect_token("/s/abc", NULL);
    expect_token("/s/abc?/", NULL);
    expect_token("/s//x", NULL);
    expect_token("/t/abc/x", NULL);
    expect_token("/x?/s/abc/", NULL);
    expect_token("", NULL);
}

Test(api_original, patterns_are_plain_paths_with_one_name_as_a_segment)
{
    static const char *const good[] = {"/s/{token}/", "/{token}/", "/a/b/{token}/c/",
                                       "/日/{token}/"};
    static const char *const bad[] = {"",
                                      "/",
                                      "/s/",
                                      "s/{token}/",
                                      "/s/{token}",
                                      "/s/{tok}/",
                                      "/s/{media}/",
                                      "/s/x{token}/",
                                      "/s/{token}x/",
                                      "/{token}/{token}/",
                                      "/{a}/{token}/",
                                      "/{token}/}/",
                                      "/s//{token}/",
                                      "/../{token}/",
                                      "/./{token}/",
                                      "/s%/{token}/",
                                      "/s?/{token}/",
                                      "/s#/{token}/",
                                      "/s\\/{token}/",
                                      "/s\n/{token}/"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect_null(api_original_pattern_fault(good[i], "{token}"), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not_null(api_original_pattern_fault(bad[i], "{token}"), "%s", bad[i]);
}
