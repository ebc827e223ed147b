/* A thread's pulse. */
#include "pulse.h"

#include "container_of.h"
#include "http_server.h"
#include "loop.h"

static void beat(uv_timer_t *timer)
{
    struct pulse *pulse = CONTAINER_OF(timer, struct pulse, timer);
    uint64_t now_ns = uv_hrtime();
    unsigned listener = (unsigned)pulse->listener;

    atomic_store(&pulse->has_beaten, true);
    if (pulse->due_ns > 0)
        metrics_observe_us(API_METRIC_LAG + listener * METRICS_CELLS_DURATIONS,
                           now_ns > pulse->due_ns ? (now_ns - pulse->due_ns) / 1000 : 0);
    /* By the loop's time, which the timer counts from, and which is uv_hrtime's in ms. */
    pulse->due_ns = (uv_now(timer->loop) + PULSE_BEAT_MS) * UINT64_C(1000000);
    metrics_set(API_METRIC_CONNECTIONS + listener, http_server_connections(pulse->http));
    metrics_set(API_METRIC_IN_FLIGHT + listener, http_server_busy(pulse->http));
    uv_timer_start(timer, beat, PULSE_BEAT_MS, 0);
}

void pulse_init(struct pulse *pulse, struct loop *loop)
{
    uv_timer_init(&loop->uv, &pulse->timer);
    uv_unref((uv_handle_t *)&pulse->timer);
}

void pulse_start(struct pulse *pulse, const struct http_server *http, enum api_listener listener)
{
    pulse->http = http;
    pulse->listener = listener;
    pulse->due_ns = 0;
    uv_timer_start(&pulse->timer, beat, 0, 0);
}

bool pulse_has_beaten(struct pulse *pulse)
{
    return atomic_exchange(&pulse->has_beaten, false);
}

void pulse_stop(struct pulse *pulse)
{
    uv_close((uv_handle_t *)&pulse->timer, NULL);
}
