/* What the API counts: the table, the words of the labels, and what is more than an addition. */
#include "api_metrics.h"

#include <assert.h>
#include <string.h>

#include "api_private.h"
#include "http_server.h"

static_assert((int)API_METRICS_CELLS <= METRICS_CELLS_MAX, "there must be a cell for each number");
static_assert((int)METRICS_OF_result == API_REFUSAL_COUNT + 1, "a result is a refusal, or allowed");

/* ---- Words ---- */

/* The player listener's route that is the same as one of the admin listener's; NULL where there is none. */
static const struct http_route *twin_of(const struct http_route *route)
{
    size_t count;
    const struct http_route *players = api_player_routes(&count);

    for (size_t i = 0; i < count; i++)
        if (players[i].method != NULL && route->method != NULL &&
            strcmp(players[i].method, route->method) == 0 &&
            strcmp(players[i].pattern, route->pattern) == 0)
            return &players[i];
    return NULL;
}

unsigned api_route_number(enum api_listener listener, size_t n)
{
    size_t player_count, admin_count;

    if (listener == API_PLAYER)
        return (unsigned)n;
    const struct http_route *players = api_player_routes(&player_count);
    const struct http_route *twin = twin_of(&api_admin_routes(&admin_count)[n]);
    return (unsigned)(twin != NULL ? (size_t)(twin - players) : player_count + n);
}

const char *api_route_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    size_t player_count, admin_count;
    const struct http_route *players = api_player_routes(&player_count);
    const struct http_route *admins = api_admin_routes(&admin_count);
    const struct http_route *route;

    if (value == API_ROUTES_MAX - 1)
        return "other";
    if (value >= player_count + admin_count)
        return NULL;
    route = value < player_count ? &players[value] : &admins[value - player_count];
    if (value >= player_count && twin_of(route) != NULL)
        return NULL;
    int len = snprintf(room, METRICS_WORD_SIZE, "%s %s",
                       route->method != NULL ? route->method : "ANY", route->pattern);
    return len < METRICS_WORD_SIZE ? room : NULL;
}

static const char *code_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return err_word((enum err)value);
}

enum err api_denial_code(enum api_denial denial)
{
    static const enum err codes[API_DENIAL_COUNT] = {
        [API_DENIED_FAMILY] = ERR_FAMILY_LIMIT,
        [API_DENIED_DEVICE] = ERR_DEVICE_LIMIT,
        [API_DENIED_RATE] = ERR_RATE_LIMITED,
        [API_DENIED_BLOCK] = ERR_FORBIDDEN,
    };

    return codes[denial];
}

static const char *cause_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return err_word(api_denial_code((enum api_denial)value));
}

static const char *admission_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[API_ADMISSION_COUNT] = {
        [API_ADMITTED] = "admitted",
        [API_REFUSED_BY_FAMILY] = "family_limit",
        [API_REFUSED_BY_DEVICE] = "device_limit",
    };

    (void)room;
    return words[value];
}

static const char *result_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    switch (value) {
    case API_REFUSED_MISSING:
        return err_word(ERR_MISSING_TOKEN);
    case API_REFUSED_INVALID:
        return err_word(ERR_INVALID_TOKEN);
    case API_REFUSED_FORBIDDEN:
        return err_word(ERR_FORBIDDEN);
    case API_REFUSED_UNAVAILABLE:
        return err_word(ERR_STORE_UNAVAILABLE);
    case API_ALLOWED:
        return "allowed";
    default:
        return end_reason_word((enum end_reason)(value - API_REFUSED_ENDED));
    }
}

static const char *cache_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[STORE_CACHED_COUNT] = {
        [STORE_UNCACHED] = "off",
        [STORE_CACHE_HIT] = "hit",
        [STORE_CACHE_MISS] = "miss",
        [STORE_CACHE_STALE] = "stale",
    };

    (void)room;
    return words[value];
}

