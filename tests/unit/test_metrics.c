/* Metrics: what threads count is added up, and written as Prometheus reads it. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "metrics.h"
#include "metrics_text.h"

enum { THREADS = 4, TIMES = 100000, CELLS = 64 };

static uint64_t cell(unsigned index)
{
    uint64_t cells[CELLS];

    metrics_read(cells, CELLS);
    return cells[index];
}

/* ---- Counting ---- */

static void *count_often(void *arg)
{
    metrics_use(arg);
    for (int i = 0; i < TIMES; i++)
        metrics_add(3, 2);
    metrics_set(5, 7);
    metrics_use(NULL);
    return NULL;
}

Test(metrics, adds_up_what_the_threads_count_while_they_do)
{
    struct metrics_block *blocks[THREADS];
    pthread_t threads[THREADS];
    uint64_t last = 0;

    for (size_t i = 0; i < THREADS; i++) {
        blocks[i] = metrics_block_new();
        cr_assert_not_null(blocks[i]);
        pthread_create(&threads[i], NULL, count_often, blocks[i]);
    }
    for (int i = 0; i < 100; i++) {
        uint64_t now = cell(3);

        cr_expect_geq(now, last);
        last = now;
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(cell(3), 2u * THREADS * TIMES);
    cr_expect_eq(cell(5), 7u * THREADS);
    for (size_t i = 0; i < THREADS; i++)
        metrics_block_free(blocks[i]);
    cr_expect_eq(cell(3), 0);
}

Test(metrics, counts_nowhere_without_a_block)
{
    metrics_add(3, 1);
    cr_expect_eq(cell(3), 0);
    metrics_block_free(NULL);
}

Test(metrics, a_gauge_that_one_thread_unsets_has_no_value)
{
    struct metrics_block *one = metrics_block_new(), *other = metrics_block_new();

    metrics_use(one);
    metrics_set(4, METRICS_UNSET);
    metrics_use(other);
    metrics_set(4, 5);
    cr_expect_eq(cell(4), METRICS_UNSET);
    metrics_use(one);
    metrics_set(4, 1);
    cr_expect_eq(cell(4), 6);
    metrics_use(NULL);
    metrics_block_free(one);
    metrics_block_free(other);
}

/* ---- Buckets ---- */

/* The bucket of a duration, found as the definition says: the first whose bound isn't below it. */
static unsigned bucket_of(uint64_t us)
{
    unsigned bucket = 0;

    while (bucket < METRICS_DURATIONS_BUCKETS - 1 &&
           us > UINT64_C(1) << (METRICS_DURATIONS_FIRST_BIT + bucket))
        bucket++;
    return bucket;
}

static void falls_into_its_bucket(uint64_t us)
{
    struct metrics_block *block = metrics_block_new();

    metrics_use(block);
    metrics_observe_us(10, us);
    cr_expect_eq(cell(10 + bucket_of(us)), 1, "%llu us", (unsigned long long)us);
    cr_expect_eq(cell(10 + METRICS_DURATIONS_BUCKETS), us);
    metrics_use(NULL);
    metrics_block_free(block);
}

Test(metrics, a_duration_falls_into_the_first_bucket_whose_bound_is_not_below_it)
{
    for (unsigned bit = 0; bit < 40; bit++)
        for (int around = -1; around <= 1; around++)
            falls_into_its_bucket((UINT64_C(1) << bit) + (uint64_t)(int64_t)around);
    falls_into_its_bucket(3);
    falls_into_its_bucket(1000000);
    falls_into_its_bucket(UINT64_MAX - 1);
}

Test(metrics, a_number_falls_into_its_own_bucket_up_to_20)
{
    struct metrics_block *block = metrics_block_new();

    metrics_use(block);
    for (uint64_t number = 0; number <= 22; number++)
        metrics_observe_number(10, number);
    cr_expect_eq(cell(10), 2, "0 and 1");
    for (unsigned i = 1; i < 20; i++)
        cr_expect_eq(cell(10 + i), 1, "%u", i + 1);
    cr_expect_eq(cell(10 + 20), 2, "21 and 22");
    cr_expect_eq(cell(10 + METRICS_NUMBERS_BUCKETS), 22 * 23 / 2);
    metrics_use(NULL);
    metrics_block_free(block);
}

/* ---- Text ---- */

static const char *color_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    static const char *const words[] = {"red", NULL, "a \"b\"\\c\nd"};

    (void)room;
    return words[value];
}

