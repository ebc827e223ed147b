/*
 * The program: what the settings say, put together, run until a signal stops it.
 *
 * The main thread owns what is shared (keys, the embedded store, sockets), waits for signals, and accepts
 * on unix sockets. It serves nothing itself.
 */
#include "app.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "acceptor.h"
#include "buf.h"
#include "listener.h"
#include "listener_tls.h"
#include "log.h"
#include "loop.h"
#include "refused_tokens.h"
#include "reloadable.h"
#include "service.h"
#include "settings.h"
#include "shared_store.h"
#include "shown_settings.h"
#include "snapshotter.h"
#include "worker.h"

#define ADMIN_CONNECTIONS 512  /* more than may watch the live feed */
#define SPARE_FILES       1024 /* beside connections */

struct app {
    const struct settings *settings;             /* all of them, checked */
    struct loop loop;                            /* of the main thread */
    const char *file;                            /* where they were read from, or NULL */
    uv_signal_t sigterm, sigint;                 /* both stop */
    uv_signal_t sighup;                          /* reads the settings again */
    uv_timer_t delay;                            /* shutdown_delay_ms */
    struct service service;                      /* told to systemd */
    bool stopping;                               /* a signal came */
    atomic_bool draining;                        /* shared with the threads */
    atomic_bool drained;                         /* the same; an operator's */
    struct shown_settings shown;                 /* the same: as they are in force */
    struct listener player, admin;               /* sockets */
    struct acceptor accept_player, accept_admin; /* where they are unix sockets */
    struct reloadable in_force;                  /* keys and certificates; a reload makes others */
    struct shared_store store;                   /* what holds the sessions; the same */
    struct http_proxies proxies;                 /* who may name the client */
    struct http_addresses *addresses;            /* connections of each client; NULL: unbounded */
    struct refused_tokens *refused_tokens;       /* of each client; NULL: not counted */
    unsigned player_limit;                       /* connections of the player listener */
    atomic_uint player_open, admin_open;         /* connections; shared with the threads */
    struct worker **workers;                     /* the player listener's, then the admin thread */
    size_t worker_count;                         /* started, the admin thread included */
};

/* ---- Sockets and threads ---- */

static int open_listener(const char *text, const char *name, size_t threads,
                         struct listener *listener)
{
    struct buf reason = BUF_EMPTY;
    char address[LISTEN_ADDRESS_TEXT];
    int rc = listener_open(text, threads, listener, &reason);

    if (rc != 0)
        log_line(LOG_ERROR, "can't listen", LOG_STR("setting", name),
                 LOG_STR("reason", buf_text(&reason)));
    else
        log_line(LOG_INFO, "listening", LOG_STR("setting", name),
                 LOG_STR("address", listen_address_text(&listener->address, address)));
    buf_done(&reason);
    return rc == 0 ? APP_OK : APP_WRONG_SETTING;
}

static enum api_auth auth_mode(const struct settings *settings)
{
    switch ((enum settings_auth)settings->auth_mode) {
    case SETTINGS_AUTH_OPEN:
        return API_AUTH_OPEN;
    case SETTINGS_AUTH_API_KEY:
        return API_AUTH_KEY;
    case SETTINGS_AUTH_JWT:
        return API_AUTH_JWT;
    case SETTINGS_AUTH_UNSAID:
        break;
    }
    return API_AUTH_UNSAID;
}

static int show_settings(void *shown, struct buf *out)
{
    return shown_settings_write(shown, out);
}

