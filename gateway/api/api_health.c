/* GET /healthz and /readyz. */
#include <stdio.h>
#include <string.h>

#include "api_private.h"

/* The store as the member that both answers carry. */
static void store_member(struct store *store, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "\"store\":{\"kind\":\"%s\",\"state\":\"%s\"}", store_kind(store),
             store_state_word(store_state(store)));
}

bool api_is_draining(const struct api *api)
{
    return atomic_load(api->options.draining) || atomic_load(api->options.drained);
}

static void reply_ok(struct http_request *http, const char *member)
{
    struct buf body = BUF_EMPTY;

    buf_printf(&body, "{%s}", member);
    api_reply_json(http, 200, &body);
}

/* Answering at all shows that the loop turns. */
void api_healthz(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    char member[96];

    store_member(api->store, member, sizeof member);
    reply_ok(http, member);
}

void api_readyz(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    enum err err = ERR_OK;
    char member[96];

    store_member(api->store, member, sizeof member);
    if (api_is_draining(api))
        err = ERR_SHUTTING_DOWN;
    else if (!store_serves(api->store))
        err = ERR_STORE_UNAVAILABLE;
    if (err == ERR_OK) {
        reply_ok(http, member);
        return;
    }
    http_request_note_err(http, err);
    http_reply(http, http_problem_response(err, NULL, member, 1));
}
