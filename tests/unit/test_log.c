/* The log: what reaches stderr. */
#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "clock.h"
#include "log.h"

static int ends[2]; /* a pipe in the place of stderr */
static int stderr_fd;
static char line[8192];

static void set_up(void)
{
    cr_assert_eq(pipe(ends), 0);
    stderr_fd = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static void tear_down(void)
{
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close(ends[0]);
}

TestSuite(log, .init = set_up, .fini = tear_down);

/* What was logged so far; stderr is as before afterwards. */
static const char *logged(void)
{
    size_t len = 0;
    ssize_t got;

    dup2(stderr_fd, STDERR_FILENO); /* the pipe's last writer: reading ends */
    while ((got = read(ends[0], line + len, sizeof line - 1 - len)) > 0)
        len += (size_t)got;
    line[len] = '\0';
    return line;
}

/* The same without the time that it begins with. */
static const char *logged_after_time(void)
{
    const char *text = logged();
    int64_t wall_ms;

    cr_assert_gt(strlen(text), CLOCK_TEXT_LEN);
    cr_assert_eq(clock_parse(text, CLOCK_TEXT_LEN, &wall_ms), 0, "no time: %s", text);
    return text + CLOCK_TEXT_LEN;
}

static json_t *logged_json(void)
{
    json_t *root = json_loads(logged(), 0, NULL);

    cr_assert_not_null(root, "not JSON: %s", line);
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "not one line: %s", line);
    return root;
}

static void has(json_t *root, const char *key, const char *expected)
{
    cr_assert_str_eq(json_string_value(json_object_get(root, key)), expected);
}

Test(log, writes_a_line_of_words_and_fields)
{
    log_line(LOG_INFO, "session created", LOG_STR("session", "abc"), LOG_INT("active", -3));
    cr_assert_str_eq(logged_after_time(), " info session created session=abc active=-3\n");
}

Test(log, writes_a_line_without_fields)
{
    log_line(LOG_ERROR, "stopped");
    cr_assert_str_eq(logged_after_time(), " error stopped\n");
}

Test(log, takes_a_null_text_for_an_empty_one)
{
    const char *nothing = NULL;

    log_line(LOG_WARN, "m", LOG_STR("a", nothing), LOG_STR("b", ""));
    cr_assert_str_eq(logged_after_time(), " warn m a=\"\" b=\"\"\n");
}

Test(log, quotes_what_could_be_taken_for_another_field)
{
    log_line(LOG_INFO, "m", LOG_STR("a", "x b=1"), LOG_STR("c", "say \"hi\" \\"),
             LOG_STR("d", "e=f"));
    cr_assert_str_eq(logged_after_time(),
                     " info m a=\"x b=1\" c=\"say \\\"hi\\\" \\\\\" d=\"e=f\"\n");
}

Test(log, a_value_can_not_break_its_line)
{
    log_line(LOG_INFO, "m", LOG_STR("a", "x\ny\r\x1b[31m\x7f"));
    cr_assert_str_eq(logged_after_time(), " info m a=\"x\\u000ay\\u000d\\u001b[31m\\u007f\"\n");
}

Test(log, escapes_bytes_that_are_not_utf8_and_controls_outside_of_ascii)
{
    log_line(LOG_INFO, "m", LOG_STR("a", "\xff"), LOG_STR("b", "\xc2\x9b"),
             LOG_STR("c", "\xc3\xa9"));
    cr_assert_str_eq(logged_after_time(),
                     " info m a=\"\\u00ff\" b=\"\\u00c2\\u009b\" c=\"\xc3\xa9\"\n");
}

Test(log, leaves_out_what_is_below_its_level)
{
    log_line(LOG_DEBUG, "unseen");
    cr_assert_not(log_enabled(LOG_DEBUG));
    log_setup(LOG_ERROR, LOG_TEXT);
    log_line(LOG_WARN, "unseen");
    log_line(LOG_ERROR, "seen");
    cr_assert(log_enabled(LOG_ERROR));
    cr_assert_str_eq(logged_after_time(), " error seen\n");
}

Test(log, writes_debug_lines_when_asked_to)
{
    log_setup(LOG_DEBUG, LOG_TEXT);
    log_line(LOG_DEBUG, "seen");
    cr_assert_str_eq(logged_after_time(), " debug seen\n");
}

Test(log, writes_json)
{
    log_setup(LOG_INFO, LOG_JSON);
    log_line(LOG_WARN, "a \"message\"", LOG_STR("text", "x\n\"\xc3\xa9\""),
             LOG_INT("n", INT64_MIN));

    json_t *root = logged_json();
    int64_t wall_ms;
    cr_assert_eq(clock_parse(json_string_value(json_object_get(root, "time")), 24, &wall_ms), 0);
    has(root, "level", "warn");
    has(root, "message", "a \"message\"");
    has(root, "text", "x\n\"\xc3\xa9\"");
    cr_assert_eq(json_integer_value(json_object_get(root, "n")), INT64_MIN);
    json_decref(root);
}

Test(log, writes_json_whatever_the_bytes_are)
{
    char every[256];

    for (int i = 0; i < 255; i++)
        every[i] = (char)(i + 1);
    every[255] = '\0';
    log_setup(LOG_INFO, LOG_JSON);
    log_line(LOG_INFO, "m", LOG_STR("every", every));
    json_decref(logged_json());
}

Test(log, cuts_a_text_line_that_is_too_long)
{
    char text[10000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_line(LOG_INFO, "m", LOG_STR("a", "1 2"), LOG_STR("long", text), LOG_STR("b", "2"));
    const char *seen = logged();
    cr_assert_leq(strlen(seen), 4096);
    cr_assert_not_null(strstr(seen, " a=\"1 2\" long="));
    cr_assert_str_eq(seen + strlen(seen) - 4, "...\n");
    cr_assert_eq(strchr(seen, '\n'), seen + strlen(seen) - 1);
}

Test(log, drops_the_fields_that_a_json_line_has_no_room_for)
{
    char text[10000];

    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_setup(LOG_INFO, LOG_JSON);
    log_line(LOG_INFO, "m", LOG_STR("a", "1"), LOG_STR("long", text), LOG_STR("b", "2"));

    json_t *root = logged_json();
    has(root, "a", "1");
    cr_assert_null(json_object_get(root, "long"));
    cr_assert_null(json_object_get(root, "b"));
    cr_assert_leq(strlen(line), 4096);
    json_decref(root);
}

Test(log, stays_one_whole_line_at_every_length_around_the_limit)
{
    static char text[4200];

    log_setup(LOG_INFO, LOG_JSON);
    for (size_t len = 3900; len < 4150; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        log_line(LOG_INFO, "m", LOG_STR("a", text), LOG_INT("n", 1));

        ssize_t got = read(ends[0], line, sizeof line - 1);
        cr_assert_gt(got, 0);
        cr_assert_leq(got, 4096);
        json_t *root = json_loadb(line, (size_t)got, 0, NULL);
        cr_assert_not_null(root, "length %zu", len);
        json_decref(root);
    }
}
