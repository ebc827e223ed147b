/*
 * An answer, on top of libmicrohttpd's own.
 *
 * A shared response is one struct MHD_Response for everybody, and yet every answer has headers of
 * its own, X-Request-Id at least. They are put onto it just before it is queued, and stay until it is queued the next
 * time: a response is queued from the access handler only, and libmicrohttpd 1.0.1 copies the headers into the
 * connection's buffer as soon as that returns (MHD_connection_handle_idle goes on to build_header_response), before any
 * other connection is served. A Date is among them, since libmicrohttpd would make one for each answer. Where the next answer has the same headers, with values of the same lengths, these are
 * written over the last one's, so that the hottest answers allocate nothing; else those come off first.
 */
#include "http_response.h"

#include <stdlib.h>
#include <string.h>

#include "http_private.h"
#include "http_value.h"

enum { STREAM_BLOCK = 4096 }; /* bytes read at a time, where the client speaks HTTP/1.0 */

struct http_response {
    unsigned references;        /* holders */
    int status;                 /* HTTP status code */
    bool closes;                /* it says that the connection closes */
    char *body;                 /* of one that is to be used again; NULL: it isn't */
    size_t len;                 /* of body */
    struct http_response *next; /* among the spare ones */
    struct MHD_Response *mhd;   /* headers and body */
    size_t kept_count;          /* headers on it that belong to the last answer */
    struct {
        const char *name; /* a literal */
        char *value;      /* in libmicrohttpd's memory */
        size_t len;       /* of value */
    } kept[HTTP_ADDED_MAX + 1];
};

/* A response around libmicrohttpd's, which it takes over. NULL where memory runs out, as where mhd is NULL. */
static struct http_response *wrap(int status, const char *content_type, struct MHD_Response *mhd)
{
    struct http_response *response = mhd != NULL ? calloc(1, sizeof *response) : NULL;

    if (response == NULL) {
        if (mhd != NULL)
            MHD_destroy_response(mhd);
        return NULL;
    }
    response->references = 1;
    response->status = status;
    response->mhd = mhd;
    if (content_type != NULL &&
        http_response_add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != 0) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

/* The same response, guarded; NULL where it is, or where memory runs out. */
static struct http_response *guarded(struct http_response *response)
{
    if (response != NULL && http_response_guard(response) != 0) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

struct http_response *http_response_new(int status, const char *content_type, const void *body,
                                        size_t len)
{
    return wrap(status, content_type, MHD_create_response_from_buffer_copy(len, body));
}

struct http_response *http_response_new_stream(const char *content_type,
                                               MHD_ContentReaderCallback reader, void *arg)
{
    return guarded(
        wrap(MHD_HTTP_OK, content_type,
             MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, reader, arg, NULL)));
}

int http_response_add_header(struct http_response *response, const char *name, const char *value)
{
    if (!http_value_is_sound(value, strlen(value)))
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
    free(response->body);
    free(response);
}

int http_response_status(const struct http_response *response)
{
    return response->status;
}

/*
 * Answers that are used again: a gateway's most frequent JSON, that of heartbeats and creates, is mostly as long, and
 * making a response with its headers takes a dozen allocations.
 */
enum {
    SPARE_BODY_MAX = 2048, /* bytes of their bodies */
    SPARE_MAX = 512        /* of them are kept */
};

static struct http_response **spare_of(struct http_server *server, int status, size_t len)
{
    return &server->spare_answers[((size_t)status + len) % HTTP_SPARE_KINDS];
}

static struct http_response *new_json(int status, const void *body, size_t len)
{
    static const char type[] = "application/json";
    struct http_response *response;
    char *copy;

    if (len > SPARE_BODY_MAX)
        return guarded(http_response_new(status, type, body, len));
    copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, body, len);
    response = guarded(wrap(status, type, MHD_create_response_from_buffer_static(len, copy)));
    if (response == NULL) {
        free(copy);
        return NULL;
    }
    response->body = copy;
    response->len = len;
    return response;
}

struct http_response *http_response_take_json(struct http_server *server, int status,
                                              const void *body, size_t len)
{
    struct http_response **spare = spare_of(server, status, len);
    struct http_response *response = *spare;

    if (response == NULL || response->status != status || response->len != len)
        return new_json(status, body, len);
    *spare = response->next;
    server->spare_answer_count--;
    memcpy(response->body, body, len);
    return response;
}

