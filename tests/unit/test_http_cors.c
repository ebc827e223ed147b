/* Which texts may stand in a list of origins. */
#include "http_cors.h"

#include <criterion/criterion.h>

Test(http_cors, an_origin_is_a_scheme_a_host_and_maybe_a_port)
{
    cr_expect(http_cors_is_origin("https://app.example.com"));
    cr_expect(http_cors_is_origin("http://localhost:3000"));
    cr_expect(http_cors_is_origin("https://[::1]:8443"));
    cr_expect(http_cors_is_origin("http://[::1]"));
    cr_expect(http_cors_is_origin("*"));
}

Test(http_cors, what_no_browser_sends_is_none)
{
    static const char *const others[] = {
        "",
        "app.example.com",
        "https://",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://App.example.com",
        "https://*.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:",
        "https://app.example.com:84x",
        "https://:80",
        "https://user@app.example.com",
        "ftp://app.example.com",
        "null",
        "https://[::1",
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_expect_not(http_cors_is_origin(others[i]), "%s", others[i]);
}
