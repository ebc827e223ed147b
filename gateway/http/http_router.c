/* Finds the route of a request. */
#include "http_router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "http_server.h"
#include "text.h"

enum { SEGMENTS_MAX = 12 }; /* of a pattern, and of a path that a pattern without rest may match */

enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST };

struct pattern {
    const struct http_route *route; /* whose pattern this is */
    size_t literal_len;             /* of one that a path equals or doesn't match; else 0 */
    size_t count;                   /* segments */
    struct {
        enum segment_kind kind; /* what it matches */
        const char *text;       /* a literal's; not NUL-terminated */
        size_t len;             /* of text */
    } segments[SEGMENTS_MAX];
};

struct http_router {
    size_t count;              /* patterns */
    struct pattern patterns[]; /* in the table's order */
};

/* A path, split and decoded. */
struct path {
    size_t count; /* segments; SEGMENTS_MAX + 1 stands for any number above SEGMENTS_MAX */
    bool ill;     /* at least one of them is ill-encoded */
    struct {
        const char *raw;  /* as sent, up to the end of the path */
        const char *text; /* decoded, NUL-terminated */
        int len;          /* of text; -1 where it is ill-encoded: it matches nothing then */
    } segments[SEGMENTS_MAX];
};

static enum segment_kind kind_of(const char *text, size_t len)
{
    if (len <= 2 || text[0] != '{' || text[len - 1] != '}')
        return SEGMENT_LITERAL;
    return text[len - 2] == '*' ? SEGMENT_REST : SEGMENT_PARAM;
}

/* Reads a route's pattern. Returns 0, or -1 where there can be no such pattern. */
static int read_pattern(const struct http_route *route, struct pattern *ret)
{
    const char *at = route->pattern;
    size_t params = 0;

    ret->route = route;
    ret->count = 0;
    while (*at == '/') {
        size_t len = strcspn(++at, "/");
        enum segment_kind kind = kind_of(at, len);

        if (ret->count == SEGMENTS_MAX || (kind != SEGMENT_LITERAL && params++ == HTTP_PARAMS_MAX))
            return -1;
        ret->segments[ret->count].kind = kind;
        ret->segments[ret->count].text = at;
        ret->segments[ret->count].len = len;
        ret->count++;
        at += len;
        if (kind == SEGMENT_REST)
            break; /* the last one */
    }
    return *at == '\0' && ret->count > 0 ? 0 : -1;
}

/*
 * Splits and decodes a path. Its storage gets the path as it is, which a {rest*} matches, and
 * behind it room for the segments decoded. Returns 0, or -1 where memory runs out.
 */
static int split(const char *path, size_t path_len, struct buf *storage, struct path *ret)
{
    ret->count = 0;
    ret->ill = false;
    buf_clear(storage);
    buf_add(storage, path, path_len);
    buf_add_char(storage, '\0');
    buf_add(storage, path, path_len);
    buf_add_char(storage, '\0');
    if (storage->failed)
        return -1;

    const char *raw = storage->data;
    char *text = storage->data + path_len + 1;

    while (*raw == '/') {
        size_t len = strcspn(raw + 1, "/");

        if (ret->count == SEGMENTS_MAX) {
            ret->count++;
            break;
        }
        ret->segments[ret->count].raw = raw + 1;
        ret->segments[ret->count].text = text;
        ret->segments[ret->count].len = text_percent_decode(raw + 1, len, text);
        if (ret->segments[ret->count].len < 0)
            ret->ill = true;
        ret->count++;
        raw += len + 1;
        text += len + 1;
    }
    return 0;
}

/* Whether a pattern matches a path; notes the params where it does. */
static bool matches(const struct pattern *pattern, const struct path *path,
                    struct http_match *match)
{
    bool has_rest = pattern->segments[pattern->count - 1].kind == SEGMENT_REST;

    if (has_rest ? path->count < pattern->count : path->count != pattern->count)
        return false;
    match->param_count = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        int len = path->segments[i].len;

        switch (pattern->segments[i].kind) {
        case SEGMENT_LITERAL:
            if (len != (int)pattern->segments[i].len ||
                memcmp(path->segments[i].text, pattern->segments[i].text, (size_t)len) != 0)
                return false;
            break;
        case SEGMENT_PARAM:
            if (len <= 0)
                return false;
            match->params[match->param_count++] = path->segments[i].text;
            break;
        case SEGMENT_REST:
            match->params[match->param_count++] = path->segments[i].raw;
            break;
        }
    }
    return true;
}