static void fill_options(struct app *app, struct worker_options *ret_options)
{
    const struct settings *settings = app->settings;

    *ret_options = (struct worker_options){
        .api = {.auth = auth_mode(settings),
                .keys = app->in_force.keys,
                .ttl_s = settings->session_ttl,
                .heartbeat_interval_s = settings->session_heartbeat_interval,
                .max_age_ms = settings->session_max_age * 1000,
                .store_timeout_ms = settings->redis_timeout_ms,
                .authorize_timeout_ms = settings->authorize_timeout_ms,
                .token_path = settings->authorize_token_path,
                .media_path = settings->authorize_media_path,
                .uri_source = (enum api_original_source)settings->authorize_uri_header,
                .cookie = settings->cookie_enabled,
                .cookie_domain = settings->cookie_domain,
                .keepalive = settings->authorize_keepalive,
                .evict = settings->limits_on_limit == SETTINGS_EVICT_OLDEST,
                .allow_evict = settings->limits_allow_evict,
                .metrics_public = settings->metrics_public,
                .refused_tokens = app->refused_tokens,
                .draining = &app->draining,
                .drained = &app->drained,
                .show_settings = show_settings,
                .settings = &app->shown},
        .http = {.request_timeout_ms = (unsigned)settings->http_request_timeout_ms,
                 .idle_timeout_s = (unsigned)settings->http_idle_timeout,
                 .header_limit = (size_t)settings->http_header_limit,
                 .proxies = app->proxies},
        .memory = app->store.memory,
        .outage = app->store.outage,
        .redis = &app->store.redis.store,
        .generations = app->store.generations,
        .cache_ms = settings->authorize_cache_ms,
        .snapshot = app->store.snapshot,
        .snapshot_interval_s = settings->memory_snapshot_interval,
        .shutdown_ms = settings->shutdown_ms,
    };
}

/* What pages of other origins may do on the player listener. */
static struct http_cors player_cors(const struct settings *settings)
{
    return (struct http_cors){
        .origins = (const char *const *)settings->cors_origins.items,
        .count = settings->cors_origins.count,
        .headers = "Content-Type, Authorization, X-Stream-Token",
        .exposed = "Location, Retry-After, X-Request-Id",
        .max_age_s = "7200",
    };
}

/* Starts one thread on the n-th socket of a listener. */
static int start_worker(struct app *app, struct worker_options *options, struct listener *listener,
                        size_t n)
{
    char reason[128];

    options->listen_fd = listener->address.kind == LISTEN_TCP ? listener_take(listener, n) : -1;
    struct worker *worker = worker_start(options, reason, sizeof reason);
    if (worker == NULL) {
        log_line(LOG_ERROR, "can't start a thread", LOG_STR("thread", options->name),
                 LOG_STR("reason", reason));
        return APP_FAILED;
    }
    app->workers[app->worker_count++] = worker;
    return APP_OK;
}

static int start_workers(struct app *app)
{
    const struct settings *settings = app->settings;
    size_t players = (size_t)settings->workers;
    struct worker_options options;
    int rc = APP_OK;

    app->workers = calloc(players + 1, sizeof(struct worker *));
    if (app->workers == NULL)
        return APP_FAILED;
    fill_options(app, &options);
    options.listener = API_PLAYER;
    options.routes = api_player_routes(&options.route_count);
    options.http.cors = player_cors(settings);
    options.http.tls = listener_tls_pem(app->in_force.player_tls);
    options.http.connection_limit = app->player_limit;
    options.http.connections = &app->player_open;
    options.http.addresses = app->addresses;
    for (size_t i = 0; i < players && rc == APP_OK; i++) {
        snprintf(options.name, sizeof options.name, "worker %zu", i + 1);
        rc = start_worker(app, &options, &app->player, i);
    }
    if (rc != APP_OK)
        return rc;
    options.listener = API_ADMIN;
    options.routes = api_admin_routes(&options.route_count);
    options.http.cors = (struct http_cors){0};
    options.http.tls = listener_tls_pem(app->in_force.admin_tls);
    options.http.connection_limit = ADMIN_CONNECTIONS;
    options.http.connections = &app->admin_open;
    options.http.addresses = NULL;
    options.keeps = true;
    strcpy(options.name, "admin");
    return start_worker(app, &options, &app->admin, 0);
}

/* ---- Running and stopping ---- */

static void stop_workers(struct app *app)
{
    acceptor_stop(&app->accept_player);
    acceptor_stop(&app->accept_admin);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_stop(app->workers[i]);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_join(app->workers[i]);
    app->worker_count = 0;
}

