/* What the store counts: the words of the labels. */
#include "store_metrics.h"

static const char *op_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[STORE_OP_COUNT] = {
        [STORE_CREATE] = "create", [STORE_HEARTBEAT] = "heartbeat",
        [STORE_REVIVE] = "revive", [STORE_CHECK] = "check",
        [STORE_GET] = "get",       [STORE_ZAP] = "zap",
        [STORE_END] = "end",       [STORE_LIST] = "list",
        [STORE_REVOKE] = "revoke", [STORE_SET_LIMITS] = "set_limits",
        [STORE_ADOPT] = "adopt",   [STORE_SWEEP] = "sweep",
        [STORE_PAGE] = "page",     [STORE_DESCRIBE] = "describe",
        [STORE_COUNT] = "count",   [STORE_EVENTS] = "events",
        [STORE_NOTE] = "note",
    };

    (void)room;
    return words[value];
}

static const char *outcome_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[STORE_OUTCOME_COUNT] = {
        [STORE_OUTCOME_OK] = "ok",
        [STORE_OUTCOME_REFUSED] = "refused",
        [STORE_OUTCOME_UNAVAILABLE] = "unavailable",
        [STORE_OUTCOME_ERROR] = "error",
    };

    (void)room;
    return words[value];
}

static const char *error_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[REDIS_ERROR_KIND_COUNT] = {
        [REDIS_ERROR_NOSCRIPT] = "noscript", [REDIS_ERROR_MOVED] = "moved",
        [REDIS_ERROR_ASK] = "ask",           [REDIS_ERROR_TRYAGAIN] = "tryagain",
        [REDIS_ERROR_OUTAGE] = "outage",     [REDIS_ERROR_OPERATOR] = "operator",
        [REDIS_ERROR_DATA] = "data",         [REDIS_ERROR_OTHER] = "other",
    };

    (void)room;
    return words[value];
}

static const char *fallback_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return value == STORE_FALLBACK_ADMITTED ? "admitted" : "adopted";
}

static const char *reason_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)room;
    return end_reason_word((enum end_reason)value);
}

const struct metrics_label metrics_label_op = {"op", STORE_OP_COUNT, op_word};
const struct metrics_label metrics_label_outcome = {"outcome", STORE_OUTCOME_COUNT, outcome_word};
const struct metrics_label metrics_label_error = {"kind", REDIS_ERROR_KIND_COUNT, error_word};
const struct metrics_label metrics_label_fallback = {"what", STORE_FALLBACK_COUNT, fallback_word};
const struct metrics_label metrics_label_reason = {"reason", END_REASON_COUNT, reason_word};

static enum store_outcome outcome_of(enum err err)
{
    switch (err) {
    case ERR_OK:
        return STORE_OUTCOME_OK;
    case ERR_STORE_UNAVAILABLE:
    case ERR_SHUTTING_DOWN:
        return STORE_OUTCOME_UNAVAILABLE;
    case ERR_INTERNAL:
        return STORE_OUTCOME_ERROR;
    default:
        return STORE_OUTCOME_REFUSED;
    }
}

void store_count_call(enum store_op op, enum err err, uint64_t us)
{
    unsigned place = (unsigned)op * STORE_OUTCOME_COUNT + (unsigned)outcome_of(err);

    metrics_observe_us(STORE_METRIC_CALLS + place * METRICS_CELLS_DURATIONS, us);
}
