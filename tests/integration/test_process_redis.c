/* What a gateway's log tells of its Redis: of all of its threads together. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "api_fixture.h"
#include "loop.h"
#include "pump.h"
#include "redis_server.h"

enum { WORKERS = 4, LINKS = WORKERS + 2 };

static struct redis_server *redis;

static void set_up(void)
{
    redis = redis_server_start((struct redis_server_options){0});
}

static void tear_down(void)
{
    redis_server_stop(redis);
}

TestSuite(process_redis, .init = set_up, .fini = tear_down, .timeout = 60);

static struct gateway_process *start_as(const char *user_and_password)
{
    const char *env[] = {
        api_text("REDIS_URL=unix://%s@%s", user_and_password, redis_server_socket(redis)),
        api_text("GATEWAY_WORKERS=%d", WORKERS), NULL};

    return gateway_process_start(env);
}

static const char fault[] = " error ";

static int count_lines(struct gateway_process *gateway, const char *text)
{
    char *log = gateway_process_log(gateway);
    int count = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(log);
    return count;
}

static bool were_made(void *arg)
{
    const long long *count = arg;

    return redis_server_connections(redis) >= *count;
}

/* Waits until the links have tried to connect about twice each. */
static void wait_for_tries(void)
{
    long long count = redis_server_connections(redis) + 2LL * LINKS;
    struct loop loop;

    cr_assert_eq(loop_init(&loop), 0);
    pump_until(&loop, were_made, &count);
    loop_done(&loop);
}

Test(process_redis, a_fault_is_one_line_of_the_process_until_it_changes_or_comes_back)
{
    static const char wrong_password[] = "setting=\"redis.url (user and password)\"",
                      no_right[] = "setting=\"redis.url (the user's ACL)\"";

    redis_server_do(redis, "ACL SETUSER gateway on >right ~* &* +@all -script");
    struct gateway_process *gateway = start_as("gateway:wrong");
    wait_for_tries();
    cr_assert_eq(count_lines(gateway, wrong_password), 1);
    cr_assert_eq(count_lines(gateway, fault), 1);

    redis_server_do(redis, "ACL SETUSER gateway >wrong");
    gateway_process_wait_log(gateway, no_right);
    wait_for_tries();
    cr_assert_eq(count_lines(gateway, no_right), 1);
    cr_assert_eq(count_lines(gateway, fault), 2);

    redis_server_do(redis, "ACL SETUSER gateway +script");
    gateway_process_wait_log_times(gateway, "Redis connected", LINKS);
    cr_assert_eq(count_lines(gateway, fault), 2);

    redis_server_do(redis, "ACL SETUSER gateway <wrong");
    redis_server_do(redis, "CLIENT KILL USER gateway");
    gateway_process_wait_log_times(gateway, wrong_password, 2);
    wait_for_tries();
    cr_assert_eq(count_lines(gateway, wrong_password), 2);
    gateway_process_stop(gateway);
}

Test(process_redis, probes_before_the_stores_first_answer_are_no_errors)
{
    redis_server_pause(redis); /* it takes connections, and answers nothing */
    struct gateway_process *gateway = gateway_process_spawn(
        (const char *const[]){api_text("REDIS_URL=%s", redis_server_url(redis)),
                              "GATEWAY_REDIS_TIMEOUT_MS=60000", NULL},
        NULL);
    gateway_process_wait_listening(gateway);
    struct http_client *client = http_client_new(gateway_process_player(gateway));

    for (int i = 0; i < 20; i++)
        cr_assert_eq(api_status(http_client_ask(client, "GET", "/readyz", NULL, NULL)), 503);
    cr_assert_eq(count_lines(gateway, "route=/readyz status=503"), 1);
    redis_server_resume(redis);
    gateway_process_wait_ready(gateway);
    cr_assert_eq(count_lines(gateway, "route=/readyz status=503"), 1);
    cr_assert_eq(count_lines(gateway, fault), 0);
    http_client_free(client);
    gateway_process_stop(gateway);
}
