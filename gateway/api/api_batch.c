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

/* What a token's heartbeat came to. */
struct result {
    char session_id[SESSION_ID_LEN + 1]; /* "": the token is invalid */
    int64_t expires_ms;                  /* where the session is alive */
    const char *reason;                  /* why it ended; NULL where it is alive */
};

/* A batch: answered when the last of its heartbeats is. */
struct api_batch {
    struct http_request *http; /* to be answered */
    struct api *api;           /* this thread's */
    size_t pending;            /* heartbeats under way, and one for the start itself */
    size_t answered;           /* heartbeats that the store could answer */
    size_t broken;             /* those that it couldn't, though it was there */
    bool unavailable;          /* it was away for at least one */
    size_t count;              /* tokens */
    struct result results[];   /* one for each token, in the order asked */
};

static void write_result(struct json_writer *writer, const struct result *result)
{
    json_writer_begin_object(writer, NULL);
    if (result->session_id[0] == '\0') {
        json_writer_text(writer, "status", "invalid");
    } else {
        json_writer_text(writer, "sessionId", result->session_id);
        json_writer_text(writer, "status", result->reason == NULL ? "alive" : "ended");
        if (result->reason == NULL)
            json_writer_time(writer, "expiresAt", result->expires_ms);
        else
            json_writer_text(writer, "reason", result->reason);
    }
    json_writer_end_object(writer);
}

static void reply_results(const struct api_batch *batch)
{
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    json_writer_begin_object(&writer, NULL);
    json_writer_begin_array(&writer, "results");
    for (size_t i = 0; i < batch->count; i++)
        write_result(&writer, &batch->results[i]);
    json_writer_end_array(&writer);
    json_writer_end_object(&writer);
    api_reply_json(batch->http, 200, &body);
}

/* One heartbeat less to wait for; the last one answers. */
static void let_go(struct api_batch *batch)
{
    if (--batch->pending > 0)
        return;
    if (batch->unavailable || (batch->broken > 0 && batch->answered == 0))
        http_problem(batch->http, ERR_STORE_UNAVAILABLE,
                     "the store of sessions is away: try again");
    else
        reply_results(batch);
    free(batch);
}

static void set_result(const struct api_call *call, struct result *ret_result)
{
    const struct store_req *store = &call->store;

    memcpy(ret_result->session_id, call->claims.session_id, sizeof ret_result->session_id);
    if (store->err == ERR_OK)
        ret_result->expires_ms = store->expires_ms;
    else
        ret_result->reason = store->err == ERR_SESSION_ENDED ? end_reason_word(store->end.reason)
                                                             : err_word(store->err);
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
    set_result(call, &batch->results[call->index]);
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
    if (api_token_open(batch->http, token, &call->claims) != ERR_OK) {
        api_call_free(call);
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

/* A batch whose results are all invalid, until their tokens prove good. NULL where memory runs out. */
static struct api_batch *batch_new(struct http_request *http, size_t count)
{
    struct api_batch *batch = calloc(1, sizeof *batch + count * sizeof batch->results[0]);

    if (batch == NULL)
        return NULL;
    batch->http = http;
    batch->api = http_request_server_arg(http);
    batch->pending = 1;
    batch->count = count;
    return batch;
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
