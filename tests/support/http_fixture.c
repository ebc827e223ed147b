/* An HTTP server in a thread of its own. */
#include "http_fixture.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "container_of.h"
#include "http_response.h"
#include "loop.h"

enum { HELD_MAX = 2000 };

/* What the test's thread asks of the server's; one at a time. */
enum order {
    ORDER_NONE,
    ORDER_RUN,
    ORDER_RELEASE,
    ORDER_QUIESCE,
    ORDER_HAND_OVER,
    ORDER_BUSY,
    ORDER_STOP
};

struct http_fixture {
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows up to the next blank line */
    pthread_cond_t changed;
    bool started;
    enum order order;            /* carried out, and set to NONE, by the server's thread */
    int order_fd;                /* to be handed over */
    void (*order_fn)(void *arg); /* to be run */
    void *order_arg;             /* of order_fn */
    size_t busy;                 /* answer to ORDER_BUSY */
    size_t held_count;
    size_t reports;
    size_t handled;
    struct http_access last;
    char last_method[32], last_id[80], last_session[40];
    struct buf complaints;

    struct http_fixture_limits limits;
    int port;
    int listen_fd;
    struct loop loop;
    uv_async_t wake;
    struct http_server *server;
    struct http_response *hello;
    struct http_request *held[HELD_MAX];
    struct later *later; /* to be answered in the loop's next turn */
    struct loop_task answer_later;
    uv_timer_t next_turn;
};

struct later {
    struct http_request *req;
    struct http_response *response;
    struct later *next;
};

static struct http_fixture *fixture_of(struct http_request *req)
{
    struct http_fixture *fixture = http_request_server_arg(req);

    pthread_mutex_lock(&fixture->lock);
    fixture->handled++;
    pthread_mutex_unlock(&fixture->lock);
    return fixture;
}

/* ---- handlers ---- */

static void reply_text(struct http_request *req, const char *text, size_t len)
{
    http_reply(req, http_response_new(200, "text/plain", text, len));
}

static void on_next_turn(uv_timer_t *timer)
{
    struct http_fixture *fixture = CONTAINER_OF(timer, struct http_fixture, next_turn);
    struct later *later;

    while ((later = fixture->later) != NULL) {
        fixture->later = later->next;
        http_reply(later->req, later->response);
        free(later);
    }
}

static void reply_later(struct http_request *req, struct http_response *response)
{
    struct http_fixture *fixture = http_request_server_arg(req);
    struct later *later = malloc(sizeof *later);

    *later = (struct later){req, response, fixture->later};
    fixture->later = later;
    uv_timer_start(&fixture->next_turn, on_next_turn, 1, 0);
}

static void handle_sync(struct http_request *req)
{
    http_reply(req, http_response_ref(fixture_of(req)->hello));
}

static void handle_later(struct http_request *req)
{
    reply_later(req, http_response_ref(fixture_of(req)->hello));
}

