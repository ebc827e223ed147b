/*
 * One thread's event loop: libuv, plus tasks that run before the loop blocks.
 *
 * Tasks are how a turn of the loop is put in order without one part calling into another: store answers
 * are delivered, connections resumed, and commands written by tasks, posted in that order by whoever
 * finds out that there is something to do. What runs in a task may post further tasks; the loop waits for
 * descriptors and timers only when none is left. Nothing here may be called from another thread; use a
 * uv_async_t of `uv` for that.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <uv.h>

struct loop_task {
    void (*run)(struct loop_task *task); /* called once for each time that it was posted */
    struct loop_task *next;              /* in the queue */
    bool posted;                         /* is in the queue */
};

struct loop {
    uv_loop_t uv;             /* for handles of the caller's own */
    uv_prepare_t before_poll; /* runs the tasks */
    struct loop_task *first;  /* oldest task posted, or NULL */
    struct loop_task **end;   /* where the next one is linked */
};

/* Returns 0, or a libuv error code (negative; uv_strerror). */
int loop_init(struct loop *loop);

/*
 * Runs task->run before the loop blocks next, after the tasks posted before it. A task that is queued
 * already is not queued again. The task belongs to the caller, and must stay until it has run.
 */
void loop_post(struct loop *loop, struct loop_task *task);

/* Runs until uv_stop(&loop->uv), or until no handle is active and no task left. */
void loop_run(struct loop *loop);

/*
 * Closes the loop's own handle, runs until every handle that was closed has had its callback, frees. All
 * handles of the caller's must be closing.
 */
void loop_done(struct loop *loop);

#endif
