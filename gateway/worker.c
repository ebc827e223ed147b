/*
 * One thread that serves HTTP.
 *
 * Everything of a worker is made before its thread starts, and freed after the thread has ended; in
 * between only the thread touches it, but for the mailbox, which a lock and an async handle guard. It
 * stops step by step, each begun by the end of the one before: quiesce, wait until nothing is in flight or
 * the time is over, close the store (what still waits is answered), stop the server, close the handles.
 */
#include "worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "buf.h"
#include "container_of.h"
#include "keyring.h"
#include "listener_tls.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "pulse.h"
#include "store_cache.h"
#include "store_memory.h"
#include "store_outage.h"
#include "upkeep.h"

#define CACHED_ANSWERS 32768 /* about sessions, by each thread */
#define IDLE_CHECK_MS  10    /* how often a stopping worker looks whether all has been answered */

struct worker {
    struct worker_options options; /* as given */
    struct loop loop;              /* of the thread */
    struct store *store;           /* the thread's handle; NULL once closed */
    struct api *api;               /* over the store */
    struct http_server *http;      /* over the api; NULL once stopped */
    struct access_log access_log;  /* of its requests */
    uv_timer_t drain;              /* while stopping: looks whether all has been answered */
    int64_t stop_by_ms;            /* when a stop waits no longer; uv_now's clock */
    bool stopping;                 /* a stop is under way */
    struct upkeep *upkeep;         /* where options.keeps */
    struct pulse pulse;            /* of the loop */
    struct metrics_block *metrics; /* what the thread counts */

    uv_async_t mail;           /* rings when there is something in the mailbox */
    pthread_mutex_t mail_lock; /* over the mailbox, which is what follows */
    int *fds;                  /* connections handed over */
    size_t fd_count, fd_room;  /* of fds */
    bool stop_asked;           /* worker_stop was called */
    struct keyring *keys;      /* to be taken over, held; or NULL */
    struct listener_tls *tls;  /* the same */

    uv_thread_t thread; /* runs the loop */
};

static void on_access(void *arg, const struct http_access *access)
{
    struct worker *worker = arg;

    api_count_request(worker->options.listener, access);
    access_log_write(&worker->access_log, access);
}

static void on_http_error(void *arg, const char *text)
{
    (void)arg;
    log_line(LOG_DEBUG, "libmicrohttpd", LOG_STR("reason", text));
}

static void on_server_stopped(void *arg)
{
    struct worker *worker = arg;

    worker->http = NULL;
    uv_close((uv_handle_t *)&worker->drain, NULL);
    uv_close((uv_handle_t *)&worker->mail, NULL);
}

static void on_store_closed(void *arg)
{
    struct worker *worker = arg;

    worker->store = NULL;
    pulse_stop(&worker->pulse);
    http_server_stop(worker->http, on_server_stopped, worker);
}

static void on_upkeep_stopped(void *arg)
{
    struct worker *worker = arg;

    store_close(worker->store, on_store_closed, worker);
}

static void on_drain(uv_timer_t *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, drain);
    size_t busy = http_server_busy(worker->http);

    if (busy > 0 && (int64_t)uv_now(&worker->loop.uv) < worker->stop_by_ms)
        return;
    if (busy > 0)
        log_line(LOG_WARN, "requests cut off by the stop", LOG_STR("thread", worker->options.name),
                 LOG_INT("requests", (int64_t)busy));
    uv_timer_stop(timer);
    api_quiesce(worker->api);
    if (worker->upkeep != NULL)
        upkeep_stop(worker->upkeep, on_upkeep_stopped, worker);
    else
        store_close(worker->store, on_store_closed, worker);
}

static void begin_stop(struct worker *worker)
{
    worker->stopping = true;
    worker->stop_by_ms = (int64_t)uv_now(&worker->loop.uv) + worker->options.shutdown_ms;
    http_server_quiesce(worker->http);
    uv_timer_start(&worker->drain, on_drain, 0, IDLE_CHECK_MS);
}

static void take_tls(struct worker *worker, const struct listener_tls *tls)
{
    const struct http_tls_pem pem = listener_tls_pem(tls);
    struct buf reason = BUF_EMPTY;

    if (http_server_renew_tls(worker->http, &pem, &reason) != 0)
        log_line(LOG_ERROR, "the certificate stays as it was",
                 LOG_STR("thread", worker->options.name), LOG_STR("reason", buf_text(&reason)));
    buf_done(&reason);
}

