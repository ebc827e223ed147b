/* How a path finds its route. */
#include "http_router.h"

#include <criterion/criterion.h>
#include <string.h>

#include "http_server.h"

static const struct http_route routes[] = {
    {"GET", "/", NULL, 0, 0},
    {"POST", "/v1/things", NULL, 0, 0},
    {"GET", "/v1/things/{id}", NULL, 0, 0},
    {"DELETE", "/v1/things/{id}", NULL, 0, 0},
    {"GET", "/v1/things/special", NULL, 0, 0},
    {"PATCH", "/v1/things/extra", NULL, 0, 0},
    {"GET", "/v1/{kind}/{id}/{verb}", NULL, 0, 0},
    {NULL, "/any", NULL, HTTP_ANY_METHOD, 0},
    {NULL, "/tree/{path*}", NULL, HTTP_ANY_METHOD, 0},
    {"PUT", "/mixed", NULL, 0, 0},
    {"GET", "/mixed", NULL, 0, 0},
    {"GET", "/v1/{braces", NULL, 0, 0},
};

static struct http_router *router;
static struct http_match match;

static void make(void)
{
    router = http_router_new(routes, sizeof routes / sizeof routes[0]);
    cr_assert_not_null(router);
}

static void done(void)
{
    http_match_done(&match);
    http_router_free(router);
}

TestSuite(http_router, .init = make, .fini = done);

static enum err find(const char *method, const char *path)
{
    return http_router_find(router, method, path, strlen(path), &match);
}

static void expect_route(const char *method, const char *path, const char *pattern)
{
    enum err code = find(method, path);

    cr_expect_eq(code, ERR_OK, "%s %s: %s", method, path, err_word(code));
    if (code == ERR_OK)
        cr_expect_str_eq(match.route->pattern, pattern);
}

static void expect_params(const char *path, size_t count, const char *const *params)
{
    cr_assert_eq(find("GET", path), ERR_OK, "%s", path);
    cr_assert_eq(match.param_count, count);
    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(match.params[i], params[i], "%s in %s", match.params[i], path);
}

#define EXPECT_PARAMS(path, ...)                                                                   \
    expect_params(path, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                    \
                  (const char *[]){__VA_ARGS__})

Test(http_router, finds_whole_paths)
{
    expect_route("GET", "/", "/");
    expect_route("POST", "/v1/things", "/v1/things");
    expect_route("DELETE", "/v1/things/7", "/v1/things/{id}");
}

Test(http_router, the_first_of_several_counts)
{
    expect_route("GET", "/v1/things/special", "/v1/things/{id}");
}

Test(http_router, a_literal_behind_a_pattern_with_params_is_found_where_that_has_no_such_method)
{
    expect_route("PATCH", "/v1/things/extra", "/v1/things/extra");
    expect_route("GET", "/v1/things/extra", "/v1/things/{id}");
}

Test(http_router, a_route_for_get_takes_head)
{
    expect_route("HEAD", "/v1/things/7", "/v1/things/{id}");
}

Test(http_router, a_route_for_any_method_takes_any)
{
    expect_route("BREW", "/any", "/any");
    expect_route("get", "/any", "/any");
}

Test(http_router, params_are_decoded_once)
{
    EXPECT_PARAMS("/v1/things/a%2Fb", "a/b");
    EXPECT_PARAMS("/v1/things/%2541", "%41");
    EXPECT_PARAMS("/v1/things/..", "..");
    EXPECT_PARAMS("/v1/a%20b/%C3%A9/c", "a b", "\xc3\xa9", "c");
}

Test(http_router, literals_match_however_they_are_encoded)
{
    expect_route("POST", "/%761/thing%73", "/v1/things");
}

Test(http_router, an_encoded_slash_does_not_part_segments)
{
    cr_expect_eq(find("POST", "/v1%2Fthings"), ERR_NOT_FOUND);
}

Test(http_router, an_empty_segment_is_no_param)
{
    cr_expect_eq(find("GET", "/v1/things/"), ERR_NOT_FOUND);
    cr_expect_eq(find("GET", "/v1//things"), ERR_NOT_FOUND);
    cr_expect_eq(find("GET", "/v1/things//"), ERR_NOT_FOUND);
}

Test(http_router, a_rest_is_taken_as_it_is_even_where_it_is_empty)
{
    EXPECT_PARAMS("/tree/", "");
    EXPECT_PARAMS("/tree/a", "a");
    EXPECT_PARAMS("/tree/a%2Fb//../%zz/", "a%2Fb//../%zz/");
    cr_expect_eq(find("GET", "/tree"), ERR_NOT_FOUND);
}

Test(http_router, a_rest_may_be_of_many_segments)
{
    EXPECT_PARAMS("/tree/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15",
                  "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15");
    cr_expect_eq(find("GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15"), ERR_NOT_FOUND);
}

Test(http_router, what_is_no_path_has_no_route)
{
    cr_expect_eq(find("GET", "*"), ERR_NOT_FOUND);
    cr_expect_eq(find("GET", ""), ERR_NOT_FOUND);
    cr_expect_eq(find("GET", "example.com:443"), ERR_NOT_FOUND);
}

Test(http_router, an_ill_encoded_path_is_invalid_where_nothing_matches_it)
{
    cr_expect_eq(find("GET", "/v1/things/%"), ERR_INVALID_REQUEST);
    cr_expect_eq(find("GET", "/v1/things/%00"), ERR_INVALID_REQUEST);
    cr_expect_eq(find("GET", "/nowhere/%zz"), ERR_INVALID_REQUEST);
}

static void expect_allow(const char *path, const char *methods)
{
    cr_expect_eq(find("BREW", path), ERR_METHOD_NOT_ALLOWED);
    cr_expect_str_eq(buf_text(&match.allow), methods);
}

Test(http_router, a_wrong_method_is_told_the_right_ones)
{
    expect_allow("/v1/things", "POST");
    expect_allow("/v1/things/7", "GET, HEAD, DELETE");
    expect_allow("/v1/things/special", "GET, HEAD, DELETE");
    expect_allow("/mixed", "PUT, GET, HEAD");
}

Test(http_router, a_pattern_that_is_too_long_is_refused)
{
    struct http_route route = {"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13", NULL, 0, 0};

    cr_expect_null(http_router_new(&route, 1));
    route.pattern = "/{a}/{b}/{c}/{d}/{e}";
    cr_expect_null(http_router_new(&route, 1));
    route.pattern = "no-slash";
    cr_expect_null(http_router_new(&route, 1));
}

Test(http_router, a_rest_must_be_the_last_segment)
{
    struct http_route route = {"GET", "/{a*}/b", NULL, 0, 0};

    cr_expect_null(http_router_new(&route, 1));
}
