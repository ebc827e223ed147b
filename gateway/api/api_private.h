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
#include "json_writer.h"
#include "jwt_check.h"
#include "keyring.h"
#include "store.h"
#include "store_query.h"
#include "token.h"
#include "token_cache.h"

#define API_BODY_MAX              (16 * 1024)       /* bytes of a body, but for a batch's */
#define API_BATCH_BODY_MAX        (2 * 1024 * 1024) /* bytes of a batch's body */
#define API_BATCH_MAX             1000              /* tokens in a batch */
#define API_LIMIT_MAX             100000            /* streams, in a caller's `limits` */
#define API_ALLOWED_COUNT         64                /* authorize's 200s, by lengths of identities */
#define API_TOKENS_MAX            65536             /* opened tokens kept by each thread */
#define API_SPARE_CALLS_MAX       256               /* calls kept to be used again */
#define API_GUESSES               5                 /* wrong admin tokens of a client at once */
#define API_GUESS_MS              1000              /* for each further one */
#define API_REFUSED_TOKENS_WAIT_S 60                /* told to who sends too many invalid tokens */
#define API_GUESSERS_MAX          4096              /* clients that they are counted of */

/* Why an authorize was refused; behind API_REFUSED_ENDED one for each end_reason. */
enum api_refusal {
    API_REFUSED_MISSING,
    API_REFUSED_INVALID,
    API_REFUSED_FORBIDDEN,
    API_REFUSED_UNAVAILABLE,
    API_REFUSED_ENDED,
    API_REFUSAL_COUNT = API_REFUSED_ENDED + END_REASON_COUNT,
    API_ALLOWED = API_REFUSAL_COUNT /* for those who count: it wasn't */
};

struct allowance;
struct event_feed;

struct api {
    struct api_options options;                       /* shared by all threads */
    struct keyring *keys;                             /* that count; held */
    struct store *store;                              /* this thread's */
    struct api_call *spare;                           /* calls to be used again */
    unsigned spare_count;                             /* of them */
    struct api_refusals *refusals;                    /* of revivals */
    struct token_cache *tokens;                       /* opened before */
    struct http_response *allowed[API_ALLOWED_COUNT]; /* of authorize; NULL until they are wanted */
    struct store_count counted;       /* what the store counted last, for operators */
    int64_t counted_ms;               /* when; monotonic clock, 0: never */
    struct allowance *guesses;        /* wrong tokens on the admin listener */
    struct event_feed *feed;          /* the live feed; NULL until it is wanted */
    struct http_response *no_content; /* 204 */
    struct http_response *refused[API_REFUSAL_COUNT]; /* of authorize; NULL until they are wanted */
};

/* A request that needs the store: what lives from the handler to the store's callback. */
struct api_call {
    struct store_req store;     /* the question, and its answer */
    struct token_claims claims; /* of the token that the request came with, or will get */
    struct api *api;            /* this thread's */
    struct http_request *http;  /* to be answered; NULL once it has been, or where a batch asks */
    void (*done)(struct api_call *call); /* of api_keep_alive and api_revive */
    struct api_batch *batch;             /* that this is part of, or NULL */
    size_t index;                        /* in the batch */
    int64_t timeout_ms;           /* for all that the store is asked; begins with the first ask */
    bool trusted;                 /* a family's call by somebody who may create sessions */
    bool zaps;                    /* a heartbeat that changes the title */
    session_name zap_media_id;    /* to this one */
    session_name zap_media_title; /* the same; "" where not given */
    session_name path_media_id;   /* the title that an authorize's path names */
    struct api_call *next;        /* among the spare ones */
};

/* ---- api_call.c ---- */

/*
 * A call for a request, its claims and store's members undefined but for the deadline. Where memory runs
 * out, the request has been answered and NULL comes back.
 */
struct api_call *api_call_new(struct http_request *http, int64_t timeout_ms);

/* Gives a call back. */
void api_call_free(struct api_call *call);

/* A call that no request waits for. NULL where memory runs out. */
struct api_call *api_call_new_alone(struct api *api, int64_t timeout_ms);

/* The store has so much time from its next ask on. */
void api_call_give_time(struct api_call *call, int64_t timeout_ms);

/* Fills the session's names, and what a revival needs, from the claims. */
void api_call_name_session(struct api_call *call);

/* Asks the store: by peek where it can, else done is called later. */
void api_call_ask(struct api_call *call, enum store_op op, void (*done)(struct store_req *req));

/* The call that a store's callback is about. */
struct api_call *api_call_of(struct store_req *req);

/* ---- api_alive.c ---- */

/*
 * Sends a heartbeat for the claims' session, reviving it where it sleeps, then calls done, maybe before this
 * returns: store.err is ERR_OK, or why not.
 */
void api_keep_alive(struct api_call *call, void (*done)(struct api_call *call));

/*
 * Revives the session, which the store has said to be gone without a tombstone, then calls done. A refusal is
 * remembered for a while, so that a player which asks again and again costs the store nothing.
 */
void api_revive(struct api_call *call, void (*done)(struct api_call *call));

/* Whether the token's session was let in while Redis was away, and Redis may not know of it yet. */
bool api_is_to_be_adopted(const struct api_call *call);

/* Whether a revival of the session was refused a moment ago: sets store.err and store.end then. */
bool api_was_refused(struct api_call *call);

