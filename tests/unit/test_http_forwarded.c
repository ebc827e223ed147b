/* Whom a request comes from, where it came through proxies. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "http_forwarded.h"

static struct net_range ranges[2];
static struct http_proxies proxies = {.ranges = ranges, .count = 2};

static void start(void)
{
    cr_assert_eq(net_range_parse("10.0.0.0/8", &ranges[0]), 0);
    cr_assert_eq(net_range_parse("2001:db8:ffff::/48", &ranges[1]), 0);
}

TestSuite(http_forwarded, .init = start);

typedef void read_fn(const struct http_proxies *, const char *, size_t, struct net_address *);

static void expect(read_fn *read, const char *line, const char *client)
{
    struct net_address client_address = {0};
    char text[INET6_ADDRSTRLEN];
    char *exact = malloc(strlen(line)); /* so that reading on is found out */

    memcpy(exact, line, strlen(line));
    read(&proxies, exact, strlen(line), &client_address);
    net_address_text(&client_address, text);
    cr_expect_str_eq(text, client, "%s: %s", line, text);
    free(exact);
}

static const struct {
    const char *line, *client;
} lists[] = {
    {"192.0.2.1", "192.0.2.1"},
    {" 192.0.2.1\t", "192.0.2.1"},
    {"192.0.2.1:4711", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[2001:db8::1]:4711", "2001:db8::1"},
    {"198.51.100.9, 192.0.2.1", "192.0.2.1"},
    {"198.51.100.9, 192.0.2.1, 10.1.2.3", "192.0.2.1"},
    {"198.51.100.9, 192.0.2.1, 10.1.2.3, 2001:db8:ffff::1", "192.0.2.1"},
    {"10.0.0.1, 10.0.0.2", "10.0.0.1"},
    {"192.0.2.1, unknown, 10.0.0.1, 10.0.0.2", "10.0.0.1"},
    {"192.0.2.1, unknown", ""},
    {"192.0.2.1,,", "192.0.2.1"},
    {"192.0.2.1, 192.0.2.300", ""},
    {"[2001:db8::1", ""},
    {"[2001:db8::1]x", ""},
    {"", ""},
    {" , ", ""},
};

Test(http_forwarded, the_client_is_the_last_that_is_no_trusted_proxy)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        expect(http_forwarded_read_list, lists[i].line, lists[i].client);
}

static const struct {
    const char *line, *client;
} elements[] = {
    {"for=192.0.2.1", "192.0.2.1"},
    {"For=192.0.2.1;Proto=https", "192.0.2.1"},
    {"proto=https; for=\"192.0.2.1:4711\" ;by=10.0.0.1", "192.0.2.1"},
    {"for=\"[2001:db8::1]:4711\"", "2001:db8::1"},
    {"for=198.51.100.9, for=192.0.2.1, for=10.0.0.1", "192.0.2.1"},
    {"for=198.51.100.9, for=192.0.2.1;host=\"a,for=203.0.113.7\"", "192.0.2.1"},
    {"for=192.0.2.1, for=_hidden, for=10.0.0.1", "10.0.0.1"},
    {"for=192.0.2.1, proto=https", ""},
    {"for=192.0.2.1;for=198.51.100.9", ""},
    {"for=192.0.2.1, for=\"198.51.100.9", ""},
    {"for=\"\\192.0.2.1\"", ""},
    {"for=", ""},
    {"for=\"", ""},
    {";,;", ""},
    {"", ""},
};

Test(http_forwarded, reads_rfc_7239_by_the_same_rule)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        expect(http_forwarded_read, elements[i].line, elements[i].client);
}

Test(http_forwarded, lines_make_one_list_in_their_order)
{
    struct net_address client_address = {0};
    char text[INET6_ADDRSTRLEN];

    http_forwarded_read_list(&proxies, "198.51.100.9", 12, &client_address);
    http_forwarded_read_list(&proxies, "192.0.2.1", 9, &client_address);
    http_forwarded_read_list(&proxies, "10.0.0.1", 8, &client_address);
    net_address_text(&client_address, text);
    cr_expect_str_eq(text, "192.0.2.1");
}

Test(http_forwarded, a_unix_socket_s_peer_is_trusted_where_that_is_said)
{
    struct net_address none = {0};

    cr_expect_not(http_proxies_trust(&proxies, &none));
    cr_expect(http_proxies_trust(&(struct http_proxies){.unix_peers = true}, &none));
}
