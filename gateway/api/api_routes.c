/* The tables of routes. */
#include "api_private.h"
#include "http_server.h"

/* clang-format off */
static const struct http_route player_routes[] = {
    {NULL,     "/v1/authorize",              api_authorize, HTTP_ANY_METHOD | HTTP_NO_BODY, 0},
    {NULL,     "/v1/authorize/{path*}",      api_authorize, HTTP_ANY_METHOD | HTTP_NO_BODY, 0},
    {"POST",   "/v1/sessions/{id}/heartbeat", api_heartbeat, HTTP_JSON_BODY, API_BODY_MAX},
    {"POST",   "/v1/heartbeats",             api_batch,     HTTP_JSON_BODY, API_BATCH_BODY_MAX},
    {"POST",   "/v1/sessions",               api_create,    HTTP_JSON_BODY, API_BODY_MAX},
    {"GET",    "/v1/sessions/{id}",          api_get,       HTTP_NO_BODY, 0},
    {"DELETE", "/v1/sessions/{id}",          api_stop,      HTTP_ANY_BODY, API_BODY_MAX},
    {"POST",   "/v1/sessions/{id}/stop",     api_stop,      HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/v1/families/{id}/sessions", api_family_list, HTTP_NO_BODY, 0},
    {"DELETE", "/v1/families/{id}/sessions/{session}", api_family_stop, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/healthz",                   api_healthz,   HTTP_NO_BODY, 0},
    {"GET",    "/readyz",                    api_readyz,    HTTP_NO_BODY, 0},
};

static const struct http_route admin_routes[] = {
    {"GET", "/healthz", api_healthz, HTTP_NO_BODY, 0},
    {"GET", "/readyz",  api_readyz,  HTTP_NO_BODY, 0},
    {"GET", "/",               admin_console, HTTP_NO_BODY, 0},
    {"GET", "/console.css",    admin_console, HTTP_NO_BODY, 0},
    {"GET", "/console/{file}", admin_console, HTTP_NO_BODY, 0},
    {"GET", "/favicon.svg",    admin_console, HTTP_NO_BODY, 0},
};
/* clang-format on */

const struct http_route *api_player_routes(size_t *ret_count)
{
    *ret_count = sizeof player_routes / sizeof player_routes[0];
    return player_routes;
}

const struct http_route *api_admin_routes(size_t *ret_count)
{
    *ret_count = sizeof admin_routes / sizeof admin_routes[0];
    return admin_routes;
}