struct api_refusals *api_refusals_new(void);
void api_refusals_free(struct api_refusals *refusals);

/* ---- api_allowed.c ---- */

/* Answers that the viewer may watch this title. */
void api_allow(struct api *api, struct http_request *http, const struct token_claims *claims,
               const char *media_id);

/* ---- api_refused.c ---- */

/* The answer to an authorize that is refused, as a new reference. NULL where memory runs out. */
struct http_response *api_refused_response(struct api *api, enum api_refusal refusal);

/* ---- api_cookie.c ---- */

/*
 * Has the answer set a token, issued just now, as the cookie stream_token, where the settings say so: out of reach
 * of scripts, over TLS alone, and also for a page of another site.
 */
void api_set_cookie(struct http_request *http, const char *token);

/* ---- api_credentials.c ---- */

/*
 * Whether the caller may create sessions, and what a JWT says of it (without one nothing: texts "", limits -1);
 * else the request has been answered with 401 or 403.
 */
bool api_may_create(struct http_request *http, struct jwt_caller *ret_caller);

/*
 * Whether what a request says of its viewer is what the caller's JWT says, or the JWT doesn't say it; else the
 * request has been answered with 403. member is named then.
 */
bool api_agrees(struct http_request *http, const char *member, const char *said,
                const char *by_jwt);

/* Whether the caller, who may create, presented an API key: its word on limits counts. */
bool api_has_key(const struct http_request *http);

/* Whether the caller, who may create, is but a member of the family that its JWT names. */
bool api_is_member(const struct http_request *http);

/*
 * The claims of the token that a call on /v1/sessions/{…} came with: the segment itself, or the one in
 * X-Stream-Token or (bearer_too) `Authorization: Bearer` that belongs to the sessionId in the segment.
 * false: there is no good one, and the request has been answered with 401.
 */
bool api_token_of_session(struct http_request *http, bool bearer_too,
                          struct token_claims *ret_claims);

/*
 * Opens a token that a request came with, and that is within its life. Returns ERR_OK; ERR_INVALID_TOKEN; or
 * ERR_RATE_LIMITED where it is invalid, too, and its client has sent too many of those (refused_tokens.h).
 */
enum err api_token_open(struct http_request *http, const char *token,
                        struct token_claims *ret_claims);

/* Whether a text is a token within its life that was opened before; its claims then. */
bool api_token_is_known(const struct http_request *http, const char *token,
                        struct token_claims *ret_claims);

/* Answers a call, not authorize, whose token didn't open: 401 or 429. */
void api_refuse_token(struct http_request *http, enum err err);

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

/* An integer from `least`, which isn't negative, to `most`; -1 where it is absent. */
int64_t api_body_integer(struct api_body *body, const char *member, int64_t least, int64_t most);

/* Up to `most` sessionIds; 0 where it is absent. */
size_t api_body_session_ids(struct api_body *body, const char *member, size_t most,
                            char (*ret_ids)[SESSION_ID_LEN + 1]);

/* One of some words, ended by NULL: its index; -1 where it is absent. */
int api_body_word(struct api_body *body, const char *member, const char *const *words);

/* A caller's `limits`: each -1 where it isn't given. */
void api_body_limits(struct api_body *body, int32_t *ret_family, int32_t *ret_device);

/* Says what is wrong with a member, unless something else was before. */
void api_body_complain(struct api_body *body, const char *member, const char *what);

/* ---- api_answer.c ---- */

/* Answers with JSON; 500 where memory ran out while body was written. Frees body. */
void api_reply_json(struct http_request *http, int status, struct buf *body);

/*
 * The answer to an outcome that has no answer of its own: problem+json, with all that goes with 409 and 410; by
 * what the store said to a request, or to a call's.
 */
void api_reply_refusal(struct http_request *http, const struct store_req *store);
void api_reply_outcome(struct http_request *http, const struct api_call *call);

/* Writes streams counted against a limit, {"active":3,"limit":10}; a limit of 0 is null. */
void api_write_count(struct json_writer *writer, const char *name, uint32_t active, uint32_t limit);

/*
 * Writes the members of a session document (DESIGN.md section 2), without token and usage. The caller
 * begins and ends the object.
 */
void api_write_session(struct json_writer *writer, const struct api *api,
                       const struct session *session, int64_t expires_ms);

/* Writes a stream as an object: its session document, and idleSeconds. */
void api_write_stream(struct json_writer *writer, const struct api *api,
                      const struct store_stream *stream);

/* A store's callback: answers 204 to a session that has ended, now or before. */
void api_on_ended(struct store_req *req);

/* ---- api_health.c ---- */

/* Whether this gateway takes no new sessions: it is stopping, or an operator has drained it. */
bool api_is_draining(const struct api *api);

/* ---- handlers ---- */

void api_create(struct http_request *http);
void api_heartbeat(struct http_request *http);
void api_batch(struct http_request *http);
void api_family_list(struct http_request *http);
void api_family_stop(struct http_request *http);
void api_get(struct http_request *http);
void api_stop(struct http_request *http);
void api_authorize(struct http_request *http);
void admin_console(struct http_request *http);
void api_healthz(struct http_request *http);
void api_readyz(struct http_request *http);

#endif
