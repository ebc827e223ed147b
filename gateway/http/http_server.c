/*
 * One thread's HTTP server: libmicrohttpd's daemon in its external-epoll mode, turned by libuv.
 *
 * The daemon listens on nothing: connections are accepted here, so that those above the limit can be told
 * (libmicrohttpd leaves them in the queue), and given to it. Its epoll descriptor is watched by the loop; when
 * something is ready there the daemon runs once. Where it wants to go on without waiting an idle handle makes the loop come round again
 * at once, so that everybody else has their turn in between. The daemon has no timeouts of its own,
 * so there is no timer for it; http_deadline.h has them. Answers to suspended connections post one
 * task, which runs the daemon after all of them.
 */
#include "http_server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "container_of.h"
#include "http_private.h"
#include "http_response.h"
#include "http_tls_private.h"

/*
 * A connection's memory: beside the head libmicrohttpd has an entry for each header in it, a copy of cookies, and
 * the answer's head. What of it is never used takes no room, and no time (mhd_pool.h).
 */
static size_t memory_for(size_t header_limit)
{
    return header_limit + header_limit / 2;
}

/* The strictest that libmicrohttpd knows; http_strict.h says what that means and what it leaves
 * out. */
enum { STRICTEST = 3 };

/* As GnuTLS' priority strings say it: what isn't broken, and no older TLS than 1.2 (RFC 8996). */
#define TLS_VERSIONS (char *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* A daemon that is about to stop isn't run more often, whatever it would like. */
enum { FINISH_RUNS_MAX = 16 };

/* ---- turning ---- */

static void on_again(uv_idle_t *again);

/* Writes the wall clock's time as RFC 9110 has it in a Date, where another second has begun. */
static void look_at_the_clock(struct http_server *server)
{
    time_t now_s = time(NULL);
    struct tm now;

    server->turn_ns = uv_hrtime();
    if (now_s == server->date_s)
        return;
    server->date_s = now_s;
    gmtime_r(&now_s, &now);
    strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &now);
}

static void run(struct http_server *server)
{
    look_at_the_clock(server);
    http_tls_serve(server->tls);
    MHD_run(server->daemon);
}

static void turn(struct http_server *server)
{
    run(server);
    if (MHD_get_timeout64s(server->daemon) == 0)
        uv_idle_start(&server->again, on_again);
    else
        uv_idle_stop(&server->again);
}

static void on_again(uv_idle_t *again)
{
    turn(CONTAINER_OF(again, struct http_server, again));
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(CONTAINER_OF(poll, struct http_server, poll));
}

static void on_turn(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, turn);

    if (server->daemon != NULL) /* it may have been stopped since the task was posted */
        turn(server);
}

/* ---- libmicrohttpd's callbacks; those for requests are in http_exchange.c ---- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = cls;
    struct http_connection *client = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

        server->placed = true;
        *context = client = calloc(1, sizeof *client);
        if (client == NULL) {
            http_peer_leave(server, &server->coming);
            shutdown(fd, SHUT_RDWR);
            return;
        }
        client->peer = server->coming;
        http_deadline_init(&client->deadline, &server->deadlines, fd);
    } else {
        atomic_fetch_sub(server->options.connections, 1);
        if (client == NULL)
            return;
        /* libmicrohttpd 1.0.1 forgets to tell a request's end after some ill-formed chunks */
        if (client->request != NULL)
            http_exchange_abandon(client->request);
        http_deadline_set(&client->deadline, &server->deadlines, HTTP_DEADLINE_NONE);
        if (client->unread)
            http_lingers_add(&server->lingers, client->deadline.fd);
        http_peer_leave(server, &client->peer);
        free(client);
    }
}

/*
 * Stands where libmicrohttpd would decode the target and its query. We have our own copy and need
 * none of that; emptied here, the target, which may hold a token, can't get into libmicrohttpd's
 * messages.
 */
static size_t forget_target(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    *text = '\0';
    return 0;
}