static void on_delay_over(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;

    if (app->stopping)
        return;
    app->stopping = true;
    log_line(LOG_INFO, "stopping", LOG_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    service_stopping(&app->service);
    atomic_store(&app->draining, true);
    uv_timer_start(&app->delay, on_delay_over, (uint64_t)app->settings->shutdown_delay_ms, 0);
}

/* Hands to each thread what it is to work with from now on. */
static void hand_out(const struct app *app)
{
    const struct reloadable *now = &app->in_force;
    size_t players = (size_t)app->settings->workers;

    for (size_t i = 0; i < app->worker_count; i++) {
        worker_set_keys(app->workers[i], now->keys);
        worker_set_tls(app->workers[i], i < players ? now->player_tls : now->admin_tls);
    }
}

/*
 * Takes over what can change while the program runs; a file that is wrong changes nothing. The threads get the
 * new keys and certificates with their mail: none waits, and requests under way end with whichever of the two they meet.
 */
static void on_reload(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;
    struct reloadable read = {0};
    struct buf reason = BUF_EMPTY;

    (void)number;
    if (reloadable_read(&read, app->file, app->settings, &app->in_force, &reason) != 0) {
        log_line(LOG_ERROR, "settings not reloaded", LOG_STR("reason", buf_text(&reason)));
    } else {
        const struct reloadable before = app->in_force;

        app->in_force = read;
        log_setup((enum log_level)read.settings.log_level,
                  (enum log_format)read.settings.log_format);
        shown_settings_take(&app->shown, &app->in_force.settings);
        hand_out(app);
        read = before;
        log_line(LOG_INFO,
                 "reloaded log.level, log.format, tokens.keys, admin.token, auth.api_keys, "
                 "auth.jwt and the listeners' certificates; other settings need a restart");
    }
    reloadable_release(&read);
    buf_done(&reason);
}

static void on_sighup(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;

    service_reloading(&app->service);
    on_reload(handle, number);
    service_reloaded(&app->service);
}

/*
 * Raises the number of files this process may open to what it is allowed. Where that is too few for
 * http.connections, warns, and takes fewer: who can't be accepted can't be told 503 either.
 */
static void set_player_limit(struct app *app)
{
    rlim_t connections = (rlim_t)app->settings->http_connections;
    rlim_t others =
        SPARE_FILES + ((rlim_t)app->settings->workers + 1) * HTTP_LINGERS_MAX + ADMIN_CONNECTIONS;
    struct rlimit limit;

    app->player_limit = (unsigned)connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= connections + others)
        return;
    limit.rlim_cur = limit.rlim_max < connections + others ? limit.rlim_max : connections + others;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= connections + others)
        return;

    rlim_t half = limit.rlim_cur / 2;
    rlim_t rest = others < half ? limit.rlim_cur - others : half;
    if (rest >= connections)
        return;
    app->player_limit = (unsigned)rest;
    log_line(LOG_WARN, "http.connections is more than this process may open files",
             LOG_INT("allowed", (int64_t)limit.rlim_cur),
             LOG_INT("wanted", (int64_t)(connections + others)),
             LOG_INT("connections", app->player_limit));
}

