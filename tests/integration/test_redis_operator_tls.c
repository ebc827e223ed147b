/* A whole gateway and a Redis with TLS: what is said when certificates or ports are wrong, and what cures it. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "certificates.h"
#include "gateway_process.h"
#include "http_client.h"
#include "redis_server.h"
#include "temp_dir.h"

enum { VARIABLES = 8, VARIABLE_SIZE = 512 };

static char *dir;                                /* certificates */
static struct redis_server *redis;               /* plain on its port, with TLS on the next */
static int tls_port;                             /* its other */
static char variables[VARIABLES][VARIABLE_SIZE]; /* of the gateway */
static int variable_count;

static void set(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set(const char *name, const char *format, ...)
{
    char *variable = variables[variable_count++];
    va_list args;

    int len = snprintf(variable, VARIABLE_SIZE, "%s=", name);
    va_start(args, format);
    vsnprintf(variable + len, VARIABLE_SIZE - (size_t)len, format, args);
    va_end(args);
}

/* By default its certificate is for 127.0.0.1, and it wants one of each client. */
static void start_redis(struct certificate_options server)
{
    struct buf config = BUF_EMPTY;

    server.ca = "ca";
    certificates_make(dir, "server", server);
    tls_port = redis_server_free_port();
    buf_printf(&config,
               "tls-port %d\ntls-cert-file %s/server.pem\ntls-key-file %s/server.key\n"
               "tls-ca-cert-file %s/ca.pem\n",
               tls_port, dir, dir, dir);
    redis =
        redis_server_start((struct redis_server_options){.tcp = true, .config = buf_text(&config)});
    buf_done(&config);
}

static void set_up(void)
{
    dir = temp_dir_make();
    certificates_make_ca(dir, "ca");
    certificates_make(dir, "client", (struct certificate_options){.ca = "ca", .client = true});
}

static void tear_down(void)
{
    redis_server_stop(redis);
    temp_dir_remove(dir);
}

TestSuite(redis_operator_tls, .init = set_up, .fini = tear_down, .timeout = 60);

static void set_tls(void)
{
    set("GATEWAY_REDIS_URL", "rediss://127.0.0.1:%d", tls_port);
    set("GATEWAY_REDIS_TLS_CA", "%s/ca.pem", dir);
    set("GATEWAY_REDIS_TLS_CERT", "%s/client.pem", dir);
    set("GATEWAY_REDIS_TLS_KEY", "%s/client.key", dir);
}

static struct gateway_process *start_gateway(void)
{
    const char *env[VARIABLES + 2] = {"GATEWAY_WORKERS=1"};

    for (int i = 0; i < variable_count; i++)
        env[i + 1] = variables[i];
    return gateway_process_start(env);
}

static void check_status(struct gateway_process *gateway, const char *method, const char *target,
                         const char *body, int status, const char *state)
{
    struct http_client *client = http_client_new(gateway_process_player(gateway));
    struct http_answer answer = http_client_ask(client, method, target, NULL, body);

    cr_assert_eq(answer.status, status, "%s", answer.body);
    if (state != NULL)
        cr_assert_str_eq(http_answer_text(&answer, "store.state"), state);
    http_answer_done(&answer);
    http_client_free(client);
}

static void create(struct gateway_process *gateway)
{
    check_status(gateway, "POST", "/v1/sessions",
                 "{\"userId\":\"u\",\"familyId\":\"f\",\"deviceId\":\"d\",\"mediaId\":\"m\"}", 201,
                 NULL);
}

/* The lines at error or warn; the caller frees the last of them. Returns how many. */
static int troubles(struct gateway_process *gateway, char **ret_last)
{
    char *log = gateway_process_log(gateway), *rest = log, *line;
    int count = 0;

    *ret_last = NULL;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (strstr(line, "Redis connection failed link=") == NULL)
            continue;
        count++;
        free(*ret_last);
        *ret_last = strdup(line);
    }
    free(log);
    return count;
}

/* That the gateway serves without Redis, and its log says this and which setting it is about, once. */
static struct gateway_process *is_told(const char *words, const char *setting)
{
    struct gateway_process *gateway = start_gateway();
    char *line;

    gateway_process_wait_log(gateway, "Redis connection failed link=");
    create(gateway);
    check_status(gateway, "GET", "/readyz", NULL, 200, "fallback");
    cr_assert_eq(troubles(gateway, &line), 1, "%s", line);
    cr_assert_not_null(strstr(line, words), "%s", line);
    cr_assert_not_null(strstr(line, setting), "%s", line);
    cr_assert_not_null(strstr(line, " error "), "%s", line);
    free(line);
    return gateway;
}

