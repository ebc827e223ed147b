/*
 * The table of metrics, and what names them: README, alerts, dashboard. A query that names what isn't there is no
 * error to Prometheus, and an alert on it never fires.
 */
#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "api_metrics.h"
#include "buf.h"
#include "file.h"

enum { WORD = 128 };

static const char *const files[] = {
    SOURCE_DIR "/README.md",
    SOURCE_DIR "/deploy/prometheus/README.md",
    SOURCE_DIR "/deploy/prometheus/alerts.yml",
    SOURCE_DIR "/deploy/prometheus/alerts_test.yml",
    SOURCE_DIR "/deploy/grafana/stream-gateway.json",
};

static struct buf text, reason;

static void tear_down(void)
{
    buf_done(&text);
    buf_done(&reason);
}

TestSuite(metrics_agree, .fini = tear_down);

static char *read_text(const char *path)
{
    cr_assert_eq(file_read(path, &text, &reason), 0, "%s: %s", path, buf_text(&reason));
    return buf_text(&text);
}

/* ---- The table itself ---- */

static bool is_histogram(const struct metrics_metric *metric)
{
    return metric->kind == METRICS_DURATIONS || metric->kind == METRICS_NUMBERS;
}

static bool ends_with(const char *word, const char *ending)
{
    size_t len = strlen(word), ending_len = strlen(ending);

    return len >= ending_len && strcmp(word + len - ending_len, ending) == 0;
}

Test(metrics_agree, names_are_as_prometheus_wants_them)
{
    for (size_t i = 0; i < api_metrics_count; i++) {
        const struct metrics_metric *metric = &api_metrics[i];
        bool counts = metric->kind == METRICS_COUNTER || metric->kind == METRICS_COUNTER_US;
        bool is_time = metric->kind == METRICS_COUNTER_US || metric->kind == METRICS_GAUGE_US ||
                       metric->kind == METRICS_DURATIONS;

        cr_expect(strncmp(metric->name, "stream_gateway_", 15) == 0 ||
                      strncmp(metric->name, "process_", 8) == 0,
                  "%s", metric->name);
        cr_expect_eq(ends_with(metric->name, "_total"), counts, "%s", metric->name);
        cr_expect_eq(strstr(metric->name, "_seconds") != NULL, is_time, "%s", metric->name);
        cr_expect(ends_with(metric->help, "."), "%s: %s", metric->name, metric->help);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(metric->name, api_metrics[k].name);
    }
}

Test(metrics_agree, each_value_of_a_label_has_a_word_of_its_own)
{
    for (size_t i = 0; i < api_metrics_count; i++) {
        for (size_t l = 0; l < METRICS_LABELS; l++) {
            const struct metrics_label *label = api_metrics[i].labels[l];

            for (unsigned a = 0; label->name != NULL && a < label->count; a++) {
                char room[METRICS_WORD_SIZE], other[METRICS_WORD_SIZE];
                const char *word = label->word(a, room);

                for (unsigned b = 0; word != NULL && b < a; b++) {
                    const char *before = label->word(b, other);

                    cr_expect(before == NULL || strcmp(before, word) != 0, "%s: %s is there twice",
                              label->name, word);
                }
            }
        }
    }
}

Test(metrics_agree, there_is_a_value_for_each_route)
{
    size_t players, admins;

    api_player_routes(&players);
    api_admin_routes(&admins);
    cr_expect_lt(players + admins, API_ROUTES_MAX);
    for (unsigned i = 0; i < players; i++) {
        char room[METRICS_WORD_SIZE];

        cr_expect_not_null(api_route_word(i, room), "%u", i);
    }
}

/* ---- Who names metrics ---- */

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Reads a word at *at into ret_word, and moves *at behind it. */
static void take_word(const char **at, char ret_word[WORD])
{
    size_t len = 0;

    while (is_word_char(**at)) {
        if (len < WORD - 1)
            ret_word[len++] = **at;
        (*at)++;
    }
    ret_word[len] = '\0';
}

/* The metric of a series' name; NULL where there is none. */
static const struct metrics_metric *find(const char *name)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count"};

    for (size_t i = 0; i < api_metrics_count; i++) {
        const struct metrics_metric *metric = &api_metrics[i];
        size_t len = strlen(metric->name);

        if (strcmp(metric->name, name) == 0)
            return metric;
        if (is_histogram(metric) && strncmp(metric->name, name, len) == 0)
            for (size_t k = 0; k < sizeof endings / sizeof endings[0]; k++)
                if (strcmp(name + len, endings[k]) == 0)
                    return metric;
    }
    return NULL;
}

static bool is_everybodys(const char *label)
{
    return strcmp(label, "job") == 0 || strcmp(label, "instance") == 0;
}

static const struct metrics_label *find_label(const struct metrics_metric *metric, const char *name)
{
    for (size_t i = 0; i < METRICS_LABELS; i++)
        if (metric->labels[i]->name != NULL && strcmp(metric->labels[i]->name, name) == 0)
            return metric->labels[i];
    return NULL;
}

