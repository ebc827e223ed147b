/* Running a loop until something has come about. */
#include "pump.h"

#include <criterion/criterion.h>

#include "clock.h"
#include "container_of.h"
#include "loop.h"

enum { PUMP_MS = 10000 };

struct pump {
    uv_timer_t timer;         /* looks at the condition */
    bool (*holds)(void *arg); /* the condition, with its argument */
    void *arg;
    int64_t give_up_ms; /* monotonic clock */
    bool held;          /* the condition did hold */
    bool closed;        /* the timer is */
};

static void on_closed(uv_handle_t *timer)
{
    struct pump *pump = CONTAINER_OF(timer, struct pump, timer);

    pump->closed = true;
    uv_stop(timer->loop);
}

static void look(uv_timer_t *timer)
{
    struct pump *pump = CONTAINER_OF(timer, struct pump, timer);

    pump->held = pump->holds(pump->arg);
    if (pump->held || clock_monotonic_ms() >= pump->give_up_ms) {
        uv_timer_stop(timer);
        uv_close((uv_handle_t *)timer, on_closed);
    }
}

static bool run(struct loop *loop, bool (*holds)(void *arg), void *arg, int64_t ms)
{
    struct pump pump = {.holds = holds, .arg = arg, .give_up_ms = clock_monotonic_ms() + ms};

    uv_timer_init(&loop->uv, &pump.timer);
    uv_timer_start(&pump.timer, look, 0, 1);
    while (!pump.closed) /* others may stop the loop, too */
        loop_run(loop);
    return pump.held;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

void pump_until(struct loop *loop, bool (*holds)(void *arg), void *arg)
{
    cr_assert(run(loop, holds, arg, PUMP_MS), "it hasn't come about");
}

void pump_for(struct loop *loop, int64_t ms)
{
    run(loop, never, NULL, ms);
}
