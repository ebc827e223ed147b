/* Redis URLs. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "redis_address.h"

static void same(const char *text, const char *expected)
{
    if (expected == NULL)
        cr_assert_null(text);
    else
        cr_assert_str_eq(text, expected);
}

static void means(const char *url, struct redis_address expected)
{
    struct redis_address address;
    char why[128] = "";

    cr_assert_eq(redis_address_parse(url, &address, why, sizeof why), 0, "%s: %s", url, why);
    same(address.host, expected.host);
    same(address.path, expected.path);
    same(address.user, expected.user);
    same(address.password, expected.password);
    cr_assert_eq(address.port, expected.port, "%s: port %d", url, address.port);
    cr_assert_eq(address.db, expected.db, "%s: db %d", url, address.db);
    redis_address_free(&address);
}

static void refuses(const char *url, const char *expected)
{
    struct redis_address address;
    char why[128] = "";

    cr_assert_eq(redis_address_parse(url, &address, why, sizeof why), -1, "%s was accepted", url);
    cr_assert_not_null(strstr(why, expected), "%s: %s", url, why);
    cr_assert_null(address.host);
    cr_assert_null(address.path);
    cr_assert_null(address.password);
}

/* The tests compare only; the struct's members are for texts that it owns. */
#define TEXT(literal) ((char[]){literal})

Test(redis_address, port_and_database_have_defaults)
{
    means("redis://localhost", (struct redis_address){.host = TEXT("localhost"), .port = 6379});
    means("redis://localhost/", (struct redis_address){.host = TEXT("localhost"), .port = 6379});
    means("REDIS://r-1.example_x.com",
          (struct redis_address){.host = TEXT("r-1.example_x.com"), .port = 6379});
}

Test(redis_address, port_and_database_are_read)
{
    means("redis://10.0.0.1:6380/3",
          (struct redis_address){.host = TEXT("10.0.0.1"), .port = 6380, .db = 3});
    means("redis://h:65535/999999",
          (struct redis_address){.host = TEXT("h"), .port = 65535, .db = 999999});
}

Test(redis_address, ipv6_stands_in_brackets)
{
    means("redis://[::1]", (struct redis_address){.host = TEXT("::1"), .port = 6379});
    means(
        "redis://u:p@[fe80::2]:7/1",
        (struct redis_address){
            .host = TEXT("fe80::2"), .port = 7, .user = TEXT("u"), .password = TEXT("p"), .db = 1});
}

Test(redis_address, user_and_password_are_percent_decoded)
{
    means("redis://us%40er:p%3Aa%2Fs%25s@h",
          (struct redis_address){
              .host = TEXT("h"), .port = 6379, .user = TEXT("us@er"), .password = TEXT("p:a/s%s")});
}

Test(redis_address, a_password_may_stand_alone_and_hold_colons_and_ats)
{
    means("redis://:a:b@c@h",
          (struct redis_address){.host = TEXT("h"), .port = 6379, .password = TEXT("a:b@c")});
}

Test(redis_address, a_user_may_have_an_empty_password)
{
    means("redis://u:@h",
          (struct redis_address){
              .host = TEXT("h"), .port = 6379, .user = TEXT("u"), .password = TEXT("")});
}

Test(redis_address, nothing_before_the_at_is_no_credentials)
{
    means("redis://:@h", (struct redis_address){.host = TEXT("h"), .port = 6379});
    means("redis://@h", (struct redis_address){.host = TEXT("h"), .port = 6379});
}

Test(redis_address, a_unix_socket_has_a_path)
{
    means("unix:///run/redis.sock", (struct redis_address){.path = TEXT("/run/redis.sock")});
    means("unix:///run/a%20b%3Fc@d:e?db=4",
          (struct redis_address){.path = TEXT("/run/a b?c@d:e"), .db = 4});
    means("unix://u:p@/r",
          (struct redis_address){.path = TEXT("/r"), .user = TEXT("u"), .password = TEXT("p")});
}

Test(redis_address, refuses_other_schemes)
{
    refuses("", "must begin with redis://, rediss:// or unix://");
    refuses("localhost:6379", "must begin with");
    refuses("http://localhost", "must begin with");
    refuses("redis:/localhost", "must begin with");
}

Test(redis_address, takes_rediss_for_tls)
{
    struct redis_address address;
    struct buf text = BUF_EMPTY;
    char why[128] = "";

    cr_assert_eq(redis_address_parse("rediss://u:p@localhost/2", &address, why, sizeof why), 0);
    cr_assert(address.tls);
    redis_address_format(&address, &text);
    cr_assert_str_eq(buf_text(&text), "rediss://u:p@localhost:6379/2");
    redis_address_free(&address);
    buf_done(&text);
}

