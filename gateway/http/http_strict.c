/* What libmicrohttpd lets by, though it must be refused. */
#include "http_strict.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http_value.h"

enum {
    TOKEN = 1 << 0, /* may stand in a method and in a header's name: tchar of RFC 9110 */
    HOST =
        1 << 1, /* may stand in a host's name: unreserved and sub-delims of RFC 3986, without '%' */
    TARGET =
        1 << 2, /* may stand in a request target: visible ASCII but '#', which begins a fragment */
};

#define ALPHA (TOKEN | HOST | TARGET)

/* clang-format off */
static const uint8_t classes[256] = {
    ['!'] = ALPHA, ['"'] = TARGET, ['#'] = TOKEN, ['$'] = ALPHA, ['%'] = TOKEN | TARGET,
    ['&'] = ALPHA, ['\''] = ALPHA, ['('] = HOST | TARGET, [')'] = HOST | TARGET, ['*'] = ALPHA,
    ['+'] = ALPHA, [','] = HOST | TARGET, ['-'] = ALPHA, ['.'] = ALPHA, ['/'] = TARGET,
    ['0' ... '9'] = ALPHA,
    [':'] = TARGET, [';'] = HOST | TARGET, ['<'] = TARGET, ['='] = HOST | TARGET, ['>'] = TARGET,
    ['?'] = TARGET, ['@'] = TARGET,
    ['A' ... 'Z'] = ALPHA,
    ['['] = TARGET, ['\\'] = TARGET, [']'] = TARGET, ['^'] = TOKEN | TARGET, ['_'] = ALPHA,
    ['`'] = TOKEN | TARGET,
    ['a' ... 'z'] = ALPHA,
    ['{'] = TARGET, ['|'] = TOKEN | TARGET, ['}'] = TARGET, ['~'] = ALPHA,
};
/* clang-format on */

/* Whether all of these bytes are of a class. */
static bool all_of(const char *text, size_t len, uint8_t class)
{
    uint8_t common = class;

    for (size_t i = 0; i < len; i++)
        common &= classes[(unsigned char)text[i]];
    return common != 0;
}

static bool is_digits(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && text[i] >= '0' && text[i] <= '9')
        i++;
    return i == len;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Whether this is a host's name, an IPv4 address or nothing at all: reg-name of RFC 3986. */
static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (i + 2 >= len || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
                return false;
            i += 2;
        } else if (!(classes[(unsigned char)text[i]] & HOST)) {
            return false;
        }
    }
    return true;
}

/* Whether this is `host` or `host:port`, the host a name or an address in brackets. */
static bool is_authority(const char *text, size_t len)
{
    const char *colon;
    size_t host_len;

    if (len > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', len);

        if (end == NULL || end == text + 1)
            return false;
        for (const char *at = text + 1; at < end; at++)
            if (*at != ':' && !(classes[(unsigned char)*at] & HOST))
                return false;
        host_len = (size_t)(end + 1 - text);
        colon = host_len < len ? end + 1 : NULL;
        if (colon != NULL && *colon != ':')
            return false;
    } else {
        colon = memchr(text, ':', len);
        host_len = colon != NULL ? (size_t)(colon - text) : len;
        if (!is_name(text, host_len))
            return false;
    }
    return colon == NULL || is_digits(colon + 1, len - host_len - 1);
}

void http_strict_header(struct http_strict *strict, const char *name, size_t name_len,
                        const char *value, size_t value_len)
{
    const char *fault = NULL;

    if (!all_of(name, name_len, TOKEN)) {
        fault = "A header's name holds a character that is not allowed there.";
    } else if (!http_value_is_sound(value, value_len)) {
        fault = "A header's value holds a control character.";
    } else if (name_len == 4 && strncasecmp(name, "Host", 4) == 0) {
        if (++strict->hosts > 1)
            fault = "There is more than one Host header.";
        else if (!is_authority(value, value_len))
            fault = "The Host header is neither a name nor an address.";
    } else if (name_len == 14 && strncasecmp(name, "Content-Length", 14) == 0) {
        if (++strict->lengths > 1)
            fault = "There is more than one Content-Length header.";
    } else if (name_len == 17 && strncasecmp(name, "Transfer-Encoding", 17) == 0) {
        if (++strict->encodings > 1)
            fault = "There is more than one Transfer-Encoding header.";
    }
    if (strict->fault == NULL)
        strict->fault = fault;
}

/* Where the authority of an absolute-form target begins; NULL where the target isn't of that form.
 */
static char *authority_of(char *target)
{
    if (strncasecmp(target, "http://", 7) == 0)
        return target + 7;
    if (strncasecmp(target, "https://", 8) == 0)
        return target + 8;
    return NULL;
}

/* Path and query of a target in any form that suits the method; NULL where it is in none. */
static const char *path_of(const char *method, char *target)
{
    if (strcmp(method, "CONNECT") == 0) {
        size_t len = strlen(target);
        return strchr(target, ':') != NULL && is_authority(target, len) ? target : NULL;
    }
    if (target[0] == '/' || (strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0))
        return target;

    char *authority = authority_of(target);
    if (authority == NULL)
        return NULL;
    size_t len = strcspn(authority, "/?");
    if (len == 0 || !is_authority(authority, len))
        return NULL;
    char *path = authority + len;
    if (*path != '/')
        *--path = '/'; /* "http://host?query" and "http://host" have an empty path, which is "/" */
    return path;
}

const char *http_strict_request(const struct http_strict *strict, const char *method,
                                const char *version, char *target, const char **ret_target)
{
    if (strict->fault != NULL)
        return strict->fault;
    if (!all_of(method, strlen(method), TOKEN))
        return "The method holds a character that is not allowed there.";
    if (strict->encodings > 0 && strcmp(version, "HTTP/1.0") == 0)
        return "HTTP/1.0 has no Transfer-Encoding.";
    if (!all_of(target, strlen(target), TARGET))
        return "The request target holds a character that must be percent-encoded.";
    *ret_target = path_of(method, target);
    return *ret_target != NULL ? NULL
                               : "The request target is not of a form that suits the method.";
}
