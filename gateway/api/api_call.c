/* A request that needs the store: its context, from the handler to the store's callback. */
#include <stdlib.h>
#include <string.h>

#include "api_private.h"
#include "clock.h"
#include "container_of.h"

struct api *api_new(const struct api_options *options, struct store *store)
{
    struct api *api = calloc(1, sizeof *api);

    if (api == NULL)
        return NULL;
    api->options = *options;
    api->store = store;
    api->no_content = http_response_new(204, NULL, NULL, 0);
    if (api->no_content == NULL) {
        api_free(api);
        return NULL;
    }
    return api;
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
    free(api);
}

struct api_call *api_call_new(struct http_request *http, int64_t timeout_ms)
{
    struct api *api = http_request_server_arg(http);
    struct api_call *call = api->spare;

    if (call != NULL) {
        api->spare = call->next;
    } else {
        call = malloc(sizeof *call);
        if (call == NULL) {
            http_problem(http, ERR_INTERNAL, "out of memory");
            return NULL;
        }
    }
    call->api = api;
    call->http = http;
    call->store.deadline_ms = clock_monotonic_ms() + timeout_ms;
    return call;
}

void api_call_free(struct api_call *call)
{
    call->next = call->api->spare;
    call->api->spare = call;
}

void api_call_name_session(struct api_call *call)
{
    struct session *session = &call->store.session;

    memcpy(session->id, call->claims.session_id, sizeof session->id);
    strcpy(session->user_id, call->claims.user_id);
    strcpy(session->family_id, call->claims.family_id);
    strcpy(session->device_id, call->claims.device_id);
    strcpy(session->media_id, call->claims.media_id);
}

void api_call_ask(struct api_call *call, enum store_op op, void (*done)(struct store_req *req))
{
    call->store.op = op;
    call->store.done = done;
    if (store_peek(call->api->store, &call->store))
        done(&call->store);
    else
        store_submit(call->api->store, &call->store);
}

struct api_call *api_call_of(struct store_req *req)
{
    return CONTAINER_OF(req, struct api_call, store);
}
