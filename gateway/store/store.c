/* What all stores share: how an answer reaches its caller. */
#include "store.h"

#include <stdlib.h>

#include "container_of.h"
#include "partition.h"
#include "store_query.h"

static void deliver(struct loop_task *task)
{
    struct store_req *req = CONTAINER_OF(task, struct store_req, ready);
    struct store_stream *streams = req->streams; /* done may free req */
    struct event *events = req->op == STORE_EVENTS ? req->query->events.events : NULL;

    req->done(req);
    free(streams);
    free(events);
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
    req->in_place = false;
    req->ended = false;
    req->ended_count = 0;
    req->would_deny = ERR_OK;
    req->retry_after_s = 0;
    req->usage = (struct store_usage){0};
    req->streams = NULL;
    req->stream_count = 0;
    if (req->op == STORE_EVENTS) {
        req->query->events.gap = false;
        req->query->events.events = NULL;
        req->query->events.count = 0;
    }
}

unsigned store_partition(const struct store_req *req)
{
    unsigned partition = partition_of_tag(req->session.id);

    if (partition < PARTITION_COUNT)
        return partition;
    return req->session.family_id[0] != '\0' ? partition_of(req->session.family_id) : 0;
}

enum store_state store_state(const struct store *store)
{
    static const unsigned badness[STORE_STATE_COUNT] = {
        [STORE_UP] = 0,    [STORE_STARTING] = 1, [STORE_RETURNING] = 2,
        [STORE_ALLOW] = 3, [STORE_FALLBACK] = 4, [STORE_AWAY] = 5,
    };
    enum store_state worst = store_state_of(store, 0);

    for (unsigned i = 1; i < store->partitions; i++) {
        enum store_state state = store_state_of(store, i);

        if (badness[state] > badness[worst])
            worst = state;
    }
    return worst;
}

bool store_serves(const struct store *store)
{
    for (unsigned i = 0; i < store->partitions; i++) {
        enum store_state state = store_state_of(store, i);

        if (state != STORE_STARTING && state != STORE_AWAY)
            return true;
    }
    return false;
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

bool store_hands_out_list(enum store_op op)
{
    return op == STORE_CREATE || op == STORE_LIST || op == STORE_PAGE || op == STORE_DESCRIBE ||
           op == STORE_EVENTS;
}
