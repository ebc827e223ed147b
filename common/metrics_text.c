/* Metrics as Prometheus reads them. */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "metrics.h"

const struct metrics_label metrics_label_none = {.count = 1};

/* What a metric's cells hold, by kind. */
static const struct {
    const char *type; /* as TYPE says it */
    bool us;          /* they are in µs */
    unsigned buckets; /* of a histogram, the sum is behind them; 0: it is none */
} kinds[] = {
    [METRICS_COUNTER] = {"counter", false, 0},
    [METRICS_GAUGE] = {"gauge", false, 0},
    [METRICS_COUNTER_US] = {"counter", true, 0},
    [METRICS_GAUGE_US] = {"gauge", true, 0},
    [METRICS_DURATIONS] = {"histogram", true, METRICS_DURATIONS_BUCKETS},
    [METRICS_NUMBERS] = {"histogram", false, METRICS_NUMBERS_BUCKETS},
};

static void add_number(struct buf *out, uint64_t value, bool us)
{
    if (us)
        buf_printf(out, "%" PRIu64 ".%06" PRIu64, value / 1000000, value % 1000000);
    else
        buf_printf(out, "%" PRIu64, value);
}

/* A help text has no quotes around it; a label's value has. */
static void add_escaped(struct buf *out, const char *text, bool quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_add_str(out, "\\n");
        else if (*text == '\\' || (quoted && *text == '"'))
            buf_printf(out, "\\%c", *text);
        else
            buf_add_char(out, *text);
    }
}

static void add_label(struct buf *out, const char *name, const char *value)
{
    if (out->len > 0)
        buf_add_char(out, ',');
    buf_printf(out, "%s=\"", name);
    add_escaped(out, value, true);
    buf_add_char(out, '"');
}

/* A line: name and its ending, labels and maybe `le`, value. */
static void add_line(struct buf *out, const char *name, const char *ending,
                     const struct buf *labels, const char *le, uint64_t value, bool us)
{
    buf_add_str(out, name);
    buf_add_str(out, ending);
    if (labels->len > 0 || le != NULL) {
        buf_add_char(out, '{');
        buf_add(out, labels->data, labels->len);
        if (le != NULL)
            buf_printf(out, "%sle=\"%s\"", labels->len > 0 ? "," : "", le);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ' ');
    add_number(out, value, us);
    buf_add_char(out, '\n');
}

/* The bound of a bucket, as `le` shows it. */
static const char *bound_text(enum metrics_kind kind, unsigned bucket, struct buf *room)
{
    if (bucket == kinds[kind].buckets - 1)
        return "+Inf";
    buf_clear(room);
    if (kind == METRICS_DURATIONS)
        add_number(room, UINT64_C(1) << (METRICS_DURATIONS_FIRST_BIT + bucket), true);
    else
        buf_printf(room, "%u", bucket + 1);
    return buf_text(room);
}

static void add_histogram(struct buf *out, const struct metrics_metric *metric,
                          const struct buf *labels, const uint64_t *cells)
{
    unsigned buckets = kinds[metric->kind].buckets;
    struct buf room = BUF_EMPTY;
    uint64_t count = 0;

    for (unsigned i = 0; i < buckets; i++)
        count += cells[i];
    if (count == 0)
        return;
    count = 0;
    for (unsigned i = 0; i < buckets; i++) {
        const char *le = bound_text(metric->kind, i, &room);

        count += cells[i];
        if (le != NULL)
            add_line(out, metric->name, "_bucket", labels, le, count, false);
    }
    add_line(out, metric->name, "_sum", labels, NULL, cells[buckets], kinds[metric->kind].us);
    add_line(out, metric->name, "_count", labels, NULL, count, false);
    out->failed |= room.failed;
    buf_done(&room);
}

/* What a metric is for one value of each label. labels is room for their text. */
static void add_values(struct buf *out, const struct metrics_metric *metric, const unsigned *values,
                       const uint64_t *cells, struct buf *labels)
{
    char room[METRICS_WORD_SIZE];

    buf_clear(labels);
    for (size_t i = 0; i < METRICS_LABELS; i++) {
        const struct metrics_label *label = metric->labels[i];
        const char *word = label->name != NULL ? label->word(values[i], room) : NULL;

        if (label->name == NULL)
            continue;
        if (word == NULL)
            return;
        add_label(labels, label->name, word);
    }
    out->failed |= labels->failed;
    if (kinds[metric->kind].buckets > 0)
        add_histogram(out, metric, labels, cells);
    else if (cells[0] != METRICS_UNSET)
        add_line(out, metric->name, "", labels, NULL, cells[0], kinds[metric->kind].us);
}

static unsigned cells_of(enum metrics_kind kind)
{
    return kinds[kind].buckets > 0 ? kinds[kind].buckets + 1 : 1;
}

static void add_metric(struct buf *out, const struct metrics_metric *metric, const uint64_t *cells,
                       struct buf *labels)
{
    unsigned values[METRICS_LABELS];

    buf_printf(out, "# HELP %s ", metric->name);
    add_escaped(out, metric->help, false);
    buf_printf(out, "\n# TYPE %s %s\n", metric->name, kinds[metric->kind].type);
    cells += metric->first;
    for (values[0] = 0; values[0] < metric->labels[0]->count; values[0]++) {
        for (values[1] = 0; values[1] < metric->labels[1]->count; values[1]++) {
            add_values(out, metric, values, cells, labels);
            cells += cells_of(metric->kind);
        }
    }
}

void metrics_text(const struct metrics_metric *metrics, size_t count, const uint64_t *cells,
                  struct buf *out)
{
    struct buf labels = BUF_EMPTY;

    for (size_t i = 0; i < count; i++)
        add_metric(out, &metrics[i], cells, &labels);
    buf_done(&labels);
}
