/* Requests to the API without sockets. */
#include "fuzz_http.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "buf.h"
#include "clock.h"
#include "http_private.h"
#include "http_response.h"
#include "http_value.h"
#include "identity.h"
#include "keyring.h"
#include "log.h"
#include "memory.h"
#include "store.h"
#include "store_memory.h"
#include "store_query.h"
#include "token.h"

#define DAY_MS   86400000
#define BODY_MAX 16384

const char fuzz_http_admin[] = "Bearer fuzz-fuzz-fuzz-fuzz";

static struct {
    struct loop loop;              /* of the store's answers */
    struct memory *memory;         /* the store's data */
    struct store *store;           /* over it */
    struct api *api;               /* over that */
    struct keyring *keys;          /* of tokens and admins */
    struct http_server servers[2]; /* by listener: what requests look at in them */
    struct http_connection client; /* who asks */
    atomic_bool draining, drained; /* of the api */
    int64_t days_ms;               /* that have passed in the store */
    struct token_claims claims;    /* of the session that there is */
    char token[TOKEN_MAX + 1];     /* the same */
    bool is_ready;                 /* all of it */
} fuzz;

static int64_t monotonic_ms(void)
{
    return clock_monotonic_ms() + fuzz.days_ms;
}

static const struct memory_clock fuzz_clock = {clock_wall_ms, monotonic_ms};

static int show_settings(void *settings, struct buf *out)
{
    (void)settings;
    buf_add_str(out, "{}");
    return 0;
}

static void set_up_server(enum fuzz_listener listener)
{
    struct http_server *server = &fuzz.servers[listener];
    size_t count;

    server->loop = &fuzz.loop;
    server->options.routes =
        listener == FUZZ_PLAYER ? api_player_routes(&count) : api_admin_routes(&count);
    server->options.route_count = count;
    server->options.arg = fuzz.api;
    server->router = http_router_new(server->options.routes, count);
    server->no_memory = http_response_new(500, NULL, NULL, 0);
    assert(server->router != NULL && server->no_memory != NULL);
}

