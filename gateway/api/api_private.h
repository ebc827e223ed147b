/*
 * What the handlers share; included by nobody else.
 */
#ifndef API_PRIVATE_H
#define API_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>

#include "api.h"
#include "http_request.h"
#include "http_response.h"
#include "store.h"
#include "token.h"

#define API_BODY_MAX (16 * 1024) /* bytes of a body, but for a batch's */

struct api {
    struct api_options options;         /* shared by all threads */
    struct store *store;                /* this thread's */
    struct api_call *spare;             /* calls to be used again */
    struct http_response *no_content;   /* 204 */
};

/* A request that needs the store: what lives from the handler to the store's callback. */
struct api_call {
    struct store_req store;     /* the question, and its answer */
    struct token_claims claims; /* of the token that the request came with, or will get */
    struct api *api;            /* this thread's */
    struct http_request *http;  /* to be answered; NULL once it has been */
    struct api_call *next;      /* among the spare ones */
};

/* ---- api_call.c ---- */

/*
 * A call for a request, its claims and store's members undefined but for the deadline. Where memory runs
 * out, the request has been answered and NULL comes back.
 */
struct api_call *api_call_new(struct http_request *http, int64_t timeout_ms);

/* Gives a call back. */
void api_call_free(struct api_call *call);

/* Fills the session's names from the claims. */
void api_call_name_session(struct api_call *call);

/* Asks the store: by peek where it can, else done is called later. */
void api_call_ask(struct api_call *call, enum store_op op, void (*done)(struct store_req *req));

/* The call that a store's callback is about. */
struct api_call *api_call_of(struct store_req *req);

/* ---- api_credentials.c ---- */

/*
 * Whether the caller may create sessions; else the request has been answered with 401.
 */
bool api_may_create(struct http_request *http);

/*
 * The claims of the token that a call on /v1/sessions/{…} came with: the segment itself, or the one in
 * X-Stream-Token or `Authorization: Bearer` that belongs to the sessionId in the segment. false: there is
 * no good one, and the request has been answered with 401.
 */
bool api_token_of_session(struct http_request *http, struct token_claims *ret_claims);

/*
 * Opens a token that is within its life. ERR_OK or ERR_INVALID_TOKEN.
 */
enum err api_token_open(const struct api *api, const char *token, struct token_claims *ret_claims);

/* ---- api_body.c ---- */

/*
 * The members of a JSON object, read one by one. The first that is missing or ill-typed is kept as the
 * detail of a 400 that names it; later ones are passed over.
 */
struct api_body {
    json_t *object;   /* the body; NULL where there was none */
    char detail[160]; /* what is wrong; "" where nothing is */
};

/*
 * Reads a request's body, which may be absent. false: it is no JSON object, and the request has been
 * answered. Release with api_body_done.
 */
bool api_body_read(struct http_request *http, struct api_body *ret_body);
void api_body_done(struct api_body *body);

/* A name (1 to `most` bytes of printable UTF-8) into ret_text of size most + 1; "" where it is absent. */
void api_body_name(struct api_body *body, const char *member, bool required, size_t most,
                   char *ret_text);

/* An object of at most `most` bytes of compact JSON; "" where it is absent. */
void api_body_object(struct api_body *body, const char *member, size_t most, char *ret_text);

/* Up to `most` sessionIds; 0 where it is absent. */
size_t api_body_session_ids(struct api_body *body, const char *member, size_t most,
                            char (*ret_ids)[SESSION_ID_LEN + 1]);

/* Says what is wrong with a member, unless something else was before. */
void api_body_complain(struct api_body *body, const char *member, const char *what);

/* ---- api_answer.c ---- */

/* A JSON answer; takes over the reference to body, which may be NULL where memory ran out. */
void api_reply_json(struct http_request *http, int status, json_t *body);
struct http_response *api_json_response(int status, json_t *body);

/* The answer to an outcome that has no answer of its own: problem+json, with all that goes with 409 and 410. */
void api_reply_outcome(struct http_request *http, const struct api_call *call);

/* A time as a JSON string. */
json_t *api_time(int64_t wall_ms);

/* {"family":{"active":3,"limit":10},"device":{…}}; a limit of 0 is null. */
json_t *api_usage(const struct store_usage *usage);

/*
 * The session document (DESIGN.md section 2), without token and usage.
 */
json_t *api_session_document(const struct api_call *call);

/* ---- handlers ---- */

void api_create(struct http_request *http);
void api_heartbeat(struct http_request *http);
void api_get(struct http_request *http);
void api_stop(struct http_request *http);
void api_authorize(struct http_request *http);
void api_healthz(struct http_request *http);
void api_readyz(struct http_request *http);

#endif
