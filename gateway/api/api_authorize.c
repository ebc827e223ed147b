/*
 * /v1/authorize: the reverse proxy asks for every playlist and segment whether it may be sent.
 *
 * The hottest path, and one that proxies read in their own ways (DESIGN.md section 2): 200, 401, 403 and,
 * where the outage policy denies, 503; never a body, since an unread one costs the proxy's connection;
 * and on 200 always every identity header, so that a client's own can never pass for ours.
 */
#include <string.h>

#include "api_private.h"
#include "clock.h"
#include "http_request.h"

/* A token found in a request: where, and room for one that had to be decoded. */
struct found {
    const char *token;           /* NULL: none */
    char decoded[TOKEN_MAX + 1]; /* where it points, if it came from a query or a cookie */
};

/* Takes text as the token if it has a token's shape: an app's own bearer must not shadow ours. */
static bool take(struct found *found, const char *text)
{
    if (text == NULL || !token_has_shape(text, strlen(text)))
        return false;
    found->token = text;
    return true;
}

static bool take_from_query(struct found *found, const char *target)
{
    return target != NULL &&
           http_query_param(target, "stream_token", found->decoded, sizeof found->decoded) > 0 &&
           take(found, found->decoded);
}

static void find_token(const struct http_request *http, struct found *ret_found)
{
    const char *cookies = http_request_header(http, HTTP_COOKIE);

    ret_found->token = NULL;
    if (take(ret_found, http_request_header(http, HTTP_X_STREAM_TOKEN)) ||
        take(ret_found, http_bearer(http_request_header(http, HTTP_AUTHORIZATION))) ||
        take_from_query(ret_found, http_request_header(http, HTTP_X_ORIGINAL_URI)) ||
        take_from_query(ret_found, http_request_header(http, HTTP_X_FORWARDED_URI)) ||
        take_from_query(ret_found, http_request_header(http, HTTP_X_ORIGINAL_URL)) ||
        take_from_query(ret_found, http_request_target(http)))
        return;
    if (cookies != NULL &&
        http_cookie(cookies, "stream_token", ret_found->decoded, sizeof ret_found->decoded) > 0)
        take(ret_found, ret_found->decoded);
}

static void refuse(struct http_request *http, int status, enum err code, const char *reason)
{
    struct http_response *response = http_response_new(status, NULL, NULL, 0);

    if (response != NULL && reason != NULL)
        http_response_add_header(response, "X-Stream-Reason", reason);
    if (response != NULL && status == 503)
        http_response_add_header(response, "Retry-After", "1");
    http_request_note_err(http, code);
    http_reply(http, response);
}

/* A heartbeat that nobody waits for. */
static void on_kept_alive(struct api_call *call)
{
    api_call_free(call);
}

/*
 * Whoever watches is alive: once the last sign of life is older than the heartbeat interval, a segment
 * counts as one.
 */
static bool is_due(const struct api_call *call)
{
    const struct api_options *options = &call->api->options;

    return options->keepalive && call->store.now_ms - call->store.session.last_heartbeat_ms >
                                     options->heartbeat_interval_s * 1000;
}

static void answer(struct api_call *call)
{
    switch (call->store.err) {
    case ERR_OK:
        http_reply(call->http,
                   api_allowed_response(call->api, &call->claims, call->store.session.media_id));
        break;
    case ERR_SESSION_ENDED:
        refuse(call->http, 403, ERR_SESSION_ENDED, end_reason_word(call->store.end.reason));
        break;
    case ERR_FORBIDDEN:
        refuse(call->http, 403, ERR_FORBIDDEN, err_word(ERR_FORBIDDEN));
        break;
    default:
        refuse(call->http, 503, call->store.err, NULL);
        break;
    }
}

static void on_revived(struct api_call *call)
{
    answer(call);
    api_call_free(call);
}

static void on_checked(struct store_req *req)
{
    struct api_call *call = api_call_of(req);
    bool revives = call->api->options.keepalive || api_is_to_be_adopted(call);

    if (revives && req->err == ERR_SESSION_ENDED && req->end.reason == END_EXPIRED) {
        api_revive(call, on_revived);
        return;
    }
    answer(call);
    call->http = NULL;
    if (req->err == ERR_OK && is_due(call)) {
        req->deadline_ms = clock_monotonic_ms() + call->api->options.store_timeout_ms;
        api_keep_alive(call, on_kept_alive);
        return;
    }
    api_call_free(call);
}

void api_authorize(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct found found;

    find_token(http, &found);
    if (found.token == NULL) {
        refuse(http, 401, ERR_MISSING_TOKEN, err_word(ERR_MISSING_TOKEN));
        return;
    }
    struct api_call *call = api_call_new(http, api->options.authorize_timeout_ms);
    if (call == NULL)
        return;
    if (api_token_open(api, found.token, &call->claims) != ERR_OK) {
        api_call_free(call);
        refuse(http, 401, ERR_INVALID_TOKEN, err_word(ERR_INVALID_TOKEN));
        return;
    }
    http_request_note_session(http, call->claims.session_id);
    api_call_name_session(call);
    if (api_was_refused(call)) {
        answer(call);
        api_call_free(call);
        return;
    }
    api_call_ask(call, STORE_CHECK, on_checked);
}