static void handle_hold(struct http_request *req)
{
    struct http_fixture *fixture = fixture_of(req);

    http_request_note_session(req, "a-session-with-a-name-that-is-far-too-long");
    pthread_mutex_lock(&fixture->lock);
    fixture->held[fixture->held_count++] = req;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static void handle_large(struct http_request *req)
{
    char *text = malloc(HTTP_FIXTURE_LARGE);

    fixture_of(req);
    memset(text, 'x', HTTP_FIXTURE_LARGE);
    reply_text(req, text, HTTP_FIXTURE_LARGE);
    free(text);
}

static void handle_param(struct http_request *req)
{
    struct buf text = BUF_EMPTY;

    fixture_of(req);
    cr_assert_null(http_request_param(req, 2));
    buf_printf(&text, "%s|%s", http_request_param(req, 0), http_request_param(req, 1));
    reply_text(req, text.data, text.len);
    buf_done(&text);
}

static void handle_rest(struct http_request *req)
{
    const char *rest = http_request_param(req, 0);

    fixture_of(req);
    reply_text(req, rest, strlen(rest));
}

static void handle_own_header(struct http_request *req)
{
    struct http_fixture *fixture = fixture_of(req);

    cr_assert_eq(http_request_add_header(req, "X-Own", "mine"), 0);
    cr_assert_eq(http_request_add_header(req, "X-Broken", "a\r\nX-Forged: b"), -1);
    http_reply(req, http_response_ref(fixture->hello));
}

static void handle_json(struct http_request *req)
{
    size_t len;
    const char *body = http_request_body(req, &len);

    fixture_of(req);
    reply_text(req, body, len);
}

static void handle_json_later(struct http_request *req)
{
    size_t len;
    const char *body = http_request_body(req, &len);

    fixture_of(req);
    reply_later(req, http_response_new(200, "text/plain", body, len));
}

static void handle_ignored(struct http_request *req)
{
    size_t len;

    fixture_of(req);
    http_request_body(req, &len);
    cr_assert_eq(len, 0);
    http_reply(req, http_response_new(204, NULL, NULL, 0));
}

static void handle_any(struct http_request *req)
{
    fixture_of(req);
    http_reply(req, http_response_new(200, NULL, NULL, 0));
}

static void handle_any_later(struct http_request *req)
{
    fixture_of(req);
    reply_later(req, http_response_new(200, NULL, NULL, 0));
}

static void handle_no_memory(struct http_request *req)
{
    fixture_of(req);
    http_reply(req, NULL);
}

static void handle_busy(struct http_request *req)
{
    fixture_of(req);
    http_problem(req, ERR_STORE_UNAVAILABLE, "Say \"please\"\n\\ twice.");
}

static const struct http_route routes[] = {
    {"GET", "/sync", handle_sync, HTTP_NO_BODY, 0},
    {"GET", "/later", handle_later, HTTP_NO_BODY, 0},
    {"GET", "/hold", handle_hold, HTTP_NO_BODY, 0},
    {"GET", "/large", handle_large, HTTP_NO_BODY, 0},
    {"GET", "/param/{a}/{b}", handle_param, HTTP_NO_BODY, 0},
    {"GET", "/rest/{path*}", handle_rest, HTTP_NO_BODY, 0},
    {"GET", "/own-header", handle_own_header, HTTP_NO_BODY, 0},
    {"GET", "/no-memory", handle_no_memory, HTTP_NO_BODY, 0},
    {"GET", "/busy", handle_busy, HTTP_NO_BODY, 0},
    {"POST", "/json", handle_json, HTTP_JSON_BODY, 100},
    {"POST", "/json-later", handle_json_later, HTTP_JSON_BODY, 100},
    {"POST", "/ignored", handle_ignored, HTTP_ANY_BODY, 100},
    {NULL, "/any", handle_any, HTTP_NO_BODY | HTTP_ANY_METHOD, 0},
    {NULL, "/any-later", handle_any_later, HTTP_NO_BODY | HTTP_ANY_METHOD, 0},
};

/* ---- the server's thread ---- */

static void on_access(void *arg, const struct http_access *access)
{
    struct http_fixture *fixture = arg;

    pthread_mutex_lock(&fixture->lock);
    fixture->reports++;
    fixture->last = *access;
    snprintf(fixture->last_method, sizeof fixture->last_method, "%s", access->method);
    snprintf(fixture->last_id, sizeof fixture->last_id, "%s", access->request_id);
    snprintf(fixture->last_session, sizeof fixture->last_session, "%s", access->session_id);
    fixture->last.method = fixture->last_method;
    fixture->last.request_id = fixture->last_id;
    fixture->last.session_id = fixture->last_session;
    pthread_mutex_unlock(&fixture->lock);
}

static void on_error(void *arg, const char *text)
{
    struct http_fixture *fixture = arg;

    pthread_mutex_lock(&fixture->lock);
    buf_add_str(&fixture->complaints, text);
    buf_add_char(&fixture->complaints, '\n');
    pthread_mutex_unlock(&fixture->lock);
}

static void release(struct http_fixture *fixture)
{
    for (size_t i = 0; i < fixture->held_count; i++)
        http_reply(fixture->held[i], http_response_ref(fixture->hello));
    fixture->held_count = 0;
}

static void on_stopped(void *arg)
{
    struct http_fixture *fixture = arg;

    fixture->server = NULL;
    uv_close((uv_handle_t *)&fixture->wake, NULL);
    uv_close((uv_handle_t *)&fixture->next_turn, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct http_fixture *fixture = CONTAINER_OF(wake, struct http_fixture, wake);

    pthread_mutex_lock(&fixture->lock);
    enum order order = fixture->order;
    pthread_mutex_unlock(&fixture->lock); /* what is done may report a request */
    switch (order) {
    case ORDER_NONE:
        break;
    case ORDER_RUN:
        fixture->order_fn(fixture->order_arg);
        break;
    case ORDER_RELEASE:
        release(fixture);
        break;
    case ORDER_QUIESCE:
        http_server_quiesce(fixture->server);
        break;
    case ORDER_HAND_OVER:
        http_server_add_connection(fixture->server, fixture->order_fd);
        break;
    case ORDER_BUSY:
        fixture->busy = http_server_busy(fixture->server);
        break;
    case ORDER_STOP:
        release(fixture);
        break;
    }
    pthread_mutex_lock(&fixture->lock);
    fixture->order = ORDER_NONE;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);

    if (order == ORDER_STOP) {
        on_next_turn(&fixture->next_turn);
        http_server_stop(fixture->server, on_stopped, fixture);
    }
}

static void *run(void *arg)
{
    struct http_fixture *fixture = arg;
    const struct http_fixture_limits *limits = &fixture->limits;
    char reason[128];
    struct http_options options = {
        .routes = limits->routes != NULL ? limits->routes : routes,
        .route_count =
            limits->routes != NULL ? limits->route_count : sizeof routes / sizeof routes[0],
        .arg = limits->routes != NULL ? limits->arg : fixture,
        .log_arg = fixture,
        .on_access = on_access,
        .on_error = on_error,
        .listen_fd = fixture->listen_fd,
        .connection_limit = limits->connections ? limits->connections : 1000,
        .request_timeout_ms = limits->request_timeout_ms ? limits->request_timeout_ms : 60000,
        .idle_timeout_s = limits->idle_timeout_s ? limits->idle_timeout_s : 60,
        .header_limit = 32 * 1024,
    };

    cr_assert_eq(loop_init(&fixture->loop), 0);
    uv_async_init(&fixture->loop.uv, &fixture->wake, on_wake);
    uv_timer_init(&fixture->loop.uv, &fixture->next_turn);
    fixture->hello = http_response_new(200, "text/plain", "hello", 5);
    cr_assert_eq(
        http_server_start(&fixture->loop, &options, &fixture->server, reason, sizeof reason), 0,
        "%s", reason);

    pthread_mutex_lock(&fixture->lock);
    fixture->started = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);

    loop_run(&fixture->loop);
    http_response_unref(fixture->hello);
    loop_done(&fixture->loop);
    return NULL;
}

