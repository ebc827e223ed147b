/* Clients that do all that players do. */
#include "storm.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "clock.h"
#include "http_client.h"

/* A number from 0 to sides - 1, by a linear congruence of its own for each client. */
static unsigned roll(struct storm_client *client, unsigned sides)
{
    client->dice = client->dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(client->dice >> 33) % sides;
}

/* Asks; the status, 0 without an answer: then another gateway is asked from now on. */
static struct http_answer ask(struct storm_client *client, const char *method, const char *target,
                              const char *token, const char *body)
{
    char header[1500] = "";

    if (token != NULL)
        snprintf(header, sizeof header, "X-Stream-Token: %s\r\n", token);
    struct http_answer answer =
        http_client_ask(client->http[client->at], method, target, header, body);
    if (answer.status == 0) {
        client->storm->lost++;
        client->at = (client->at + 1 + roll(client, STORM_GATEWAYS - 1)) % STORM_GATEWAYS;
    }
    return answer;
}

static int ask_about(struct storm_client *client, const char *method,
                     const struct storm_session *held, const char *what)
{
    char target[64];

    snprintf(target, sizeof target, "/v1/sessions/%s%s", held->id, what);
    struct http_answer answer = ask(client, method, target, held->token, NULL);
    int status = answer.status;
    http_answer_done(&answer);
    return status;
}

static int watch(struct storm_client *client, const struct storm_session *held)
{
    struct http_answer answer = ask(client, "GET", "/v1/authorize", held->token, NULL);
    int status = answer.status;

    http_answer_done(&answer);
    return status;
}

/* An answer that nobody should get; no answer, or 503 from a gateway that starts, is none. */
static void count_odd(struct storm_client *client, const char *what, int status)
{
    if (status == 0 || status == 503)
        return;
    fprintf(stderr, "a %s was answered with %d\n", what, status);
    client->storm->odd++;
}

static void create(struct storm_client *client)
{
    static const char *const ways[] = {"", "", ",\"onLimit\":\"evict_oldest\"",
                                       ",\"playerId\":\"p1\"", ",\"playerId\":\"p2\""};
    struct storm_session *held = &client->held[client->held_count];
    char body[512], replace[64] = "";

    if (client->held_count > 0 && roll(client, 4) == 0)
        snprintf(replace, sizeof replace, ",\"replace\":[\"%s\"]", client->held[0].id);
    /* where all crowd, or where there is room for those that slept to come back to */
    bool crowds = roll(client, 3) > 0;
    unsigned family = crowds ? roll(client, STORM_FAMILIES) : STORM_FAMILIES + client->number;
    unsigned device =
        crowds ? roll(client, STORM_DEVICES) : STORM_DEVICES + 8 * client->number + roll(client, 8);
    snprintf(body, sizeof body,
             "{\"userId\":\"u%u-%u\",\"familyId\":\"storm%u\",\"deviceId\":\"d%u\","
             "\"mediaId\":\"m\"%s%s}",
             client->number, client->creates++, family, device, ways[roll(client, 5)], replace);
    struct http_answer answer = ask(client, "POST", "/v1/sessions", NULL, body);
    if (answer.status == 201) {
        client->storm->admitted++;
        snprintf(held->id, sizeof held->id, "%s", http_answer_text(&answer, "sessionId"));
        snprintf(held->token, sizeof held->token, "%s", http_answer_text(&answer, "token"));
        client->held_count++;
    } else if (answer.status == 409) {
        client->storm->refused++;
    } else {
        count_odd(client, "create", answer.status);
    }
    http_answer_done(&answer);
}

/* A heartbeat or a segment. */
static void show_life(struct storm_client *client, size_t which)
{
    struct storm_session *held = &client->held[which];
    bool watches = roll(client, 3) == 0;
    int status = watches ? watch(client, held) : ask_about(client, "POST", held, "/heartbeat");

    if (status == 200) {
        client->storm->beaten++;
    } else if (status == 410 || status == 403) {
        client->storm->ended++;
        *held = client->held[--client->held_count];
    } else {
        count_odd(client, "sign of life", status);
    }
}

static void stop(struct storm_client *client, size_t which)
{
    int status = ask_about(client, "DELETE", &client->held[which], "");

    if (status == 204) {
        client->storm->stopped++;
        client->held[which] = client->held[--client->held_count];
    } else {
        count_odd(client, "stop", status);
    }
}

static void forget(struct storm_client *client, size_t which)
{
    if (client->asleep_count == STORM_ASLEEP_MAX)
        return;
    client->held[which].asleep_ms = clock_monotonic_ms();
    client->asleep[client->asleep_count++] = client->held[which];
    client->held[which] = client->held[--client->held_count];
}

/* Wakes or stops one that was forgotten, seldom before it sleeps. */
static void remember(struct storm_client *client)
{
    size_t which = roll(client, (unsigned)client->asleep_count);
    struct storm_session held = client->asleep[which];

    if (clock_monotonic_ms() - held.asleep_ms < STORM_TTL_MS && roll(client, 50) > 0)
        return;
    bool stops = roll(client, 3) == 0;
    int status = stops ? ask_about(client, "DELETE", &held, "") : watch(client, &held);

    client->asleep[which] = client->asleep[--client->asleep_count];
    if (status == 200 && client->held_count < STORM_HELD_MAX) {
        client->storm->woken++;
        client->held[client->held_count++] = held;
    } else if (status != 200 && status != 403 && status != 204) {
        count_odd(client, "second thought", status);
    }
}

static void rage(struct storm_client *client)
{
    unsigned dice = roll(client, 20);
    size_t which = client->held_count > 0 ? roll(client, (unsigned)client->held_count) : 0;

    if (client->held_count == 0 || (dice < 8 && client->held_count < STORM_HELD_MAX))
        create(client);
    else if (dice < 14)
        show_life(client, which);
    else if (dice < 16)
        stop(client, which);
    else if (dice < 18 || client->asleep_count == 0)
        forget(client, which);
    else
        remember(client);
}

static void *run_client(void *arg)
{
    struct storm_client *client = arg;
    int phase;

    while ((phase = client->storm->phase) != STORM_IS_OVER) {
        if (phase == STORM_RAGES) {
            rage(client);
            continue;
        }
        for (size_t i = client->held_count; i-- > 0;)
            show_life(client, i);
        uv_sleep(STORM_TTL_MS / 10);
    }
    return NULL;
}

void storm_start(struct storm *storm, const char *const addresses[STORM_GATEWAYS])
{
    json_object_seed(0); /* what jansson otherwise does in the first thread that needs it */
    storm->phase = STORM_RAGES;
    for (unsigned i = 0; i < STORM_CLIENTS; i++) {
        struct storm_client *client = &storm->clients[i];

        *client =
            (struct storm_client){.storm = storm, .number = i, .dice = i, .at = i % STORM_GATEWAYS};
        for (unsigned j = 0; j < STORM_GATEWAYS; j++)
            client->http[j] = http_client_new(addresses[j]);
        cr_assert_eq(pthread_create(&client->thread, NULL, run_client, client), 0);
    }
}

void storm_end(struct storm *storm)
{
    storm->phase = STORM_IS_OVER;
    for (unsigned i = 0; i < STORM_CLIENTS; i++)
        pthread_join(storm->clients[i].thread, NULL);
    for (unsigned i = 0; i < STORM_CLIENTS; i++)
        for (unsigned j = 0; j < STORM_GATEWAYS; j++)
            http_client_free(storm->clients[i].http[j]);
}
