/* What all stores share: how an answer reaches its caller. */
#include "store.h"

#include <stdlib.h>

#include "container_of.h"

static void deliver(struct loop_task *task)
{
    struct store_req *req = CONTAINER_OF(task, struct store_req, ready);
    struct store_stream *streams = req->streams; /* done may free req */

    req->done(req);
    free(streams);
}

void store_complete(struct store *store, struct store_req *req, enum err err)
{
    req->err = err;
    req->ready = (struct loop_task){.run = deliver};
    loop_post(store->loop, &req->ready);
}

void store_begin(struct store_req *req)
{
    req->fallback = false;
    req->ended = false;
    req->ended_count = 0;
    req->would_deny = ERR_OK;
    req->retry_after_s = 0;
    req->usage = (struct store_usage){0};
    req->streams = NULL;
    req->stream_count = 0;
}

int64_t store_heartbeat_min(const struct store_options *options)
{
    int64_t third_ms = options->ttl_ms / 3;

    return options->heartbeat_min_ms < third_ms ? options->heartbeat_min_ms : third_ms;
}

const char *store_replaced_by(const struct session *session)
{
    return session->device_name[0] != '\0' ? session->device_name : session->device_id;
}

const char *store_state_word(enum store_state state)
{
    static const char *const words[STORE_STATE_COUNT] = {
#define X(name, word) [name] = word,
        STORE_STATE_TABLE(X)
#undef X
    };

    return words[state];
}
