/* The loop and its tasks. */
#include <criterion/criterion.h>

#include "container_of.h"
#include "loop.h"

static struct loop loop;

static void set_up(void)
{
    cr_assert_eq(loop_init(&loop), 0);
}

static void tear_down(void)
{
    loop_done(&loop);
}

TestSuite(loop, .init = set_up, .fini = tear_down, .timeout = 30);

struct numbered {
    struct loop_task task;
    int number;
    struct loop_task *then; /* posted when this one runs, or NULL */
};

static int order[8], ran;

static void note(struct loop_task *task)
{
    struct numbered *numbered = CONTAINER_OF(task, struct numbered, task);

    order[ran++] = numbered->number;
    if (numbered->then != NULL)
        loop_post(&loop, numbered->then);
    numbered->then = NULL;
}

Test(loop, runs_tasks_in_the_order_posted_and_ends_when_none_is_left)
{
    struct numbered a = {{.run = note}, 1, NULL}, b = {{.run = note}, 2, NULL};

    loop_post(&loop, &a.task);
    loop_post(&loop, &b.task);
    loop_post(&loop, &a.task); /* queued already */
    loop_run(&loop);
    cr_assert_eq(ran, 2);
    cr_assert_eq(order[0], 1);
    cr_assert_eq(order[1], 2);
}

Test(loop, runs_a_task_that_a_task_posts)
{
    struct numbered b = {{.run = note}, 2, NULL}, a = {{.run = note}, 1, &b.task};

    b.then = &a.task; /* and the first one once more */
    loop_post(&loop, &a.task);
    loop_run(&loop);
    cr_assert_eq(ran, 3);
    cr_assert_eq(order[2], 1);
}

static struct numbered late = {{.run = note}, 7, NULL};
static uv_timer_t timer;

static void post_from_timer(uv_timer_t *handle)
{
    loop_post(&loop, &late.task);
    uv_close((uv_handle_t *)handle, NULL);
}

Test(loop, runs_a_task_that_a_handles_last_callback_posts)
{
    uv_timer_init(&loop.uv, &timer);
    uv_timer_start(&timer, post_from_timer, 0, 0);
    loop_run(&loop);
    cr_assert_eq(ran, 1);
}

static void stop_with_a_task_posted(uv_timer_t *handle)
{
    (void)handle;
    loop_post(&loop, &late.task);
    uv_stop(&loop.uv);
}

Test(loop, stops_even_where_a_task_is_posted_in_the_same_turn)
{
    uv_timer_init(&loop.uv, &timer);
    uv_timer_start(&timer, stop_with_a_task_posted, 0, 3600000);
    loop_run(&loop); /* must not wait for the timer's next turn, in an hour */
    uv_close((uv_handle_t *)&timer, NULL);
    loop_run(&loop);
    cr_assert_eq(ran, 1);
}