static void watch_signals(struct app *app)
{
    uv_timer_init(&app->loop.uv, &app->delay);
    uv_signal_init(&app->loop.uv, &app->sigterm);
    uv_signal_init(&app->loop.uv, &app->sigint);
    uv_signal_init(&app->loop.uv, &app->sighup);
    app->sigterm.data = app->sigint.data = app->sighup.data = app;
    uv_signal_start(&app->sighup, on_sighup, SIGHUP);
    uv_signal_start(&app->sigterm, on_signal, SIGTERM);
    uv_signal_start(&app->sigint, on_signal, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may grow no more is an error of its writer */
}

/* Has somebody accept where a listener is a unix socket. */
static int start_acceptors(struct app *app)
{
    size_t players = (size_t)app->settings->workers;

    if (acceptor_start(&app->accept_player, &app->loop, &app->player, app->workers, players) == 0 &&
        acceptor_start(&app->accept_admin, &app->loop, &app->admin, &app->workers[players], 1) == 0)
        return APP_OK;
    log_line(LOG_ERROR, "can't accept connections");
    return APP_FAILED;
}

/* What bounds a single client. */
static int bound_clients(struct app *app)
{
    const struct settings *settings = app->settings;
    const struct setting_list *proxies = &settings->trusted_proxies;
    size_t bad;

    if (http_proxies_parse((const char *const *)proxies->items, proxies->count, &app->proxies,
                           &bad) != 0)
        return APP_FAILED;
    if (settings->http_connections_per_address > 0) {
        app->addresses = http_addresses_new((unsigned)settings->http_connections_per_address);
        if (app->addresses == NULL)
            return APP_FAILED;
    }
    if (settings->rate_limit_refused_tokens > 0) {
        app->refused_tokens = refused_tokens_new(settings->rate_limit_refused_tokens);
        if (app->refused_tokens == NULL)
            return APP_FAILED;
    }
    return APP_OK;
}

/* Stops the threads, and keeps what is in the store then. */
static int stop_serving(struct app *app)
{
    const struct shared_store *store = &app->store;

    stop_workers(app);
    return store->snapshot == NULL || snapshotter_save(store->memory, store->snapshot) == 0
               ? APP_OK
               : APP_FAILED;
}

static int serve(struct app *app)
{
    const struct settings *settings = app->settings;
    int rc = open_listener(settings->player_listen, "player.listen", (size_t)settings->workers,
                           &app->player);

    if (rc == APP_OK)
        rc = open_listener(settings->admin_listen, "admin.listen", 1, &app->admin);
    if (rc == APP_OK)
        rc = reloadable_open(&app->in_force, settings, false);
    if (rc == APP_OK)
        rc = shared_store_open(&app->store, app->settings);
    if (rc == APP_OK)
        rc = bound_clients(app);
    if (rc == APP_OK)
        rc = start_workers(app);
    if (rc == APP_OK)
        rc = start_acceptors(app);
    if (rc == APP_OK) {
        log_line(LOG_INFO, "serving", LOG_STR("version", GATEWAY_VERSION),
                 LOG_INT("workers", settings->workers));
        service_ready(&app->service, app->workers, app->worker_count);
        loop_run(&app->loop);
        rc = stop_serving(app);
    }
    return rc;
}

/*
 * Closes the handles. From here to the end of the program a second SIGTERM must not do what it does by itself, and
 * make a clean stop look like a crash: libuv gives the signals back, so they are blocked first, then ignored.
 */
static void close_handles(struct app *app)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    service_close(&app->service);
    uv_close((uv_handle_t *)&app->delay, NULL);
    uv_close((uv_handle_t *)&app->sigterm, NULL);
    uv_close((uv_handle_t *)&app->sigint, NULL);
    uv_close((uv_handle_t *)&app->sighup, NULL);
    loop_done(&app->loop);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

int app_run(const struct settings *settings, const char *file)
{
    struct app app = {
        .settings = settings,
        .file = file,
    };

    log_setup((enum log_level)settings->log_level, (enum log_format)settings->log_format);
    shown_settings_init(&app.shown, settings);
    if (loop_init(&app.loop) != 0)
        return APP_FAILED;
    service_init(&app.service, &app.loop);
    watch_signals(&app);
    set_player_limit(&app);

    int rc = serve(&app);

    stop_workers(&app);
    close_handles(&app);
    listener_close(&app.player);
    listener_close(&app.admin);
    free(app.workers);
    shared_store_close(&app.store);
    refused_tokens_free(app.refused_tokens);
    http_addresses_free(app.addresses);
    http_proxies_done(&app.proxies);
    shown_settings_done(&app.shown);
    reloadable_release(&app.in_force);
    if (rc == APP_OK)
        log_line(LOG_INFO, "stopped");
    return rc;
}
