/* The embedded store: the store contract over memory.h. */
#include "store_memory.h"

#include <stdlib.h>

#include "container_of.h"
#include "memory.h"

struct store_memory {
    struct store store;           /* the handle */
    struct memory *memory;        /* shared by all threads */
    struct loop_task close;       /* brings on_closed */
    void (*on_closed)(void *arg); /* of store_close */
    void *on_closed_arg;          /* the same */
};

static bool peek(struct store *store, struct store_req *req)
{
    struct store_memory *self = CONTAINER_OF(store, struct store_memory, store);

    if (store_hands_out_list(req->op))
        return false;
    req->err = memory_do(self->memory, req);
    return true;
}

static void submit(struct store *store, struct store_req *req)
{
    struct store_memory *self = CONTAINER_OF(store, struct store_memory, store);

    store_complete(store, req, memory_do(self->memory, req));
}

static enum store_state state(const struct store *store, unsigned partition)
{
    (void)store;
    (void)partition;
    return STORE_UP;
}

static void finish_close(struct loop_task *task)
{
    struct store_memory *self = CONTAINER_OF(task, struct store_memory, close);
    void (*on_closed)(void *arg) = self->on_closed;
    void *arg = self->on_closed_arg;

    free(self);
    on_closed(arg);
}

/* What was submitted is answered by tasks that are queued before this one; nothing is pending after it. */
static void close_handle(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    struct store_memory *self = CONTAINER_OF(store, struct store_memory, store);

    self->on_closed = on_closed;
    self->on_closed_arg = arg;
    self->close = (struct loop_task){.run = finish_close};
    loop_post(store->loop, &self->close);
}

static const struct store_ops ops = {
    .kind = "memory", .peek = peek, .submit = submit, .state = state, .close = close_handle};

struct store *store_memory_open(struct memory *memory, struct loop *loop)
{
    struct store_memory *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->store = (struct store){.ops = &ops, .loop = loop, .partitions = 1};
    self->memory = memory;
    memory_stands_alone(memory);
    return &self->store;
}
