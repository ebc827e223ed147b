/*
 * One request's way through libmicrohttpd, as its three callbacks see it.
 *
 * begin: the request line has come. advance, first time: the head has come; it is checked and
 * routed. advance, for each piece of a body: the piece is kept or thrown away. advance, last time:
 * the request is whole and goes to its handler. Where the handler answers at once the answer is
 * queued; where it doesn't the connection is suspended, and advance is called once more after
 * http_reply has resumed it. end: the answer is sent, or the connection lost.
 *
 * An answer queued the first time closes the connection, body or no body (MHD_queue_response sets
 * discard_request). So that happens only where a body is pending that nobody waits for, or where
 * the connection can't be trusted; every other answer waits for the last time, which for a request
 * without a body comes in the same breath.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "http_private.h"
#include "http_response.h"

/*
 * A connection with a timeout other than the daemon's (which has none) is on a list that MHD_epoll
 * works through before it reads from any socket. A resumed connection must be there: its answer is
 * built and written in the very MHD_run that resumes it, and before the socket is read. Otherwise a
 * client that has half-closed it is found out first, and libmicrohttpd drops the answer. The time
 * itself is never reached, our deadlines are shorter.
 */
enum { BODIES_MAX = 64 * 1024 * 1024 }; /* bytes of all bodies that one thread keeps at a time */
enum { RESUMED_TIMEOUT_S = 24 * 3600, NO_TIMEOUT_S = 0 };

void *http_exchange_begin(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = cls;
    struct http_connection *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_request *req = client != NULL ? http_request_new(server) : NULL;

    if (req == NULL)
        return NULL; /* advance closes the connection */
    req->connection = connection;
    req->client = client;
    client->request = req;
    buf_add(&req->raw_target, target, strlen(target) + 1);
    if (client->deadline.kind != HTTP_DEADLINE_REQUEST)
        http_deadline_set(&client->deadline, &server->deadlines, HTTP_DEADLINE_REQUEST);
    return req;
}

/* A method that may stand in a log: one that there is. What else a client sends there may be anything. */
static const char *method_for_log(const struct http_request *req)
{
    static const char *const known[] = {"GET",     "HEAD",  "POST",  "PUT",    "DELETE",
                                        "OPTIONS", "PATCH", "TRACE", "CONNECT"};

    for (size_t i = 0; req->method != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(req->method, known[i]) == 0)
            return known[i];
    return "-";
}

static void report(struct http_request *req, int status)
{
    const struct http_options *options = &req->server->options;
    const struct http_route *route = req->match.route;

    if (options->on_access == NULL)
        return;
    options->on_access(options->log_arg,
                       &(struct http_access){
                           .method = method_for_log(req),
                           .route = route != NULL ? route->pattern : "-",
                           .matched = route,
                           .route_index = route != NULL ? (size_t)(route - options->routes) : 0,
                           .request_id = req->id,
                           .session_id = req->session_id,
                           .caller = req->caller,
                           .request = req,
                           .peer = req->client->peer.name,
                           .code = req->code,
                           .status = status,
                           .duration_us = (int64_t)((uv_hrtime() - req->started_ns) / 1000),
                       });
}

void http_exchange_report_refused(struct http_server *server, const struct http_peer *peer)
{
    const struct http_options *options = &server->options;

    if (options->on_access != NULL)
        options->on_access(options->log_arg, &(struct http_access){
                                                 .method = "-",
                                                 .route = "-",
                                                 .request_id = "-",
                                                 .session_id = "",
                                                 .caller = "",
                                                 .peer = peer->name,
                                                 .code = ERR_OVERLOADED,
                                                 .status = err_status(ERR_OVERLOADED),
                                             });
}

/* Queues the answer that was decided. */
static enum MHD_Result answer(struct http_request *req)
{
    struct http_response *response = req->response;

    req->phase = HTTP_PHASE_ANSWERED;
    req->response = NULL;
    http_deadline_set(&req->client->deadline, &req->server->deadlines, HTTP_DEADLINE_REQUEST);
    http_request_add_header(req, "X-Request-Id", req->id);
    http_cors_mark(req);
    report(req, http_response_status(response));
    if (req->stream != NULL) { /* nobody waits for its end */
        req->counted = false;
        req->server->busy--;
    }
    return http_response_queue(response, req);
}

