/* GET /metrics: who may read it, and that the counts move with what happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "clock.h"
#include "redis_nodes.h"
#include "redis_server.h"

API_SUITES;

enum { PATIENCE_MS = 20000 };

/* The text of a scrape; the caller frees. */
static char *scrape(const struct admin_fixture *admin)
{
    struct http_answer answer = admin_ask(admin->client, "GET", "/metrics", NULL);

    cr_assert_eq(answer.status, 200, "%d %s", answer.status, answer.body);
    api_expect_header(&answer, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    char *text = strdup(answer.body);
    http_answer_done(&answer);
    return text;
}

/* The value of one series ("name{label='word'}", with ' for every "); -1 where there is none. */
static double value_in(const char *text, const char *series)
{
    const char *name = api_json("%s", series);
    size_t len = strlen(name);

    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            return strtod(line + len, NULL);
    }
    return -1;
}

static double value_of(const struct admin_fixture *admin, const char *series)
{
    char *text = scrape(admin);
    double value = value_in(text, series);

    free(text);
    return value;
}

static void expect_value(const struct admin_fixture *admin, const char *series, double expected)
{
    double value = value_of(admin, series);

    cr_expect_eq(value, expected, "%s: %g, not %g", series, value, expected);
}

/* For what is counted elsewhere, or later. */
static void wait_value(const struct admin_fixture *admin, const char *series, double expected)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    double value;

    while ((value = value_of(admin, series)) != expected)
        cr_assert_lt(clock_monotonic_ms(), until_ms, "%s: %g, not %g", series, value, expected);
}

static int authorize(const struct admin_fixture *admin, const char *token)
{
    return api_status(http_client_ask(admin->api.client, "GET", "/v1/authorize",
                                      token != NULL ? api_token_header(token) : NULL, NULL));
}

/* ---- Who may read it ---- */

Test(embedded, wants_the_admin_token)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    struct http_answer answer = http_client_ask(admin.client, "GET", "/metrics", NULL, NULL);

    api_expect_problem(&answer, 401, "unauthorized");
    http_answer_done(&answer);
    free(scrape(&admin));
    admin_fixture_stop(&admin);
}

Test(embedded, wants_no_token_where_metrics_are_public)
{
    static const char *const env[] = {"GATEWAY_METRICS_PUBLIC=true", NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);

    cr_expect_eq(api_status(http_client_ask(admin.client, "GET", "/metrics", NULL, NULL)), 200);
    cr_expect_eq(api_status(http_client_ask(admin.client, "GET", "/admin/v1/stats", NULL, NULL)),
                 401);
    cr_expect_eq(api_status(http_client_ask(admin.api.client, "GET", "/metrics", NULL, NULL)), 404,
                 "the player listener hasn't any");
    admin_fixture_stop(&admin);
}

/* ---- What is counted ---- */