static void __attribute__((format(printf, 2, 0)))
on_complaint(void *cls, const char *format, va_list args)
{
    struct http_server *server = cls;
    char text[256];

    if (server->expects_complaint) {
        server->expects_complaint = false;
        return;
    }
    if (server->options.on_error == NULL)
        return;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    server->options.on_error(server->options.log_arg, text);
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
    const struct http_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_THREAD_SAFETY |
                     MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)http_tls_retrieve},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_VERSIONS},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem *certificate = tls;

    if (server->tls != NULL)
        flags |= MHD_USE_TLS;
    else
        certificate = &tls[2];
    /* clang-format off */
    return MHD_start_daemon(flags, 0, NULL, NULL, http_exchange_advance, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_complaint, server, /* first, to hear of the others */
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, STRICTEST,
        MHD_OPTION_CONNECTION_LIMIT, options->connection_limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_for(options->header_limit),
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_URI_LOG_CALLBACK, http_exchange_begin, server,
        MHD_OPTION_UNESCAPE_CALLBACK, forget_target, server,
        MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, server,
        MHD_OPTION_ARRAY, certificate,
        MHD_OPTION_END);
    /* clang-format on */
}

/* ---- connections ---- */

/*
 * Serves a connection, or refuses it. One of an address that has as many as it may is closed without a word: answers
 * take up room while they are waited for, which whoever opens connections without end would take from others.
 */
static void take_connection(struct http_server *server, int fd, const struct sockaddr *from,
                            socklen_t from_len)
{
    atomic_uint *connections = server->options.connections;
    struct http_peer peer = http_peer_of(server, fd, from);

    if (!http_peer_enter(server, &peer)) {
        http_exchange_report_refused(server, &peer);
        close(fd);
        return;
    }
    if (atomic_fetch_add(connections, 1) >= server->options.connection_limit) {
        atomic_fetch_sub(connections, 1);
        http_peer_leave(server, &peer);
        http_exchange_report_refused(server, &peer);
        http_lingers_refuse(&server->lingers, fd);
        return;
    }
    server->placed = false;
    server->coming = peer;
    MHD_add_connection(server->daemon, fd, from, from_len); /* closes it where it fails */
    if (!server->placed) {                                  /* nor will it tell of its end */
        atomic_fetch_sub(connections, 1);
        http_peer_leave(server, &peer);
    }
}

static void on_accepted(void *arg, int fd, const struct sockaddr *from, socklen_t from_len)
{
    take_connection(arg, fd, from, from_len);
}

void http_server_add_connection(struct http_server *server, int fd)
{
    take_connection(server, fd, NULL, 0);
}

/* ---- starting and stopping ---- */

/* Frees what start allocated, the daemon and the handles aside. */
static void free_server(struct http_server *server)
{
    http_request_free_spare(server);
    http_response_free_spare(server);
    http_lingers_done(&server->lingers);
    http_response_unref(server->no_memory);
    http_router_free(server->router);
    http_tls_free(server->tls);
    free(server);
}

static void ignore(void *arg)
{
    (void)arg;
}

int http_server_start(struct loop *loop, const struct http_options *options,
                      struct http_server **ret_server, char *ret_reason, size_t reason_size)
{
    struct http_server *server = calloc(1, sizeof *server);
    const char *reason = "out of memory, or a route that can't be";
    int rc;

