/*
 * For tests of the admin listener, over api_life.h: a gateway whose admin token is known, and an operator who
 * has it.
 */
#ifndef SUPPORT_ADMIN_FIXTURE_H
#define SUPPORT_ADMIN_FIXTURE_H

#include "api_life.h"

/* The operator's token, its name, and the header line that carries it. */
#define ADMIN_SECRET "long-secret-of-ops"
#define ADMIN_NAME   "ops"
#define ADMIN_HEADER "Authorization: Bearer " ADMIN_SECRET "\r\n"
#define ADMIN_TOKEN  "GATEWAY_ADMIN_TOKEN=" ADMIN_NAME ":" ADMIN_SECRET

struct admin_fixture {
    struct api_fixture api;     /* the gateway, and a player */
    struct http_client *client; /* of its admin listener */
};

/* api_fixture_start, with the token, whatever else is set; ready on both listeners. */
struct admin_fixture admin_fixture_start(enum api_store store, const char *const *env);
void admin_fixture_stop(struct admin_fixture *fixture);

/* Asks as the operator; body may be NULL. */
struct http_answer admin_ask(struct http_client *client, const char *method, const char *target,
                             const char *body) __attribute__((warn_unused_result));

/* GET as the operator, answered with 200. */
struct http_answer admin_get(struct http_client *client, const char *target)
    __attribute__((warn_unused_result));

/* A change as the operator, which ended so many streams. */
void admin_expect_terminated(struct http_client *client, const char *target, long long count);

/* A 400 whose detail begins with this name. */
void admin_expect_refused_for(struct http_answer answer, const char *name);

/*
 * The newest event of this type about a family, as its document tells; waits for one. The caller gives it back
 * (json_decref).
 */
json_t *admin_event_of(struct http_client *client, const char *family, const char *type);

#endif
