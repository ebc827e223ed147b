/* Pages of other origins as callers. */
#include "http_cors.h"

#include <string.h>

#include "http_private.h"
#include "http_response.h"

/* Any method may be asked of a route that takes all. */
static const char any_method[] = "GET, HEAD, POST, PUT, DELETE";

bool http_cors_is_origin(const char *text)
{
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789-._[]:";
    bool secure = strncmp(text, "https://", 8) == 0;

    if (strcmp(text, "*") == 0)
        return true;
    if (!secure && strncmp(text, "http://", 7) != 0)
        return false;
    text += secure ? 8 : 7;

    const char *port = text[0] == '[' ? strchr(text, ']') : text;
    if (port == NULL || text[0] == '\0' || text[0] == ':' || text[strspn(text, host)] != '\0')
        return false;
    port = strchr(port, ':');
    return port == NULL || (port[1] != '\0' && strspn(port + 1, "0123456789") == strlen(port + 1) &&
                            strcmp(port, secure ? ":443" : ":80") != 0);
}

static const struct http_cors *cors_of(const struct http_request *req)
{
    return &req->server->options.cors;
}

/* The origin of the page that asks, as the answer repeats it; NULL: it may not. */
static const char *allowed_origin(const struct http_request *req)
{
    const struct http_cors *cors = cors_of(req);
    const char *origin = req->headers[HTTP_ORIGIN];

    for (size_t i = 0; i < cors->count; i++) {
        if (strcmp(cors->origins[i], "*") == 0)
            return "*";
        if (strcmp(cors->origins[i], origin) == 0)
            return cors->origins[i];
    }
    return NULL;
}

void http_cors_mark(struct http_request *req)
{
    const struct http_cors *cors = cors_of(req);

    if (cors->count == 0 || req->headers[HTTP_ORIGIN] == NULL)
        return;
    const char *origin = allowed_origin(req);
    http_request_add_header(req, "Vary", "Origin");
    if (origin == NULL)
        return;
    http_request_add_header(req, "Access-Control-Allow-Origin", origin);
    http_request_add_header(req, "Access-Control-Expose-Headers", cors->exposed);
    if (strcmp(origin, "*") != 0)
        http_request_add_header(req, "Access-Control-Allow-Credentials", "true");
}

/* The methods of a path, as a list; NULL where it has none. */
static const char *methods_of(struct http_request *req)
{
    enum err err = http_router_find(req->server->router, "OPTIONS", req->target,
                                    strcspn(req->target, "?"), &req->match);

    if (err == ERR_OK)
        return any_method;
    return err == ERR_METHOD_NOT_ALLOWED ? buf_text(&req->match.allow) : NULL;
}

bool http_cors_preflight(struct http_request *req)
{
    const struct http_cors *cors = cors_of(req);

    if (cors->count == 0 || req->headers[HTTP_ORIGIN] == NULL ||
        req->headers[HTTP_ACCESS_CONTROL_REQUEST_METHOD] == NULL ||
        strcmp(req->method, "OPTIONS") != 0)
        return false;
    const char *methods = methods_of(req);
    if (methods == NULL)
        return false;
    if (allowed_origin(req) != NULL) {
        http_request_add_header(req, "Access-Control-Allow-Methods", methods);
        http_request_add_header(req, "Access-Control-Allow-Headers", cors->headers);
        http_request_add_header(req, "Access-Control-Max-Age", cors->max_age_s);
    }
    http_reply(req, http_response_new(MHD_HTTP_NO_CONTENT, NULL, NULL, 0));
    return true;
}
