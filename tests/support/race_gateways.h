/*
 * The gateways that a race (race.h) is run on, with a Redis of their own, and the calls of its clients. What
 * fails here, but a call, fails the test (criterion).
 */
#ifndef SUPPORT_RACE_GATEWAYS_H
#define SUPPORT_RACE_GATEWAYS_H

#include "http_client.h"
#include "race.h"

enum { RACE_GATEWAYS = 3 };

struct gateway_process;

struct race_gateways {
    struct redis_server *redis;                     /* of all of them */
    struct gateway_process *running[RACE_GATEWAYS]; /* ready */
};

/* Starts them all, each with this setting too ("NAME=value", or NULL). */
void race_gateways_start(struct race_gateways *gateways, const char *setting);

void race_gateways_stop(struct race_gateways *gateways);

/* Runs a race on them, and expects that the limits were reached, and held at every instant. */
void race_gateways_run(struct race_gateways *gateways, struct race *race,
                       const struct race_rules *rules);

/*
 * Creates a session for a client, with more members in the body (",\"playerId\":…", or ""); sets its id and
 * token where it is admitted. What is neither a 201 nor a 409 is odd, and printed.
 */
enum race_outcome race_gateways_create(struct race_client *client, const char *more,
                                       struct race_session *session);

/* A call with a session's token; the answer is the caller's, to be done with http_answer_done. */
struct http_answer race_gateways_call(struct race_client *client, const char *method,
                                      const char *target, const struct race_session *session);

/* Ends a session: a race's rule. */
bool race_gateways_end(struct race_client *client, const struct race_session *session);

#endif