ON_BOTH_STORES(counts_sessions_creates_denials_and_ends)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=3", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *client = admin.api.client;
    struct api_session first = api_admit(client, "f", "d1", NULL);
    struct api_session second = api_admit(client, "f", "d1", "'playerId':'p'");

    expect_value(&admin, "stream_gateway_sessions_active", 2);
    expect_value(&admin, "stream_gateway_users_online", 1);
    api_expect_refused(api_create(client, "f", "d1", NULL), 409, "device_limit");
    struct api_session third = api_admit(client, "f", "d2", NULL);
    api_expect_refused(api_create(client, "f", "d2", NULL), 409, "family_limit");
    api_expect_refused(http_client_ask(client, "POST", "/v1/sessions", NULL, "{}"), 400,
                       "invalid_request");

    expect_value(&admin, "stream_gateway_creates_total{code='ok'}", 3);
    expect_value(&admin, "stream_gateway_creates_total{code='family_limit'}", 1);
    expect_value(&admin, "stream_gateway_creates_total{code='device_limit'}", 1);
    expect_value(&admin, "stream_gateway_creates_total{code='invalid_request'}", 1);
    expect_value(&admin, "stream_gateway_denials_total{cause='family_limit'}", 1);
    expect_value(&admin, "stream_gateway_denials_total{cause='device_limit'}", 1);
    expect_value(&admin, "stream_gateway_http_problems_total{code='family_limit'}", 1);

    /* the second by its reload, the third by the viewer's choice, the first by its player */
    struct api_session again = api_admit(client, "f", "d1", "'playerId':'p'");
    api_admit(client, "f", "d2", api_json("'replace':['%s']", third.id));
    cr_expect_eq(api_status(api_call(client, "DELETE", &first, "")), 204);
    cr_expect_eq(api_status(api_call(client, "DELETE", &first, "")), 204);
    admin_expect_terminated(admin.client, api_text("/admin/v1/sessions/%s", again.id), 1);
    expect_value(&admin, "stream_gateway_session_ends_total{reason='replaced'}", 2);
    expect_value(&admin, "stream_gateway_session_ends_total{reason='stopped'}", 1);
    expect_value(&admin, "stream_gateway_session_ends_total{reason='terminated'}", 1);
    expect_value(&admin, "stream_gateway_sessions_active", 1);
    cr_expect_eq(authorize(&admin, second.token), 403);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(shows_what_another_limit_would_do)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=2", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);

    api_admit(admin.api.client, "f", "d1", NULL);
    api_admit(admin.api.client, "f", "d2", NULL);
    api_expect_refused(api_create(admin.api.client, "f", "d3", NULL), 409, "family_limit");
    char *text = scrape(&admin);
    cr_expect_eq(value_in(text, "stream_gateway_family_streams_bucket{result='admitted',le='1'}"),
                 1);
    cr_expect_eq(value_in(text, "stream_gateway_family_streams_count{result='admitted'}"), 2);
    cr_expect_eq(
        value_in(text, "stream_gateway_family_streams_bucket{result='family_limit',le='2'}"), 0);
    cr_expect_eq(
        value_in(text, "stream_gateway_family_streams_bucket{result='family_limit',le='3'}"), 1);
    free(text);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(counts_what_limits_would_deny_where_they_are_not_enforced)
{
    static const char *const env[] = {"GATEWAY_LIMITS_ENFORCE=false", "GATEWAY_LIMITS_DEVICE=1",
                                      NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);

    api_admit(admin.api.client, "f", "d", NULL);
    api_admit(admin.api.client, "f", "d", NULL);
    expect_value(&admin, "stream_gateway_would_deny_total{cause='device_limit'}", 1);
    expect_value(&admin, "stream_gateway_denials_total{cause='device_limit'}", 0);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(counts_displaced_and_expired_sessions)
{
    static const char *const env[] = {"GATEWAY_SESSION_TTL=3", "GATEWAY_LIMITS_DEVICE=1",
                                      "GATEWAY_LIMITS_DISPLACE_AFTER=1",
                                      "GATEWAY_RATE_LIMIT_CREATE=0", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    int status;

    api_admit(admin.api.client, "f", "d", NULL);
    while ((status = api_status(api_create(admin.api.client, "f", "d", NULL))) != 201) {
        cr_assert_eq(status, 409);
        cr_assert_lt(clock_monotonic_ms(), until_ms);
    }
    expect_value(&admin, "stream_gateway_session_ends_total{reason='displaced'}", 1);
    wait_value(&admin, "stream_gateway_session_ends_total{reason='expired'}", 1);
    wait_value(&admin, "stream_gateway_sessions_active", 0);
    admin_fixture_stop(&admin);
}

/* ---- Authorize ---- */

Test(embedded, counts_authorizes_by_result)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    struct api_session session = api_admit(admin.api.client, "f", "d", NULL);
    char forged[sizeof session.token];

    for (int i = 0; i < 5; i++)
        cr_expect_eq(authorize(&admin, session.token), 200);
    strcpy(forged, session.token);
    forged[40] = forged[40] == 'A' ? 'B' : 'A';
    cr_expect_eq(authorize(&admin, forged), 401);
    cr_expect_eq(authorize(&admin, NULL), 401);
    cr_expect_eq(api_status(api_call(admin.api.client, "DELETE", &session, "")), 204);
    cr_expect_eq(authorize(&admin, session.token), 403);

    expect_value(&admin, "stream_gateway_authorize_total{result='allowed',cache='off'}", 5);
    expect_value(&admin, "stream_gateway_authorize_total{result='invalid_token',cache='off'}", 1);
    expect_value(&admin, "stream_gateway_authorize_total{result='missing_token',cache='off'}", 1);
    expect_value(&admin, "stream_gateway_authorize_total{result='stopped',cache='off'}", 1);
    expect_value(&admin, "stream_gateway_tokens_opened_total{result='good'}", 1);
    expect_value(&admin, "stream_gateway_tokens_opened_total{result='invalid'}", 1);
    expect_value(
        &admin, "stream_gateway_http_request_duration_seconds_count{route='ANY /v1/authorize'}", 8);
    expect_value(
        &admin,
        "stream_gateway_http_request_duration_seconds_bucket{route='ANY /v1/authorize',le='+Inf'}",
        8);
    admin_fixture_stop(&admin);
}

Test(redis, counts_what_the_cache_of_answers_had)
{
    static const char *const env[] = {"GATEWAY_WORKERS=1", "GATEWAY_AUTHORIZE_CACHE_MS=60000",
                                      NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);
    struct api_session session = api_admit(admin.api.client, "f", "d", NULL);

    wait_value(&admin, "stream_gateway_feed_up", 1);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(authorize(&admin, session.token), 200);
    expect_value(&admin, "stream_gateway_authorize_total{result='allowed',cache='miss'}", 1);
    expect_value(&admin, "stream_gateway_authorize_total{result='allowed',cache='hit'}", 3);
    cr_expect_eq(api_status(api_call(admin.api.client, "DELETE", &session, "")), 204);
    cr_expect_eq(authorize(&admin, session.token), 403);
    expect_value(&admin, "stream_gateway_authorize_total{result='stopped',cache='stale'}", 1);
    /* a check that finds nothing asks why in the same call */
    expect_value(&admin,
                 "stream_gateway_store_call_duration_seconds_count{op='check',outcome='ok'}", 1);
    expect_value(&admin,
                 "stream_gateway_store_call_duration_seconds_count{op='check',outcome='refused'}",
                 1);
    expect_value(&admin,
                 "stream_gateway_store_call_duration_seconds_count{op='create',outcome='ok'}", 1);
    admin_fixture_stop(&admin);
}

/* ---- Redis ---- */

Test(redis, tells_of_an_outage_and_of_what_was_done_meanwhile)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=200", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);

    wait_value(&admin, "stream_gateway_feed_up", 1);
    expect_value(&admin, "stream_gateway_store_state{state='up'}", 1);
    expect_value(&admin, "stream_gateway_store_partitions{state='up'}", 1);
    expect_value(&admin, "stream_gateway_store_outages_total", 0);
    redis_server_kill(admin.api.redis);
    wait_value(&admin, "stream_gateway_store_state{state='fallback'}", 1);
    expect_value(&admin, "stream_gateway_store_state{state='up'}", 0);
    expect_value(&admin, "stream_gateway_store_outages_total", 1);
    wait_value(&admin, "stream_gateway_feed_up", 0);
    api_admit(admin.api.client, "f", "d", NULL);
    expect_value(&admin, "stream_gateway_fallback_sessions_total{what='admitted'}", 1);

    redis_server_restart(admin.api.redis);
    wait_value(&admin, "stream_gateway_store_state{state='up'}", 1);
    expect_value(&admin, "stream_gateway_fallback_sessions_total{what='adopted'}", 1);
    wait_value(&admin, "stream_gateway_sessions_active", 1);
    char *text = scrape(&admin);
    cr_expect_gt(value_in(text, "stream_gateway_redis_reconnects_total"), 0);
    cr_expect_gt(value_in(text, "stream_gateway_redis_links_lost_total"), 0);
    free(text);
    admin_fixture_stop(&admin);
}

