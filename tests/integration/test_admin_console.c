/* The console's files, as the admin listener sends them (what they do is in tests/browser). */
#include <stdio.h>
#include <string.h>

#include "admin_fixture.h"

TestSuite(admin_console, .timeout = 60);

static const struct {
    const char *target, *type, *begin; /* of the body */
} files[] = {
    {"/", "text/html; charset=utf-8", "<!doctype html>"},
    {"/?from=somewhere", "text/html; charset=utf-8", "<!doctype html>"},
    {"/console.css", "text/css; charset=utf-8", "/*"},
    {"/console/console_main.js", "text/javascript; charset=utf-8", "//"},
    {"/favicon.svg", "image/svg+xml", "<svg"},
};

enum { FILES = sizeof files / sizeof files[0] };

Test(admin_console, is_sent_without_a_token_and_held_to_its_own_origin)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < FILES; i++) {
        struct http_answer answer =
            http_client_ask(admin.client, "GET", files[i].target, NULL, NULL);

        cr_assert_eq(answer.status, 200, "%s: %d", files[i].target, answer.status);
        cr_expect_eq(strncmp(answer.body, files[i].begin, strlen(files[i].begin)), 0, "%s: %.40s",
                     files[i].target, answer.body);
        api_expect_header(&answer, "Content-Type", files[i].type);
        api_expect_header(&answer, "Content-Security-Policy",
                          "default-src 'none'; script-src 'self'; style-src 'self'; "
                          "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
                          "form-action 'none'; frame-ancestors 'none'");
        api_expect_header(&answer, "X-Content-Type-Options", "nosniff");
        api_expect_header(&answer, "Referrer-Policy", "no-referrer");
        api_expect_header(&answer, "Cache-Control", "no-cache");
        http_answer_done(&answer);
    }
    admin_fixture_stop(&admin);
}

Test(admin_console, is_not_sent_again_to_who_has_it)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    struct http_answer first = http_client_ask(admin.client, "GET", "/console.css", NULL, NULL);
    const char *etag = http_answer_header(&first, "ETag");
    static const struct {
        const char *before; /* of the tag, in If-None-Match */
        bool tagged;        /* or without it */
        int status;
    } cases[] = {
        {"", true, 304},
        {"\"another\", W/", true, 304},
        {"*", false, 304},
        {"\"another\"", false, 200},
    };

    cr_assert_not_null(etag);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[128] = "";

        snprintf(header, sizeof header, "If-None-Match: %s%s\r\n", cases[i].before,
                 cases[i].tagged ? etag : "");
        struct http_answer answer =
            http_client_ask(admin.client, "GET", "/console.css", header, NULL);
        cr_expect_eq(answer.status, cases[i].status, "%s%d", header, answer.status);
        api_expect_header(&answer, "ETag", etag);
        cr_expect_eq(answer.body_len == 0, answer.status == 304);
        http_answer_done(&answer);
    }
    http_answer_done(&first);
    admin_fixture_stop(&admin);
}

Test(admin_console, has_no_other_files_and_none_for_players)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    static const char *const targets[] = {"/index.html",
                                          "/console/",
                                          "/console/console_mai.js",
                                          "/console/console_main.js.map",
                                          "/console%2ecss",
                                          "/console/..%2fconsole.css"};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        api_expect_refused(http_client_ask(admin.client, "GET", targets[i], NULL, NULL), 404,
                           "not_found");
    api_expect_refused(http_client_ask(admin.client, "POST", "/", NULL, NULL), 405,
                       "method_not_allowed");
    for (size_t i = 0; i < FILES; i++)
        api_expect_refused(http_client_ask(admin.api.client, "GET", files[i].target, NULL, NULL),
                           404, "not_found");
    admin_fixture_stop(&admin);
}
