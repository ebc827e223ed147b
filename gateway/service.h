/*
 * The gateway as a service of systemd's: says when it serves, reloads and stops, and keeps the watchdog quiet for
 * as long as the loop of every thread turns. Without systemd all of it does nothing.
 *
 * Of the main thread. It looks after the threads four times in the time that the watchdog gives (WatchdogSec=,
 * a second or more), and sends WATCHDOG=1 where each of them has turned since the last look. So a loop may
 * stand for half of that time; where it stands on, the program is killed and started again.
 */
#ifndef GATEWAY_SERVICE_H
#define GATEWAY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct loop;
struct worker;

struct service {
    uv_timer_t look;         /* looks after the threads, where a watchdog waits */
    struct worker **workers; /* the threads, the caller's */
    size_t count;            /* of them */
    bool stuck;              /* at the last look one of them was */
    bool failed;             /* the last message couldn't be sent */
};

/* Makes it ready, so that it can be closed. */
void service_init(struct service *service, struct loop *loop);

/* Says that the gateway serves. From now on it looks after these threads, until service_stopping. */
void service_ready(struct service *service, struct worker **workers, size_t count);

/* Says that settings are being read again; and that this is done, well or not. */
void service_reloading(struct service *service);
void service_reloaded(struct service *service);

/* Says that the gateway stops, and looks after nobody any more: from here on systemd's TimeoutStopSec= counts. */
void service_stopping(struct service *service);

/* Closes its handle; that is done when the loop has run. */
void service_close(struct service *service);

#endif
