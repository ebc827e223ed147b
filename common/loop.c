/* One thread's event loop: libuv, plus tasks that run before the loop blocks. */
#include "loop.h"

#include <assert.h>

#include "container_of.h"

static void run_tasks(struct loop *loop)
{
    struct loop_task *task;

    while ((task = loop->first) != NULL) {
        task->posted = false;
        loop->first = task->next;
        if (loop->first == NULL)
            loop->end = &loop->first;
        task->run(task);
    }
}

static void on_before_poll(uv_prepare_t *handle)
{
    run_tasks(CONTAINER_OF(handle, struct loop, before_poll));
}

int loop_init(struct loop *loop)
{
    int rc = uv_loop_init(&loop->uv);

    if (rc != 0)
        return rc;
    loop->first = NULL;
    loop->end = &loop->first;
    uv_prepare_init(&loop->uv, &loop->before_poll); /* these two cannot fail */
    uv_prepare_start(&loop->before_poll, on_before_poll);
    uv_unref((uv_handle_t *)&loop->before_poll);
    return 0;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    if (task->posted)
        return;
    task->posted = true;
    task->next = NULL;
    *loop->end = task;
    loop->end = &task->next;
}

void loop_run(struct loop *loop)
{
    int is_alive;

    do {
        run_tasks(loop);
        is_alive = uv_run(&loop->uv, UV_RUN_DEFAULT);
    } while (!is_alive && loop->first != NULL); /* alive: it was stopped, tasks or not */
}

void loop_done(struct loop *loop)
{
    uv_close((uv_handle_t *)&loop->before_poll, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0);
    (void)rc;
}
