/* What the caches mean for gateways and their viewers: real processes, two of them on one Redis. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_life.h"
#include "clock.h"
#include "redis_server.h"

enum { PATIENCE_MS = 10000, SEGMENTS = 1000, CACHE_MS = 1000, WORKERS = 2 };

TestSuite(api_cache, .timeout = 100);

static const char *const shared[] = {API_SHARED_KEYS, NULL};
static const char *const uncached[] = {API_SHARED_KEYS, "GATEWAY_AUTHORIZE_CACHE_MS=0", NULL};

static struct api_fixture a, b;

static void start(const char *const *env)
{
    a = api_fixture_start(API_REDIS, env);
    b = api_fixture_join(&a, env);
}

static void stop(void)
{
    api_fixture_stop(&b);
    api_fixture_stop(&a);
}

/* How often Redis was asked for a session's value. */
static long long reads(void)
{
    return redis_server_calls(a.redis, "get");
}

static void watch(struct http_client *client, const struct api_session *session, int times)
{
    for (int i = 0; i < times; i++)
        api_expect_allowed(api_watch(client, session), session, "m1");
}

/* Asks for segments until one costs Redis nothing: a gateway that has just begun listens to no feed. */
static void wait_cached(struct http_client *client, const struct api_session *session)
{
    int64_t since_ms = clock_monotonic_ms();
    long long before;

    do {
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "nothing is cached");
        before = reads();
        watch(client, session, 1);
    } while (reads() > before);
}

/* Asks for segments until one isn't sent any more, and expects that it is for this reason. */
static void expect_cut_off(struct http_client *client, const struct api_session *session,
                           const char *reason)
{
    int64_t since_ms = clock_monotonic_ms();
    struct http_answer answer;

    while ((answer = api_watch(client, session)).status == 200) {
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "it goes on watching");
        http_answer_done(&answer);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    api_expect_denied(answer, 403, reason);
    for (int i = 0; i < 20; i++)
        api_expect_denied(api_watch(client, session), 403, reason);
}

Test(api_cache, a_stream_stopped_at_one_gateway_is_cut_off_at_the_other)
{
    start(shared);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    wait_cached(b.client, &session);
    cr_assert_eq(api_status(api_call(a.client, "DELETE", &session, "")), 204);
    expect_cut_off(b.client, &session, "stopped");
    expect_cut_off(a.client, &session, "stopped");
    stop();
}

Test(api_cache, a_stream_replaced_at_one_gateway_is_cut_off_at_the_other)
{
    start(shared);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    wait_cached(b.client, &session);
    api_admit(a.client, "f1", "d2", api_json("'replace':['%s']", session.id));
    expect_cut_off(b.client, &session, "replaced");
    stop();
}

Test(api_cache, a_title_changed_at_one_gateway_is_shown_by_the_other)
{
    start(shared);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    wait_cached(b.client, &session);
    cr_assert_eq(api_status(http_client_ask(
                     a.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.id),
                     api_token_header(session.token), "{\"mediaId\":\"m2\"}")),
                 200);
    int64_t since_ms = clock_monotonic_ms();
    for (bool is_shown = false; !is_shown;) {
        struct http_answer answer = api_watch(b.client, &session);
        const char *media = http_answer_header(&answer, "X-Stream-Media");

        is_shown = media == NULL || strcmp(media, "m1") != 0;
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "it still shows m1");
        http_answer_done(&answer);
    }
    stop();
}

Test(api_cache, a_thousand_segments_of_a_viewer_cost_redis_a_read_a_second)
{
    start(shared);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    wait_cached(b.client, &session);
    int64_t since_ms = clock_monotonic_ms();
    long long before = reads();
    watch(b.client, &session, SEGMENTS);
    long long count = reads() - before;
    long long ages = (clock_monotonic_ms() - since_ms) / CACHE_MS + 1;
    cr_log_info("%lld reads for %d segments", count, SEGMENTS);
    /* Twice what it should be: on a machine that is busy enough, a feed may fall silent for a moment. */
    cr_assert_leq(count, 2 * WORKERS * ages);
    stop();
}

Test(api_cache, may_be_switched_off)
{
    start(uncached);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    long long before = reads();
    watch(b.client, &session, 50);
    cr_assert_geq(reads() - before, 50);
    cr_assert_eq(api_status(api_call(a.client, "DELETE", &session, "")), 204);
    api_expect_denied(api_watch(b.client, &session), 403, "stopped");
    stop();
}

/* Watching keeps alive, once in an interval rather than with each segment. */
Test(api_cache, a_segment_that_keeps_alive_leaves_nothing_to_do_for_those_that_follow)
{
    start(shared);
    const struct api_session session = api_admit(a.client, "f1", "d1", NULL);
    wait_cached(b.client, &session);
    int64_t born_ms = api_time_of(a.client, &session, "lastHeartbeat");
    char *value = redis_server_text(a.redis, "GET session:%s", session.id);
    char *time = strstr(value, "\"lastHeartbeat\":\"");

    cr_assert_not_null(time);
    clock_format(born_ms - 61000, time + strlen("\"lastHeartbeat\":\""));
    time[strlen("\"lastHeartbeat\":\"") + CLOCK_TEXT_LEN] = '"';
    redis_server_do(a.redis, "SET session:%s %s KEEPTTL", session.id, value);
    free(value);

    int64_t since_ms = clock_monotonic_ms();
    while (api_time_of(a.client, &session, "lastHeartbeat") < born_ms) {
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "it isn't kept alive");
        watch(b.client, &session, 1); /* what is cached is from before for up to CACHE_MS */
    }
    long long before = redis_server_calls(a.redis, "evalsha");
    watch(b.client, &session, 200);
    cr_assert_leq(redis_server_calls(a.redis, "evalsha") - before, 20); /* the sweepers' */
    stop();
}