    if (server == NULL)
        goto fail;
    server->loop = loop;
    server->options = *options;
    if (server->options.connections == NULL)
        server->options.connections = &server->own_connections;
    server->turn.run = on_turn;
    TAILQ_INIT(&server->streams);
    http_request_index_names(server);
    server->router = http_router_new(options->routes, options->route_count);
    server->no_memory = http_problem_response(ERR_INTERNAL, NULL, NULL, 0);
    if (http_lingers_init(&server->lingers, &loop->uv, &server->deadlines) != 0 ||
        server->router == NULL || server->no_memory == NULL)
        goto fail;
    if (options->tls.certificate != NULL) {
        struct buf why = BUF_EMPTY;

        server->tls = http_tls_new(&options->tls, &why);
        if (server->tls == NULL) {
            snprintf(ret_reason, reason_size, "%s", buf_text(&why));
            buf_done(&why);
            reason = NULL;
            goto fail;
        }
        http_lingers_be_silent(&server->lingers);
    }
    if (getrandom(&server->next_id, sizeof server->next_id, 0) != sizeof server->next_id)
        server->next_id = uv_hrtime();

    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        reason = "libmicrohttpd can't start";
        goto fail;
    }
    rc = uv_poll_init(&loop->uv, &server->poll,
                      MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    if (rc != 0) {
        reason = uv_strerror(rc);
        goto fail;
    }
    uv_poll_start(&server->poll, UV_READABLE, on_ready); /* these don't fail */
    uv_idle_init(&loop->uv, &server->again);
    http_deadlines_init(&server->deadlines, &loop->uv, options->request_timeout_ms,
                        options->idle_timeout_s * 1000ull + options->request_timeout_ms);
    if (options->listen_fd >= 0) {
        rc =
            listening_start(&server->listening, &loop->uv, options->listen_fd, on_accepted, server);
        if (rc != 0) {
            snprintf(ret_reason, reason_size, "%s", uv_strerror(rc));
            close(options->listen_fd);
            server->options.listen_fd = -1;
            http_server_stop(server, ignore, NULL);
            return -1;
        }
    }
    *ret_server = server;
    return 0;

fail:
    if (reason != NULL)
        snprintf(ret_reason, reason_size, "%s", reason);
    if (options->listen_fd >= 0)
        close(options->listen_fd);
    if (server != NULL) {
        if (server->daemon != NULL)
            MHD_stop_daemon(server->daemon);
        free_server(server);
    }
    return -1;
}

int http_server_renew_tls(struct http_server *server, const struct http_tls_pem *pem,
                          struct buf *reason)
{
    if (server->tls == NULL) {
        buf_add_str(reason, "the listener is one without TLS");
        return -1;
    }
    return http_tls_renew(server->tls, pem, reason);
}

size_t http_server_connections(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}

/* The handles are closed; a turn that was still posted has become this. */
static void on_stopped(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, turn);
    void (*tell)(void *arg) = server->on_stopped;
    void *arg = server->on_stopped_arg;

    free_server(server);
    tell(arg);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;

    if (--server->closing > 0 || server->daemon != NULL) /* those of quiesce, it may be */
        return;
    server->turn.run = on_stopped;
    loop_post(server->loop, &server->turn);
}

static void close_handle(struct http_server *server, uv_handle_t *handle)
{
    handle->data = server;
    server->closing++;
    uv_close(handle, on_closed);
}

void http_server_quiesce(struct http_server *server)
{
    if (server->quiesced)
        return;
    server->quiesced = true;
    if (server->options.listen_fd < 0)
        return;
    listening_stop(&server->listening);
    close_handle(server, (uv_handle_t *)&server->listening.poll);
    close_handle(server, (uv_handle_t *)&server->listening.pause);
    close(server->options.listen_fd);
}

/* Sends what was answered just now, as far as clients take it at once; after this no connection is suspended. */
static void finish(struct http_server *server)
{
    int runs = 0;

    do
        run(server);
    while (MHD_get_timeout64s(server->daemon) == 0 && ++runs < FINISH_RUNS_MAX);
}

void http_server_stop(struct http_server *server, void (*tell)(void *arg), void *arg)
{
    assert(server->waiting == 0);

    server->is_over = true;
    server->on_stopped = tell;
    server->on_stopped_arg = arg;
    http_streams_end(server);
    finish(server);
    close_handle(server, (uv_handle_t *)&server->poll); /* before its descriptor is closed */
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    http_server_quiesce(server);
    http_lingers_stop(&server->lingers);
    close_handle(server, (uv_handle_t *)&server->again);
    close_handle(server, (uv_handle_t *)&server->deadlines.timer);
}
