/* The gateway as a service of systemd's. */
#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "container_of.h"
#include "log.h"
#include "loop.h"
#include "pulse.h"
#include "sd_notify.h"
#include "worker.h"

#define LOOKS         4                   /* within the watchdog's time */
#define LEAST_LOOK_MS (2 * PULSE_BEAT_MS) /* every thread turns within it */

/* One line of the log where systemd can't be told any more, not one for each message. */
static void tell(struct service *service, const char *assignments)
{
    bool failed = sd_notify_send(assignments) < 0;

    if (failed && !service->failed)
        log_line(LOG_WARN, "systemd can't be told", LOG_STR("message", assignments),
                 LOG_STR("reason", strerror(errno)));
    service->failed = failed;
}

/* Looks at all of them, even when one is stuck: the next look is about what happens after this one. */
static bool all_turn(struct service *service)
{
    bool all = true;

    for (size_t i = 0; i < service->count; i++) {
        if (worker_has_turned(service->workers[i]))
            continue;
        all = false;
        if (!service->stuck)
            log_line(LOG_ERROR, "a thread is stuck",
                     LOG_STR("thread", worker_name(service->workers[i])));
    }
    return all;
}

static void on_look(uv_timer_t *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, look);
    bool turn = all_turn(service);

    if (turn && service->stuck)
        log_line(LOG_INFO, "all threads turn again");
    service->stuck = !turn;
    if (turn)
        tell(service, "WATCHDOG=1");
}

void service_init(struct service *service, struct loop *loop)
{
    *service = (struct service){0};
    uv_timer_init(&loop->uv, &service->look);
}

void service_ready(struct service *service, struct worker **workers, size_t count)
{
    uint64_t look_ms = sd_notify_watchdog_us() / 1000 / LOOKS;

    service->workers = workers;
    service->count = count;
    tell(service, "READY=1");
    if (look_ms == 0)
        return;
    if (look_ms < LEAST_LOOK_MS)
        look_ms = LEAST_LOOK_MS;
    uv_update_time(service->look.loop); /* what came before may have taken longer than that */
    uv_timer_start(&service->look, on_look, look_ms, look_ms);
}

void service_reloading(struct service *service)
{
    char text[64];

    /* The time, CLOCK_MONOTONIC's, is what Type=notify-reload wants; Type=notify takes no notice of it. */
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, uv_hrtime() / 1000);
    tell(service, text);
}

void service_reloaded(struct service *service)
{
    tell(service, "READY=1");
}

void service_stopping(struct service *service)
{
    uv_timer_stop(&service->look);
    tell(service, "STOPPING=1");
}

void service_close(struct service *service)
{
    uv_close((uv_handle_t *)&service->look, NULL);
}
