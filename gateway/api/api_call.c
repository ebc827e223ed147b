/* A request that needs the store: its context, from the handler to the store's callback. */
#include <stdlib.h>
#include <string.h>

#include "allowance.h"
#include "api_private.h"
#include "clock.h"
#include "container_of.h"
#include "event_feed.h"
#include "keyring.h"

struct api *api_new(const struct api_options *options, struct store *store)
{
    static const struct allowance_options guesses = {
        .names = API_GUESSERS_MAX, .at_once = API_GUESSES, .every_us = API_GUESS_MS * 1000};
    struct api *api = calloc(1, sizeof *api);

    if (api == NULL)
        return NULL;
    api->options = *options;
    api->keys = keyring_hold(options->keys);
    api->store = store;
    api->no_content = http_response_new(204, NULL, NULL, 0);
    api->refusals = api_refusals_new();
    api->tokens = token_cache_new(API_TOKENS_MAX);
    api->guesses = allowance_new(&guesses);
    if (api->no_content == NULL || api->refusals == NULL || api->tokens == NULL ||
        api->guesses == NULL) {
        api_free(api);
        return NULL;
    }
    return api;
}

void api_quiesce(struct api *api)
{
    event_feed_close(api->feed);
}

void api_free(struct api *api)
{
    if (api == NULL)
        return;
    while (api->spare != NULL) {
        struct api_call *call = api->spare;

        api->spare = call->next;
        free(call);
    }
    http_response_unref(api->no_content);
    for (size_t i = 0; i < API_REFUSAL_COUNT; i++)
        http_response_unref(api->refused[i]);
    api_refusals_free(api->refusals);
    token_cache_free(api->tokens);
    for (size_t i = 0; i < API_ALLOWED_COUNT; i++)
        http_response_unref(api->allowed[i]);
    allowance_free(api->guesses);
    keyring_release(api->keys);
    event_feed_free(api->feed);
    free(api);
}

void api_set_keys(struct api *api, struct keyring *keys)
{
    struct keyring *old = api->keys;

    api->keys = keyring_hold(keys);
    token_cache_clear(api->tokens);
    event_feed_dismiss(api->feed);
    keyring_release(old);
}

struct api_call *api_call_new_alone(struct api *api, int64_t timeout_ms)
{
    struct api_call *call = api->spare;

    if (call != NULL) {
        api->spare = call->next;
        api->spare_count--;
    } else if ((call = malloc(sizeof *call)) == NULL) {
        return NULL;
    }
    call->api = api;
    call->http = NULL;
    call->batch = NULL;
    call->zaps = false;
    call->store.cached = STORE_UNCACHED;
    call->store.session.id[0] = '\0'; /* what names no session is of its family's partition */
    call->store.operator.name[0] = call->store.operator.why[0] = '\0';
    api_call_give_time(call, timeout_ms);
    return call;
}

void api_call_give_time(struct api_call *call, int64_t timeout_ms)
{
    call->timeout_ms = timeout_ms;
    call->store.deadline_ms = 0;
}

struct api_call *api_call_new(struct http_request *http, int64_t timeout_ms)
{
    struct api_call *call = api_call_new_alone(http_request_server_arg(http), timeout_ms);

    if (call == NULL)
        http_problem(http, ERR_INTERNAL, "out of memory");
    else
        call->http = http;
    return call;
}

void api_call_free(struct api_call *call)
{
    struct api *api = call->api;

    if (api->spare_count == API_SPARE_CALLS_MAX) {
        free(call);
        return;
    }
    call->next = api->spare;
    api->spare = call;
    api->spare_count++;
}

void api_call_name_session(struct api_call *call)
{
    const struct token_claims *claims = &call->claims;
    struct session *session = &call->store.session;
    struct store_create *create = &call->store.create;

    memcpy(session->id, claims->session_id, sizeof session->id);
    /* Whole: what is known to the compiler is copied in a few instructions, a string's length has to be found. */
    memcpy(session->user_id, claims->user_id, sizeof session->user_id);
    memcpy(session->family_id, claims->family_id, sizeof session->family_id);
    memcpy(session->device_id, claims->device_id, sizeof session->device_id);
    memcpy(session->media_id, claims->media_id, sizeof session->media_id);
    memcpy(session->device_name, claims->device_name, sizeof session->device_name);
    memcpy(session->player_id, claims->player_id, sizeof session->player_id);
    session->media_title[0] = session->platform[0] = session->metadata[0] = '\0';
    session->started_ms = claims->started_ms;
    create->issued_ms = claims->issued_ms;
    create->family_limit = claims->family_limit;
    create->device_limit = claims->device_limit;
    create->replace_count = 0;
    create->evict = false;
}

void api_call_ask(struct api_call *call, enum store_op op, void (*done)(struct store_req *req))
{
    call->store.op = op;
    call->store.done = done;
    if (store_peek(call->api->store, &call->store)) {
        done(&call->store);
        return;
    }
    if (call->store.deadline_ms == 0)
        call->store.deadline_ms = clock_monotonic_ms() + call->timeout_ms;
    store_submit(call->api->store, &call->store);
}

struct api_call *api_call_of(struct store_req *req)
{
    return CONTAINER_OF(req, struct api_call, store);
}
