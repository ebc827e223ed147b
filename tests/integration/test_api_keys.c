/* Gateways that share Redis, and the keys that seal their tokens. */
#include <string.h>

#include "api_fixture.h"
#include "redis_server.h"

TestSuite(keys, .timeout = 60);

#define OLD "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NEW "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static struct redis_server *redis;

static void start(void)
{
    redis = redis_server_start((struct redis_server_options){0});
}

static void stop(void)
{
    redis_server_stop(redis);
}

struct gateway {
    struct gateway_process *process;
    struct http_client *client;
};

/* A gateway on the shared Redis; keys are comma-separated. */
static struct gateway open_gateway(const char *keys)
{
    const char *env[] = {api_text("REDIS_URL=%s", redis_server_url(redis)),
                         api_text("GATEWAY_TOKENS_KEYS=%s", keys), "GATEWAY_REDIS_TIMEOUT_MS=5000",
                         "GATEWAY_AUTHORIZE_TIMEOUT_MS=5000", NULL};
    struct gateway gateway = {.process = gateway_process_start(env)};

    gateway.client = http_client_new(gateway_process_player(gateway.process));
    return gateway;
}

static void close_gateway(struct gateway *gateway)
{
    http_client_free(gateway->client);
    gateway_process_stop(gateway->process);
}

static int heartbeat(struct gateway *gateway, const struct api_session *session)
{
    return api_status(api_call(gateway->client, "POST", session, "/heartbeat"));
}

Test(keys, a_session_of_one_gateway_lives_on_the_other, .init = start, .fini = stop)
{
    struct gateway one = open_gateway(OLD), other = open_gateway(OLD);
    struct api_session session = api_admit(one.client, "f1", "d1", NULL);

    cr_expect_eq(heartbeat(&other, &session), 200);
    struct http_answer answer = http_client_ask(other.client, "GET", "/v1/authorize",
                                                api_token_header(session.token), NULL);
    cr_expect_eq(answer.status, 200);
    api_expect_header(&answer, "X-Stream-Session", session.id);
    http_answer_done(&answer);

    /* limits are common, and so is an end */
    api_admit(other.client, "f1", "d1", NULL);
    api_expect_refused(api_create(one.client, "f1", "d1", NULL), 409, "device_limit");
    cr_expect_eq(api_status(api_call(other.client, "DELETE", &session, "")), 204);
    answer = api_call(one.client, "POST", &session, "/heartbeat");
    api_expect_problem(&answer, 410, "session_ended");
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "stopped");
    http_answer_done(&answer);
    close_gateway(&one);
    close_gateway(&other);
}

Test(keys, a_gateway_with_other_keys_refuses_the_token, .init = start, .fini = stop)
{
    struct gateway one = open_gateway(OLD), other = open_gateway(NEW);
    struct api_session session = api_admit(one.client, "f1", "d1", NULL);

    api_expect_refused(api_call(other.client, "GET", &session, ""), 401, "invalid_token");
    cr_expect_eq(heartbeat(&one, &session), 200);
    close_gateway(&one);
    close_gateway(&other);
}

Test(keys, a_rotation_appends_then_promotes_then_drops_and_no_viewer_notices, .init = start,
     .fini = stop)
{
    struct gateway before = open_gateway(OLD);
    struct api_session old = api_admit(before.client, "f1", "d1", NULL);

    struct gateway appended = open_gateway(OLD "," NEW);
    struct api_session meanwhile = api_admit(appended.client, "f1", "d2", NULL);
    cr_expect_eq(heartbeat(&appended, &old), 200);
    cr_expect_eq(heartbeat(&before, &meanwhile), 200);
    close_gateway(&before);

    struct gateway promoted = open_gateway(NEW "," OLD);
    struct api_session new = api_admit(promoted.client, "f1", "d3", NULL);
    cr_expect_eq(heartbeat(&promoted, &old), 200);
    cr_expect_eq(heartbeat(&promoted, &meanwhile), 200);
    cr_expect_eq(heartbeat(&appended, &new), 200);
    close_gateway(&appended);

    struct gateway dropped = open_gateway(NEW);
    cr_expect_eq(heartbeat(&dropped, &new), 200);
    cr_expect_eq(heartbeat(&promoted, &new), 200);
    cr_expect_eq(heartbeat(&dropped, &old), 401);
    cr_expect_eq(heartbeat(&dropped, &meanwhile), 401);
    close_gateway(&promoted);
    close_gateway(&dropped);
}
