/* Slots of Redis Cluster: keys' slots, CLUSTER SLOTS, redirections, addresses of nodes. */
#include <criterion/criterion.h>

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "redis_slots.h"

/* ---- keys ---- */

static unsigned slot_of(const char *key)
{
    return redis_slot_of_key(key, strlen(key));
}

Test(redis_slots, a_key_without_a_tag_is_hashed_whole)
{
    cr_assert_eq(slot_of("123456789"), 0x31C3);
    cr_assert_eq(slot_of("foo"), 12182);
    cr_assert_eq(slot_of("session:a"), 15913); /* as redis-cli says, and so are the next two */
    cr_assert_eq(slot_of("family_streams:f1"), 10887);
    cr_assert_eq(slot_of("device_streams:d1"), 1895);
    cr_assert_eq(slot_of(""), 0);
}

Test(redis_slots, a_key_is_hashed_by_what_its_first_braces_hold)
{
    cr_assert_eq(slot_of("session:{f1}a"), 2046);
    cr_assert_eq(slot_of("family_streams:{f1}"), 2046);
    cr_assert_eq(slot_of("{user1000}.following"), slot_of("user1000"));
    cr_assert_eq(slot_of("foo{bar}{zap}"), slot_of("bar"));
    cr_assert_eq(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    cr_assert_eq(slot_of("}{a}"), slot_of("a"));
}

Test(redis_slots, braces_that_hold_nothing_or_do_not_close_are_no_tag)
{
    /* The CRCs of the whole keys, computed by other means. */
    cr_assert_eq(slot_of("foo{}{bar}"), 8363);
    cr_assert_eq(slot_of("{}"), 15257);
    cr_assert_eq(slot_of("foo{bar"), 15278);
    cr_assert_eq(slot_of("foo}bar{"), 11073);
}

Test(redis_slots, a_key_may_hold_any_bytes)
{
    cr_assert_eq(redis_slot_of_key("a\0{\xff\x00}b", 7), redis_slot_of_key("\xff\x00", 2));
    cr_assert_eq(redis_slot_of_key("{a}", 2), slot_of("{a"));
}

/* ---- replies, put together by hand ---- */

static redisReply *number(long long integer)
{
    redisReply *reply = calloc(1, sizeof *reply);

    reply->type = REDIS_REPLY_INTEGER;
    reply->integer = integer;
    return reply;
}

/* A string; nil for NULL. */
static redisReply *string(const char *text)
{
    redisReply *reply = calloc(1, sizeof *reply);

    reply->type = text != NULL ? REDIS_REPLY_STRING : REDIS_REPLY_NIL;
    if (text != NULL) {
        reply->str = strdup(text);
        reply->len = strlen(text);
    }
    return reply;
}

#define ARRAY(...)                                                                                 \
    array((redisReply *[]){__VA_ARGS__},                                                           \
          sizeof((redisReply *[]){__VA_ARGS__}) / sizeof(redisReply *))

static redisReply *array(redisReply **elements, size_t count)
{
    redisReply *reply = calloc(1, sizeof *reply);

    reply->type = REDIS_REPLY_ARRAY;
    reply->elements = count;
    reply->element = calloc(count > 0 ? count : 1, sizeof *elements);
    if (count > 0)
        memcpy(reply->element, elements, count * sizeof *elements);
    return reply;
}

static redisReply *node(const char *host, long long port)
{
    return ARRAY(string(host), number(port));
}

/* The ranges that a reply of a node at asked.example means; frees the reply. */
static struct redis_slot_range *ranges_of(redisReply *reply, size_t expected)
{
    struct redis_slot_range *ranges = NULL;
    size_t count = 0;

    cr_assert_eq(redis_slots_parse(reply, "asked.example", &ranges, &count), 0);
    cr_assert_eq(count, expected);
    freeReplyObject(reply);
    return ranges;
}

static void refuses(redisReply *reply)
{
    struct redis_slot_range *ranges = NULL;
    size_t count = 0;

    cr_assert_eq(redis_slots_parse(reply, "asked.example", &ranges, &count), -1);
    cr_assert_null(ranges);
    freeReplyObject(reply);
}

static void is_range(struct redis_slot_range range, unsigned first, unsigned last, const char *host,
                     int port)
{
    cr_assert_eq(range.first, first);
    cr_assert_eq(range.last, last);
    cr_assert_str_eq(range.master.host, host);
    cr_assert_eq(range.master.port, port);
}

Test(redis_slots, each_range_has_its_master_and_replicas_are_passed_over)
{
    struct redis_slot_range *ranges = ranges_of(
        ARRAY(ARRAY(number(0), number(5460), node("10.0.0.1", 7000), node("10.0.0.4", 7003)),
              ARRAY(number(5461), number(5461), node("::1", 7001)),
              ARRAY(number(5462), number(16383), node("r-3.example", 65535), node("10.0.0.6", 7005),
                    node("10.0.0.7", 7006))),
        3);

    is_range(ranges[0], 0, 5460, "10.0.0.1", 7000);
    is_range(ranges[1], 5461, 5461, "::1", 7001);
    is_range(ranges[2], 5462, 16383, "r-3.example", 65535);
    free(ranges);
}

Test(redis_slots, what_newer_servers_add_to_a_node_is_passed_over)
{
    redisReply *more =
        ARRAY(string("hostname"), string("a.example"), string("shard-id"), string("x"));
    struct redis_slot_range *ranges = ranges_of(
        ARRAY(ARRAY(
            number(0), number(9),
            ARRAY(string("10.0.0.1"), number(7000), string("09dbe9720cda62f7"), more),
            ARRAY(string("10.0.0.2"), number(7001), string("c9d93d9f2c0c524f"), array(NULL, 0)))),
        1);

    is_range(ranges[0], 0, 9, "10.0.0.1", 7000);
    free(ranges);
}

Test(redis_slots, a_node_that_does_not_know_its_host_is_where_it_was_asked)
{
    struct redis_slot_range *ranges = ranges_of(ARRAY(ARRAY(number(0), number(0), node(NULL, 1)),
                                                      ARRAY(number(1), number(1), node("", 2)),
                                                      ARRAY(number(2), number(2), node("?", 3))),
                                                3);

    for (int i = 0; i < 3; i++)
        is_range(ranges[i], (unsigned)i, (unsigned)i, "asked.example", i + 1);
    free(ranges);
}

Test(redis_slots, refuses_a_reply_of_another_shape)
{
    refuses(string("OK"));
    refuses(string(NULL));
    refuses(number(1));
    refuses(array(NULL, 0));
    refuses(ARRAY(number(1)));
    refuses(ARRAY(ARRAY(number(0), number(1))));
    refuses(ARRAY(ARRAY(string("0"), number(1), node("a", 1))));
    refuses(ARRAY(ARRAY(number(0), string(NULL), node("a", 1))));
    refuses(ARRAY(ARRAY(number(0), number(1), string("10.0.0.1:7000"))));
    refuses(ARRAY(ARRAY(number(0), number(1), ARRAY(string("10.0.0.1")))));
    refuses(ARRAY(ARRAY(number(0), number(1), ARRAY(number(1), number(7000)))));
    refuses(ARRAY(ARRAY(number(0), number(1), ARRAY(string("a"), string("7000")))));
}

Test(redis_slots, refuses_slots_and_ports_that_there_are_not)
{
    refuses(ARRAY(ARRAY(number(-1), number(1), node("a", 1))));
    refuses(ARRAY(ARRAY(number(0), number(16384), node("a", 1))));
    refuses(ARRAY(ARRAY(number(2), number(1), node("a", 1))));
    refuses(ARRAY(ARRAY(number(0), number(4294967296LL + 5), node("a", 1))));
    refuses(ARRAY(ARRAY(number(0), number(1), node("a", 0))));
    refuses(ARRAY(ARRAY(number(0), number(1), node("a", 65536))));
}

Test(redis_slots, one_wrong_range_spoils_the_reply)
{
    refuses(ARRAY(ARRAY(number(0), number(1), node("a", 1)), ARRAY(number(2))));
}

Test(redis_slots, refuses_hosts_that_are_none)
{
    redisReply *hidden = string("a?b");
    char long_host[REDIS_NODE_HOST + 1] = "";

    hidden->str[1] = '\0';
    refuses(ARRAY(ARRAY(number(0), number(1), ARRAY(hidden, number(1)))));
    refuses(ARRAY(ARRAY(number(0), number(1), node("a b", 1))));
    refuses(ARRAY(ARRAY(number(0), number(1), node("a\nb", 1))));
    refuses(ARRAY(ARRAY(number(0), number(1), node("a:b", 1))));
    memset(long_host, 'a', REDIS_NODE_HOST);
    refuses(ARRAY(ARRAY(number(0), number(1), node(long_host, 1))));
    long_host[REDIS_NODE_HOST - 1] = '\0';
    free(ranges_of(ARRAY(ARRAY(number(0), number(1), node(long_host, 1))), 1));
}

Test(redis_slots, refuses_more_ranges_than_there_are_slots)
{
    enum { COUNT = REDIS_SLOTS + 1 };
    redisReply **ranges = calloc(COUNT, sizeof *ranges);

    for (size_t i = 0; i < COUNT; i++)
        ranges[i] = ARRAY(number(0), number(0), node("a", 1));
    refuses(array(ranges, COUNT));
    free(ranges);
}

/* ---- redirections ---- */

static void leads_to(const char *error, const char *word, unsigned slot, const char *host, int port)
{
    struct redis_node_address node_address;
    unsigned found = REDIS_SLOTS;

    cr_assert_eq(redis_slots_parse_redirect(error, word, "::2", &found, &node_address), 0, "%s",
                 error);
    cr_assert_eq(found, slot);
    cr_assert_str_eq(node_address.host, host);
    cr_assert_eq(node_address.port, port);
}

Test(redis_slots, a_redirection_names_slot_and_node)
{
    leads_to("MOVED 3999 127.0.0.1:6381", "MOVED", 3999, "127.0.0.1", 6381);
    leads_to("ASK 0 127.0.0.1:1", "ASK", 0, "127.0.0.1", 1);
    leads_to("MOVED 16383 r-1.example:65535", "MOVED", 16383, "r-1.example", 65535);
    leads_to("MOVED 1 ::1:6381", "MOVED", 1, "::1", 6381);
    leads_to("ASK 1 2001:db8::7:6381:6381", "ASK", 1, "2001:db8::7:6381", 6381);
}

Test(redis_slots, a_redirection_without_a_host_leads_to_where_was_asked)
{
    leads_to("MOVED 3999 :6381", "MOVED", 3999, "::2", 6381);
    leads_to("ASK 3999 ?:6381", "ASK", 3999, "::2", 6381);
}

Test(redis_slots, refuses_what_is_no_redirection)
{
    static const char *const errors[] = {
        "",
        "MOVED",
        "MOVED ",
        "MOVED 1",
        "MOVED 1 ",
        "MOVED 1 a",
        "MOVED 1 a:",
        "MOVED 1 a:0",
        "MOVED 1 a:65536",
        "MOVED 1 a:99999999999",
        "MOVED 1 a:80 ",
        "MOVED 1 a:80x",
        "MOVED 1 a:-80",
        "MOVED 16384 a:80",
        "MOVED -1 a:80",
        "MOVED +1 a:80",
        "MOVED 0x1 a:80",
        "MOVED 00000000001 a:80",
        "MOVED  1 a:80",
        "MOVED x a:80",
        "MOVED 1 a b:80",
        "MOVED 1 a:b:80",
        "MOVEDX 1 a:80",
        "ASK 1 a:80",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "ERR MOVED 1 a:80",
    };
    struct redis_node_address node_address;
    unsigned slot;

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        cr_assert_eq(redis_slots_parse_redirect(errors[i], "MOVED", "h", &slot, &node_address), -1,
                     "%s", errors[i]);
}

Test(redis_slots, refuses_a_redirection_to_a_host_that_is_too_long)
{
    char error[32 + REDIS_NODE_HOST] = "MOVED 1 ";
    struct redis_node_address node_address;
    unsigned slot;

    memset(error + 8, 'a', REDIS_NODE_HOST);
    strcpy(error + 8 + REDIS_NODE_HOST, ":80");
    cr_assert_eq(redis_slots_parse_redirect(error, "MOVED", "h", &slot, &node_address), -1);
    strcpy(error + 8 + REDIS_NODE_HOST - 1, ":80");
    cr_assert_eq(redis_slots_parse_redirect(error, "MOVED", "h", &slot, &node_address), 0);
}

/* ---- addresses as settings give them ---- */

static void means(const char *text, const char *host, int port)
{
    struct redis_node_address node_address;

    cr_assert_eq(redis_node_address_parse(text, &node_address), 0, "%s", text);
    cr_assert_str_eq(node_address.host, host);
    cr_assert_eq(node_address.port, port);
}

Test(redis_slots, an_address_has_a_host_and_a_port)
{
    means("localhost:26379", "localhost", 26379);
    means("10.0.0.1:1", "10.0.0.1", 1);
    means("sentinel_1.example.com:65535", "sentinel_1.example.com", 65535);
    means("[::1]:26379", "::1", 26379);
}

Test(redis_slots, refuses_addresses_that_are_ill_formed)
{
    static const char *const texts[] = {
        "",       ":",      ":1",           "a",     "a:",    "a:0",      "a:65536",       "a:1x",
        "a: 1",   "a b:1",  "::1:26379",    "::1",   "[::1]", "[::1]:",   "[]:1",          "[a]:1",
        "[::1:1", "::1]:1", "[10.0.0.1]:1", "a,b:1", "a/b:1", "[::1]x:1", "[fe80::1%1]:1", "?:1",
    };
    struct redis_node_address node_address;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(redis_node_address_parse(texts[i], &node_address), -1, "%s", texts[i]);
}
