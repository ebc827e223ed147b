/*
 * What the store counts. Part of the one table of metrics, which gateway/api/api_metrics.h completes: each layer
 * lists what it knows, and counts that itself.
 *
 * A row: X(id, KIND, name, label, label, help); KIND is METRICS_KIND of metrics_text.h, a label one of those
 * below, or none. The id is the number of the metric's first cell; METRICS_OF_label is how many values a label has.
 */
#ifndef STORE_METRICS_H
#define STORE_METRICS_H

#include "metrics.h"
#include "metrics_text.h"
#include "redis_reply.h"
#include "session.h"
#include "store.h"

/* clang-format off */
#define STORE_METRICS_TABLE(X)                                                                      \
    X(STORE_METRIC_CALLS, DURATIONS, "stream_gateway_store_call_duration_seconds", op, outcome,     \
      "What Redis was asked by this gateway, from the question to the answer or to the deadline.")  \
    X(STORE_METRIC_ERRORS, COUNTER, "stream_gateway_redis_errors_total", error, none,               \
      "Errors that Redis answered, by kind: after noscript, moved, ask and tryagain the call is repeated.") \
    X(STORE_METRIC_LOST, COUNTER, "stream_gateway_redis_links_lost_total", none, none,              \
      "Connections to Redis that were lost or given up after they had been up.")                    \
    X(STORE_METRIC_RECONNECTS, COUNTER, "stream_gateway_redis_reconnects_total", none, none,        \
      "Connections to Redis that were made again.")                                                 \
    X(STORE_METRIC_OUTAGES, COUNTER, "stream_gateway_store_outages_total", none, none,              \
      "Times that Redis, or a part of it, was found to be away.")                                   \
    X(STORE_METRIC_FALLBACK, COUNTER, "stream_gateway_fallback_sessions_total", fallback, none,     \
      "Sessions admitted here while Redis was away, and sessions that Redis was then told of.")     \
    X(STORE_METRIC_FEED, GAUGE, "stream_gateway_feed_up", none, none,                               \
      "Whether Redis tells of every end, so that answers may be cached; absent without Redis.")     \
    X(STORE_METRIC_ENDS, COUNTER, "stream_gateway_session_ends_total", reason, none,                \
      "Sessions that this gateway ended or found expired, by reason.")
/* clang-format on */

/* How a call went. */
enum store_outcome {
    STORE_OUTCOME_OK,
    STORE_OUTCOME_REFUSED, /* Redis has decided: a limit, an end, a block… */
    STORE_OUTCOME_UNAVAILABLE,
    STORE_OUTCOME_ERROR,
    STORE_OUTCOME_COUNT
};

enum store_fallback { STORE_FALLBACK_ADMITTED, STORE_FALLBACK_ADOPTED, STORE_FALLBACK_COUNT };

enum {
    METRICS_OF_none = 1,
    METRICS_OF_op = STORE_OP_COUNT,
    METRICS_OF_outcome = STORE_OUTCOME_COUNT,
    METRICS_OF_error = REDIS_ERROR_KIND_COUNT,
    METRICS_OF_fallback = STORE_FALLBACK_COUNT,
    METRICS_OF_reason = END_REASON_COUNT
};

extern const struct metrics_label metrics_label_op, metrics_label_outcome, metrics_label_error,
    metrics_label_fallback, metrics_label_reason;

enum store_metric {
#define X(id, kind, name, a, b, help)                                                              \
    id, id##_LAST = id + METRICS_OF_##a * METRICS_OF_##b * METRICS_CELLS_##kind - 1,
    STORE_METRICS_TABLE(X)
#undef X
        STORE_METRICS_CELLS /* where the next part of the table begins */
};

/* Sessions have ended. */
static inline void store_count_ends(enum end_reason reason, uint64_t count)
{
    metrics_add(STORE_METRIC_ENDS + (unsigned)reason, count);
}

/* Redis has answered a request, or hasn't, after so many µs. */
void store_count_call(enum store_op op, enum err err, uint64_t us);

#endif
