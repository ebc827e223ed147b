/*
 * What the API and the threads that serve it count; and with store_metrics.h, where a row is explained, the one
 * table of all metrics: METRICS_TABLE. README, dashboard and alerts are held against it by tests.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "err.h"
#include "store_metrics.h"

struct http_access;
struct store_req;

/* clang-format off */
#define API_METRICS_TABLE(X)                                                                        \
    X(API_METRIC_SESSIONS, GAUGE, "stream_gateway_sessions_active", none, none,                     \
      "Sessions that live in the store, whichever gateway they use; absent where the store can't tell.") \
    X(API_METRIC_USERS, GAUGE, "stream_gateway_users_online", none, none,                           \
      "Users seen in the store within one to two session.ttl, about; with a cluster counted by partition.") \
    X(API_METRIC_CREATES, COUNTER, "stream_gateway_creates_total", code, none,                      \
      "Creates answered, by code.")                                                                 \
    X(API_METRIC_DENIALS, COUNTER, "stream_gateway_denials_total", cause, none,                     \
      "Creates that were refused a place, by cause.")                                               \
    X(API_METRIC_WOULD_DENY, COUNTER, "stream_gateway_would_deny_total", cause, none,               \
      "Creates that would have been refused, were limits.enforce true.")                            \
    X(API_METRIC_FAMILY, NUMBERS, "stream_gateway_family_streams", admission, none,                 \
      "Streams of a family with the one asked for, at each create: those above a number are what a limit of it would refuse.") \
    X(API_METRIC_AUTHORIZE, COUNTER, "stream_gateway_authorize_total", result, cache,               \
      "Authorizes answered, by result and by what the cache of answers had.")                       \
    X(API_METRIC_TOKENS, COUNTER, "stream_gateway_tokens_opened_total", token, none,                \
      "Tokens that were opened, good or invalid; a good one is remembered, and not counted when it comes again.") \
    X(API_METRIC_REQUESTS, DURATIONS, "stream_gateway_http_request_duration_seconds", route, none,  \
      "From a request's head to its answer, by route; not with the time to send it.")               \
    X(API_METRIC_PROBLEMS, COUNTER, "stream_gateway_http_problems_total", code, none,               \
      "Requests that were answered with an error, by code.")                                        \
    X(API_METRIC_IN_FLIGHT, GAUGE, "stream_gateway_http_requests_in_flight", listener, none,        \
      "Requests whose answer isn't wholly sent.")                                                   \
    X(API_METRIC_CONNECTIONS, GAUGE, "stream_gateway_http_connections", listener, none,             \
      "Open connections.")                                                                          \
    X(API_METRIC_SHED, COUNTER, "stream_gateway_http_connections_shed_total", listener, none,       \
      "Connections that were refused, being above http.connections or http.connections_per_address.")               \
    X(API_METRIC_LAG, DURATIONS, "stream_gateway_loop_lag_seconds", listener, none,                 \
      "How late a timer of each thread fires, ten times a second: what a request waits for other requests.") \
    X(API_METRIC_STATE, GAUGE, "stream_gateway_store_state", state, none,                           \
      "1 for the state that the store is in, as its worst partition; deny, allow and fallback are the policies while Redis is away.") \
    X(API_METRIC_PARTITIONS, GAUGE, "stream_gateway_store_partitions", state, none,                 \
      "Partitions in each state: 256 with a cluster, else 1.")                                      \
    X(API_METRIC_DRAINING, GAUGE, "stream_gateway_draining", none, none,                            \
      "Whether this gateway takes no new sessions.")                                                \
    X(API_METRIC_BUILD, GAUGE, "stream_gateway_build_info", version, none,                          \
      "The version, as a label.")                                                                   \
    X(API_METRIC_CPU, COUNTER_US, "process_cpu_seconds_total", none, none,                          \
      "CPU time of this process.")                                                                  \
    X(API_METRIC_RESIDENT, GAUGE, "process_resident_memory_bytes", none, none,                      \
      "Memory of this process that is in RAM.")                                                     \
    X(API_METRIC_OPEN_FDS, GAUGE, "process_open_fds", none, none,                                   \
      "Descriptors that this process has open.")                                                    \
    X(API_METRIC_MAX_FDS, GAUGE, "process_max_fds", none, none,                                     \
      "Descriptors that it may open.")                                                              \
    X(API_METRIC_START, GAUGE_US, "process_start_time_seconds", none, none,                         \
      "When it began, in seconds since 1970.")
/* clang-format on */

/* All metrics. */
#define METRICS_TABLE(X) STORE_METRICS_TABLE(X) API_METRICS_TABLE(X)

#define API_ROUTES_MAX                                                                             \
    64 /* of both listeners together; the last place is for what no route matched */

/* The listener that a thread serves. */
enum api_listener { API_PLAYER, API_ADMIN, API_LISTENER_COUNT };

/* Why a create is denied. */
enum api_denial {
    API_DENIED_FAMILY,
    API_DENIED_DEVICE,
    API_DENIED_RATE,
    API_DENIED_BLOCK,
    API_DENIAL_COUNT
};

/* What a create came to, for a family's streams. */
enum api_admission {
    API_ADMITTED,
    API_REFUSED_BY_FAMILY,
    API_REFUSED_BY_DEVICE,
    API_ADMISSION_COUNT
};

enum {
    METRICS_OF_code = ERR_COUNT,
    METRICS_OF_cause = API_DENIAL_COUNT,
    METRICS_OF_admission = API_ADMISSION_COUNT,
    METRICS_OF_result = 5 + END_REASON_COUNT, /* api_private.h's refusals, and allowed */
    METRICS_OF_cache = STORE_CACHED_COUNT,
    METRICS_OF_token = 2,
    METRICS_OF_route = API_ROUTES_MAX,
    METRICS_OF_listener = API_LISTENER_COUNT,
    METRICS_OF_state = STORE_STATE_COUNT,
    METRICS_OF_version = 1
};

enum api_metric {
    API_METRICS_BEFORE = STORE_METRICS_CELLS - 1,
#define X(id, kind, name, a, b, help)                                                              \
    id, id##_LAST = id + METRICS_OF_##a * METRICS_OF_##b * METRICS_CELLS_##kind - 1,
    API_METRICS_TABLE(X)
#undef X
        API_METRICS_CELLS /* of all metrics */
};

/* All metrics, in the order of METRICS_TABLE. */
extern const struct metrics_metric api_metrics[];
extern const size_t api_metrics_count;

/* Counts a request that this listener has answered. */
void api_count_request(enum api_listener listener, const struct http_access *access);

/* Counts what the store said to a create. */
void api_count_create(const struct store_req *req);

/* Which of METRICS_OF_route's values is the n-th route of a listener; one that both have is one value. */
unsigned api_route_number(enum api_listener listener, size_t n);

/*
 * "POST /v1/sessions" of one of these values, put into room; "other" of the last one; NULL where there is no such
 * route.
 */
const char *api_route_word(unsigned value, char room[METRICS_WORD_SIZE]);

/* The code of a denial. */
enum err api_denial_code(enum api_denial denial);

#endif
