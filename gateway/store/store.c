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

void store_limits(const struct store_options *options, const struct store_create *create,
                  struct store_usage *ret_usage)
{
    ret_usage->family_limit =
        create->family_limit >= 0 ? (uint32_t)create->family_limit : options->family_limit;
    ret_usage->device_limit =
        create->device_limit >= 0 ? (uint32_t)create->device_limit : options->device_limit;
}