/* ---- the test's thread ---- */

static void listen_on_loopback(struct http_fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    fixture->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_geq(fixture->listen_fd, 0);
    cr_assert_eq(bind(fixture->listen_fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fixture->listen_fd, 1024), 0);
    getsockname(fixture->listen_fd, (struct sockaddr *)&address, &len);
    fixture->port = ntohs(address.sin_port);
}

struct http_fixture *http_fixture_start(struct http_fixture_limits limits)
{
    struct http_fixture *fixture = calloc(1, sizeof *fixture);

    fixture->limits = limits;
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    if (limits.no_listener)
        fixture->listen_fd = -1;
    else
        listen_on_loopback(fixture);
    cr_assert_eq(pthread_create(&fixture->thread, NULL, run, fixture), 0);
    pthread_mutex_lock(&fixture->lock);
    while (!fixture->started)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
    return fixture;
}

/* Has an order carried out. */
static void give(struct http_fixture *fixture, enum order order, int fd)
{
    pthread_mutex_lock(&fixture->lock);
    fixture->order = order;
    fixture->order_fd = fd;
    uv_async_send(&fixture->wake);
    while (fixture->order != ORDER_NONE)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
}

void http_fixture_stop(struct http_fixture *fixture)
{
    give(fixture, ORDER_STOP, -1);
    pthread_join(fixture->thread, NULL);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->lock);
    buf_done(&fixture->complaints);
    free(fixture);
}

int http_fixture_port(const struct http_fixture *fixture)
{
    return fixture->port;
}

void http_fixture_wait_held(struct http_fixture *fixture, size_t count)
{
    pthread_mutex_lock(&fixture->lock);
    while (fixture->held_count < count)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
}

void http_fixture_release(struct http_fixture *fixture)
{
    give(fixture, ORDER_RELEASE, -1);
}

void http_fixture_quiesce(struct http_fixture *fixture)
{
    give(fixture, ORDER_QUIESCE, -1);
}

void http_fixture_hand_over(struct http_fixture *fixture, int fd)
{
    give(fixture, ORDER_HAND_OVER, fd);
}

void http_fixture_run(struct http_fixture *fixture, void (*fn)(void *arg), void *arg)
{
    fixture->order_fn = fn;
    fixture->order_arg = arg;
    give(fixture, ORDER_RUN, -1);
}

size_t http_fixture_busy(struct http_fixture *fixture)
{
    give(fixture, ORDER_BUSY, -1);
    return fixture->busy;
}

/* Reads a count under the lock. */
static size_t read_count(struct http_fixture *fixture, const size_t *count)
{
    pthread_mutex_lock(&fixture->lock);
    size_t value = *count;
    pthread_mutex_unlock(&fixture->lock);
    return value;
}

size_t http_fixture_reports(struct http_fixture *fixture)
{
    return read_count(fixture, &fixture->reports);
}

size_t http_fixture_handled(struct http_fixture *fixture)
{
    return read_count(fixture, &fixture->handled);
}

struct http_access http_fixture_last_report(struct http_fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    struct http_access last = fixture->last;
    pthread_mutex_unlock(&fixture->lock);
    return last;
}

bool http_fixture_complained(struct http_fixture *fixture, const char *text)
{
    pthread_mutex_lock(&fixture->lock);
    const char *all = buf_text(&fixture->complaints);
    bool found = all != NULL && strstr(all, text) != NULL;
    pthread_mutex_unlock(&fixture->lock);
    return found;
}
