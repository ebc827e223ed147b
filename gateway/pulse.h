/*
 * A thread's pulse: ten times a second it notes that the loop turns, measures how late, and tells how many
 * connections and requests the thread has.
 */
#ifndef GATEWAY_PULSE_H
#define GATEWAY_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "api_metrics.h"

struct http_server;
struct loop;

#define PULSE_BEAT_MS 100

struct pulse {
    uv_timer_t timer;               /* beats */
    const struct http_server *http; /* whose connections are told */
    enum api_listener listener;     /* that the thread serves */
    uint64_t due_ns;        /* when the timer is to fire next, by uv_hrtime; 0: it never has */
    atomic_bool has_beaten; /* since it was asked last; cleared by who asks */
};

/* Makes it ready, so that it can be stopped. */
void pulse_init(struct pulse *pulse, struct loop *loop);

/* Begins; the server must outlive it. It keeps no loop running. */
void pulse_start(struct pulse *pulse, const struct http_server *http, enum api_listener listener);

/* Whether it has beaten since this was asked last. From any one thread. */
bool pulse_has_beaten(struct pulse *pulse);

/* Ends it; its handle is closed when the loop has run. */
void pulse_stop(struct pulse *pulse);

#endif