Test(redis, leaves_out_what_nobody_can_tell_while_redis_is_away)
{
    static const char *const env[] = {"GATEWAY_REDIS_TIMEOUT_MS=200",
                                      "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);

    expect_value(&admin, "stream_gateway_sessions_active", 0);
    redis_server_kill(admin.api.redis);
    wait_value(&admin, "stream_gateway_store_state{state='deny'}", 1);
    expect_value(&admin, "stream_gateway_sessions_active", -1);
    expect_value(&admin, "stream_gateway_users_online", -1);
    api_expect_refused(api_create(admin.api.client, "f", "d", NULL), 503, "store_unavailable");
    expect_value(&admin, "stream_gateway_creates_total{code='store_unavailable'}", 1);
    admin_fixture_stop(&admin);
}

Test(redis, counts_scripts_that_redis_had_forgotten)
{
    struct admin_fixture admin = admin_fixture_start(API_REDIS, NULL);

    expect_value(&admin, "stream_gateway_redis_errors_total{kind='noscript'}", 0);
    freeReplyObject(redis_server_command(admin.api.redis, "SCRIPT FLUSH"));
    api_admit(admin.api.client, "f", "d", NULL);
    char *text = scrape(&admin);
    cr_expect_gt(value_in(text, "stream_gateway_redis_errors_total{kind='noscript'}"), 0);
    free(text);
    admin_fixture_stop(&admin);
}

/* ---- The process ---- */

Test(embedded, tells_of_loops_connections_and_the_process)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    cr_expect_eq(authorize(&admin, NULL), 401);
    wait_value(&admin, "stream_gateway_http_connections{listener='player'}", 1);
    wait_value(&admin, "stream_gateway_http_connections{listener='admin'}", 1);
    wait_value(&admin, "stream_gateway_http_requests_in_flight{listener='player'}", 0);
    expect_value(&admin, "stream_gateway_draining", 0);
    expect_value(&admin, "stream_gateway_feed_up", -1);
    char *text = scrape(&admin);
    cr_expect_gt(value_in(text, "stream_gateway_loop_lag_seconds_count{listener='player'}"), 0);
    cr_expect_gt(value_in(text, "process_resident_memory_bytes"), 1000000);
    cr_expect_gt(value_in(text, "process_open_fds"), 5);
    cr_expect_geq(value_in(text, "process_max_fds"), value_in(text, "process_open_fds"));
    cr_expect_gt(value_in(text, "process_cpu_seconds_total"), 0);
    double started_s = value_in(text, "process_start_time_seconds");
    double age_s = (double)clock_wall_ms() / 1000 - started_s;
    cr_expect(age_s > -2 && age_s < 120, "it began %g s ago", age_s);
    expect_value(&admin, "process_start_time_seconds", started_s);
    free(text);
    cr_expect_eq(api_status(admin_ask(admin.client, "POST", "/admin/v1/drain", NULL)), 200);
    expect_value(&admin, "stream_gateway_draining", 1);
    admin_fixture_stop(&admin);
}

