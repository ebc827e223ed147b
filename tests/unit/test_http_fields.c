/* Values read out of queries, cookies and Authorization. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http_request.h"

/* Expects a parameter of a query to have a value; NULL for none. */
static void expect_param(const char *target, const char *expected)
{
    char value[8];
    const char *at = target;
    int len = http_query_param(&at, "b", value, sizeof value);

    if (expected == NULL) {
        cr_expect_eq(len, -1, "in %s there is a value", target);
    } else {
        cr_expect_eq(len, (int)strlen(expected), "in %s: %d", target, len);
        cr_expect_str_eq(value, expected, "in %s", target);
    }
}

Test(http_fields, finds_a_parameter_anywhere_in_the_query)
{
    expect_param("/a?b=1", "1");
    expect_param("/a?a=0&b=1&c=2", "1");
    expect_param("?b=1", "1");
    expect_param("/a?b=", "");
    expect_param("/a?b=1=2", "1=2");
    expect_param("/a?&&b=1", "1");
    expect_param("/a?b=?", "?");
}

typedef int next_fn(const char **at, const char *name, char *ret_value, size_t size);

/* Expects several values of one name: what can't be used is "-". */
static void expect_all(next_fn *next, const char *text, const char *expected)
{
    char value[8], all[64] = "";

    for (const char *at = text; at != NULL;) {
        int len = next(&at, "b", value, sizeof value);

        if (at != NULL)
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", len >= 0 ? value : "-");
    }
    cr_expect_str_eq(all, expected, "in %s: %s", text, all);
}

Test(http_fields, several_parameters_of_one_name_come_one_after_the_other)
{
    expect_all(http_query_param, "/a?b=1&b=2", "1 2 ");
    expect_all(http_query_param, "/a?x=0&b=1&x=b=7&b=&b=3&b", "1  3 ");
    expect_all(http_query_param, "/a?b=%&b=12345678&b=%00&b=4", "- - - 4 ");
    expect_all(http_query_param, "/a", "");
}

Test(http_fields, several_cookies_of_one_name_come_one_after_the_other)
{
    expect_all(http_cookie, "b=1; b=2", "1 2 ");
    expect_all(http_cookie, "a=0; b=12345678;b=\"\"; b=3 ;", "-  3 ");
    expect_all(http_cookie, "a=b=1", "");
}

Test(http_fields, a_parameter_is_decoded_once_and_plus_stays)
{
    expect_param("/a?b=%41%2541+", "A%41+");
}

Test(http_fields, other_names_and_paths_are_no_parameters)
{
    expect_param("/a", NULL);
    expect_param("/b=1", NULL);
    expect_param("/a?", NULL);
    expect_param("/a?b", NULL);
    expect_param("/a?bb=1&ab=2&B=3", NULL);
}

Test(http_fields, ill_encoded_and_long_parameters_are_refused_whole)
{
    expect_param("/a?b=%", NULL);
    expect_param("/a?b=%zz", NULL);
    expect_param("/a?b=%4&c=1", NULL);
    expect_param("/a?b=%00", NULL);
    expect_param("/a?b=1234567", "1234567");
    expect_param("/a?b=%31%32%33%34%35%36%37", "1234567");
    expect_param("/a?b=12345678", NULL);
    expect_param("/a?b=%31%32%33%34%35%36%37%38", NULL);
    expect_param("/a?b=12345678901234567890%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%", NULL);
}

/* The same for a cookie of the name "c". */
static void expect_cookie(const char *header, const char *expected)
{
    char value[8];
    const char *at = header;
    int len = http_cookie(&at, "c", value, sizeof value);

    if (expected == NULL) {
        cr_expect_eq(len, -1, "in %s there is a value", header);
    } else {
        cr_expect_eq(len, (int)strlen(expected), "in %s: %d", header, len);
        cr_expect_str_eq(value, expected, "in %s", header);
    }
}

Test(http_fields, finds_a_cookie_anywhere)
{
    expect_cookie("c=1", "1");
    expect_cookie("a=0; c=1; b=2", "1");
    expect_cookie("a=0;c=1;b=2", "1");
    expect_cookie("a=0;\t c=1 ", "1");
    expect_cookie(";; c=1", "1");
    expect_cookie("c=", "");
    expect_cookie("c=a=b", "a=b");
    expect_cookie("c=1; c=2", "1");
}

Test(http_fields, quotes_around_a_cookie_are_taken_off)
{
    expect_cookie("c=\"1 2\"", "1 2");
    expect_cookie("c=\"\"", "");
    expect_cookie("c=\"", "\"");
    expect_cookie("c=\"1", "\"1");
}

Test(http_fields, other_names_are_not_the_cookie)
{
    expect_cookie("", NULL);
    expect_cookie(";", NULL);
    expect_cookie("c", NULL);
    expect_cookie("cc=1; ac=2; C=3", NULL);
    expect_cookie("a=c=1", NULL);
    expect_cookie("c =1", NULL);
}

Test(http_fields, a_long_cookie_is_refused_whole)
{
    expect_cookie("c=1234567", "1234567");
    expect_cookie("c=12345678", NULL);
}

Test(http_fields, reads_a_bearer_token_whatever_the_case_of_its_scheme)
{
    cr_expect_str_eq(http_bearer("Bearer abc"), "abc");
    cr_expect_str_eq(http_bearer("bEARER  abc"), "abc");
    cr_expect_str_eq(http_bearer("Bearer "), "");
}

Test(http_fields, other_schemes_have_no_bearer_token)
{
    cr_expect_null(http_bearer(NULL));
    cr_expect_null(http_bearer(""));
    cr_expect_null(http_bearer("Basic abc"));
    cr_expect_null(http_bearer("Bearer"));
    cr_expect_null(http_bearer("BearerX abc"));
}
