/* Slots of Redis Cluster: which slot a key is in, and which node serves a slot. */
#include "redis_slots.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ---- keys ---- */

/* CRC-16/XMODEM: polynomial 0x1021, from 0, nothing reflected. Keys' tags are short: no table. */
static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (uint16_t)((unsigned char)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

unsigned redis_slot_of_key(const char *key, size_t len)
{
    const char *open = memchr(key, '{', len);

    if (open != NULL) {
        const char *tag = open + 1;
        const char *close = memchr(tag, '}', len - (size_t)(tag - key));

        if (close != NULL && close > tag)
            return crc16(tag, (size_t)(close - tag)) % REDIS_SLOTS;
    }
    return crc16(key, len) % REDIS_SLOTS;
}

/* ---- addresses ---- */

static bool is_port(long long port)
{
    return port >= 1 && port <= 65535;
}

/* Reads digits up to the end of the text, a number of at most most; -1 where it is anything else. */
static int read_number(const char *text, int most)
{
    size_t len = strlen(text);

    if (len == 0 || len > 6 || strspn(text, DIGITS) != len)
        return -1;
    int number = (int)strtol(text, NULL, 10);
    return number <= most ? number : -1;
}

/* Whether a host is well-formed: a name, or an address without brackets. */
static bool is_host(const char *host)
{
    struct in6_addr ignored;

    if (strchr(host, ':') != NULL)
        return inet_pton(AF_INET6, host, &ignored) == 1;
    return host[0] != '\0' && strspn(host, LETTERS DIGITS "._-") == strlen(host);
}

/* Takes the host that a node gave, which may be none. */
static int take_host(const char *host, const char *asked_host, struct redis_node_address *ret_node)
{
    bool unknown = host == NULL || host[0] == '\0' || strcmp(host, "?") == 0;

    if (!unknown && !is_host(host))
        return -1;
    return text_copy(ret_node->host, sizeof ret_node->host, unknown ? asked_host : host);
}

/* Parts "host:port" at its last colon. Returns the port, and the host as a text, or -1. */
static int part(const char *text, char *ret_host, size_t size)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= size)
        return -1;
    memcpy(ret_host, text, (size_t)(colon - text));
    ret_host[colon - text] = '\0';
    int port = read_number(colon + 1, 65535);
    return is_port(port) ? port : -1;
}

int redis_node_address_parse(const char *text, struct redis_node_address *ret_node)
{
    char host[REDIS_NODE_HOST + 2]; /* with its brackets */
    int port = part(text, host, sizeof host);
    size_t len = port >= 0 ? strlen(host) : 0;
    bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    const char *bare = host;

    if (bracketed) {
        host[len - 1] = '\0';
        bare = host + 1;
    }
    /* What has colons must stand in brackets, and nothing else. */
    if (port < 0 || (strchr(bare, ':') != NULL) != bracketed || !is_host(bare) ||
        text_copy(ret_node->host, sizeof ret_node->host, bare) != 0)
        return -1;
    ret_node->port = port;
    return 0;
}

/* ---- what a cluster answers ---- */

int redis_slots_parse_redirect(const char *error, const char *word, const char *asked_host,
                               unsigned *ret_slot, struct redis_node_address *ret_node)
{
    char slot_digits[8], host[REDIS_NODE_HOST];
    size_t word_len = strlen(word);

    if (strncmp(error, word, word_len) != 0 || error[word_len] != ' ')
        return -1;
    const char *slot_text = error + word_len + 1;
    size_t slot_len = strcspn(slot_text, " ");
    if (slot_text[slot_len] != ' ' || slot_len >= sizeof slot_digits)
        return -1;
    memcpy(slot_digits, slot_text, slot_len);
    slot_digits[slot_len] = '\0';

    int slot = read_number(slot_digits, REDIS_SLOTS - 1);
    int port = part(slot_text + slot_len + 1, host, sizeof host);
    if (slot < 0 || port < 0 || take_host(host, asked_host, ret_node) != 0)
        return -1;
    *ret_slot = (unsigned)slot;
    ret_node->port = port;
    return 0;
}

static bool is_integer(const redisReply *reply, long long least, long long most)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= least && reply->integer <= most;
}

/* Reads [host, port, …]; Redis 4 adds the node's id, Redis 7 its further names: neither matters. */
static int read_node(const redisReply *reply, const char *asked_host,
                     struct redis_node_address *ret_node)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
        return -1;

    const redisReply *host = reply->element[0], *port = reply->element[1];
    const char *text = NULL;
    if (host->type == REDIS_REPLY_STRING && strlen(host->str) == host->len)
        text = host->str;
    else if (host->type != REDIS_REPLY_NIL)
        return -1;
    if (!is_integer(port, 1, 65535) || take_host(text, asked_host, ret_node) != 0)
        return -1;
    ret_node->port = (int)port->integer;
    return 0;
}

/* Reads [first, last, master, replica…]. */
static int read_range(const redisReply *reply, const char *asked_host,
                      struct redis_slot_range *ret_range)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return -1;

    const redisReply *first = reply->element[0], *last = reply->element[1];
    if (!is_integer(first, 0, REDIS_SLOTS - 1) ||
        !is_integer(last, first->integer, REDIS_SLOTS - 1))
        return -1;
    ret_range->first = (unsigned)first->integer;
    ret_range->last = (unsigned)last->integer;
    return read_node(reply->element[2], asked_host, &ret_range->master);
}

int redis_slots_parse(const struct redisReply *reply, const char *asked_host,
                      struct redis_slot_range **ret_ranges, size_t *ret_count)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || reply->elements > REDIS_SLOTS)
        return -1;

    struct redis_slot_range *ranges = calloc(reply->elements, sizeof *ranges);
    if (ranges == NULL)
        return -1;
    for (size_t i = 0; i < reply->elements; i++) {
        if (read_range(reply->element[i], asked_host, &ranges[i]) != 0) {
            free(ranges);
            return -1;
        }
    }
    *ret_ranges = ranges;
    *ret_count = reply->elements;
    return 0;
}
