/* A request: its parts, and the answer it gets. */
#include "http_request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_private.h"
#include "http_response.h"
#include "http_strict.h"
#include "http_value.h"
#include "text.h"

/* What is kept for requests to come: so many, with bodies of at most so many bytes. */
enum { SPARE_MAX = 1024, KEPT_BODY = 4 * 1024 };

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct {
    const char *text; /* in lower case */
    size_t len;       /* of text */
} header_names[HTTP_HEADER_COUNT] = {
    [HTTP_ACCESS_CONTROL_REQUEST_METHOD] = NAME("access-control-request-method"),
    [HTTP_AUTHORIZATION] = NAME("authorization"),
    [HTTP_CONTENT_LENGTH] = NAME("content-length"),
    [HTTP_CONTENT_TYPE] = NAME("content-type"),
    [HTTP_COOKIE] = NAME("cookie"),
    [HTTP_FORWARDED] = NAME("forwarded"),
    [HTTP_HOST] = NAME("host"),
    [HTTP_IF_NONE_MATCH] = NAME("if-none-match"),
    [HTTP_LAST_EVENT_ID] = NAME("last-event-id"),
    [HTTP_ORIGIN] = NAME("origin"),
    [HTTP_TRANSFER_ENCODING] = NAME("transfer-encoding"),
    [HTTP_VIA] = NAME("via"),
    [HTTP_X_FORWARDED_ANY] = NAME(""), /* see read_header */
    [HTTP_X_FORWARDED_FOR] = NAME("x-forwarded-for"),
    [HTTP_X_FORWARDED_URI] = NAME("x-forwarded-uri"),
    [HTTP_X_ORIGINAL_URI] = NAME("x-original-uri"),
    [HTTP_X_ORIGINAL_URL] = NAME("x-original-url"),
    [HTTP_X_REAL_IP] = NAME("x-real-ip"),
    [HTTP_X_REQUEST_ID] = NAME("x-request-id"),
    [HTTP_X_STREAM_TOKEN] = NAME("x-stream-token"),
};

void http_request_index_names(struct http_server *server)
{
    static_assert(HTTP_HEADER_COUNT <= 32, "named and repeated have a bit for each");

    for (int i = 0; i < HTTP_HEADER_COUNT; i++) {
        assert(header_names[i].len <= HTTP_NAME_MAX);
        server->named[header_names[i].len] |= UINT32_C(1) << i;
    }
}

struct http_request *http_request_new(struct http_server *server)
{
    struct http_request *req = server->spare;

    if (req != NULL) {
        server->spare = req->next;
        server->spare_count--;
    } else if ((req = calloc(1, sizeof *req)) == NULL) {
        return NULL;
    }
    req->server = server;
    return req;
}

/* Makes it as good as new, but for the memory that its buffers have. */
static void clear(struct http_request *req)
{
    memset(req, 0, offsetof(struct http_request, match));
    req->match.route = NULL;
    req->match.param_count = 0;
    if (req->body.cap > KEPT_BODY)
        buf_done(&req->body);
    buf_clear(&req->raw_target);
    buf_clear(&req->body);
    buf_clear(&req->added.values);
    req->added.count = 0;
    req->added.failed = false;
}

static void free_request(struct http_request *req)
{
    http_match_done(&req->match);
    buf_done(&req->raw_target);
    buf_done(&req->body);
    buf_done(&req->added.values);
    free(req);
}

void http_request_release(struct http_request *req)
{
    struct http_server *server = req->server;

    http_response_unref(req->response);
    server->body_bytes -= req->body.len;
    if (server->spare_count == SPARE_MAX) {
        free_request(req);
        return;
    }
    clear(req);
    req->next = server->spare;
    server->spare = req;
    server->spare_count++;
}

void http_request_free_spare(struct http_server *server)
{
    struct http_request *req;

    while ((req = server->spare) != NULL) {
        server->spare = req->next;
        free_request(req);
    }
}

/* ---- taking the head in ---- */

struct head_reader {
    struct http_request *req;  /* gets the headers */
    struct http_strict strict; /* looks at them */
};

static enum MHD_Result read_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    static const char forwarded[] = "x-forwarded-";
    struct head_reader *reader = cls;
    struct http_request *req = reader->req;
    (void)kind;

    http_strict_header(&reader->strict, name, name_len, value, value_len);
    if (name_len >= sizeof forwarded && strncasecmp(name, forwarded, sizeof forwarded - 1) == 0 &&
        req->headers[HTTP_X_FORWARDED_ANY] == NULL)
        req->headers[HTTP_X_FORWARDED_ANY] = value;

    uint32_t candidates = name_len <= HTTP_NAME_MAX ? req->server->named[name_len] : 0;
    for (; candidates != 0; candidates &= candidates - 1) {
        int i = __builtin_ctz(candidates);

        if (strncasecmp(header_names[i].text, name, name_len) != 0)
            continue;
        if (req->headers[i] == NULL)
            req->headers[i] = value;
        else
            req->repeated |= UINT32_C(1) << i;
        break;
    }
    return MHD_YES;
}

/* Whether a client's X-Request-Id may be repeated in answers and logs. */
static bool is_id(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strspn(text, allowed);

    return len > 0 && len <= HTTP_ID_MAX && text[len] == '\0';
}

void http_request_make_id(struct http_request *req)
{
    static const char digits[] = "0123456789abcdef";
    /* An odd step goes through all 2^64 values before one comes again; this one also looks random.
     */
    uint64_t id = req->server->next_id += 0x9e3779b97f4a7c15;

    for (int i = 0; i < 16; i++, id >>= 4)
        req->id[i] = digits[id & 15];
    req->id[16] = '\0';
}

