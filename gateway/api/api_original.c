/* The original address: what the viewer asked the proxy for. */
#include "api_original.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define PATH_MAX_LEN (8 * 1024 - 1) /* bytes; a longer one names no title */

/* Where the path of an address begins; NULL where it has none. */
static const char *find_path(const char *address)
{
    if (*address != '/') {
        const char *authority = strstr(address, "://");

        if (authority == NULL)
            return NULL;
        authority += strlen("://");
        address = authority + strcspn(authority, "/?#\\");
    }
    return *address == '/' ? address : NULL;
}

/*
 * Matches the beginning of a path, len bytes of it, with a pattern. Returns the length of what matches, its
 * last slash left out, and the segment at {…}; 0 where it doesn't match.
 */
static size_t match(const char *pattern, const char *path, size_t len, const char **ret_segment,
                    size_t *ret_len)
{
    const char *brace = strchr(pattern, '{');
    const char *rest = strchr(brace, '}') + 1;
    size_t before = (size_t)(brace - pattern), after = strlen(rest);

    if (len < before || memcmp(path, pattern, before) != 0)
        return 0;
    const char *segment = path + before;
    const char *end = memchr(segment, '/', len - before);
    if (end == NULL || end == segment || len - (size_t)(end - path) < after ||
        memcmp(end, rest, after) != 0)
        return 0;
    *ret_segment = segment;
    *ret_len = (size_t)(end - segment);
    return (size_t)(end - path) + after - 1;
}

/*
 * Whether a segment, which ends at '/' or NUL, is empty within a path, "." or "..": also with parameters, which
 * some servers take off first ("..;a=b").
 */
static bool is_hollow(const char *segment)
{
    size_t dots = strspn(segment, ".");
    char end = segment[dots];

    return dots <= 2 && (end == '/' || end == ';' || (end == '\0' && dots > 0));
}

/* Whether every program reads a decoded path in the same way. */
static bool is_plain(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;

        if (c < 0x20 || c == 0x7f || c == '\\')
            return false;
        if (c == '/' && is_hollow(at + 1))
            return false;
    }
    return true;
}

/* Decodes the path of an address, once. Returns its length; -1 where it isn't plain. */
static int read_path(const char *address, char ret_path[PATH_MAX_LEN + 1])
{
    const char *raw = find_path(address);
    size_t len = raw != NULL ? strcspn(raw, "?") : 0;

    if (len == 0 || len > PATH_MAX_LEN)
        return -1;
    for (size_t i = 0; i < len; i++)
        if (raw[i] == '#' || (raw[i] == '%' && strncasecmp(raw + i, "%2f", 3) == 0))
            return -1; /* '#' stands in no request's path; some programs end it there */
    int decoded = text_percent_decode(raw, len, ret_path);
    return decoded > 0 && is_plain(ret_path) ? decoded : -1;
}

const char *api_original_pattern_fault(const char *pattern, const char *name)
{
    size_t len = strlen(pattern), name_len = strlen(name);
    const char *at = strstr(pattern, name);

    if (pattern[0] != '/' || pattern[len - 1] != '/')
        return "begin and end with '/'";
    if (at == NULL || at[-1] != '/' || at[name_len] != '/')
        return "have its {…} once, as a whole segment";
    if (strcspn(pattern, "{}") != (size_t)(at - pattern) || strpbrk(at + name_len, "{}") != NULL)
        return "have no further brace";
    if (strpbrk(pattern, "%?#") != NULL)
        return "be plain text: no '%', '?' or '#'";
    if (!is_plain(pattern))
        return "have no empty segment, no dot segment and no backslash";
    return NULL;
}

const char *api_original_token(const char *address, const char *pattern, size_t *ret_len)
{
    const char *path = find_path(address);
    const char *segment;

    if (path == NULL || match(pattern, path, strcspn(path, "?#"), &segment, ret_len) == 0)
        return NULL;
    return segment;
}

int api_original_media(const char *address, const char *token_path, const char *media_path,
                       session_name ret_media_id)
{
    char text[PATH_MAX_LEN + 1];
    const char *path = text, *segment;
    size_t segment_len;
    int len = read_path(address, text);

    if (len < 0)
        return -1;
    if (token_path != NULL)
        path += match(token_path, path, (size_t)len, &segment, &segment_len);
    if (match(media_path, path, strlen(path), &segment, &segment_len) == 0 ||
        segment_len > SESSION_NAME_MAX)
        return -1;
    memcpy(ret_media_id, segment, segment_len);
    ret_media_id[segment_len] = '\0';
    return 0;
}
