/* What the HTTP layer checks by itself, apart from any server; test_http_refused.c has the whole.
 */
#include "http_strict.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What is left of a target: path and query; "refused" where it is refused. */
static const char *path_of(const char *method, const char *target)
{
    static char copy[128];
    const char *path;
    struct http_strict strict = {0};

    snprintf(copy, sizeof copy, "%s", target);
    if (http_strict_request(&strict, method, "HTTP/1.1", copy, &path) != NULL)
        return "refused";
    return path;
}

Test(http_strict, a_path_stays_as_it_is)
{
    cr_expect_str_eq(path_of("GET", "/"), "/");
    cr_expect_str_eq(path_of("GET", "/a//b/../%2f?c=d?e"), "/a//b/../%2f?c=d?e");
    cr_expect_str_eq(path_of("GET", "//host/a"), "//host/a");
}

Test(http_strict, an_absolute_target_loses_scheme_and_authority)
{
    cr_expect_str_eq(path_of("GET", "http://host/a?b"), "/a?b");
    cr_expect_str_eq(path_of("GET", "HTTPS://host:443/"), "/");
    cr_expect_str_eq(path_of("GET", "http://[::1]:80/a"), "/a");
    cr_expect_str_eq(path_of("GET", "http://host"), "/");
    cr_expect_str_eq(path_of("GET", "http://host?a=/b"), "/?a=/b");
    cr_expect_str_eq(path_of("GET", "http:///a"), "refused");
    cr_expect_str_eq(path_of("GET", "http://"), "refused");
    cr_expect_str_eq(path_of("GET", "http://?a"), "refused");
    cr_expect_str_eq(path_of("GET", "http://ho%zzst/"), "refused");
    cr_expect_str_eq(path_of("GET", "http://ho%2dst/"), "/");
}

Test(http_strict, each_method_has_its_forms)
{
    cr_expect_str_eq(path_of("OPTIONS", "*"), "*");
    cr_expect_str_eq(path_of("GET", "*"), "refused");
    cr_expect_str_eq(path_of("CONNECT", "host:443"), "host:443");
    cr_expect_str_eq(path_of("CONNECT", "host"), "refused");
    cr_expect_str_eq(path_of("CONNECT", "/a"), "refused");
    cr_expect_str_eq(path_of("CONNECT", "http://host/a"), "refused");
    cr_expect_str_eq(path_of("GET", "host:443"), "refused");
    cr_expect_str_eq(path_of("GET", ""), "refused");
}

static void look(struct http_strict *strict, const char *name, const char *value)
{
    http_strict_header(strict, name, strlen(name), value, strlen(value));
}

Test(http_strict, a_control_character_is_found_wherever_it_stands_in_a_value_of_any_length)
{
    char value[80];

    for (size_t len = 0; len < sizeof value - 1; len++) {
        memset(value, 'a', len);
        value[len] = '\0';
        for (size_t i = 0; i < len; i++) {
            for (int c = 1; c < 256; c++) {
                struct http_strict strict = {0};
                bool is_control = (c < 0x20 && c != '\t') || c == 0x7f;

                value[i] = (char)c;
                look(&strict, "X-Any", value);
                cr_assert_eq(strict.fault != NULL, is_control, "%d at %zu of %zu", c, i, len);
            }
            value[i] = 'a';
        }
    }
}

Test(http_strict, the_first_fault_is_told)
{
    struct http_strict strict = {0};
    char target[] = "#";
    const char *path;

    look(&strict, "Content-Length", "1");
    look(&strict, "content-length", "1");
    look(&strict, "Bad(name", "x");
    cr_expect_str_eq(http_strict_request(&strict, "G T", "HTTP/1.0", target, &path),
                     "There is more than one Content-Length header.");
}

Test(http_strict, names_that_only_begin_alike_are_others)
{
    struct http_strict strict = {0};

    look(&strict, "Host", "a");
    look(&strict, "Hos", "b c");
    look(&strict, "Hosts", "b c");
    cr_expect_null(strict.fault);
    cr_expect_eq(strict.hosts, 1);
}