static void on_mail(uv_async_t *handle)
{
    struct worker *worker = CONTAINER_OF(handle, struct worker, mail);

    pthread_mutex_lock(&worker->mail_lock);
    int *fds = worker->fds;
    size_t count = worker->fd_count;
    bool stop = worker->stop_asked;
    struct keyring *keys = worker->keys;
    struct listener_tls *tls = worker->tls;
    worker->fds = NULL;
    worker->fd_count = worker->fd_room = 0;
    worker->keys = NULL;
    worker->tls = NULL;
    pthread_mutex_unlock(&worker->mail_lock);

    if (keys != NULL) {
        api_set_keys(worker->api, keys);
        keyring_release(keys);
        log_line(LOG_DEBUG, "keys taken over", LOG_STR("thread", worker->options.name));
    }
    if (tls != NULL) {
        take_tls(worker, tls);
        listener_tls_release(tls);
    }

    for (size_t i = 0; i < count; i++) {
        if (worker->stopping)
            close(fds[i]);
        else
            http_server_add_connection(worker->http, fds[i]);
    }
    free(fds);
    if (stop && !worker->stopping)
        begin_stop(worker);
}

static void run(void *arg)
{
    struct worker *worker = arg;

    pthread_setname_np(pthread_self(), worker->options.name); /* for top -H, and a debugger */
    metrics_use(worker->metrics);
    pulse_start(&worker->pulse, worker->http, worker->options.listener);
    loop_run(&worker->loop);
    metrics_use(NULL);
}

static void note_closed(void *arg)
{
    *(bool *)arg = true;
}

/* Frees a worker whose thread isn't running: one that has stopped, or that was never whole. */
static void worker_free(struct worker *worker)
{
    bool closed = false;

    if (worker->store != NULL)
        store_close(worker->store, note_closed, &closed);
    if (!uv_is_closing((uv_handle_t *)&worker->pulse.timer))
        pulse_stop(&worker->pulse);
    if (!uv_is_closing((uv_handle_t *)&worker->mail)) {
        uv_close((uv_handle_t *)&worker->drain, NULL);
        uv_close((uv_handle_t *)&worker->mail, NULL);
    }
    loop_run(&worker->loop);
    upkeep_free(worker->upkeep);
    api_free(worker->api);
    loop_done(&worker->loop);
    metrics_block_free(worker->metrics);
    for (size_t i = 0; i < worker->fd_count; i++)
        close(worker->fds[i]);
    free(worker->fds);
    keyring_release(worker->keys);
    listener_tls_release(worker->tls);
    pthread_mutex_destroy(&worker->mail_lock);
    free(worker);
}

static void ignore(void *arg)
{
    (void)arg;
}

/* Puts a decorator over a store, or closes what there is of it where memory ran out. */
static struct store *over(struct store *under, struct store *decorated)
{
    if (decorated == NULL && under != NULL)
        store_close(under, ignore, NULL);
    return decorated;
}

/* The embedded store; or Redis, what answers in its place, and what repeats its answers. */
static struct store *open_store(struct worker *worker)
{
    const struct worker_options *options = &worker->options;
    const struct store_cache_options cache = {.generations = options->generations,
                                              .cache_ms = options->cache_ms,
                                              .ttl_ms = options->api.ttl_s * 1000,
                                              .most = CACHED_ANSWERS};

    if (options->outage == NULL)
        return store_memory_open(options->memory, &worker->loop);

    struct store_redis_options redis_options = *options->redis;
    redis_options.name = options->name;
    struct store *store = store_redis_open(&redis_options, &worker->loop);
    if (store != NULL)
        store = over(store, store_outage_open(options->outage, store));
    if (store != NULL && options->cache_ms > 0)
        store = over(store, store_cache_open(&cache, store));
    return store;
}

static int start_upkeep(struct worker *worker)
{
    const struct worker_options *options = &worker->options;
    const struct upkeep_options upkeep = {.store = worker->store,
                                          .timeout_ms = options->api.store_timeout_ms,
                                          .outage = options->outage,
                                          .redis = options->redis,
                                          .generations =
                                              options->cache_ms > 0 ? options->generations : NULL};

    if (!options->keeps)
        return 0;
    worker->upkeep = upkeep_start(&worker->loop, &upkeep);
    return worker->upkeep != NULL ? 0 : UV_ENOMEM;
}

