/* Addresses to listen on. */
#include <criterion/criterion.h>

#include <string.h>

#include "listen_address.h"

static struct listen_address parsed(const char *text)
{
    struct listen_address address;
    char why[128] = "";

    cr_assert_eq(listen_address_parse(text, &address, why, sizeof why), 0, "%s: %s", text, why);
    return address;
}

static void becomes(const char *text, const char *expected)
{
    struct listen_address address = parsed(text);
    char back[LISTEN_ADDRESS_TEXT];

    cr_assert_str_eq(listen_address_text(&address, back), expected);
}

static void refuses(const char *text, const char *expected)
{
    struct listen_address address;
    char why[128] = "";

    cr_assert_eq(listen_address_parse(text, &address, why, sizeof why), -1, "%s was accepted",
                 text);
    cr_assert_not_null(strstr(why, expected), "%s: %s", text, why);
}

static bool is_loopback(const char *text)
{
    struct listen_address address = parsed(text);

    return listen_address_is_loopback(&address);
}

Test(listen_address, reads_addresses_and_writes_them_back)
{
    becomes("127.0.0.1:8080", "127.0.0.1:8080");
    becomes("0.0.0.0:0", "0.0.0.0:0");
    becomes("[::1]:65535", "[::1]:65535");
    becomes("[0:0:0:0:0:0:0:0]:80", "[::]:80");
    becomes("unix:/run/gateway.sock", "unix:/run/gateway.sock");
}

Test(listen_address, reads_the_short_forms)
{
    becomes("localhost:8080", "127.0.0.1:8080");
    becomes("*:8080", "0.0.0.0:8080");
    becomes(":8080", "0.0.0.0:8080");
}

Test(listen_address, fills_what_bind_needs)
{
    struct listen_address in4 = parsed("127.0.0.1:8080"), in6 = parsed("[::1]:8080");
    struct listen_address un = parsed("unix:/a");

    cr_assert_eq(in4.kind, LISTEN_TCP);
    cr_assert_eq(in4.addr.any.sa_family, AF_INET);
    cr_assert_eq(in4.len, sizeof(struct sockaddr_in));
    cr_assert_eq(in4.addr.in4.sin_port, htons(8080));
    cr_assert_eq(in6.kind, LISTEN_TCP);
    cr_assert_eq(in6.addr.any.sa_family, AF_INET6);
    cr_assert_eq(in6.len, sizeof(struct sockaddr_in6));
    cr_assert_eq(un.kind, LISTEN_UNIX);
    cr_assert_eq(un.addr.any.sa_family, AF_UNIX);
    cr_assert_eq(un.len, offsetof(struct sockaddr_un, sun_path) + sizeof "/a");
}

Test(listen_address, tells_the_port)
{
    struct listen_address in4 = parsed("127.0.0.1:8080"), in6 = parsed("[::1]:8081");
    struct listen_address un = parsed("unix:/a:80");

    cr_assert_eq(listen_address_port(&in4), 8080);
    cr_assert_eq(listen_address_port(&in6), 8081);
    cr_assert_eq(listen_address_port(&un), 0);
}

Test(listen_address, knows_what_only_this_machine_can_reach)
{
    cr_assert(is_loopback("127.0.0.1:1"));
    cr_assert(is_loopback("127.255.0.9:1"));
    cr_assert(is_loopback("localhost:1"));
    cr_assert(is_loopback("[::1]:1"));
    cr_assert(is_loopback("[::ffff:127.0.0.1]:1"));
    cr_assert(is_loopback("unix:/a"));
}

Test(listen_address, knows_what_others_can_reach)
{
    cr_assert_not(is_loopback("0.0.0.0:1"));
    cr_assert_not(is_loopback(":1"));
    cr_assert_not(is_loopback("*:1"));
    cr_assert_not(is_loopback("128.0.0.1:1"));
    cr_assert_not(is_loopback("10.127.0.1:1"));
    cr_assert_not(is_loopback("[::]:1"));
    cr_assert_not(is_loopback("[::2]:1"));
    cr_assert_not(is_loopback("[::ffff:10.0.0.1]:1"));
}

Test(listen_address, refuses_what_has_no_port)
{
    refuses("", "host:port");
    refuses("8080", "host:port");
    refuses("localhost", "host:port");
    refuses("localhost:", "port must be");
    refuses("[::1]", "port must be");
    refuses("::1", "IPv4");
}

Test(listen_address, refuses_ports_out_of_range)
{
    refuses("127.0.0.1:65536", "port must be");
    refuses("127.0.0.1:-1", "port must be");
    refuses("127.0.0.1:http", "port must be");
    refuses("127.0.0.1:+1", "port must be");
    refuses("127.0.0.1:00000080", "port must be");
}

Test(listen_address, refuses_hosts_that_are_no_numbers)
{
    refuses("example.com:80", "must be an IPv4 address");
    refuses("127.1:80", "must be an IPv4 address");
    refuses("256.0.0.1:80", "must be an IPv4 address");
    refuses("::1:80", "must be an IPv4 address");
    refuses("[::g]:80", "IPv6");
    refuses("[]:80", "IPv6");
    refuses("[:80", "must be an IPv4 address");
    refuses("tcp://127.0.0.1:80", "must be an IPv4 address");
    refuses("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx:80",
            "must be an IPv4 address");
}

Test(listen_address, refuses_unix_paths_that_are_not_absolute)
{
    refuses("unix:", "must begin with '/'");
    refuses("unix:gateway.sock", "must begin with '/'");
    refuses("unix:@gateway", "must begin with '/'");
}

Test(listen_address, refuses_unix_paths_that_are_too_long)
{
    char text[5 + 108 + 1] = "unix:";

    memset(text + 5, '/', 108);
    refuses(text, "too long");
    text[5 + 107] = '\0';
    becomes(text, text);
}
