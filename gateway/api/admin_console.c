/*
 * The operator's console: the files of gateway/web, which hold no secret and so need no token.
 *
 * A browser keeps them, and asks each time whether they are still the same (ETag): a console of yesterday's
 * gateway would speak to today's. The policy lets a page run and load nothing but what came from here, so that
 * a name which a stranger chose stays text whatever is in it.
 */
#include <stdio.h>
#include <string.h>

#include "api_private.h"
#include "web.h"

#define ETAG_LEN 16 /* digits of the hash */

static const struct {
    const char *name, *value; /* of a header */
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"}, /* for browsers that don't know frame-ancestors */
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
};

/* Whether If-None-Match names the tag, or any; a weak one counts as well (RFC 9110, section 13.1.2). */
static bool is_known(const char *if_none_match, const char *etag)
{
    return if_none_match != NULL &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag) != NULL);
}

/* The answer with all its headers. NULL where memory runs out. */
static struct http_response *build(const struct web_file *file, const char *if_none_match)
{
    char etag[ETAG_LEN + 3];
    struct http_response *response;

    snprintf(etag, sizeof etag, "\"%.*s\"", ETAG_LEN, file->hash);
    response = is_known(if_none_match, etag)
                   ? http_response_new(304, NULL, NULL, 0)
                   : http_response_new(200, file->type, file->body, file->len);
    if (response == NULL)
        return NULL;

    bool whole = http_response_add_header(response, "ETag", etag) == 0;

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        whole = whole && http_response_add_header(response, headers[i].name, headers[i].value) == 0;
    if (!whole) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

void admin_console(struct http_request *http)
{
    const char *target = http_request_target(http);
    struct web_file file;

    if (!web_file_find(target, strcspn(target, "?"), &file)) {
        http_problem(http, ERR_NOT_FOUND, NULL);
        return;
    }
    http_reply(http, build(&file, http_request_header(http, HTTP_IF_NONE_MATCH)));
}