static int start_server(struct worker *worker, char *ret_reason, size_t size)
{
    struct http_options *http = &worker->options.http;

    http->routes = worker->options.routes;
    http->route_count = worker->options.route_count;
    http->arg = worker->api;
    http->log_arg = worker;
    http->on_access = on_access;
    http->on_error = on_http_error;
    http->listen_fd = worker->options.listen_fd;
    return http_server_start(&worker->loop, http, &worker->http, ret_reason, size);
}

struct worker *worker_start(const struct worker_options *options, char *ret_reason, size_t size)
{
    struct worker *worker = calloc(1, sizeof *worker);
    int listen_fd = options->listen_fd;

    snprintf(ret_reason, size, "out of memory");
    if (worker == NULL || loop_init(&worker->loop) != 0) {
        free(worker);
        if (listen_fd >= 0)
            close(listen_fd);
        return NULL;
    }
    worker->options = *options;
    pthread_mutex_init(&worker->mail_lock, NULL);
    uv_timer_init(&worker->loop.uv, &worker->drain);
    uv_async_init(&worker->loop.uv, &worker->mail, on_mail);
    pulse_init(&worker->pulse, &worker->loop);
    worker->metrics = metrics_block_new();

    worker->store = open_store(worker);
    if (worker->store != NULL && worker->metrics != NULL)
        worker->api = api_new(&worker->options.api, worker->store);
    if (worker->api == NULL) {
        if (listen_fd >= 0)
            close(listen_fd);
        worker_free(worker);
        return NULL;
    }
    if (start_server(worker, ret_reason, size) != 0) {
        worker_free(worker);
        return NULL;
    }
    int rc = start_upkeep(worker);
    if (rc == 0)
        rc = uv_thread_create(&worker->thread, run, worker);
    if (rc != 0) {
        snprintf(ret_reason, size, "%s", uv_strerror(rc));
        if (worker->upkeep != NULL)
            upkeep_stop(worker->upkeep, ignore, NULL);
        http_server_stop(worker->http, on_server_stopped, worker);
        worker_free(worker);
        return NULL;
    }
    return worker;
}

void worker_hand_over(struct worker *worker, int fd)
{
    pthread_mutex_lock(&worker->mail_lock);
    if (worker->fd_count == worker->fd_room) {
        size_t room = worker->fd_room ? worker->fd_room * 2 : 16;
        int *fds = realloc(worker->fds, room * sizeof *fds);

        if (fds == NULL) {
            pthread_mutex_unlock(&worker->mail_lock);
            close(fd);
            return;
        }
        worker->fds = fds;
        worker->fd_room = room;
    }
    worker->fds[worker->fd_count++] = fd;
    pthread_mutex_unlock(&worker->mail_lock);
    uv_async_send(&worker->mail);
}

void worker_set_keys(struct worker *worker, struct keyring *keys)
{
    pthread_mutex_lock(&worker->mail_lock);
    struct keyring *unread = worker->keys;
    worker->keys = keyring_hold(keys);
    pthread_mutex_unlock(&worker->mail_lock);
    keyring_release(unread);
    uv_async_send(&worker->mail);
}

void worker_set_tls(struct worker *worker, struct listener_tls *tls)
{
    pthread_mutex_lock(&worker->mail_lock);
    struct listener_tls *unread = worker->tls;
    worker->tls = listener_tls_hold(tls);
    pthread_mutex_unlock(&worker->mail_lock);
    listener_tls_release(unread);
    uv_async_send(&worker->mail);
}

void worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->mail_lock);
    worker->stop_asked = true;
    pthread_mutex_unlock(&worker->mail_lock);
    uv_async_send(&worker->mail);
}

void worker_join(struct worker *worker)
{
    uv_thread_join(&worker->thread);
    worker_free(worker);
}

const char *worker_name(const struct worker *worker)
{
    return worker->options.name;
}

bool worker_has_turned(struct worker *worker)
{
    return pulse_has_beaten(&worker->pulse);
}