/* Calls the handler, unless there is an answer already; then answers, or sleeps. */
static enum MHD_Result handle(struct http_request *req)
{
    if (req->response == NULL) {
        req->phase = HTTP_PHASE_HANDLING;
        if (req->server->is_over)
            http_problem(req, ERR_SHUTTING_DOWN, NULL);
        else
            req->match.route->handler(req);
    }
    if (req->response != NULL)
        return answer(req);

    req->phase = HTTP_PHASE_WAITING;
    req->has_slept = true;
    req->server->waiting++;
    http_deadline_set(&req->client->deadline, &req->server->deadlines, HTTP_DEADLINE_NONE);
    MHD_set_connection_option(req->connection, MHD_CONNECTION_OPTION_TIMEOUT, RESUMED_TIMEOUT_S);
    MHD_suspend_connection(req->connection);
    return MHD_YES;
}

/* ---- the head ---- */

/* A 405 that lists what the path can do. */
static void refuse_method(struct http_request *req)
{
    struct http_response *response = http_problem_response(ERR_METHOD_NOT_ALLOWED, NULL, NULL, 0);
    const char *allow = buf_text(&req->match.allow);

    if (response != NULL &&
        (allow == NULL || http_response_add_header(response, MHD_HTTP_HEADER_ALLOW, allow) != 0)) {
        http_response_unref(response);
        response = NULL;
    }
    http_request_note_err(req, ERR_METHOD_NOT_ALLOWED);
    http_reply(req, response);
}

static void refuse_path(struct http_request *req)
{
    http_problem(req, ERR_INVALID_REQUEST, "The path is not percent-encoded as it should be.");
}

void http_problem_unrouted(struct http_request *req)
{
    if (req->match.allow.len > 0)
        refuse_method(req);
    else if (req->match.ill)
        refuse_path(req);
    else
        http_problem(req, ERR_NOT_FOUND, NULL);
}

