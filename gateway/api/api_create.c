/* POST /v1/sessions: a player, or the backend behind it, asks for a new session. */
#include <string.h>

#include "api_metrics.h"
#include "api_private.h"
#include "clock.h"

/* What happens at a limit: the call's word, where the settings allow it, else the settings' own. */
static bool wants_eviction(const struct http_request *http, struct api_body *body)
{
    static const char *const words[] = {"reject", "evict_oldest", NULL};
    const struct api *api = http_request_server_arg(http);
    int said = api_body_word(body, "onLimit", words);

    if (said < 0)
        return api->options.evict;
    return said == 1 && (api->options.allow_evict || api->options.evict);
}

/* What the JWT says needn't stand in the body, and mustn't be another there. false: it was, and was answered. */
static bool take_claim(struct http_request *http, const char *member, const char *by_jwt,
                       session_name name)
{
    if (name[0] == '\0')
        strcpy(name, by_jwt);
    return api_agrees(http, member, name, by_jwt);
}

/* Reads the body into the store's request. false: something is wrong, and was answered. */
static bool read_body(struct http_request *http, const struct jwt_caller *caller,
                      struct api_call *call)
{
    struct session *session = &call->store.session;
    struct store_create *create = &call->store.create;
    struct api_body body;

    if (!api_body_read(http, &body))
        return false;
    api_body_name(&body, "userId", caller->user_id[0] == '\0', SESSION_NAME_MAX, session->user_id);
    api_body_name(&body, "familyId", caller->family_id[0] == '\0', SESSION_NAME_MAX,
                  session->family_id);
    api_body_name(&body, "deviceId", caller->device_id[0] == '\0', SESSION_NAME_MAX,
                  session->device_id);
    api_body_name(&body, "mediaId", true, SESSION_NAME_MAX, session->media_id);
    api_body_name(&body, "deviceName", false, SESSION_NAME_MAX, session->device_name);
    api_body_name(&body, "mediaTitle", false, SESSION_NAME_MAX, session->media_title);
    api_body_name(&body, "platform", false, SESSION_NAME_MAX, session->platform);
    api_body_name(&body, "playerId", false, SESSION_PLAYER_MAX, session->player_id);
    api_body_object(&body, "metadata", SESSION_METADATA_MAX, session->metadata);
    create->replace_count =
        api_body_session_ids(&body, "replace", SESSION_REPLACE_MAX, create->replace);
    create->evict = wants_eviction(http, &body);
    create->family_limit = caller->family_limit;
    create->device_limit = caller->device_limit;
    if (api_has_key(http))
        api_body_limits(&body, &create->family_limit, &create->device_limit);
    api_body_done(&body);

    if (body.detail[0] != '\0') {
        http_problem(http, ERR_INVALID_REQUEST, body.detail);
        return false;
    }
    return take_claim(http, "userId", caller->user_id, session->user_id) &&
           take_claim(http, "familyId", caller->family_id, session->family_id) &&
           take_claim(http, "deviceId", caller->device_id, session->device_id);
}

/* What the token of a session that was just made says. */
static void make_claims(struct api_call *call)
{
    const struct session *session = &call->store.session;
    struct token_claims *claims = &call->claims;

    memcpy(claims->session_id, session->id, sizeof claims->session_id);
    strcpy(claims->user_id, session->user_id);
    strcpy(claims->family_id, session->family_id);
    strcpy(claims->device_id, session->device_id);
    strcpy(claims->media_id, session->media_id);
    strcpy(claims->device_name, session->device_name);
    strcpy(claims->player_id, session->player_id);
    claims->issued_ms = clock_wall_ms();
    claims->started_ms = session->started_ms;
    claims->family_limit = call->store.create.family_limit;
    claims->device_limit = call->store.create.device_limit;
    claims->fallback = call->store.fallback;
}

static void write_created(const struct api_call *call, const char *token, struct buf *ret_body)
{
    const struct store_usage *usage = &call->store.usage;
    struct json_writer writer = {.out = ret_body};

    json_writer_begin_object(&writer, NULL);
    api_write_session(&writer, call->api, &call->store.session, call->store.expires_ms);
    json_writer_text(&writer, "token", token);
    json_writer_begin_object(&writer, "usage");
    api_write_count(&writer, "family", usage->family_active, usage->family_limit);
    api_write_count(&writer, "device", usage->device_active, usage->device_limit);
    json_writer_end_object(&writer);
    json_writer_end_object(&writer);
}

static void reply_created(struct http_request *http, struct api_call *call)
{
    char token[TOKEN_MAX + 1];
    char location[sizeof "/v1/sessions/" + SESSION_ID_LEN] = "/v1/sessions/";
    struct buf body = BUF_EMPTY;

    make_claims(call);
    if (token_seal(call->api->keys->tokens, &call->claims, token) < 0) {
        http_problem(http, ERR_INTERNAL, NULL);
        return;
    }
    write_created(call, token, &body);
    api_set_cookie(http, token);
    strcat(location, call->claims.session_id);
    http_request_add_header(http, "Location", location);
    api_reply_json(http, 201, &body);
}

static void on_created(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    api_count_create(req);
    if (req->err == ERR_OK) {
        http_request_note_session(call->http, call->store.session.id);
        reply_created(call->http, call);
    } else {
        api_reply_outcome(call->http, call);
    }
    api_call_free(call);
}

void api_create(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct jwt_caller caller;

    if (!api_may_create(http, &caller))
        return;
    if (api_is_draining(api)) {
        http_problem(http, ERR_SHUTTING_DOWN, "this gateway takes no new sessions: ask another");
        return;
    }
    struct api_call *call = api_call_new(http, api->options.store_timeout_ms);
    if (call == NULL)
        return;
    if (!read_body(http, &caller, call)) {
        api_call_free(call);
        return;
    }
    session_id_make(call->store.session.family_id, call->store.session.id);
    api_call_ask(call, STORE_CREATE, on_created);
}
