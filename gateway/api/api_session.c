/* Calls on /v1/sessions/{…}: heartbeat, get, stop. */
#include <string.h>

#include "api_private.h"
#include "clock.h"

/* Begins a call with the token that came with the request; NULL where it was answered already. */
static struct api_call *begin(struct http_request *http, bool bearer_too)
{
    const struct api *api = http_request_server_arg(http);
    struct api_call *call = api_call_new(http, api->options.store_timeout_ms);

    if (call == NULL)
        return NULL;
    if (!api_token_of_session(http, bearer_too, &call->claims)) {
        api_call_free(call);
        return NULL;
    }
    api_call_name_session(call);
    return call;
}

/* Past half of its life a token is renewed. */
static bool is_to_be_renewed(const struct api_call *call)
{
    return clock_wall_ms() - call->claims.issued_ms > call->api->options.max_age_ms / 2;
}

static void reply_alive(struct api_call *call)
{
    const struct api_options *options = &call->api->options;
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};
    char token[TOKEN_MAX + 1];

    json_writer_begin_object(&writer, NULL);
    json_writer_text(&writer, "sessionId", call->claims.session_id);
    json_writer_time(&writer, "expiresAt", call->store.expires_ms);
    json_writer_int(&writer, "ttl", options->ttl_s);
    json_writer_int(&writer, "heartbeatInterval", options->heartbeat_interval_s);
    if (call->zaps || is_to_be_renewed(call)) {
        call->claims.issued_ms = clock_wall_ms();
        if (token_seal(call->api->keys->tokens, &call->claims, token) > 0) {
            json_writer_text(&writer, "token", token);
            api_set_cookie(call->http, token);
        }
    }
    json_writer_end_object(&writer);
    api_reply_json(call->http, 200, &body);
}

static void finish_heartbeat(struct api_call *call)
{
    if (call->store.err == ERR_OK)
        reply_alive(call);
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

static void on_zapped(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    strcpy(call->claims.media_id, call->zap_media_id);
    finish_heartbeat(call);
}

static void on_alive(struct api_call *call)
{
    if (call->store.err != ERR_OK || !call->zaps) {
        finish_heartbeat(call);
        return;
    }
    strcpy(call->store.session.media_id, call->zap_media_id);
    strcpy(call->store.session.media_title, call->zap_media_title);
    api_call_ask(call, STORE_ZAP, on_zapped);
}

/* What a heartbeat's body may say: that the viewer has zapped to another title. */
struct zap {
    session_name media_id;    /* "": hasn't */
    session_name media_title; /* "" where not given */
};

/* false: something is wrong with the body, and was answered. */
static bool read_zap(struct http_request *http, struct zap *ret_zap)
{
    struct api_body body;

    if (!api_body_read(http, &body))
        return false;
    api_body_name(&body, "mediaId", false, SESSION_NAME_MAX, ret_zap->media_id);
    api_body_name(&body, "mediaTitle", false, SESSION_NAME_MAX, ret_zap->media_title);
    api_body_done(&body);
    if (body.detail[0] == '\0')
        return true;
    http_problem(http, ERR_INVALID_REQUEST, body.detail);
    return false;
}

/* Whether the JWT that a zap came with, if it did, is its session's viewer's; else answered. */
static bool is_viewer(struct http_request *http, const struct jwt_caller *caller,
                      const struct token_claims *claims)
{
    return api_agrees(http, "userId", claims->user_id, caller->user_id) &&
           api_agrees(http, "familyId", claims->family_id, caller->family_id) &&
           api_agrees(http, "deviceId", claims->device_id, caller->device_id);
}

void api_heartbeat(struct http_request *http)
{
    struct jwt_caller caller = {0};
    struct zap zap;

    if (!read_zap(http, &zap))
        return;
    bool zaps = zap.media_id[0] != '\0';
    if (zaps && !api_may_create(http, &caller)) /* somebody decides what this viewer may watch */
        return;
    struct api_call *call = begin(http, !zaps);
    if (call == NULL)
        return;
    if (zaps && !is_viewer(http, &caller, &call->claims)) {
        api_call_free(call);
        return;
    }
    call->zaps = zaps;
    strcpy(call->zap_media_id, zap.media_id);
    strcpy(call->zap_media_title, zap.media_title);
    api_keep_alive(call, on_alive);
}

static void reply_session(const struct api_call *call)
{
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    json_writer_begin_object(&writer, NULL);
    api_write_session(&writer, call->api, &call->store.session, call->store.expires_ms);
    json_writer_end_object(&writer);
    api_reply_json(call->http, 200, &body);
}

static void on_got(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        reply_session(call);
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

void api_get(struct http_request *http)
{
    struct api_call *call = begin(http, true);

    if (call != NULL)
        api_call_ask(call, STORE_GET, on_got);
}

void api_stop(struct http_request *http)
{
    struct api_call *call = begin(http, true);

    if (call == NULL)
        return;
    call->store.end = (struct store_end){.reason = END_STOPPED};
    api_call_ask(call, STORE_END, api_on_ended);
}