Test(redis_address, refuses_ill_formed_hosts)
{
    refuses("redis://", "no host");
    refuses("redis://:6379", "no host");
    refuses("redis://u:p@", "no host");
    refuses("redis://::1", "no host");
    refuses("redis://[::1", "']'");
    refuses("redis://[localhost]", "IPv6");
    refuses("redis://[]", "IPv6");
    refuses("redis://[::1]6379", "well-formed");
    refuses("redis://a,b", "well-formed");
    refuses("redis://a b", "blanks");
    refuses("redis://h\xc3\xa9", "outside ASCII");
}

Test(redis_address, refuses_ports_out_of_range)
{
    refuses("redis://h:", "port");
    refuses("redis://h:0", "port");
    refuses("redis://h:65536", "port");
    refuses("redis://h:6379x", "port");
    refuses("redis://h:-1", "port");
    refuses("redis://h:4294973675", "port");
}

Test(redis_address, refuses_databases_that_are_no_number)
{
    refuses("redis://h/x", "database");
    refuses("redis://h/-1", "database");
    refuses("redis://h/1/", "database");
    refuses("redis://h/1000000", "database");
    refuses("redis://h/99999999999999999999", "database");
    refuses("unix:///r?db=", "database");
    refuses("unix:///r?db=1&x=2", "database");
}

Test(redis_address, refuses_queries_that_mean_nothing)
{
    refuses("redis://h/1?timeout=5", "ends with its database");
    refuses("redis://h#1", "ends with its database");
    refuses("unix:///r?timeout=5", "only ?db=n");
    refuses("unix:///r#1", "only ?db=n");
}

Test(redis_address, refuses_unix_sockets_without_an_absolute_path)
{
    refuses("unix://", "unix:///path");
    refuses("unix:///", "unix:///path");
    refuses("unix://run/redis.sock", "unix:///path");
    refuses("unix://u:p@", "unix:///path");
    refuses("unix://rediss:///run/redis.sock", "must be unix:///path");
}

Test(redis_address, refuses_a_unix_path_that_no_socket_can_have)
{
    char url[7 + 109 + 1] = "unix://";

    memset(url + 7, '/', 108);
    refuses(url, "too long");
    url[7 + 107] = '\0';

    struct redis_address address;
    char why[128];
    cr_assert_eq(redis_address_parse(url, &address, why, sizeof why), 0);
    redis_address_free(&address);
}

Test(redis_address, refuses_a_user_without_a_password)
{
    refuses("redis://user@h", "without a password");
}

Test(redis_address, refuses_wrong_percent_encoding)
{
    refuses("redis://:%4@h", "hexadecimal");
    refuses("redis://:%zz@h", "hexadecimal");
    refuses("redis://%00:x@h", "hexadecimal");
}

Test(redis_address, never_quotes_the_password_in_a_reason)
{
    static const char *const urls[] = {
        "redis://u:hunter2%@h", "redis://u:hunter2/x@h", "redis://u:hunter2@h:x",
        "redis://hunter2@h",    "http://:hunter2@h",     "redis://:x/hunter2@h",
    };

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_address address;
        char why[128];

        cr_assert_eq(redis_address_parse(urls[i], &address, why, sizeof why), -1, "%s", urls[i]);
        cr_assert_null(strstr(why, "hunter2"));
    }
}

Test(redis_address, cuts_a_reason_that_does_not_fit)
{
    struct redis_address address;
    char why[5];

    cr_assert_eq(redis_address_parse("x", &address, why, sizeof why), -1);
    cr_assert_str_eq(why, "must");
}

static void is_formatted(struct redis_address address, const char *expected)
{
    struct buf url = BUF_EMPTY;

    redis_address_format(&address, &url);
    cr_assert_str_eq(buf_text(&url), expected);
    address.port = address.path != NULL ? 0 : address.port;
    means(buf_text(&url), address);
    buf_done(&url);
}

Test(redis_address, parses_what_it_formats)
{
    is_formatted((struct redis_address){.host = TEXT("h"), .port = 6379}, "redis://h:6379/0");
    is_formatted((struct redis_address){.host = TEXT("::1"), .port = 1, .db = 2},
                 "redis://[::1]:1/2");
    is_formatted((struct redis_address){.path = TEXT("/a b?#\xc3\xa9"), .password = TEXT("p")},
                 "unix://:p@/a%20b%3F%23%C3%A9?db=0");
    is_formatted((struct redis_address){.host = TEXT("h"),
                                        .port = 6379,
                                        .user = TEXT("a:b"),
                                        .password = TEXT("@/?#[]%+ \x01\xff~")},
                 "redis://a%3Ab:%40%2F%3F%23%5B%5D%25%2B%20%01%FF~@h:6379/0");
}
