/* The address of a Redis server, as a URL and in parts. */
#include "redis_address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "buf.h"
#include "text.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define HOST_BYTES 253 /* the longest name that DNS knows */

/* A piece of the URL. */
struct span {
    const char *text;
    size_t len;
};

static bool skip_prefix(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncasecmp(*text, prefix, len) != 0)
        return false;
    *text += len;
    return true;
}

/* Returns what is wrong, or NULL: so do all the parsers below. */
static const char *decode(struct span span, char **ret_text)
{
    *ret_text = malloc(span.len + 1);
    if (*ret_text == NULL)
        return "no memory";
    if (text_percent_decode(span.text, span.len, *ret_text) < 0)
        return "a '%' must be followed by two hexadecimal digits, and not by 00";
    return NULL;
}

static const char *copy(struct span span, char **ret_text)
{
    *ret_text = strndup(span.text, span.len);
    return *ret_text != NULL ? NULL : "no memory";
}

/* Reads a whole span as a number; false where it is none, or out of range. */
static bool read_number(struct span span, int least, int most, int *ret_number)
{
    int number = 0;

    if (span.len == 0 || span.len > 9)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        if (span.text[i] < '0' || span.text[i] > '9')
            return false;
        number = number * 10 + (span.text[i] - '0');
    }
    *ret_number = number;
    return number >= least && number <= most;
}

static const char *parse_db(struct span span, int *ret_db)
{
    return read_number(span, 0, REDIS_ADDRESS_MAX_DB, ret_db)
               ? NULL
               : "the database must be an integer from 0 to 999999";
}

/* Takes "user:password@" from the front of the authority, which ends at its last '@'. */
static const char *parse_userinfo(struct span *authority, struct redis_address *ret)
{
    const char *at = memrchr(authority->text, '@', authority->len);
    const char *why;

    if (at == NULL)
        return NULL;
    size_t len = (size_t)(at - authority->text);
    const char *colon = memchr(authority->text, ':', len);
    struct span user = {authority->text, colon != NULL ? (size_t)(colon - authority->text) : len};

    if (user.len > 0 && colon == NULL)
        return "has a user name without a password (a password alone is written :password@)";
    if (user.len > 0 && (why = decode(user, &ret->user)) != NULL)
        return why;
    if (colon != NULL && (user.len > 0 || colon + 1 < at)) {
        struct span password = {colon + 1, (size_t)(at - colon - 1)};
        if ((why = decode(password, &ret->password)) != NULL)
            return why;
    }
    authority->text += len + 1;
    authority->len -= len + 1;
    return NULL;
}

/* Reads "host", "host:port", "[::1]" or "[::1]:port". */
static const char *parse_host(struct span authority, struct redis_address *ret)
{
    struct span host = authority;
    const char *why;

    ret->port = REDIS_ADDRESS_PORT;
    if (host.len > 0 && host.text[0] == '[') {
        const char *end = memchr(host.text, ']', host.len);
        struct in6_addr ignored;

        if (end == NULL)
            return "the host has a '[' without its ']'";
        host = (struct span){host.text + 1, (size_t)(end - host.text - 1)};
        if ((why = copy(host, &ret->host)) != NULL)
            return why;
        if (inet_pton(AF_INET6, ret->host, &ignored) != 1)
            return "what stands in brackets isn't an IPv6 address";
        host.len += 2;
    } else {
        host.len = strspn(host.text, LETTERS DIGITS "._-");
        if (host.len > authority.len)
            host.len = authority.len;
        if (host.len == 0 || host.len > HOST_BYTES)
            return "has no host, or no well-formed one";
        if ((why = copy(host, &ret->host)) != NULL)
            return why;
    }

    struct span rest = {authority.text + host.len, authority.len - host.len};
    if (rest.len == 0)
        return NULL;
    if (rest.text[0] != ':')
        return "the host isn't well-formed (in user name and password '@', ':' and '/' must be "
               "percent-encoded)";
    rest.text++;
    rest.len--;
    return read_number(rest, 1, 65535, &ret->port) ? NULL
                                                   : "the port must be an integer from 1 to 65535";
}

static const char *parse_tcp(struct span authority, const char *path, struct redis_address *ret)
{
    const char *why = parse_host(authority, ret);

    if (why != NULL)
        return why;
    if (strpbrk(path, "?#") != NULL)
        return "a Redis URL ends with its database: redis://host:port/db";
    if (path[0] == '\0' || strcmp(path, "/") == 0)
        return NULL;
    return parse_db((struct span){path + 1, strlen(path + 1)}, &ret->db);
}

static const char *parse_unix(struct span authority, const char *path, struct redis_address *ret)
{
    struct span file = {path, strcspn(path, "?#")};
    const char *rest = path + file.len;
    const char *why;

    if (authority.len > 0 || file.len < 2)
        return "must be unix:///path, or unix://user:password@/path";
    if ((why = decode(file, &ret->path)) != NULL)
        return why;
    if (strlen(ret->path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return "the path is too long for a unix socket";
    if (*rest == '\0')
        return NULL;
    if (!skip_prefix(&rest, "?db="))
        return "only ?db=n may follow the path";
    return parse_db((struct span){rest, strlen(rest)}, &ret->db);
}

static const char *parse(const char *url, struct redis_address *ret)
{
    const char *rest = url;
    const char *why;

    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return "blanks and characters outside ASCII must be percent-encoded";
    bool is_unix = skip_prefix(&rest, "unix://");
    ret->tls = !is_unix && skip_prefix(&rest, "rediss://");
    if (!is_unix && !ret->tls && !skip_prefix(&rest, "redis://"))
        return "must begin with redis://, rediss:// or unix://";

    struct span authority = {rest, strcspn(rest, "/?#")};
    const char *path = rest + authority.len;
    if ((why = parse_userinfo(&authority, ret)) != NULL)
        return why;
    return is_unix ? parse_unix(authority, path, ret) : parse_tcp(authority, path, ret);
}

int redis_address_parse(const char *url, struct redis_address *ret_address, char *reason,
                        size_t size)
{
    *ret_address = (struct redis_address){0};
    const char *why = parse(url, ret_address);

    if (why == NULL)
        return 0;
    redis_address_free(ret_address);
    snprintf(reason, size, "%s", why);
    return -1;
}

/* Appends text with everything encoded but RFC 3986's unreserved characters and those of `also`. */
static void encode(struct buf *out, const char *text, const char *also)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr(LETTERS DIGITS "-._~", *c) != NULL || strchr(also, *c) != NULL)
            buf_add_char(out, *c);
        else
            buf_printf(out, "%%%02X", (unsigned char)*c);
    }
}

void redis_address_format(const struct redis_address *address, struct buf *out)
{
    buf_add_str(out, address->path != NULL ? "unix://" : address->tls ? "rediss://" : "redis://");
    if (address->password != NULL) {
        encode(out, address->user != NULL ? address->user : "", "");
        buf_add_char(out, ':');
        encode(out, address->password, "");
        buf_add_char(out, '@');
    }
    if (address->path != NULL) {
        encode(out, address->path, "/");
        buf_printf(out, "?db=%d", address->db);
    } else {
        bool is_ipv6 = strchr(address->host, ':') != NULL;
        buf_printf(out, "%s%s%s:%d/%d", is_ipv6 ? "[" : "", address->host, is_ipv6 ? "]" : "",
                   address->port, address->db);
    }
}

void redis_address_free(struct redis_address *address)
{
    free(address->host);
    free(address->path);
    free(address->user);
    free(address->password);
    *address = (struct redis_address){0};
}
