/* The gateways that a race is run on. */
#include "race_gateways.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "gateway_process.h"
#include "redis_server.h"

void race_gateways_start(struct race_gateways *gateways, const char *setting)
{
    char url[256];
    const char *env[] = {
        url,
        "GATEWAY_REDIS_TIMEOUT_MS=20000",
        "GATEWAY_AUTHORIZE_TIMEOUT_MS=20000",
        "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        setting,
        NULL};

    gateways->redis = redis_server_start((struct redis_server_options){0});
    snprintf(url, sizeof url, "REDIS_URL=%s", redis_server_url(gateways->redis));
    for (size_t i = 0; i < RACE_GATEWAYS; i++)
        gateways->running[i] = gateway_process_start(env);
}

void race_gateways_stop(struct race_gateways *gateways)
{
    for (size_t i = 0; i < RACE_GATEWAYS; i++)
        gateway_process_stop(gateways->running[i]);
    redis_server_stop(gateways->redis);
}

void race_gateways_run(struct race_gateways *gateways, struct race *race,
                       const struct race_rules *rules)
{
    const char *addresses[RACE_GATEWAYS];

    for (size_t i = 0; i < RACE_GATEWAYS; i++)
        addresses[i] = gateway_process_player(gateways->running[i]);
    race_run(race, rules, gateways->redis, addresses, RACE_GATEWAYS);

    const char *fault = race_judge(race);
    cr_expect_null(fault, "%s", fault);
    cr_expect_geq(race->admitted, RACE_ENOUGH);
    cr_expect_geq(race->refused, RACE_ENOUGH);
    cr_expect_eq(race->family_peak, RACE_FAMILY_LIMIT);
    cr_expect_eq(race->device_peak, RACE_DEVICE_LIMIT);
}

enum race_outcome race_gateways_create(struct race_client *client, const char *more,
                                       struct race_session *session)
{
    enum race_outcome outcome = RACE_ODD;
    char body[512];

    snprintf(body, sizeof body,
             "{\"userId\":\"u%u-%u\",\"familyId\":\"" RACE_FAMILY "\",\"deviceId\":\"race%d\","
             "\"mediaId\":\"m\"%s}",
             client->number, client->creates++, session->device, more);
    struct http_answer answer = http_client_ask(client->http, "POST", "/v1/sessions", NULL, body);
    if (answer.status == 201) {
        snprintf(session->id, sizeof session->id, "%s", http_answer_text(&answer, "sessionId"));
        snprintf(session->token, sizeof session->token, "%s", http_answer_text(&answer, "token"));
        outcome = RACE_ADMITTED;
    } else if (answer.status == 409) {
        outcome = RACE_REFUSED;
    } else {
        fprintf(stderr, "a create was answered with %d %s\n", answer.status, answer.body);
    }
    http_answer_done(&answer);
    return outcome;
}

struct http_answer race_gateways_call(struct race_client *client, const char *method,
                                      const char *target, const struct race_session *session)
{
    char header[1500];

    snprintf(header, sizeof header, "X-Stream-Token: %s\r\n", session->token);
    return http_client_ask(client->http, method, target, header, NULL);
}

bool race_gateways_end(struct race_client *client, const struct race_session *session)
{
    char target[64];

    snprintf(target, sizeof target, "/v1/sessions/%s", session->id);
    struct http_answer answer = race_gateways_call(client, "DELETE", target, session);
    int status = answer.status;
    http_answer_done(&answer);
    return status == 204;
}
