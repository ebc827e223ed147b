/* Where claims stand in a token. */
#include <criterion/criterion.h>

#include "jwt_path.h"

static const char claims[] =
    "{\"a\":\"a\",\"a.b\":\"whole\",\"o\":{\"p\":\"o.p\",\"p.q\":\"o.p.q\",\"r\":{\"s\":\"o.r.s\"}}"
    ","
    "\"x.y\":{\"z\":\"x.y.z\"},\"x\":{\"y.z\":\"other\",\"w\":\"x.w\"},\"/"
    "s\":\"slash\",\"\":\"empty\","
    "\"t~\":{\"/\":\"odd\"},\"l\":[\"zero\",{\"m\":\"one\"}],\"h.\":\"dot\"}";

static void finds(const char *path, const char *text)
{
    json_auto_t *object = json_loads(claims, JSON_REJECT_DUPLICATES, NULL);
    const json_t *found;

    cr_assert_not_null(object);
    cr_expect_null(jwt_path_fault(path), "%s", path);
    found = jwt_path_find(object, path);
    if (text == NULL)
        cr_expect_null(found, "%s", path);
    else
        cr_expect(json_is_string(found) && strcmp(json_string_value(found), text) == 0, "%s", path);
}

Test(jwt_path, a_name_is_a_member_of_just_that_name_first)
{
    finds("a", "a");
    finds("a.b", "whole");
    finds("h.", "dot");
    finds("none", NULL);
    finds("a.c", NULL);
}

Test(jwt_path, dots_lead_into_objects_the_longest_name_first)
{
    finds("o.p", "o.p");
    finds("o.p.q", "o.p.q");
    finds("o.r.s", "o.r.s");
    finds("x.y.z", "x.y.z");
    finds("x.w", "x.w");
    finds("o.r.t", NULL);
    finds("o..p", NULL);
    finds(".a", NULL);
    finds("a.", NULL);
    finds("...", NULL);
}

Test(jwt_path, a_pointer_is_exact)
{
    finds("/a", "a");
    finds("/a.b", "whole");
    finds("/o/p", "o.p");
    finds("/o/r/s", "o.r.s");
    finds("/o.p", NULL);
    finds("/~1s", "slash");
    finds("/t~0/~1", "odd");
    finds("/", "empty");
    finds("/l/0", "zero");
    finds("/l/1/m", "one");
    finds("/l/2", NULL);
    finds("/l/00", NULL);
    finds("/l/-", NULL);
    finds("/l/99999999999999999999", NULL);
    finds("/a/b", NULL);
    finds("/none/b", NULL);
}

Test(jwt_path, a_pointer_that_is_none_is_told)
{
    char longest[JWT_PATH_MAX + 2];

    cr_expect_not_null(jwt_path_fault("/a~b"));
    cr_expect_not_null(jwt_path_fault("/a~"));
    cr_expect_null(jwt_path_fault("a~"));
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect_not_null(jwt_path_fault(longest));
    longest[sizeof longest - 2] = '\0';
    cr_expect_null(jwt_path_fault(longest));
}
