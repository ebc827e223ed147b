/*
 * For tests of how sessions end and come back, over api_fixture.h: authorize, batches, what an end
 * looks like, and gateways that share one Redis.
 */
#ifndef SUPPORT_API_LIFE_H
#define SUPPORT_API_LIFE_H

#include <stdint.h>

#include "api_fixture.h"

/* A setting that gateways have in common whose tokens each of them is to open. */
#define API_SHARED_KEYS                                                                            \
    "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Settings under which callers need an API key, and the header lines of one who has it. */
#define API_KEY_MODE   "GATEWAY_AUTH_MODE=api_key", "GATEWAY_AUTH_API_KEYS=backend:secret-of-backend"
#define API_KEY_HEADER "Authorization: Bearer secret-of-backend\r\n"

/* A further gateway on the same Redis, with these settings; stop it before the first one. */
struct api_fixture api_fixture_join(const struct api_fixture *first, const char *const *env);

/* ---- asking ---- */

/* POST /v1/sessions with an API key; otherwise as api_create and api_admit. */
struct http_answer api_create_by_key(struct http_client *client, const char *family,
                                     const char *device, const char *more);
struct api_session api_admit_by_key(struct http_client *client, const char *family,
                                    const char *device, const char *more);

/* The session that an answer of 201 tells of. */
struct api_session api_session_of(const struct http_answer *answer);

/* Whether a segment may be sent. */
struct http_answer api_watch(struct http_client *client, const struct api_session *session);

/* POST /v1/heartbeats with the tokens of these sessions. */
struct http_answer api_beat_all(struct http_client *client,
                                const struct api_session *const *sessions, size_t count);

/* A time of a live session's document in ms. */
int64_t api_time_of(struct http_client *client, const struct api_session *session,
                    const char *member);

/* Waits until a session that nobody keeps alive is gone. */
void api_wait_expired(struct http_client *client, const struct api_session *session);

/* Waits until the wall clock, to which streams owe their order, has gone on by more than a ms. */
void api_wait_tick(void);

/* ---- expecting; each frees the answer ---- */

/* A session's 410; by is NULL where there is to be none. */
void api_expect_ended(struct http_answer answer, const char *reason, const char *by);

/* An authorize that says yes, for this session watching this title. */
void api_expect_allowed(struct http_answer answer, const struct api_session *session,
                        const char *media_id);

/* One that says no. */
void api_expect_denied(struct http_answer answer, int status, const char *reason);

/* That a session is alive. */
void api_expect_alive(struct http_client *client, const struct api_session *session);

/*
 * A session that has ended for this reason: its heartbeat, a batch with it, its document and its
 * next segment all say so.
 */
void api_expect_gone(struct http_client *client, const struct api_session *session,
                     const char *reason, const char *by);

#endif
