/* The tables of routes. */
#include "admin_private.h"
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
    {"GET",    "/healthz",                   api_healthz,   HTTP_NO_BODY, 0},
    {"GET",    "/readyz",                    api_readyz,    HTTP_NO_BODY, 0},
    {"GET",    "/metrics",                   admin_metrics, HTTP_NO_BODY, 0},
    {"GET",    "/admin/v1/stats",            admin_stats,   HTTP_NO_BODY, 0},
    {"GET",    "/admin/v1/sessions",         admin_sessions, HTTP_NO_BODY, 0},
    {"GET",    "/admin/v1/sessions/{id}",    admin_session_get, HTTP_NO_BODY, 0},
    {"DELETE", "/admin/v1/sessions/{id}",    admin_session_terminate, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/admin/v1/families/{id}",    admin_family,  HTTP_NO_BODY, 0},
    {"DELETE", "/admin/v1/families/{id}/sessions", admin_family_terminate, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/admin/v1/families/{id}/limits", admin_limits_get, HTTP_NO_BODY, 0},
    {"PUT",    "/admin/v1/families/{id}/limits", admin_limits_put, HTTP_JSON_BODY, API_BODY_MAX},
    {"DELETE", "/admin/v1/families/{id}/limits", admin_limits_delete, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/admin/v1/devices/{id}",     admin_device,  HTTP_NO_BODY, 0},
    {"DELETE", "/admin/v1/devices/{id}/sessions", admin_device_terminate, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/admin/v1/events",           admin_events,  HTTP_NO_BODY, 0},
    {"GET",    "/admin/v1/config",           admin_config,  HTTP_NO_BODY, 0},
    {"POST",   "/admin/v1/drain",            admin_drain,   HTTP_ANY_BODY, API_BODY_MAX},
    {"DELETE", "/admin/v1/drain",            admin_undrain, HTTP_ANY_BODY, API_BODY_MAX},
    {"GET",    "/",                          admin_console, HTTP_NO_BODY, 0},
    {"GET",    "/console.css",               admin_console, HTTP_NO_BODY, 0},
    {"GET",    "/console/{file}",            admin_console, HTTP_NO_BODY, 0},
    {"GET",    "/favicon.svg",               admin_console, HTTP_NO_BODY, 0},
    {NULL,     "/admin/{path*}",             admin_unknown, HTTP_ANY_METHOD | HTTP_NO_BODY, 0},
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