/* Finds the route. Answers where there is none. */
static void find_route(struct http_request *req)
{
    enum err code = http_router_find(req->server->router, req->method, req->target,
                                     strcspn(req->target, "?"), &req->match);

    switch (code) {
    case ERR_OK:
        break;
    case ERR_METHOD_NOT_ALLOWED:
        refuse_method(req);
        break;
    case ERR_INVALID_REQUEST:
        refuse_path(req);
        break;
    default:
        http_problem(req, code, NULL);
    }
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";

    if (content_type == NULL || strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    content_type += sizeof json - 1;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}

/* Whether the route takes the body that is announced. Answers where it doesn't. */
static void check_body(struct http_request *req)
{
    const struct http_route *route = req->match.route;

    if ((route->flags & HTTP_JSON_BODY) && !is_json(req->headers[HTTP_CONTENT_TYPE]))
        http_problem(req, ERR_UNSUPPORTED_MEDIA_TYPE, NULL);
    else if (req->content_length > route->body_limit)
        http_problem(req, ERR_PAYLOAD_TOO_LARGE, NULL);
}

/* Whether a request's body is waited for. */
static bool reads_body(const struct http_request *req)
{
    return (req->match.route->flags & (HTTP_JSON_BODY | HTTP_ANY_BODY)) != 0;
}

static enum MHD_Result take_head(struct http_request *req, const char *method, const char *version)
{
    const char *fault;

    req->phase = HTTP_PHASE_BODY;
    req->counted = true;
    req->server->busy++;
    req->started_ns = req->server->turn_ns;

    fault = http_request_read_head(req, method, version);
    if (fault != NULL) {
        http_problem(req, ERR_INVALID_REQUEST, fault);
        req->client->unread = true;
        return answer(req); /* the first time: closes the connection */
    }
    if (!http_cors_preflight(req))
        find_route(req);
    if (req->response == NULL && req->has_body && reads_body(req))
        check_body(req);
    if (req->has_body && (req->response != NULL || !reads_body(req))) {
        req->client->unread = true;
        return handle(req);
    }
    return MHD_YES;
}

/* ---- the body ---- */

/*
 * Answers 413 in mid-body, where libmicrohttpd has no way to: writes it past libmicrohttpd, which
 * has sent nothing yet of this answer. What the client still sends is read and thrown away, until
 * it closes or its time is up, since closing now would reset the connection and lose the answer.
 */
static void cut_body(struct http_request *req)
{
    struct buf body = BUF_EMPTY, text = BUF_EMPTY;

    req->phase = HTTP_PHASE_CUT;
    req->code = ERR_PAYLOAD_TOO_LARGE;
    report(req, err_status(req->code));
    http_problem_body(&body, req->code, NULL, NULL);
    buf_printf(&text,
               "HTTP/1.1 %d Content Too Large\r\nConnection: close\r\n"
               "Content-Type: application/problem+json\r\nX-Request-Id: %s\r\n"
               "Content-Length: %zu\r\n\r\n",
               err_status(req->code), req->id, body.len);
    buf_add(&text, body.data, body.len);
    if (req->server->tls != NULL) /* nothing can be said past GnuTLS */
        shutdown(req->client->deadline.fd, SHUT_RDWR);
    else if (!text.failed && !body.failed)
        send(req->client->deadline.fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(req->client->deadline.fd, SHUT_WR);
    buf_done(&text);
    buf_done(&body);
}

static void take_body(struct http_request *req, const char *data, size_t size)
{
    req->body_seen += size;
    if (req->phase == HTTP_PHASE_CUT || req->response != NULL)
        return;
    if (req->body_seen > req->match.route->body_limit) {
        cut_body(req);
        return;
    }
    if (!(req->match.route->flags & HTTP_JSON_BODY))
        return;
    if (req->server->body_bytes + size > BODIES_MAX) {
        http_request_note_err(req, ERR_RATE_LIMITED);
        http_reply(
            req, http_problem_response(ERR_RATE_LIMITED, "too many large bodies at once", NULL, 1));
        return;
    }
    req->server->body_bytes += size;
    buf_add(&req->body, data, size);
    if (req->body.failed)
        http_reply(req, NULL);
}

/* ---- libmicrohttpd's callbacks ---- */

enum MHD_Result http_exchange_advance(void *cls, struct MHD_Connection *connection,
                                      const char *target, const char *method, const char *version,
                                      const char *data, size_t *size, void **context)
{
    struct http_server *server = cls;
    struct http_request *req = *context;
    (void)connection;
    (void)target; /* empty: see forget_target in http_server.c */

    if (req != NULL && !req->raw_target.failed) {
        switch (req->phase) {
        case HTTP_PHASE_HEAD:
            return take_head(req, method, version);
        case HTTP_PHASE_BODY:
        case HTTP_PHASE_CUT:
            if (*size > 0) {
                take_body(req, data, *size);
                *size = 0;
                return MHD_YES;
            }
            if (req->phase == HTTP_PHASE_BODY)
                return handle(req);
            break;
        case HTTP_PHASE_WAITING:
            return answer(req);
        case HTTP_PHASE_HANDLING:
        case HTTP_PHASE_ANSWERED:
            break;
        }
    }
    server->expects_complaint = true;
    return MHD_NO; /* closes the connection */
}

/*
 * Reports a request that libmicrohttpd refused by itself, before or in place of our handler; its
 * answer is of its own making, without problem+json and X-Request-Id (1.0.1 has no hook for that).
 */
static void report_refusal(struct http_request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_HTTP_STATUS);

    if (info == NULL)
        return; /* no answer: the client is gone, or its time was up */
    req->client->unread = true;
    req->is_headless = true;
    if (req->id[0] == '\0')
        http_request_make_id(req);
    if (req->started_ns == 0)
        req->started_ns = req->server->turn_ns;
    req->code = info->http_status == MHD_HTTP_CONTENT_TOO_LARGE ? ERR_PAYLOAD_TOO_LARGE
                                                                : ERR_INVALID_REQUEST;
    report(req, (int)info->http_status);
}

/* The request is over: gives back all that it holds. */
static void let_go(struct http_request *req)
{
    if (req->phase <= HTTP_PHASE_BODY)
        report_refusal(req);
    if (req->counted)
        req->server->busy--;
    if (req->stream != NULL)
        http_stream_over(req->stream);
    http_response_give_back(req->server, req->sent);
    req->client->request = NULL;
    http_request_release(req);
}

void http_exchange_end(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why)
{
    struct http_server *server = cls;
    struct http_request *req = *context;
    (void)why; /* says OK also where the client is gone */

    if (req == NULL)
        return;
    if (req->has_slept)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, NO_TIMEOUT_S);
    http_deadline_set(&req->client->deadline, &server->deadlines, HTTP_DEADLINE_SETTLE);
    let_go(req);
    *context = NULL;
}

void http_exchange_abandon(struct http_request *req)
{
    let_go(req);
}
