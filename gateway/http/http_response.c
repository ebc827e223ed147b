/*
 * An answer, on top of libmicrohttpd's own.
 *
 * A shared response is one struct MHD_Response for everybody, and yet every answer has headers of
 * its own, X-Request-Id at least. They are put onto it just before it is queued and taken off
 * before it is queued the next time: a response is queued from the access handler only, and
 * libmicrohttpd 1.0.1 copies the headers into the connection's buffer as soon as that returns
 * (MHD_connection_handle_idle goes on to build_header_response), before any other connection is
 * served. X-Request-Id and Date stay on it, and where an id is as long as the last one it is written over that:
 * the hottest answers allocate nothing.
 */
#include "http_response.h"

#include <stdlib.h>
#include <string.h>

#include "http_private.h"

enum { STREAM_BLOCK = 4096 }; /* bytes read at a time, where the client speaks HTTP/1.0 */

struct http_response {
    unsigned references;      /* holders */
    int status;               /* HTTP status code */
    struct MHD_Response *mhd; /* headers and body */
    char *id,
        *date; /* values of its X-Request-Id and Date, in mhd's memory; NULL: it has none yet */
    struct buf added; /* headers on it that belong to the last answer: name NUL value NUL … */
};

struct http_response *http_response_new(int status, const char *content_type, const void *body,
                                        size_t len)
{
    struct http_response *response = calloc(1, sizeof *response);

    if (response == NULL)
        return NULL;
    response->references = 1;
    response->status = status;
    response->mhd = MHD_create_response_from_buffer_copy(len, body);
    if (response->mhd == NULL ||
        (content_type != NULL &&
         http_response_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != 0)) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

struct http_response *http_response_new_stream(const char *content_type,
                                               MHD_ContentReaderCallback reader, void *arg)
{
    struct http_response *response = calloc(1, sizeof *response);

    if (response == NULL)
        return NULL;
    response->references = 1;
    response->status = MHD_HTTP_OK;
    response->mhd =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, reader, arg, NULL);
    if (response->mhd == NULL ||
        http_response_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != 0 ||
        http_response_guard(response) != 0) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

bool http_header_is_sound(const char *value)
{
    for (; *value != '\0'; value++)
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

int http_response_add_header(struct http_response *response, const char *name, const char *value)
{
    if (!http_header_is_sound(value))
        return -1;
    return MHD_add_response_header(response->mhd, name, value) == MHD_YES ? 0 : -1;
}

int http_response_guard(struct http_response *response)
{
    return http_response_add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == 0 &&
                   http_response_add_header(response, "X-Content-Type-Options", "nosniff") == 0
               ? 0
               : -1;
}

struct http_response *http_response_ref(struct http_response *response)
{
    response->references++;
    return response;
}

void http_response_unref(struct http_response *response)
{
    if (response == NULL || --response->references > 0)
        return;
    if (response->mhd != NULL)
        MHD_destroy_response(response->mhd);
    buf_done(&response->added);
    free(response);
}

int http_response_status(const struct http_response *response)
{
    return response->status;
}

/* Goes through "name NUL value NUL …": moves *at behind the next pair, false at the end. */
static bool next_pair(const struct buf *pairs, size_t *at, const char **ret_name,
                      const char **ret_value)
{
    if (*at >= pairs->len)
        return false;
    *ret_name = pairs->data + *at;
    *ret_value = *ret_name + strlen(*ret_name) + 1;
    *at += strlen(*ret_name) + strlen(*ret_value) + 2;
    return true;
}

/* Takes off what the last answer had for itself. */
static void take_off(struct http_response *response)
{
    const char *name, *value;
    size_t at = 0;

    while (next_pair(&response->added, &at, &name, &value))
        MHD_del_response_header(response->mhd, name, value);
    buf_clear(&response->added);
}

/*
 * Gives it a header that every answer has with another value; *kept is the value that is on it, NULL before the first.
 * libmicrohttpd gives out the text that it sends as const, though it keeps a copy of its own for as long as the header is
 * there.
 */
static int put(struct http_response *response, const char *name, const char *value, char **kept)
{
    size_t len = strlen(value);

    if (*kept != NULL && strlen(*kept) == len) {
        memcpy(*kept, value, len);
        return 0;
    }
    if (*kept != NULL)
        MHD_del_response_header(response->mhd, name, *kept);
    *kept = NULL;
    if (MHD_add_response_header(response->mhd, name, value) != MHD_YES)
        return -1;
    *kept = (char *)MHD_get_response_header(response->mhd, name);
    return 0;
}

/* Puts on what this answer has for itself. */
static int put_on(struct http_response *response, const struct http_request *req)
{
    const char *name, *value;
    size_t at = 0;

    if (req->added.failed || put(response, "X-Request-Id", req->id, &response->id) != 0)
        return -1;
    if (response->references > 1) {
        /* libmicrohttpd makes a Date anew for each answer that has none; worth the header where it stays. */
        if (put(response, MHD_HTTP_HEADER_DATE, req->server->date, &response->date) != 0)
            return -1;
        buf_add(&response->added, req->added.data, req->added.len);
        if (response->added.failed)
            return -1;
    }
    while (next_pair(&req->added, &at, &name, &value))
        if (MHD_add_response_header(response->mhd, name, value) != MHD_YES)
            return -1;
    return 0;
}

enum MHD_Result http_response_queue(struct http_response *response, struct http_request *req)
{
    enum MHD_Result result = MHD_NO;

    take_off(response);
    if (put_on(response, req) == 0)
        result = MHD_queue_response(req->connection, (unsigned)response->status, response->mhd);
    http_response_unref(response);
    return result;
}