/*
 * Notes which patterns need not be looked at segment by segment: those of literals alone, whose path no earlier
 * pattern matches too. Returns 0, or -1 where memory runs out.
 */
static int find_literals(struct http_router *router)
{
    struct http_match match = {0};
    int rc = 0;

    for (size_t i = 0; i < router->count && rc == 0; i++) {
        struct pattern *pattern = &router->patterns[i];
        const char *text = pattern->route->pattern;
        struct path path;
        size_t first = 0;

        rc = split(text, strlen(text), &match.storage, &path);
        /* Others that are literally the same stand for other methods. */
        while (rc == 0 && first < i &&
               (!matches(&router->patterns[first], &path, &match) || match.param_count == 0))
            first++;
        if (rc == 0 && first == i && matches(pattern, &path, &match) && match.param_count == 0)
            pattern->literal_len = strlen(text);
    }
    http_match_done(&match);
    return rc;
}

struct http_router *http_router_new(const struct http_route *routes, size_t count)
{
    struct http_router *router = calloc(1, sizeof *router + count * sizeof router->patterns[0]);

    if (router == NULL)
        return NULL;
    router->count = count;
    for (size_t i = 0; i < count; i++)
        if (read_pattern(&routes[i], &router->patterns[i]) != 0)
            goto fail;
    if (find_literals(router) != 0)
        goto fail;
    return router;

fail:
    http_router_free(router);
    return NULL;
}

void http_router_free(struct http_router *router)
{
    free(router);
}

static bool takes_method(const struct http_route *route, const char *method)
{
    return (route->flags & HTTP_ANY_METHOD) || strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* Whether a list of methods ("GET, HEAD") has this one. */
static bool lists(const struct buf *methods, const char *method)
{
    size_t len = strlen(method), word_len;

    for (size_t at = 0; at < methods->len; at += word_len + 2) {
        const char *word = methods->data + at, *comma = memchr(word, ',', methods->len - at);

        word_len = comma != NULL ? (size_t)(comma - word) : methods->len - at;
        if (word_len == len && memcmp(word, method, len) == 0)
            return true;
    }
    return false;
}

static void add_method(struct buf *methods, const char *method)
{
    if (lists(methods, method))
        return;
    if (methods->len > 0)
        buf_add_str(methods, ", ");
    buf_add_str(methods, method);
    if (strcmp(method, "GET") == 0)
        add_method(methods, "HEAD");
}

/* Whether a path is a route's pattern to the letter, as the hottest one's is: it need not be taken apart. */
static bool find_literally(const struct http_router *router, const char *method, const char *path,
                           size_t path_len, struct http_match *match)
{
    for (size_t i = 0; i < router->count && path_len > 0; i++) {
        const struct pattern *pattern = &router->patterns[i];

        if (pattern->literal_len == path_len &&
            memcmp(pattern->route->pattern, path, path_len) == 0 &&
            takes_method(pattern->route, method)) {
            match->route = pattern->route;
            match->ill = false;
            return true;
        }
    }
    return false;
}

enum err http_router_find(const struct http_router *router, const char *method, const char *path,
                          size_t path_len, struct http_match *match)
{
    struct path segments;

    match->route = NULL;
    match->param_count = 0;
    buf_clear(&match->allow);
    if (find_literally(router, method, path, path_len, match))
        return ERR_OK;
    if (split(path, path_len, &match->storage, &segments) != 0)
        return ERR_INTERNAL;
    match->ill = segments.ill;
    for (size_t i = 0; i < router->count; i++) {
        const struct http_route *route = router->patterns[i].route;

        if (!matches(&router->patterns[i], &segments, match))
            continue;
        if (takes_method(route, method)) {
            match->route = route;
            return ERR_OK;
        }
        add_method(&match->allow, route->method);
    }
    if (match->allow.failed)
        return ERR_INTERNAL;
    if (match->allow.len > 0)
        return ERR_METHOD_NOT_ALLOWED;
    return segments.ill ? ERR_INVALID_REQUEST : ERR_NOT_FOUND;
}

void http_match_done(struct http_match *match)
{
    buf_done(&match->storage);
    buf_done(&match->allow);
}
