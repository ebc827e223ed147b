/* How many connections each client's address has open. */
#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

#include "http_addresses.h"

static struct http_addresses *addresses;

static void start(void)
{
    addresses = http_addresses_new(2);
}

static void stop(void)
{
    http_addresses_free(addresses);
}

TestSuite(http_addresses, .init = start, .fini = stop);

static struct net_address address_of(const char *text)
{
    struct net_address address;

    cr_assert_eq(net_address_parse(text, strlen(text), &address), 0);
    return address;
}

Test(http_addresses, each_has_so_many_and_no_more)
{
    struct net_address one = address_of("192.0.2.1"), other = address_of("192.0.2.2");

    cr_expect(http_addresses_enter(addresses, &one));
    cr_expect(http_addresses_enter(addresses, &one));
    cr_expect_not(http_addresses_enter(addresses, &one));
    cr_expect(http_addresses_enter(addresses, &other));
    http_addresses_leave(addresses, &one);
    cr_expect(http_addresses_enter(addresses, &one));
    http_addresses_leave(addresses, &one);
    http_addresses_leave(addresses, &one);
    http_addresses_leave(addresses, &other);
}

Test(http_addresses, knows_those_alone_that_have_connections)
{
    struct net_address one = address_of("192.0.2.1");

    cr_expect_eq(http_addresses_count(addresses), 0);
    http_addresses_enter(addresses, &one);
    http_addresses_enter(addresses, &one);
    http_addresses_enter(addresses, &one);
    cr_expect_eq(http_addresses_count(addresses), 1);
    http_addresses_leave(addresses, &one);
    http_addresses_leave(addresses, &one);
    cr_expect_eq(http_addresses_count(addresses), 0);
}

static void come_and_go(void *arg)
{
    struct net_address one = address_of("192.0.2.1");
    (void)arg;

    for (int i = 0; i < 20000; i++)
        if (http_addresses_enter(addresses, &one))
            http_addresses_leave(addresses, &one);
}

Test(http_addresses, counts_for_several_threads)
{
    uv_thread_t threads[4];
    struct net_address one = address_of("192.0.2.1");

    for (int i = 0; i < 4; i++)
        cr_assert_eq(uv_thread_create(&threads[i], come_and_go, NULL), 0);
    for (int i = 0; i < 4; i++)
        uv_thread_join(&threads[i]);
    cr_expect_eq(http_addresses_count(addresses), 0);
    cr_expect(http_addresses_enter(addresses, &one));
    cr_expect(http_addresses_enter(addresses, &one));
    http_addresses_leave(addresses, &one);
    http_addresses_leave(addresses, &one);
}
