/*
 * Metrics as Prometheus reads them: the text format, version 0.0.4.
 */
#ifndef COMMON_METRICS_TEXT_H
#define COMMON_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum metrics_kind {
    METRICS_COUNTER,    /* only grows */
    METRICS_GAUGE,      /* is what it is now */
    METRICS_COUNTER_US, /* the same two, their cells in µs and shown in seconds */
    METRICS_GAUGE_US,
    METRICS_DURATIONS, /* a histogram: metrics_observe_us */
    METRICS_NUMBERS    /* a histogram: metrics_observe_number */
};

#define METRICS_WORD_SIZE 96 /* of a label's value, its NUL included */
#define METRICS_LABELS    2  /* at most, of a metric */

/* A label: its values are 0 to count - 1, each with a word. */
struct metrics_label {
    const char *name; /* NULL: there is no label, and one value */
    unsigned count;   /* of values */
    /* The word of a value, maybe put into room. NULL: what has this value isn't shown. */
    const char *(*word)(unsigned value, char room[METRICS_WORD_SIZE]);
};

/* The label of what has none. */
extern const struct metrics_label metrics_label_none;

struct metrics_metric {
    const char *name;                                   /* without a histogram's endings */
    const char *help;                                   /* one sentence */
    enum metrics_kind kind;                             /* see above */
    unsigned first;                                     /* cell */
    const struct metrics_label *labels[METRICS_LABELS]; /* the last's values lie side by side */
};

/*
 * Appends metrics in the order of their table, and values in the order of their labels; what they are is in cells,
 * as metrics_read gives them. A histogram of something that has never happened is left out, by its labels' values;
 * a counter of it is shown as 0.
 */
void metrics_text(const struct metrics_metric *metrics, size_t count, const uint64_t *cells,
                  struct buf *out);

#endif
