/*
 * The HTTP API: what a thread needs to answer, and the tables of routes.
 */
#ifndef API_H
#define API_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api_original.h"

struct api;
struct buf;
struct http_route;
struct keyring;
struct loop;
struct refused_tokens;
struct store;

/* Who may create sessions, and see and stop a family's. */
enum api_auth {
    API_AUTH_UNSAID, /* everybody, but nobody through a proxy: DESIGN.md section 8, last paragraph */
    API_AUTH_OPEN,   /* everybody */
    API_AUTH_KEY,    /* who presents one of the keyring's callers */
    API_AUTH_JWT     /* who presents a JWT that the keyring's jwt believes */
};

/* What all threads share. */
struct api_options {
    enum api_auth auth;                  /* who may create */
    struct keyring *keys;                /* to begin with: see api_set_keys */
    int64_t ttl_s;                       /* session.ttl */
    int64_t heartbeat_interval_s;        /* session.heartbeat_interval */
    int64_t max_age_ms;                  /* session.max_age */
    int64_t store_timeout_ms;            /* how long a request waits for the store */
    int64_t authorize_timeout_ms;        /* how long an authorize does */
    const char *token_path;              /* authorize.token_path, or NULL */
    const char *media_path;              /* authorize.media_path, or NULL */
    enum api_original_source uri_source; /* authorize.uri_header: where media_path is looked for */
    bool cookie;                         /* cookie.enabled */
    const char *cookie_domain;           /* cookie.domain, or NULL */
    bool keepalive;                      /* authorize.keepalive */
    bool evict;                          /* limits.on_limit is evict_oldest */
    bool allow_evict;                    /* limits.allow_evict */
    bool metrics_public;                 /* metrics.public */
    struct refused_tokens *refused_tokens; /* by client; NULL: not counted */
    atomic_bool *draining;                 /* the program stops: no new sessions, not ready */
    atomic_bool *drained; /* an operator's word for the same, which can be undone */
    /* Appends the settings in force as JSON, secrets masked. Returns 0; -1 where memory runs out. */
    int (*show_settings)(void *settings, struct buf *out);
    void *settings; /* its */
};

/*
 * An API for one thread, over its store, which stays the caller's. NULL where memory runs out. It is the
 * server's `arg` for the routes below.
 */
struct api *api_new(const struct api_options *options, struct store *store);

/*
 * From now on these keys count, and no other: also for a token that was opened before, and for who watches the live
 * feed, which ends. Holds them.
 */
void api_set_keys(struct api *api, struct keyring *keys);

/* Asks the store nothing more by itself: it will be closed. */
void api_quiesce(struct api *api);

/* Frees it; no call may be under way. Accepts NULL. */
void api_free(struct api *api);

/* The routes of the player listener, and of the admin listener. */
const struct http_route *api_player_routes(size_t *ret_count);
const struct http_route *api_admin_routes(size_t *ret_count);

#endif