static bool has_word(const struct metrics_label *label, const char *word, size_t len)
{
    char room[METRICS_WORD_SIZE];

    for (unsigned i = 0; i < label->count; i++) {
        const char *each = label->word(i, room);

        if (each != NULL && strlen(each) == len && memcmp(each, word, len) == 0)
            return true;
    }
    return false;
}

/* A label's value, or (is_pattern) words between bars; a variable, and what else a pattern may be, passes. */
static void check_value(const char *path, const struct metrics_metric *metric,
                        const struct metrics_label *label, const char *value, size_t len,
                        bool is_pattern)
{
    if (memchr(value, '$', len) != NULL || (is_pattern && memchr(value, '*', len) != NULL))
        return;
    while (len > 0) {
        const char *bar = is_pattern ? memchr(value, '|', len) : NULL;
        size_t word_len = bar != NULL ? (size_t)(bar - value) : len;

        cr_expect(has_word(label, value, word_len), "%s: %s has no %s=\"%.*s\"", path, metric->name,
                  label->name, (int)word_len, value);
        value += bar != NULL ? word_len + 1 : len;
        len -= bar != NULL ? word_len + 1 : len;
    }
}

/* `{label="value", …}` behind a metric's name; in JSON a quote has a backslash before it. Returns what is behind. */
static const char *check_labels(const char *path, const struct metrics_metric *metric,
                                const char *at)
{
    while (*at != '}' && *at != '\0') {
        char name[WORD];

        at += strspn(at, "{, ");
        take_word(&at, name);
        size_t operator_len = strspn(at, "=!~");
        bool is_pattern = memchr(at, '~', operator_len) != NULL;
        const char *value = at + operator_len + strspn(at + operator_len, "\\\"");
        size_t len = strcspn(value, "\\\"");
        const struct metrics_label *label = find_label(metric, name);
        bool is_bound = is_histogram(metric) && strcmp(name, "le") == 0;

        cr_assert_gt(operator_len, 0, "%s: %s{…%.40s", path, metric->name, at);
        cr_expect(label != NULL || is_bound || is_everybodys(name), "%s: %s has no label %s", path,
                  metric->name, name);
        if (label != NULL)
            check_value(path, metric, label, value, len, is_pattern);
        at = value + len + strspn(value + len, "\\\"");
    }
    return at;
}

/* Checks all names in a text. Returns how many there are. */
static size_t check_names(const char *path, const char *at)
{
    size_t count = 0;

    while (*at != '\0') {
        char name[WORD];

        if (!is_word_char(*at)) {
            at++;
            continue;
        }
        take_word(&at, name);
        if (strncmp(name, "stream_gateway_", 15) != 0 && strncmp(name, "process_", 8) != 0)
            continue;
        const struct metrics_metric *metric = find(name);
        cr_expect_not_null(metric, "%s: there is no metric %s", path, name);
        if (metric != NULL && *at == '{')
            at = check_labels(path, metric, at);
        count++;
    }
    return count;
}

Test(metrics_agree, whoever_names_a_metric_or_a_label_names_one_that_there_is)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        cr_expect_gt(check_names(files[i], read_text(files[i])), 0, "%s names none", files[i]);
}

Test(metrics_agree, the_dashboard_shows_all_of_them)
{
    const char *dashboard = read_text(SOURCE_DIR "/deploy/grafana/stream-gateway.json");

    for (size_t i = 0; i < api_metrics_count; i++)
        cr_expect_not_null(strstr(dashboard, api_metrics[i].name), "%s is nowhere",
                           api_metrics[i].name);
}

Test(metrics_agree, the_list_of_metrics_has_all_of_them_with_their_labels_and_no_other)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter",     [METRICS_GAUGE] = "gauge",
        [METRICS_COUNTER_US] = "counter",  [METRICS_GAUGE_US] = "gauge",
        [METRICS_DURATIONS] = "histogram", [METRICS_NUMBERS] = "histogram",
    };
    const char *list = read_text(SOURCE_DIR "/deploy/prometheus/README.md");
    struct buf expected = BUF_EMPTY;

    for (size_t i = 0; i < api_metrics_count; i++) {
        const struct metrics_metric *metric = &api_metrics[i];

        buf_printf(&expected, "| `%s` | %s | ", metric->name, types[metric->kind]);
        for (size_t l = 0; l < METRICS_LABELS; l++)
            if (metric->labels[l]->name != NULL)
                buf_printf(&expected, "%s`%s`", l > 0 ? ", " : "", metric->labels[l]->name);
        buf_printf(&expected, " | %s |\n", metric->help);
    }
    cr_expect_not_null(strstr(list, buf_text(&expected)), "the list should be:\n%s",
                       buf_text(&expected));
    buf_done(&expected);
}