Test(embedded, counts_connections_that_were_shed)
{
    static const char *const env[] = {"GATEWAY_HTTP_CONNECTIONS=3", NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);
    struct http_client *clients[4];
    double shed = 0;

    for (size_t i = 0; i < 4; i++) {
        clients[i] = http_client_new(gateway_process_player(admin.api.gateway));
        shed += api_status(http_client_ask(clients[i], "GET", "/healthz", NULL, NULL)) == 503;
    }
    cr_expect_gt(shed, 0);
    expect_value(&admin, "stream_gateway_http_connections_shed_total{listener='player'}", shed);
    expect_value(&admin, "stream_gateway_http_problems_total{code='overloaded'}", shed);
    for (size_t i = 0; i < 4; i++)
        http_client_free(clients[i]);
    admin_fixture_stop(&admin);
}

/* ---- A cluster ---- */

Test(cluster, adds_up_all_partitions, .timeout = 100)
{
    struct redis_nodes *nodes = redis_nodes_start((struct redis_nodes_options){.masters = 2});
    const char *env[] = {"GATEWAY_REDIS_CLUSTER=true", "GATEWAY_REDIS_TIMEOUT_MS=5000",
                         api_text("REDIS_URL=redis://127.0.0.1:%d", redis_nodes_port(nodes, 0)),
                         NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);

    for (int i = 0; i < 40; i++)
        api_admit(admin.api.client, api_text("family %d", i), api_text("device %d", i), NULL);
    wait_value(&admin, "stream_gateway_store_partitions{state='up'}", 256);
    expect_value(&admin, "stream_gateway_store_state{state='up'}", 1);
    expect_value(&admin, "stream_gateway_sessions_active", 40);
    expect_value(&admin, "stream_gateway_creates_total{code='ok'}", 40);
    admin_fixture_stop(&admin);
    redis_nodes_stop(nodes);
}