static bool is_alike(const struct http_response *one, const struct http_response *other)
{
    return one->status == other->status && one->len == other->len;
}

static void free_list(struct http_server *server, struct http_response **spare)
{
    struct http_response *response;

    while ((response = *spare) != NULL) {
        *spare = response->next;
        server->spare_answer_count--;
        http_response_unref(response);
    }
}

void http_response_give_back(struct http_server *server, struct http_response *response)
{
    if (response == NULL)
        return;

    struct http_response **spare = spare_of(server, response->status, response->len);
    if (*spare != NULL && !is_alike(*spare, response)) /* what comes more often prevails */
        free_list(server, spare);
    if (server->spare_answer_count == SPARE_MAX) {
        http_response_unref(response);
        return;
    }
    response->next = *spare;
    *spare = response;
    server->spare_answer_count++;
}

void http_response_free_spare(struct http_server *server)
{
    for (size_t i = 0; i < HTTP_SPARE_KINDS; i++)
        free_list(server, &server->spare_answers[i]);
}

/* Takes off what the last answer had for itself. */
static void take_off(struct http_response *response)
{
    while (response->kept_count > 0) {
        response->kept_count--;
        MHD_del_response_header(response->mhd, response->kept[response->kept_count].name,
                                response->kept[response->kept_count].value);
    }
}

/*
 * Puts a header onto it. libmicrohttpd gives out the text that it sends as const, though it keeps a copy of its own for
 * as long as the header is there.
 */
static int put(struct http_response *response, const char *name, const char *value, size_t len)
{
    size_t n = response->kept_count;

    if (MHD_add_response_header(response->mhd, name, value) != MHD_YES)
        return -1;
    response->kept[n].name = name;
    response->kept[n].value = (char *)MHD_get_response_header(response->mhd, name);
    response->kept[n].len = len;
    response->kept_count++;
    return 0;
}

/* Writes a header's value over that of the last answer's n-th. false: that is another, or of another length. */
static bool write_over(struct http_response *response, size_t n, const char *name,
                       const char *value, size_t len)
{
    if (response->kept[n].len != len ||
        (response->kept[n].name != name && strcmp(response->kept[n].name, name) != 0))
        return false;
    memcpy(response->kept[n].value, value, len);
    return true;
}

/* Gives it the headers of an answer, and where it stays a Date, which libmicrohttpd would make anew each time. */
static int dress(struct http_response *response, const struct http_request *req)
{
    const struct http_added *added = &req->added;
    bool is_dated = response->references > 1 || response->body != NULL;
    size_t n = 0;

    if (added->failed)
        return -1;
    if (response->kept_count == added->count + is_dated) {
        while (n < added->count &&
               write_over(response, n, added->fields[n].name,
                          added->values.data + added->fields[n].at, added->fields[n].len))
            n++;
        if (n == added->count && (!is_dated || write_over(response, n, MHD_HTTP_HEADER_DATE,
                                                          req->server->date, HTTP_DATE_LEN)))
            return 0;
    }
    take_off(response);
    for (n = 0; n < added->count; n++)
        if (put(response, added->fields[n].name, added->values.data + added->fields[n].at,
                added->fields[n].len) != 0)
            return -1;
    return is_dated ? put(response, MHD_HTTP_HEADER_DATE, req->server->date, HTTP_DATE_LEN) : 0;
}

/*
 * Has it say that the connection closes, if that is so: from then on it is so for every answer. What else is on it comes
 * off before, since with a Connection header libmicrohttpd forgets that there is a Date.
 */
static int say_whether_it_closes(struct http_response *response, const struct http_server *server)
{
    if (response->closes || !server->quiesced)
        return 0;
    take_off(response);
    response->closes = true;
    return http_response_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

enum MHD_Result http_response_queue(struct http_response *response, struct http_request *req)
{
    enum MHD_Result result = MHD_NO;

    if (say_whether_it_closes(response, req->server) == 0 && dress(response, req) == 0)
        result = MHD_queue_response(req->connection, (unsigned)response->status, response->mhd);
    if (response->body != NULL)
        req->sent = response;
    else
        http_response_unref(response);
    return result;
}
