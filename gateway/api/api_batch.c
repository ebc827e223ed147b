/*
 * POST /v1/heartbeats: many heartbeats in one request, for backends that keep their players' sessions.
 *
 * Where the store is away the whole batch is 503, and may be repeated. A session that alone can't be read
 * (another program wrote into its key) must not keep all others from ever being answered for: its result is
 * `ended`, with `internal` as the reason. Where nothing at all could be read it isn't one session's fault.
 */
#include <stdlib.h>
#include <string.h>

#include "api_private.h"

/* A batch: answered when the last of its heartbeats is. */
struct api_batch {
    struct http_request *http; /* to be answered */
    struct api *api;           /* this thread's */
    json_t *results;           /* one for each token, null while it is being asked */
    size_t pending;            /* heartbeats under way, and one for the start itself */
    size_t answered;           /* heartbeats that the store could answer */
    size_t broken;             /* those that it couldn't, though it was there */
    bool unavailable;          /* it was away for at least one */
};

static void set_result(struct api_batch *batch, size_t index, json_t *result)
{
    json_array_set_new(batch->results, index, result);
}

/* One heartbeat less to wait for; the last one answers. */
static void let_go(struct api_batch *batch)
{
    if (--batch->pending > 0)
        return;
    if (batch->unavailable || (batch->broken > 0 && batch->answered == 0)) {
        json_decref(batch->results);
        http_problem(batch->http, ERR_STORE_UNAVAILABLE,
                     "the store of sessions is away: try again");
    } else {
        api_reply_json(batch->http, 200, json_pack("{s:o}", "results", batch->results));
    }
    free(batch);
}

static json_t *result_of(const struct api_call *call)
{
    const char *id = call->claims.session_id;

    if (call->store.err == ERR_OK)
        return json_pack("{s:s,s:s,s:o}", "sessionId", id, "status", "alive", "expiresAt",
                         api_time(call->store.expires_ms));
    return json_pack("{s:s,s:s,s:s}", "sessionId", id, "status", "ended", "reason",
                     call->store.err == ERR_SESSION_ENDED ? end_reason_word(call->store.end.reason)
                                                          : err_word(call->store.err));
}

static void on_alive(struct api_call *call)
{
    struct api_batch *batch = call->batch;
    enum err err = call->store.err;

    if (err == ERR_OK || err == ERR_SESSION_ENDED || err == ERR_FORBIDDEN)
        batch->answered++;
    else if (err == ERR_INTERNAL)
        batch->broken++;
    else
        batch->unavailable = true;
    set_result(batch, call->index, result_of(call));
    api_call_free(call);
    let_go(batch);
}

static void send_heartbeat(struct api_batch *batch, size_t index, const char *token)
{
    struct api *api = batch->api;
    struct api_call *call = api_call_new_alone(api, api->options.store_timeout_ms);

    if (call == NULL) {
        batch->unavailable = true;
        return;
    }
    if (api_token_open(api, token, &call->claims) != ERR_OK) {
        api_call_free(call);
        set_result(batch, index, json_pack("{s:s}", "status", "invalid"));
        return;
    }
    api_call_name_session(call);
    call->batch = batch;
    call->index = index;
    batch->pending++;
    api_keep_alive(call, on_alive);
}

static bool are_tokens(const json_t *tokens)
{
    const json_t *token;
    size_t i;

    if (!json_is_array(tokens) || json_array_size(tokens) > API_BATCH_MAX)
        return false;
    json_array_foreach (tokens, i, token)
        if (!json_is_string(token))
            return false;
    return true;
}

/* A batch with a place for each result. NULL where memory runs out. */
static struct api_batch *batch_new(struct http_request *http, size_t count)
{
    struct api_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        return NULL;
    batch->http = http;
    batch->api = http_request_server_arg(http);
    batch->results = json_array();
    batch->pending = 1;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(batch->results, json_null());
    if (json_array_size(batch->results) == count)
        return batch;
    json_decref(batch->results);
    free(batch);
    return NULL;
}

void api_batch(struct http_request *http)
{
    const json_t *tokens, *token;
    struct api_body body;
    size_t i;

    if (!api_body_read(http, &body))
        return;
    tokens = json_object_get(body.object, "tokens");
    if (!are_tokens(tokens)) {
        api_body_done(&body);
        http_problem(http, ERR_INVALID_REQUEST, "tokens: must be an array of at most 1000 strings");
        return;
    }
    struct api_batch *batch = batch_new(http, json_array_size(tokens));
    if (batch == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
    } else {
        json_array_foreach (tokens, i, token)
            send_heartbeat(batch, i, json_string_value(token));
        let_go(batch);
    }
    api_body_done(&body);
}
