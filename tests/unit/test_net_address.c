/* IP addresses and ranges of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "net_address.h"

static struct net_address address_of(const char *text)
{
    struct net_address address;

    cr_assert_eq(net_address_parse(text, strlen(text), &address), 0, "%s", text);
    return address;
}

static bool has(const char *range_text, const char *address_text)
{
    struct net_range range;
    struct net_address address = address_of(address_text);

    cr_assert_eq(net_range_parse(range_text, &range), 0, "%s", range_text);
    return net_range_has(&range, &address);
}

Test(net_address, reads_what_it_writes)
{
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "::1", "0.0.0.0"};
    char text[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net_address address = address_of(texts[i]);

        net_address_text(&address, text);
        cr_expect_str_eq(text, texts[i]);
    }
}

Test(net_address, refuses_what_is_none)
{
    static const char *const texts[] = {"",        "192.0.2",      "192.0.2.256",  "[::1]",
                                        "a.b.c.d", "fe80::1%eth0", "192.0.2.1:80", " 192.0.2.1",
                                        "1::2::3"};
    struct net_address address;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect_eq(net_address_parse(texts[i], strlen(texts[i]), &address), -1, "%s", texts[i]);
}

Test(net_address, an_ipv4_address_and_its_mapped_form_are_one)
{
    struct net_address plain = address_of("192.0.2.1"), mapped = address_of("::ffff:192.0.2.1");

    cr_expect_eq(memcmp(&plain, &mapped, sizeof plain), 0);
    cr_expect(has("192.0.2.0/24", "::ffff:192.0.2.9"));
}

Test(net_address, counts_an_ipv6_client_by_its_network)
{
    struct net_address one = address_of("2001:db8:1:2:3::4"), four = address_of("192.0.2.1");
    struct net_address client = net_address_client(&one);
    char text[INET6_ADDRSTRLEN];

    net_address_text(&client, text);
    cr_expect_str_eq(text, "2001:db8:1:2::");
    client = net_address_client(&four);
    net_address_text(&client, text);
    cr_expect_str_eq(text, "192.0.2.1");
    one = address_of("::1");
    client = net_address_client(&one);
    cr_expect_not(net_address_is_none(&client));
}

Test(net_range, has_what_begins_as_it_does)
{
    cr_expect(has("10.0.0.0/8", "10.255.0.1"));
    cr_expect_not(has("10.0.0.0/8", "11.0.0.1"));
    cr_expect(has("192.0.2.128/25", "192.0.2.200"));
    cr_expect_not(has("192.0.2.128/25", "192.0.2.127"));
    cr_expect(has("192.0.2.1", "192.0.2.1"));
    cr_expect_not(has("192.0.2.1", "192.0.2.2"));
    cr_expect(has("2001:db8::/33", "2001:db8:7fff::1"));
    cr_expect_not(has("2001:db8::/33", "2001:db8:8000::1"));
    cr_expect(has("0.0.0.0/0", "203.0.113.9"));
    cr_expect_not(has("0.0.0.0/0", "2001:db8::1"));
    cr_expect(has("::/0", "203.0.113.9"));
}

Test(net_range, refuses_what_is_none)
{
    static const char *const texts[] = {
        "10.0.0.0/33", "10.0.0.1/8",  "2001:db8::/129", "2001:db8::1/64", "10.0.0.0/",
        "10.0.0.0/-1", "10.0.0.0/8 ", "10/8",           "10.0.0.0/0008",  "localhost"};
    struct net_range range;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect_eq(net_range_parse(texts[i], &range), -1, "%s", texts[i]);
}
