/* Whom a request comes from, where it came through proxies. */
#include "http_forwarded.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is left of a line. */
struct text {
    const char *at, *end;
};

int http_proxies_parse(const char *const *texts, size_t count, struct http_proxies *ret_proxies,
                       size_t *ret_bad)
{
    *ret_proxies = (struct http_proxies){.ranges = calloc(count + 1, sizeof(struct net_range))};
    *ret_bad = count;
    if (ret_proxies->ranges == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], "unix") == 0) {
            ret_proxies->unix_peers = true;
        } else if (net_range_parse(texts[i], &ret_proxies->ranges[ret_proxies->count++]) != 0) {
            http_proxies_done(ret_proxies);
            *ret_bad = i;
            return -1;
        }
    }
    return 0;
}

void http_proxies_done(struct http_proxies *proxies)
{
    free(proxies->ranges);
    *proxies = (struct http_proxies){0};
}

bool http_proxies_trust(const struct http_proxies *proxies, const struct net_address *peer)
{
    if (net_address_is_none(peer))
        return proxies->unix_peers;
    for (size_t i = 0; i < proxies->count; i++)
        if (net_range_has(&proxies->ranges[i], peer))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct text trimmed(struct text text)
{
    while (text.at < text.end && is_blank(*text.at))
        text.at++;
    while (text.at < text.end && is_blank(text.end[-1]))
        text.end--;
    return text;
}

/* Reads a node: an address, an IPv6 one with or (where no port follows) without brackets. */
static int parse_node(struct text node, struct net_address *ret_address)
{
    const char *colon = memchr(node.at, ':', (size_t)(node.end - node.at));

    if (node.at < node.end && *node.at == '[') {
        const char *bracket = memchr(node.at, ']', (size_t)(node.end - node.at));

        if (bracket == NULL || (bracket + 1 < node.end && bracket[1] != ':'))
            return -1;
        node = (struct text){node.at + 1, bracket};
    } else if (colon != NULL && memchr(node.at, '.', (size_t)(colon - node.at)) != NULL) {
        node.end = colon; /* IPv4 with a port */
    }
    return net_address_parse(node.at, (size_t)(node.end - node.at), ret_address);
}

/* Takes the next entry of the list; address none: it isn't one. */
static void take(const struct http_proxies *proxies, const struct net_address *address,
                 struct net_address *client)
{
    bool is_trusted = !net_address_is_none(address) && http_proxies_trust(proxies, address);

    if (!is_trusted || net_address_is_none(client)) /* else it says who stands before it */
        *client = *address;
}

static void take_node(const struct http_proxies *proxies, struct text node,
                      struct net_address *client)
{
    struct net_address address = {0};

    if (parse_node(node, &address) != 0)
        address = (struct net_address){0};
    take(proxies, &address, client);
}

void http_forwarded_read_list(const struct http_proxies *proxies, const char *line, size_t len,
                              struct net_address *client)
{
    struct text rest = {line, line + len};

    while (rest.at <= rest.end) {
        const char *comma = memchr(rest.at, ',', (size_t)(rest.end - rest.at));
        struct text entry = {rest.at, comma != NULL ? comma : rest.end};

        rest.at = entry.end + 1;
        entry = trimmed(entry);
        if (entry.at < entry.end) /* empty ones don't count (RFC 9110, 5.6.1.2) */
            take_node(proxies, entry, client);
    }
}

/* The end of what begins at `at`, up to one of two separators outside of quotes; NULL where a quote isn't closed. */
static const char *find_end(struct text text, char separator, char other)
{
    bool quoted = false;

    for (const char *c = text.at; c < text.end; c++) {
        if (quoted && *c == '\\' && c + 1 < text.end)
            c++;
        else if (*c == '"')
            quoted = !quoted;
        else if (!quoted && (*c == separator || *c == other))
            return c;
    }
    return quoted ? NULL : text.end;
}

/* The `for` of an element (`for=192.0.2.1;proto=https`); empty where it has none, or two. */
static struct text find_for(struct text element)
{
    struct text found = {element.at, element.at};
    bool seen = false;

    while (element.at < element.end) {
        const char *end = find_end(element, ';', ';');
        struct text pair = trimmed((struct text){element.at, end});

        element.at = end + 1;
        if (pair.end - pair.at < 4 || strncasecmp(pair.at, "for=", 4) != 0)
            continue;
        if (seen)
            return (struct text){pair.at, pair.at};
        seen = true;
        found = (struct text){pair.at + 4, pair.end};
    }
    /* An address needs no backslash: one in quotes that has some isn't read as one. */
    if (found.end - found.at >= 2 && *found.at == '"' && found.end[-1] == '"')
        found = (struct text){found.at + 1, found.end - 1};
    return found;
}

void http_forwarded_read(const struct http_proxies *proxies, const char *line, size_t len,
                         struct net_address *client)
{
    struct text rest = {line, line + len};

    while (rest.at < rest.end) {
        const char *end = find_end(rest, ',', ',');
        struct text element = trimmed((struct text){rest.at, end != NULL ? end : rest.end});

        if (end == NULL) {
            take(proxies, &(struct net_address){0}, client);
            return;
        }
        rest.at = end + 1;
        if (element.at < element.end)
            take_node(proxies, find_for(element), client);
    }
}