static void is_told_and_over(const char *words, const char *setting)
{
    gateway_process_stop(is_told(words, setting));
}

/* Waits until requests go to Redis. */
static void comes_back(struct gateway_process *gateway)
{
    gateway_process_wait_log(gateway, "Redis connected link=\"worker 1\"");
    gateway_process_wait_log(gateway, "Redis is up");
    create(gateway);
    cr_assert_eq(redis_server_number(redis, "SCARD family_streams:f"), 2); /* one was adopted */
    gateway_process_stop(gateway);
}

#define GOOD ((struct certificate_options){.names = "IP:127.0.0.1"})

Test(redis_operator_tls, a_gateway_serves_from_redis_over_tls)
{
    char *line;

    start_redis(GOOD);
    set_tls();
    struct gateway_process *gateway = start_gateway();
    gateway_process_wait_log(gateway, "Redis connected link=\"worker 1\"");
    create(gateway);
    check_status(gateway, "GET", "/readyz", NULL, 200, "up");
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 1);
    cr_assert_eq(troubles(gateway, &line), 0, "%s", line);
    gateway_process_stop(gateway);
}

Test(redis_operator_tls, a_server_of_another_ca_is_told)
{
    start_redis(GOOD);
    certificates_make_ca(dir, "stranger");
    set_tls();
    set("GATEWAY_REDIS_TLS_CA", "%s/stranger.pem", dir);
    is_told_and_over("comes from no CA that is trusted here, by redis.tls.ca", "setting=redis.tls");
}

Test(redis_operator_tls, an_expired_server_is_told)
{
    start_redis((struct certificate_options){.names = "IP:127.0.0.1", .expired = true});
    set_tls();
    is_told_and_over("the server's certificate has expired: it was good until 2021-01-01",
                     "setting=redis.tls");
}

Test(redis_operator_tls, a_server_of_another_name_is_told)
{
    start_redis((struct certificate_options){.names = "DNS:redis.example"});
    set_tls();
    is_told_and_over("the server's certificate is not for 127.0.0.1", "setting=redis.tls");
}

Test(redis_operator_tls, a_missing_certificate_of_ours_is_told)
{
    start_redis(GOOD);
    set("GATEWAY_REDIS_URL", "rediss://127.0.0.1:%d", tls_port);
    set("GATEWAY_REDIS_TLS_CA", "%s/ca.pem", dir);
    is_told_and_over("the server wants a client's certificate, and redis.tls.cert isn't set",
                     "setting=redis.tls");
}

Test(redis_operator_tls, a_certificate_of_ours_that_is_renewed_is_used_at_the_next_connect)
{
    start_redis(GOOD);
    certificates_make(dir, "client",
                      (struct certificate_options){.ca = "ca", .client = true, .expired = true});
    set_tls();
    struct gateway_process *gateway = is_told(
        "the server says that our certificate (redis.tls.cert) has expired", "setting=redis.tls");
    certificates_make(dir, "fresh", (struct certificate_options){.ca = "ca", .client = true});
    certificates_rename(dir, "fresh", "client");
    comes_back(gateway);
}

Test(redis_operator_tls, a_server_that_is_renewed_is_used_at_the_next_connect)
{
    start_redis((struct certificate_options){.names = "IP:127.0.0.1", .expired = true});
    set_tls();
    struct gateway_process *gateway =
        is_told("the server's certificate has expired", "setting=redis.tls");
    certificates_make(dir, "server",
                      (struct certificate_options){.ca = "ca", .names = "IP:127.0.0.1"});
    redis_server_do(redis, "CONFIG SET tls-cert-file %s/server.pem tls-key-file %s/server.key", dir,
                    dir);
    comes_back(gateway);
}

Test(redis_operator_tls, a_plain_url_to_a_tls_port_is_told)
{
    start_redis(GOOD);
    set("GATEWAY_REDIS_URL", "redis://127.0.0.1:%d", tls_port);
    is_told_and_over("rediss:// where it speaks TLS",
                     "setting=\"redis.url (rediss:// or redis://)\"");
}

Test(redis_operator_tls, a_tls_url_to_a_plain_port_is_told)
{
    start_redis(GOOD);
    set_tls();
    set("GATEWAY_REDIS_URL", "rediss://127.0.0.1:%d", redis_server_port(redis));
    is_told_and_over("speak TLS", "setting=\"redis.url (rediss:// or redis://)\"");
}
