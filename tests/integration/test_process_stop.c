/* Stopping, with requests under way; and what is left of them. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api_fixture.h"
#include "clock.h"
#include "redis_server.h"
#include "temp_dir.h"

TestSuite(process_stop, .timeout = 60);

enum { WAITING = 8 }; /* requests under way while the gateway stops */

static char *dir;
static struct api_fixture api;
static struct http_client *clients[WAITING];

/* A gateway on a unix socket, which tells whether a request was read, and on a Redis. */
static void start_with(const char *shutdown_ms)
{
    dir = temp_dir_make();
    const char *env[] = {api_text("GATEWAY_PLAYER_LISTEN=unix:%s/player", dir), shutdown_ms,
                         "GATEWAY_REDIS_TIMEOUT_MS=30000", NULL};

    api = api_fixture_start(API_REDIS, env);
    for (int i = 0; i < WAITING; i++)
        clients[i] = http_client_new(gateway_process_player(api.gateway));
    /* once through every thread: its link to Redis is up then */
    for (int i = 0; i < WAITING; i++)
        api_admit(clients[i], api_text("before%d", i), api_text("before%d", i), NULL);
}

static void clean_up(void)
{
    for (int i = 0; i < WAITING; i++)
        http_client_free(clients[i]);
    http_client_free(api.client);
    redis_server_stop(api.redis);
    temp_dir_remove(dir);
}

/* Redis stands still; every client's create has been read, and waits for it. */
static void send_creates(void)
{
    redis_server_pause(api.redis);
    for (int i = 0; i < WAITING; i++) {
        const char *body = api_json("{'userId':'u','familyId':'f%d','deviceId':'d%d',"
                                    "'mediaId':'m'}",
                                    i, i);

        cr_assert(http_client_send(clients[i], "POST", "/v1/sessions", NULL, body));
        cr_assert(http_client_wait_read(clients[i]));
    }
}

/* That the gateway has ended well, within this time since the signal. */
static void expect_end(int64_t since_ms, int64_t most_ms)
{
    cr_expect_eq(gateway_process_wait(api.gateway), 0);
    cr_expect_leq(clock_monotonic_ms() - since_ms, most_ms);
    char *log = gateway_process_log(api.gateway);
    cr_expect_not_null(strstr(log, "info stopped"), "%s", log);
    free(log);
    gateway_process_free(api.gateway);
}

Test(process_stop, answers_503_to_what_still_waits_when_the_time_is_over)
{
    start_with("GATEWAY_SHUTDOWN_MS=300");
    send_creates();
    int64_t since_ms = clock_monotonic_ms();

    gateway_process_signal(api.gateway, SIGTERM);
    for (int i = 0; i < WAITING; i++)
        api_expect_refused(http_client_read(clients[i]), 503, "shutting_down");
    cr_expect_geq(clock_monotonic_ms() - since_ms, 250);
    expect_end(since_ms, 300 + 5000); /* far from redis.timeout_ms, even with a sanitizer */
    clean_up();
}

Test(process_stop, answers_what_is_under_way_as_ever_when_redis_comes_back_in_time)
{
    start_with("GATEWAY_SHUTDOWN_MS=20000");
    send_creates();
    int64_t since_ms = clock_monotonic_ms();

    gateway_process_signal(api.gateway, SIGTERM);
    gateway_process_wait_log(api.gateway, "stopping");
    redis_server_resume(api.redis);
    for (int i = 0; i < WAITING; i++) {
        struct http_answer answer = http_client_read(clients[i]);

        cr_expect_eq(answer.status, 201, "%d %s", answer.status, answer.body);
        http_answer_done(&answer);
    }
    expect_end(since_ms, 10000);
    clean_up();
}

Test(process_stop, waits_for_no_connection_that_is_idle)
{
    int64_t since_ms;

    start_with("GATEWAY_SHUTDOWN_MS=20000");
    since_ms = clock_monotonic_ms();
    gateway_process_signal(api.gateway, SIGINT);
    expect_end(since_ms, 10000);
    for (int i = 0; i < WAITING; i++)
        cr_expect_eq(api_status(http_client_ask(clients[i], "GET", "/healthz", NULL, NULL)), 0);
    clean_up();
}

Test(process_stop, answers_everything_while_clients_come_and_go)
{
    int64_t since_ms;
    int answered = 0;

    start_with("GATEWAY_SHUTDOWN_MS=20000");
    for (int i = 0; i < WAITING; i++)
        cr_assert(http_client_send(clients[i], "GET", "/healthz", NULL, NULL));
    since_ms = clock_monotonic_ms();
    gateway_process_signal(api.gateway, SIGTERM);
    for (int i = 0; i < WAITING; i++) {
        struct http_answer answer = http_client_read(clients[i]);

        /* one that had not been read when the gateway stopped may be closed, but never half
         * answered */
        cr_expect(answer.status == 200 || strstr(answer.body, "the connection ended") != NULL, "%s",
                  answer.body);
        answered += answer.status == 200;
        http_answer_done(&answer);
    }
    cr_expect_leq(answered, WAITING);
    expect_end(since_ms, 10000);
    clean_up();
}

/* How many file descriptors the gateway has open. */
static int count_descriptors(void)
{
    DIR *fds = opendir(api_text("/proc/%d/fd", (int)gateway_process_pid(api.gateway)));
    int count = 0;

    cr_assert_not_null(fds);
    while (readdir(fds) != NULL)
        count++;
    closedir(fds);
    return count;
}

Test(process_stop, leaves_no_descriptor_open_behind_connections)
{
    int before, since_s = 0;

    api = api_fixture_start(API_EMBEDDED, NULL);
    gateway_process_wait_log(api.gateway, "serving"); /* all threads have what they need */
    cr_assert_eq(api_status(http_client_ask(api.client, "GET", "/healthz", NULL, NULL)), 200);
    before = count_descriptors();
    for (int i = 0; i < 100; i++) {
        struct http_client *client = http_client_new(gateway_process_player(api.gateway));

        cr_expect_eq(api_status(http_client_ask(client, "GET", "/v1/authorize", NULL, NULL)), 401);
        http_client_free(client);
    }
    int64_t since_ms = clock_monotonic_ms();
    while (count_descriptors() > before && since_s < 10)
        since_s = (int)((clock_monotonic_ms() - since_ms) / 1000);
    cr_expect_leq(count_descriptors(), before); /* before: perhaps with one that was being closed */
    api_fixture_stop(&api);
}

Test(process_stop, ends_with_0_however_often_it_is_told_to_stop)
{
    for (int round = 0; round < 10; round++) {
        struct gateway_process *gateway = gateway_process_start(NULL);

        while (!gateway_process_has_ended(gateway))
            gateway_process_signal(gateway, SIGTERM);
        cr_assert_eq(gateway_process_wait(gateway), 0);
        gateway_process_free(gateway);
    }
}
