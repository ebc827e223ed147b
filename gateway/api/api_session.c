/* Calls on /v1/sessions/{…}: heartbeat, get, stop. */
#include <string.h>

#include "api_private.h"
#include "buf.h"
#include "clock.h"

/* Begins a call with the token that came with the request; NULL where it was answered already. */
static struct api_call *begin(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct api_call *call = api_call_new(http, api->options.store_timeout_ms);

    if (call == NULL)
        return NULL;
    if (!api_token_of_session(http, &call->claims)) {
        api_call_free(call);
        return NULL;
    }
    api_call_name_session(call);
    return call;
}

/* Past half of its life a token is renewed: the same claims, issued now. */
static bool is_to_be_renewed(const struct api_call *call)
{
    return clock_wall_ms() - call->claims.issued_ms > call->api->options.max_age_ms / 2;
}

static void reply_alive(struct api_call *call)
{
    const struct api_options *options = &call->api->options;
    char expires[CLOCK_TEXT_LEN + 1];
    char token[TOKEN_MAX + 1];
    struct buf body = BUF_EMPTY;

    clock_format(call->store.expires_ms, expires);
    buf_printf(&body,
               "{\"sessionId\":\"%s\",\"expiresAt\":\"%s\",\"ttl\":%lld,\"heartbeatInterval\":%lld",
               call->claims.session_id, expires, (long long)options->ttl_s,
               (long long)options->heartbeat_interval_s);
    if (is_to_be_renewed(call)) {
        call->claims.issued_ms = clock_wall_ms();
        if (token_seal(options->token_keys, &call->claims, token) > 0)
            buf_printf(&body, ",\"token\":\"%s\"", token);
    }
    buf_add_char(&body, '}');
    http_reply(call->http, body.failed
                               ? NULL
                               : http_response_new(200, "application/json", body.data, body.len));
    buf_done(&body);
}

static void on_heartbeat(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        reply_alive(call);
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

void api_heartbeat(struct http_request *http)
{
    struct api_body body;

    if (!api_body_read(http, &body))
        return;
    api_body_done(&body);
    struct api_call *call = begin(http);
    if (call != NULL)
        api_call_ask(call, STORE_HEARTBEAT, on_heartbeat);
}

static void on_got(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        api_reply_json(call->http, 200, api_session_document(call));
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

void api_get(struct http_request *http)
{
    struct api_call *call = begin(http);

    if (call != NULL)
        api_call_ask(call, STORE_GET, on_got);
}

static void on_stopped(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        http_reply(call->http, http_response_ref(call->api->no_content));
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

void api_stop(struct http_request *http)
{
    struct api_call *call = begin(http);

    if (call == NULL)
        return;
    call->store.end = (struct store_end){.reason = END_STOPPED};
    api_call_ask(call, STORE_END, on_stopped);
}