static void set_up(void)
{
    const struct store_options store = {.ttl_ms = 300000,
                                        .max_age_ms = DAY_MS / 2,
                                        .family_limit = 2,
                                        .device_limit = 1,
                                        .displace_after_ms = 90000};

    if (fuzz.is_ready)
        return;
    log_setup(LOG_ERROR, LOG_TEXT);
    fuzz.keys = keyring_new();
    int rc = loop_init(&fuzz.loop);
    assert(rc == 0 && fuzz.keys != NULL);
    rc = token_keys_add(fuzz.keys->tokens,
                        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert(rc == 0);
    rc = api_keys_add(fuzz.keys->admins, strchr(fuzz_http_admin, ' ') + 1, "fuzz");
    assert(rc == 0);
    fuzz.memory = memory_new(&store, &fuzz_clock);
    assert(fuzz.memory != NULL);
    fuzz.store = store_memory_open(fuzz.memory, &fuzz.loop);
    assert(fuzz.store != NULL);
    const struct api_options options = {
        .auth = API_AUTH_OPEN,
        .keys = fuzz.keys,
        .ttl_s = 300,
        .heartbeat_interval_s = 60,
        .max_age_ms = DAY_MS,
        .store_timeout_ms = 500,
        .authorize_timeout_ms = 150,
        .token_path = "/s/{token}/",
        .media_path = "/vod/{mediaId}/",
        .uri_source = API_ORIGINAL_URI,
        .cookie = true,
        .keepalive = true,
        .allow_evict = true,
        .metrics_public = true,
        .draining = &fuzz.draining,
        .drained = &fuzz.drained,
        .show_settings = show_settings,
    };
    fuzz.api = api_new(&options, fuzz.store);
    assert(fuzz.api != NULL);
    fuzz.client.deadline.fd = -1;
    set_up_server(FUZZ_PLAYER);
    set_up_server(FUZZ_ADMIN);
    fuzz.is_ready = true;
}

/* A day has passed, and somebody begins to watch. */
static void begin_session(void)
{
    struct token_claims *claims = &fuzz.claims;
    struct store_req req = {.op = STORE_CREATE, .create = {.family_limit = -1, .device_limit = -1}};

    fuzz.days_ms += DAY_MS;
    atomic_store(&fuzz.drained, false);
    strcpy(req.session.user_id, "u1");
    strcpy(req.session.family_id, "f1");
    strcpy(req.session.device_id, "d1");
    strcpy(req.session.media_id, "m1");
    session_id_make("f1", req.session.id);
    enum err err = memory_do(fuzz.memory, &req);
    free(req.streams);
    if (err != ERR_OK) /* the input before has set limits, which last */
        return;
    *claims = (struct token_claims){.family_limit = -1, .device_limit = -1};
    memcpy(claims->session_id, req.session.id, sizeof claims->session_id);
    strcpy(claims->user_id, "u1");
    strcpy(claims->family_id, "f1");
    strcpy(claims->device_id, "d1");
    strcpy(claims->media_id, "m1");
    claims->issued_ms = claims->started_ms = clock_wall_ms();
    int len = token_seal(fuzz.keys->tokens, claims, fuzz.token);
    assert(len > 0);
}

const char *fuzz_http_token(void)
{
    if (fuzz.token[0] == '\0') {
        set_up();
        begin_session();
    }
    return fuzz.token;
}

const char *fuzz_http_session_id(void)
{
    fuzz_http_token();
    return fuzz.claims.session_id;
}

char *fuzz_http_fill_in(const char *text)
{
    struct buf out = BUF_EMPTY;

    buf_add_str(&out, "");
    for (; *text != '\0'; text++) {
        if (*text == '\1')
            buf_add_str(&out, fuzz_http_token());
        else if (*text == '\2')
            buf_add_str(&out, fuzz_http_session_id());
        else
            buf_add_char(&out, *text);
    }
    char *filled = buf_text(&out);
    assert(filled != NULL);
    return filled;
}

int fuzz_http_is_target(const char *text)
{
    if (text[0] != '/')
        return 0;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

int fuzz_http_is_value(const char *text)
{
    return http_value_is_sound(text, strlen(text));
}

static void look_at_all(void (*look)(const struct session *session))
{
    struct store_query query = {.page = {.most = STORE_PAGE_MAX}};
    struct store_req req = {.op = STORE_PAGE, .query = &query};

    enum err err = memory_do(fuzz.memory, &req);
    assert(err == ERR_OK);
    for (size_t i = 0; i < req.stream_count; i++)
        look(&req.streams[i].session);
    free(req.streams);
}

/* Has the request's handler answer, which may take the store's answer. */
static void handle(struct http_request *req)
{
    req->phase = HTTP_PHASE_HANDLING;
    req->match.route->handler(req);
    loop_run(&fuzz.loop); /* also what it goes on with, once answered */
    assert(req->response != NULL);
}

/* Whether a connection is needed for its answer: that of the live feed goes on and on. */
static bool goes_on(const struct http_request *req)
{
    return strcmp(req->match.route->pattern, "/admin/v1/events") == 0;
}

int fuzz_http_ask(const struct fuzz_request *request, void (*look)(const struct session *session))
{
    struct http_server *server = &fuzz.servers[request->listener];

    fuzz_http_token();
    struct http_request *req = http_request_new(server);
    assert(req != NULL);
    http_request_make_id(req);
    req->client = &fuzz.client;
    req->method = request->method;
    buf_add_str(&req->raw_target, request->target);
    req->target = buf_text(&req->raw_target);
    memcpy(req->headers, request->headers, sizeof req->headers);
    enum err err = http_router_find(server->router, req->method, req->target,
                                    strcspn(req->target, "?"), &req->match);
    int status = 404;
    if (err == ERR_OK && !goes_on(req)) {
        if (req->match.route->body_limit > 0 && request->body_len <= BODY_MAX) {
            buf_add(&req->body, request->body, request->body_len);
            server->body_bytes += req->body.len;
        }
        handle(req);
        status = http_response_status(req->response);
        assert(status >= 200 && status <= 599 && status != 500);
    }
    http_request_release(req);
    if (look != NULL)
        look_at_all(look);
    begin_session();
    return status;
}