static const char *token_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return value == 0 ? "good" : "invalid";
}

static const char *listener_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return value == API_PLAYER ? "player" : "admin";
}

/* Two states are shown to players by the same word. */
static const char *state_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return value == STORE_STARTING ? "starting" : store_state_word((enum store_state)value);
}

static const char *version_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)value;
    (void)room;
    return GATEWAY_VERSION;
}

static const struct metrics_label metrics_label_code = {"code", METRICS_OF_code, code_word};
static const struct metrics_label metrics_label_cause = {"cause", METRICS_OF_cause, cause_word};
static const struct metrics_label metrics_label_admission = {"result", METRICS_OF_admission,
                                                             admission_word};
static const struct metrics_label metrics_label_result = {"result", METRICS_OF_result, result_word};
static const struct metrics_label metrics_label_cache = {"cache", METRICS_OF_cache, cache_word};
static const struct metrics_label metrics_label_token = {"result", METRICS_OF_token, token_word};
static const struct metrics_label metrics_label_route = {"route", METRICS_OF_route, api_route_word};
static const struct metrics_label metrics_label_listener = {"listener", METRICS_OF_listener,
                                                            listener_word};
static const struct metrics_label metrics_label_state = {"state", METRICS_OF_state, state_word};
static const struct metrics_label metrics_label_version = {"version", METRICS_OF_version,
                                                           version_word};

const struct metrics_metric api_metrics[] = {
#define X(id, kind, name, a, b, help)                                                              \
    {name, help, METRICS_##kind, (unsigned)id, {&metrics_label_##a, &metrics_label_##b}},
    METRICS_TABLE(X)
#undef X
};
const size_t api_metrics_count = sizeof api_metrics / sizeof api_metrics[0];

/* ---- Counting ---- */

void api_count_request(enum api_listener listener, const struct http_access *access)
{
    unsigned route = API_ROUTES_MAX - 1;

    if (access->code != ERR_OK)
        metrics_add(API_METRIC_PROBLEMS + (unsigned)access->code, 1);
    if (access->code == ERR_OVERLOADED && access->matched == NULL) { /* no request was read */
        metrics_add(API_METRIC_SHED + (unsigned)listener, 1);
        return;
    }
    if (access->matched != NULL)
        route = listener == API_PLAYER ? (unsigned)access->route_index
                                       : api_route_number(listener, access->route_index);
    metrics_observe_us(API_METRIC_REQUESTS + route * METRICS_CELLS_DURATIONS,
                       (uint64_t)access->duration_us);
    if (access->matched != NULL && access->matched->handler == api_create)
        metrics_add(API_METRIC_CREATES + (unsigned)access->code, 1);
}

static void count_denial(unsigned first, enum err code)
{
    for (unsigned i = 0; i < API_DENIAL_COUNT; i++)
        if (api_denial_code((enum api_denial)i) == code)
            metrics_add(first + i, 1);
}

/* The stream that was asked for counts as well: a limit is how many there may be with it. */
static void count_family(const struct store_req *req)
{
    bool admitted = req->err == ERR_OK;
    enum api_admission admission = admitted                       ? API_ADMITTED
                                   : req->err == ERR_FAMILY_LIMIT ? API_REFUSED_BY_FAMILY
                                                                  : API_REFUSED_BY_DEVICE;

    metrics_observe_number(API_METRIC_FAMILY + (unsigned)admission * METRICS_CELLS_NUMBERS,
                           req->usage.family_active + (admitted ? 0 : 1));
}

void api_count_create(const struct store_req *req)
{
    count_denial(API_METRIC_DENIALS, req->err);
    if (req->err == ERR_OK)
        count_denial(API_METRIC_WOULD_DENY, req->would_deny);
    if (req->err == ERR_OK || req->err == ERR_FAMILY_LIMIT || req->err == ERR_DEVICE_LIMIT)
        count_family(req);
}