const char *http_request_read_head(struct http_request *req, const char *method,
                                   const char *version)
{
    struct head_reader reader = {.req = req};
    const char *fault;

    req->method = method;
    MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, read_header, &reader);
    if (req->headers[HTTP_X_REQUEST_ID] != NULL && is_id(req->headers[HTTP_X_REQUEST_ID]))
        strcpy(req->id, req->headers[HTTP_X_REQUEST_ID]);
    else
        http_request_make_id(req);

    fault =
        http_strict_request(&reader.strict, method, version, req->raw_target.data, &req->target);
    if (fault != NULL)
        return fault;

    const char *length = req->headers[HTTP_CONTENT_LENGTH];
    req->content_length = length != NULL ? strtoull(length, NULL, 10) : 0;
    req->has_body = req->content_length > 0 || req->headers[HTTP_TRANSFER_ENCODING] != NULL;
    return NULL;
}

/* ---- what handlers ask ---- */

const char *http_request_header(const struct http_request *req, enum http_header header)
{
    return req->headers[header];
}

bool http_request_header_is_repeated(const struct http_request *req, enum http_header header)
{
    return req->repeated >> header & 1;
}

const char *http_request_target(const struct http_request *req)
{
    return req->target;
}

const char *http_request_param(const struct http_request *req, size_t n)
{
    return n < req->match.param_count ? req->match.params[n] : NULL;
}

const char *http_request_body(const struct http_request *req, size_t *ret_len)
{
    *ret_len = req->body.len;
    return req->body.len > 0 ? req->body.data : "";
}

const char *http_request_id(const struct http_request *req)
{
    return req->id;
}

/* What reads the lines of one header. */
struct forwarded_reader {
    const struct http_proxies *proxies; /* who is believed */
    size_t header;                      /* which header */
    void (*read)(const struct http_proxies *proxies, const char *line, size_t len,
                 struct net_address *client); /* reads one line */
    struct net_address *client;               /* what it makes of them */
};

static enum MHD_Result read_line(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    const struct forwarded_reader *reader = cls;
    (void)kind;

    if (header_names[reader->header].len == name_len &&
        strncasecmp(header_names[reader->header].text, name, name_len) == 0)
        reader->read(reader->proxies, value, value_len, reader->client);
    return MHD_YES;
}

/* Reads all lines of a header, if it is there. */
static void read_forwarded(const struct http_request *req, enum http_header header,
                           void (*read)(const struct http_proxies *proxies, const char *line,
                                        size_t len, struct net_address *client),
                           struct net_address *client)
{
    struct forwarded_reader reader = {&req->server->options.proxies, header, read, client};

    if (req->headers[header] != NULL)
        MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, read_line, &reader);
}

void http_request_client(const struct http_request *req, char ret_client[HTTP_CLIENT_SIZE])
{
    struct net_address client = {0};

    strcpy(ret_client, req->client->peer.name);
    if (!req->client->peer.is_trusted || req->is_headless)
        return;
    read_forwarded(req, HTTP_X_FORWARDED_FOR, http_forwarded_read_list, &client);
    if (req->headers[HTTP_X_FORWARDED_FOR] == NULL)
        read_forwarded(req, HTTP_FORWARDED, http_forwarded_read, &client);
    if (net_address_is_none(&client))
        return;
    client = net_address_client(&client);
    net_address_text(&client, ret_client);
}

void *http_request_server_arg(const struct http_request *req)
{
    return req->server->options.arg;
}

/* ---- what handlers say ---- */

void http_request_note_session(struct http_request *req, const char *session_id)
{
    size_t len = strnlen(session_id, HTTP_SESSION_MAX);

    memcpy(req->session_id, session_id, len);
    req->session_id[len] = '\0';
}

void http_request_note_caller(struct http_request *req, const char *name)
{
    size_t len = strnlen(name, HTTP_CALLER_MAX);

    memcpy(req->caller, name, len);
    req->caller[len] = '\0';
}

void http_request_note_err(struct http_request *req, enum err code)
{
    req->code = code;
}

/* A header whose value, with its NUL, is what was appended to values from at on. */
static int end_header(struct http_added *added, const char *name, size_t at)
{
    if (added->values.failed || added->count == HTTP_ADDED_MAX) {
        added->failed = true;
        return -1;
    }
    added->fields[added->count].name = name;
    added->fields[added->count].at = at;
    added->fields[added->count].len = added->values.len - at - 1;
    added->count++;
    return 0;
}

int http_request_add_header(struct http_request *req, const char *name, const char *value)
{
    struct http_added *added = &req->added;
    size_t at = added->values.len, len = strlen(value);

    if (!http_value_is_sound(value, len))
        return -1;
    buf_add(&added->values, value, len + 1);
    return end_header(added, name, at);
}

int http_request_add_encoded(struct http_request *req, const char *name, const char *text)
{
    struct http_added *added = &req->added;
    size_t at = added->values.len, len = strlen(text);

    if (text_needs_percent(text, len)) {
        text_percent_encode(&added->values, text);
        buf_add(&added->values, "", 1);
    } else {
        buf_add(&added->values, text, len + 1);
    }
    return end_header(added, name, at);
}

void http_reply_json(struct http_request *req, int status, const void *body, size_t len)
{
    http_reply(req, http_response_take_json(req->server, status, body, len));
}

void http_reply(struct http_request *req, struct http_response *response)
{
    assert(req->response == NULL && req->phase < HTTP_PHASE_ANSWERED);

    if (response == NULL) {
        response = http_response_ref(req->server->no_memory);
        req->code = ERR_INTERNAL;
    }
    req->response = response;
    if (req->phase == HTTP_PHASE_WAITING) {
        req->server->waiting--;
        MHD_resume_connection(req->connection);
        loop_post(req->server->loop, &req->server->turn);
    }
}
