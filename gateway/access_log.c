/* The access log: one line a request, at `info`. */
#include "access_log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "http_server.h"
#include "log.h"

#define REFUSED_EVERY_MS 1000

/* Whether a refusal of this session or client was logged a moment ago; notes it, if not. */
static bool was_logged(struct access_log *log, const char *who)
{
    int64_t now_ms = clock_monotonic_ms();
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *c = who; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;

    size_t place = hash % ACCESS_LOG_PLACES;
    if (log->places[place].until_ms > now_ms && strcmp(log->places[place].who, who) == 0)
        return true;
    snprintf(log->places[place].who, sizeof log->places[place].who, "%s", who);
    log->places[place].until_ms = now_ms + REFUSED_EVERY_MS;
    return false;
}

static bool is_authorize(const struct http_access *access)
{
    static const char route[] = "/v1/authorize";

    return strncmp(access->route, route, sizeof route - 1) == 0;
}

/* The last status of each health route, whichever thread answered; 0: none yet. */
static struct health {
    const char *route;
    atomic_int status;
} healths[] = {{.route = "/healthz"}, {.route = "/readyz"}};

static struct health *health_of(const struct http_access *access)
{
    for (size_t i = 0; i < sizeof healths / sizeof healths[0]; i++)
        if (strcmp(access->route, healths[i].route) == 0)
            return &healths[i];
    return NULL;
}

void access_log_write(struct access_log *log, const struct http_access *access)
{
    struct health *health = health_of(access);
    /* Not to be ready is what a probe asks about, and no failure of the gateway's. */
    bool failed = access->status >= 500 && !(health != NULL && access->status == 503);
    enum log_level level = failed ? LOG_ERROR : LOG_INFO;
    char client[HTTP_CLIENT_SIZE] = "";
    bool quiet = !log_enabled(LOG_DEBUG);

    if (health != NULL && atomic_exchange(&health->status, access->status) == access->status &&
        quiet && !failed)
        return;
    if (!log_enabled(level) || (quiet && is_authorize(access) && access->status == 200))
        return;
    bool is_refused_session = quiet && is_authorize(access) && access->session_id[0] != '\0';
    if (is_refused_session && was_logged(log, access->session_id))
        return;
    if (access->request != NULL)
        http_request_client(access->request, client);
    else if (access->peer != NULL)
        snprintf(client, sizeof client, "%s", access->peer);
    if (access->code == ERR_OVERLOADED && was_logged(log, err_word(access->code)))
        return;
    if (quiet && access->code == ERR_RATE_LIMITED && was_logged(log, client))
        return;
    if (quiet && is_authorize(access) && !is_refused_session && was_logged(log, client))
        return;
    log_line(level, "request", LOG_STR("method", access->method), LOG_STR("route", access->route),
             LOG_INT("status", access->status), LOG_STR("code", err_word(access->code)),
             LOG_STR("session", access->session_id), LOG_STR("caller", access->caller),
             LOG_STR("client", client), LOG_STR("id", access->request_id),
             LOG_INT("us", access->duration_us));
}