static const char *size_word(unsigned value, char room[METRICS_WORD_SIZE])
{
    snprintf(room, METRICS_WORD_SIZE, "%u", value);
    return room;
}

static const struct metrics_label color = {"color", 3, color_word}, size = {"size", 2, size_word};

static void expect_text(const struct metrics_metric *metric, const uint64_t *cells,
                        const char *expected)
{
    struct buf text = BUF_EMPTY;

    metrics_text(metric, 1, cells, &text);
    cr_expect_str_eq(buf_text(&text), expected);
    buf_done(&text);
}

Test(metrics_text, writes_a_counter_with_its_labels_escaped_and_in_order)
{
    const struct metrics_metric metric = {
        "things_total", "Things \\ of\ntwo \"kinds\".", METRICS_COUNTER, 1, {&color, &size}};
    const uint64_t cells[] = {99, 1, 2, 3, 4, 5, 6};

    expect_text(&metric, cells,
                "# HELP things_total Things \\\\ of\\ntwo \"kinds\".\n"
                "# TYPE things_total counter\n"
                "things_total{color=\"red\",size=\"0\"} 1\n"
                "things_total{color=\"red\",size=\"1\"} 2\n"
                "things_total{color=\"a \\\"b\\\"\\\\c\\nd\",size=\"0\"} 5\n"
                "things_total{color=\"a \\\"b\\\"\\\\c\\nd\",size=\"1\"} 6\n");
}

Test(metrics_text, shows_microseconds_as_seconds_and_leaves_out_what_is_unset)
{
    const struct metrics_label *const none[] = {&metrics_label_none, &metrics_label_none};
    const struct metrics_metric start = {
        "start_seconds", "Start.", METRICS_GAUGE_US, 0, {none[0], none[1]}};
    const struct metrics_metric gauge = {"things", "Things.", METRICS_GAUGE, 1, {none[0], none[1]}};
    const uint64_t cells[] = {1234000056, METRICS_UNSET};

    expect_text(&start, cells,
                "# HELP start_seconds Start.\n# TYPE start_seconds gauge\n"
                "start_seconds 1234.000056\n");
    expect_text(&gauge, cells, "# HELP things Things.\n# TYPE things gauge\n");
}

Test(metrics_text, writes_a_histogram_of_numbers_cumulated_and_leaves_out_an_empty_one)
{
    const struct metrics_metric metric = {
        "streams", "Streams.", METRICS_NUMBERS, 0, {&metrics_label_none, &size}};
    uint64_t cells[2 * METRICS_CELLS_NUMBERS] = {0};
    uint64_t *second = cells + METRICS_CELLS_NUMBERS;
    struct buf expected = BUF_EMPTY;

    second[0] = 2;
    second[19] = 1;
    second[20] = 1;
    second[21] = 52;
    buf_add_str(&expected, "# HELP streams Streams.\n# TYPE streams histogram\n");
    for (int le = 1; le <= 20; le++)
        buf_printf(&expected, "streams_bucket{size=\"1\",le=\"%d\"} %d\n", le, le < 20 ? 2 : 3);
    buf_add_str(&expected, "streams_bucket{size=\"1\",le=\"+Inf\"} 4\n"
                           "streams_sum{size=\"1\"} 52\nstreams_count{size=\"1\"} 4\n");
    expect_text(&metric, cells, buf_text(&expected));
    buf_done(&expected);
}

Test(metrics_text, writes_a_histogram_of_durations_with_its_bounds_in_seconds)
{
    const struct metrics_metric metric = {
        "wait_seconds", "Wait.", METRICS_DURATIONS, 0, {&metrics_label_none, &metrics_label_none}};
    uint64_t cells[METRICS_CELLS_DURATIONS] = {[0] = 1, [METRICS_DURATIONS_BUCKETS - 1] = 1};
    struct buf text = BUF_EMPTY;

    cells[METRICS_DURATIONS_BUCKETS] = 20000005;
    metrics_text(&metric, 1, cells, &text);
    const char *written = buf_text(&text);
    cr_expect_not_null(strstr(written, "\nwait_seconds_bucket{le=\"0.000016\"} 1\n"), "%s",
                       written);
    cr_expect_not_null(strstr(written, "\nwait_seconds_bucket{le=\"16.777216\"} 1\n"
                                       "wait_seconds_bucket{le=\"+Inf\"} 2\n"
                                       "wait_seconds_sum 20.000005\n"
                                       "wait_seconds_count 2\n"),
                       "%s", written);
    buf_done(&text);
}
