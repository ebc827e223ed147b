/*
 * What the tests of the HTTP API share: a gateway over either store, and short ways to ask it.
 */
#ifndef SUPPORT_API_FIXTURE_H
#define SUPPORT_API_FIXTURE_H

#include <criterion/criterion.h>

#include "gateway_process.h"
#include "http_client.h"

struct redis_server;

enum api_store { API_EMBEDDED, API_REDIS };

struct api_fixture {
    struct redis_server *redis;      /* NULL for the embedded store */
    struct gateway_process *gateway; /* ready */
    struct http_client *client;      /* of its player listener */
};

/* A test of this name, run once with each store; its body has `store`. */
#define ON_BOTH_STORES(sentence)                                                                   \
    static void sentence(enum api_store store);                                                    \
    Test(embedded, sentence)                                                                       \
    {                                                                                              \
        sentence(API_EMBEDDED);                                                                    \
    }                                                                                              \
    Test(redis, sentence)                                                                          \
    {                                                                                              \
        sentence(API_REDIS);                                                                       \
    }                                                                                              \
    static void sentence(enum api_store store)

/* Every file with such tests says this once. */
#define API_SUITES                                                                                 \
    TestSuite(embedded, .timeout = 60);                                                            \
    TestSuite(redis, .timeout = 60)

/* Starts a gateway with these settings ("NAME=value", NULL-ended, or NULL); and Redis, if it is to
 * be. */
struct api_fixture api_fixture_start(enum api_store store, const char *const *env);

/* Stops both; the gateway must exit with 0. */
void api_fixture_stop(struct api_fixture *fixture);

/* ---- asking ---- */

/*
 * Formats a text, with ' for every ": JSON that can be read in C. Valid until seven more were made;
 * not for threads.
 */
const char *api_json(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, without making anything of '. */
const char *api_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Header lines that carry a token; valid as above. */
const char *api_token_header(const char *token);

/* POST /v1/sessions, of user u1 watching m1; more members ("'playerId':'p1',…") go with it, or
 * NULL. */
struct http_answer api_create(struct http_client *client, const char *family, const char *device,
                              const char *more) __attribute__((warn_unused_result));

struct api_session {
    char id[23];      /* its sessionId */
    char token[1400]; /* its token */
};

/* The same, where it is to be admitted. */
struct api_session api_admit(struct http_client *client, const char *family, const char *device,
                             const char *more);

/* Calls on a session, by id and X-Stream-Token: "GET" ""; "POST" "/heartbeat"; "DELETE" "". */
struct http_answer api_call(struct http_client *client, const char *method,
                            const struct api_session *session, const char *what)
    __attribute__((warn_unused_result));

/* ---- expecting ---- */

/* The status of an answer that isn't looked at otherwise. */
int api_status(struct http_answer answer);

/* A problem of this code, with all that a problem has; the answer remains the caller's. */
void api_expect_problem(const struct http_answer *answer, int status, const char *code);

/* The same, for an answer that isn't looked at otherwise. */
void api_expect_refused(struct http_answer answer, int status, const char *code);

/* That a problem's detail has this text in it. */
void api_expect_detail(const struct http_answer *answer, const char *text);

/* That a header has this value; NULL: that there is none. */
void api_expect_header(const struct http_answer *answer, const char *name, const char *value);

#endif
