/* The settings reader, over a small table of its own. */
#include <criterion/criterion.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "settings_reader.h"
#include "temp_dir.h"

struct sample {
    char *name;
    int64_t timeout_ms;
    bool cluster;
    int level;
    char *url;
    char *secret;
    struct setting_list keys;
    struct setting_list origins;
    struct {
        enum setting_source name, timeout_ms, cluster, level, url, secret, keys, origins;
    } given;
};

static const char *const level_words[] = {"low", "middle", "high", NULL};

#define ROW(path_, type_, member)                                                                  \
    .path = (path_), .type = (type_), .offset = offsetof(struct sample, member),                   \
    .source_offset = offsetof(struct sample, given.member)

static const struct setting rows[] = {
    {ROW("name", SETTING_STRING, name)},
    {ROW("redis.timeout_ms", SETTING_INT, timeout_ms), .fallback = "500", .least = 1,
     .most = 60000},
    {ROW("redis.cluster", SETTING_BOOL, cluster), .fallback = "false"},
    {ROW("redis.url", SETTING_STRING, url), .flags = SETTING_SECRET | SETTING_URL},
    {ROW("level", SETTING_CHOICE, level), .choices = level_words},
    {ROW("auth.secret", SETTING_STRING, secret), .flags = SETTING_SECRET},
    {ROW("auth.keys", SETTING_LIST, keys), .flags = SETTING_SECRET},
    {ROW("cors.allowed.origins", SETTING_LIST, origins), .fallback = "a,b"},
};

static const struct settings_table table = {rows, sizeof rows / sizeof rows[0], "SAMPLE_"};

static struct sample sample;
static struct buf reason, warnings;
static char *dir, *file;

static void set_up(void)
{
    dir = temp_dir_make();
    sample = (struct sample){0};
}

static void tear_down(void)
{
    settings_release(&table, &sample);
    buf_done(&reason);
    buf_done(&warnings);
    free(file);
    temp_dir_remove(dir);
}

TestSuite(settings_reader, .init = set_up, .fini = tear_down);

static int read_with(const char *json)
{
    if (json != NULL)
        file = temp_dir_write(dir, "sample.json", json);
    return settings_read(&table, &sample, file, &reason, &warnings);
}

/* The message, without the directory that the file is in. */
static const char *message(void)
{
    const char *text = buf_text(&reason);

    return file != NULL && strncmp(text, file, strlen(dir)) == 0 ? text + strlen(dir) + 1 : text;
}

static void refuses(const char *json, const char *expected)
{
    cr_assert_eq(read_with(json), -1, "%s was accepted", json);
    cr_assert_str_eq(message(), expected);
}

static void refuses_in_environment(const char *name, const char *value, const char *expected)
{
    setenv(name, value, 1);
    cr_assert_eq(read_with(NULL), -1, "%s=%s was accepted", name, value);
    cr_assert_str_eq(message(), expected);
}

Test(settings_reader, takes_the_defaults_where_nothing_is_said)
{
    cr_assert_eq(read_with(NULL), 0);
    cr_assert_null(sample.name);
    cr_assert_eq(sample.timeout_ms, 500);
    cr_assert_not(sample.cluster);
    cr_assert_eq(sample.level, -1);
    cr_assert_eq(sample.keys.count, 0);
    cr_assert_eq(sample.origins.count, 2);
    cr_assert_str_eq(sample.origins.items[1], "b");
    cr_assert_eq(sample.given.timeout_ms, SETTING_DEFAULT);
}

Test(settings_reader, takes_the_file_over_the_defaults)
{
    cr_assert_eq(read_with("{\"name\":\"n\",\"redis\":{\"timeout_ms\":60000,\"cluster\":true},"
                           "\"level\":\"high\",\"auth\":{\"keys\":[\"k, 1\",\"k2\"]},"
                           "\"cors\":{\"allowed\":{\"origins\":[\"c\"]}}}"),
                 0, "%s", message());
    cr_assert_str_eq(sample.name, "n");
    cr_assert_eq(sample.timeout_ms, 60000);
    cr_assert(sample.cluster);
    cr_assert_eq(sample.level, 2);
    cr_assert_eq(sample.keys.count, 2);
    cr_assert_str_eq(sample.keys.items[0], "k, 1");
    cr_assert_eq(sample.origins.count, 1);
    cr_assert_str_eq(sample.origins.items[0], "c");
    cr_assert_eq(sample.given.timeout_ms, SETTING_FROM_FILE);
    cr_assert_eq(sample.given.url, SETTING_DEFAULT);
}

Test(settings_reader, takes_the_environment_over_the_file)
{
    setenv("SAMPLE_REDIS_TIMEOUT_MS", "7", 1);
    setenv("SAMPLE_REDIS_CLUSTER", "false", 1);
    setenv("SAMPLE_LEVEL", "low", 1);
    setenv("SAMPLE_NAME", "from the environment", 1);
    setenv("SAMPLE_CORS_ALLOWED_ORIGINS", "x , y,\tz", 1);
    cr_assert_eq(read_with("{\"name\":\"n\",\"redis\":{\"timeout_ms\":1,\"cluster\":true},"
                           "\"level\":\"high\"}"),
                 0, "%s", message());
    cr_assert_str_eq(sample.name, "from the environment");
    cr_assert_eq(sample.timeout_ms, 7);
    cr_assert_not(sample.cluster);
    cr_assert_eq(sample.level, 0);
    cr_assert_eq(sample.origins.count, 3);
    cr_assert_str_eq(sample.origins.items[0], "x");
    cr_assert_str_eq(sample.origins.items[1], "y");
    cr_assert_str_eq(sample.origins.items[2], "z");
    cr_assert_eq(sample.given.name, SETTING_FROM_ENV);
}

Test(settings_reader, null_and_the_empty_list_leave_the_default)
{
    cr_assert_eq(read_with("{\"name\":null,\"redis\":{\"timeout_ms\":null},\"level\":null,"
                           "\"cors\":{\"allowed\":{\"origins\":[]}}}"),
                 0, "%s", message());
    cr_assert_null(sample.name);
    cr_assert_eq(sample.timeout_ms, 500);
    cr_assert_eq(sample.level, -1);
    cr_assert_eq(sample.origins.count, 2);
    cr_assert_eq(sample.given.timeout_ms, SETTING_DEFAULT);
}

Test(settings_reader, an_empty_variable_leaves_what_the_file_says)
{
    setenv("SAMPLE_REDIS_TIMEOUT_MS", "", 1);
    setenv("SAMPLE_AUTH_SECRET", "", 1);
    setenv("SAMPLE_AUTH_SECRET_FILE", "", 1);
    cr_assert_eq(read_with("{\"redis\":{\"timeout_ms\":9},\"auth\":{\"secret\":\"s\"}}"), 0);
    cr_assert_eq(sample.timeout_ms, 9);
    cr_assert_str_eq(sample.secret, "s");
}

Test(settings_reader, refuses_an_unknown_key_and_names_it)
{
    refuses("{\"redis\":{\"timeout\":5}}", "sample.json: redis.timeout: unknown setting");
}

Test(settings_reader, refuses_an_unknown_group_and_names_it)
{
    refuses("{\"memory\":{\"x\":5}}", "sample.json: memory: unknown setting");
}

Test(settings_reader, refuses_a_dotted_key)
{
    refuses("{\"redis.timeout_ms\":5}", "sample.json: redis.timeout_ms: unknown setting");
}

Test(settings_reader, refuses_an_empty_key)
{
    refuses("{\"redis\":{\"\":5}}", "sample.json: redis.\"\": unknown setting");
}

Test(settings_reader, refuses_a_key_of_two_lines_in_a_message_of_one)
{
    refuses("{\"a\\nb\":5}", "sample.json: \"a\\nb\": unknown setting");
}

Test(settings_reader, refuses_a_key_as_long_as_can_be)
{
    char json[5000];

    memset(json, 'x', sizeof json);
    memcpy(json, "{\"", 2);
    strcpy(json + sizeof json - sizeof "\":1}", "\":1}");
    cr_assert_eq(read_with(json), -1);
    cr_assert_not_null(strstr(message(), "xxx: unknown setting"));
}

Test(settings_reader, refuses_a_group_that_is_no_object)
{
    refuses("{\"redis\":\"localhost\"}", "sample.json: redis: must be an object");
}

Test(settings_reader, refuses_a_setting_taken_for_a_group)
{
    refuses("{\"name\":{\"x\":1}}", "sample.json: name: must be a string, is {\"x\":1}");
}

Test(settings_reader, refuses_an_integer_out_of_range_and_shows_the_range)
{
    refuses("{\"redis\":{\"timeout_ms\":60001}}",
            "sample.json: redis.timeout_ms: must be an integer from 1 to 60000, is 60001");
}

Test(settings_reader, refuses_an_integer_below_its_range)
{
    refuses("{\"redis\":{\"timeout_ms\":0}}",
            "sample.json: redis.timeout_ms: must be an integer from 1 to 60000, is 0");
}

Test(settings_reader, refuses_a_real_for_an_integer)
{
    refuses("{\"redis\":{\"timeout_ms\":5.0}}",
            "sample.json: redis.timeout_ms: must be an integer from 1 to 60000, is 5.0");
}

Test(settings_reader, refuses_a_string_for_an_integer)
{
    refuses("{\"redis\":{\"timeout_ms\":\"fast\"}}",
            "sample.json: redis.timeout_ms: must be an integer from 1 to 60000, is \"fast\"");
}

Test(settings_reader, refuses_a_number_for_a_bool)
{
    refuses("{\"redis\":{\"cluster\":1}}",
            "sample.json: redis.cluster: must be true or false, is 1");
}

Test(settings_reader, refuses_an_unknown_word_and_lists_the_known)
{
    refuses("{\"level\":\"huge\"}", "sample.json: level: must be low, middle or high, is \"huge\"");
}

Test(settings_reader, refuses_a_string_for_a_list)
{
    refuses("{\"cors\":{\"allowed\":{\"origins\":\"a\"}}}",
            "sample.json: cors.allowed.origins: must be a list of strings, is \"a\"");
}

Test(settings_reader, refuses_a_list_with_a_number_in_it)
{
    refuses("{\"cors\":{\"allowed\":{\"origins\":[\"a\",1]}}}",
            "sample.json: cors.allowed.origins: must be a list of strings, is [\"a\",1]");
}

Test(settings_reader, refuses_an_empty_string)
{
    refuses("{\"name\":\"\"}", "sample.json: name: must not be empty");
}

Test(settings_reader, refuses_control_characters)
{
    refuses("{\"auth\":{\"keys\":[\"fine\",\"not\\tfine\"]}}",
            "sample.json: auth.keys: entry 2 must be UTF-8 text without control characters");
}

Test(settings_reader, cuts_a_long_value_in_a_message)
{
    refuses(
        "{\"level\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
        "sample.json: level: must be low, middle or high, is "
        "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...");
}

Test(settings_reader, never_quotes_a_secret_of_the_wrong_type)
{
    refuses("{\"auth\":{\"secret\":4711}}", "sample.json: auth.secret: must be a string");
}

Test(settings_reader, never_quotes_a_secret_in_a_list_of_the_wrong_type)
{
    refuses("{\"auth\":{\"keys\":\"hunter2\"}}",
            "sample.json: auth.keys: must be a list of strings");
}

Test(settings_reader, never_quotes_what_stands_at_a_syntax_error)
{
    refuses("{\"auth\":\n {\"secret\" \"hunter2\"}}",
            "sample.json: line 2, column 20: ':' expected");
}

Test(settings_reader, names_line_and_column_of_a_syntax_error)
{
    refuses("{\n\"name\": \"n\",\n}", "sample.json: line 3, column 1: string or '}' expected");
}

Test(settings_reader, refuses_a_duplicate_member_and_names_it)
{
    refuses("{\"level\":\"low\",\"level\":\"high\"}",
            "sample.json: line 1, column 22: duplicate object key near '\"level\"'");
}

Test(settings_reader, refuses_a_file_that_holds_no_object)
{
    refuses("[]", "sample.json: must be a JSON object");
}

Test(settings_reader, refuses_an_empty_file)
{
    refuses("", "sample.json: line 1, column 0: '[' or '{' expected near end of file");
}

Test(settings_reader, refuses_what_follows_the_object)
{
    cr_assert_eq(read_with("{} {}"), -1);
    cr_assert_str_eq(message(), "sample.json: line 1, column 4: end of file expected");
}

Test(settings_reader, refuses_a_missing_file)
{
    file = temp_dir_path(dir, "none.json");
    refuses(NULL, "none.json: No such file or directory");
}

Test(settings_reader, refuses_a_directory)
{
    file = strdup(dir);
    cr_assert_eq(read_with(NULL), -1);
    cr_assert_not_null(strstr(buf_text(&reason), ": Is a directory"));
}

Test(settings_reader, refuses_an_unreadable_file)
{
    if (geteuid() == 0)
        cr_skip_test("root can read everything");
    file = temp_dir_write(dir, "sample.json", "{}");
    chmod(file, 0);
    refuses(NULL, "sample.json: Permission denied");
}

Test(settings_reader, refuses_a_file_that_is_far_too_long)
{
    size_t size = 2 * 1024 * 1024;
    char *blanks = malloc(size + 1);

    memset(blanks, ' ', size);
    blanks[size] = '\0';
    cr_assert_eq(read_with(blanks), -1);
    cr_assert_str_eq(message(), "sample.json: is longer than 1048576 bytes");
    free(blanks);
}

Test(settings_reader, refuses_a_variable_that_is_no_decimal)
{
    refuses_in_environment(
        "SAMPLE_REDIS_TIMEOUT_MS", "5s",
        "SAMPLE_REDIS_TIMEOUT_MS: must be an integer from 1 to 60000, is \"5s\"");
}

Test(settings_reader, refuses_a_variable_with_blanks_a_plus_a_point_or_too_many_digits)
{
    static const char *const wrong[] = {
        " 5", "5 ", "+5", "5.0", "0x5", "-", "99999999999999999999"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("SAMPLE_REDIS_TIMEOUT_MS", wrong[i], 1);
        cr_assert_eq(read_with(NULL), -1, "\"%s\" was accepted", wrong[i]);
        settings_release(&table, &sample);
    }
}

Test(settings_reader, refuses_a_variable_that_is_no_bool)
{
    refuses_in_environment("SAMPLE_REDIS_CLUSTER", "yes",
                           "SAMPLE_REDIS_CLUSTER: must be true or false, is \"yes\"");
}

Test(settings_reader, refuses_a_variable_that_is_no_word_of_the_choice)
{
    refuses_in_environment("SAMPLE_LEVEL", "HIGH",
                           "SAMPLE_LEVEL: must be low, middle or high, is \"HIGH\"");
}

Test(settings_reader, refuses_a_variable_that_is_not_utf8)
{
    refuses_in_environment("SAMPLE_LEVEL", "\xff",
                           "SAMPLE_LEVEL: must be low, middle or high, which isn't UTF-8");
}

Test(settings_reader, refuses_an_empty_entry_of_a_list_in_a_variable)
{
    refuses_in_environment("SAMPLE_AUTH_KEYS", "hunter2,,x",
                           "SAMPLE_AUTH_KEYS: entry 2 must not be empty");
}

Test(settings_reader, reads_a_secret_from_a_file_and_cuts_one_newline)
{
    char *path = temp_dir_write(dir, "secret", "hunter2 \n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(read_with("{\"auth\":{\"secret\":\"older\"}}"), 0, "%s", message());
    cr_assert_str_eq(sample.secret, "hunter2 ");
    cr_assert_eq(sample.given.secret, SETTING_FROM_ENV_FILE);
    free(path);
}

Test(settings_reader, reads_a_list_from_a_file_of_lines)
{
    char *path = temp_dir_write(dir, "secret", "a\nb\nc,d\n");

    setenv("SAMPLE_AUTH_KEYS_FILE", path, 1);
    cr_assert_eq(read_with(NULL), 0, "%s", message());
    cr_assert_eq(sample.keys.count, 4);
    cr_assert_str_eq(sample.keys.items[1], "b");
    cr_assert_str_eq(sample.keys.items[3], "d");
    free(path);
}

Test(settings_reader, refuses_a_second_newline_in_a_secret_file)
{
    char *path = temp_dir_write(dir, "secret", "hunter2\n\n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(read_with(NULL), -1);
    cr_assert_str_eq(message(), "SAMPLE_AUTH_SECRET_FILE: must be UTF-8 text without control "
                                "characters");
    free(path);
}

Test(settings_reader, refuses_an_empty_or_missing_secret_file)
{
    char *path = temp_dir_write(dir, "secret", "\n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(read_with(NULL), -1);
    cr_assert_not_null(strstr(message(), "SAMPLE_AUTH_SECRET_FILE: "));
    cr_assert_not_null(strstr(message(), "/secret: is empty"));

    unlink(path);
    buf_clear(&reason);
    cr_assert_eq(read_with(NULL), -1);
    cr_assert_not_null(strstr(message(), "/secret: No such file or directory"));
    free(path);
}

Test(settings_reader, refuses_a_secret_given_twice)
{
    setenv("SAMPLE_AUTH_SECRET", "hunter2", 1);
    refuses_in_environment("SAMPLE_AUTH_SECRET_FILE", "/nowhere",
                           "SAMPLE_AUTH_SECRET_FILE: SAMPLE_AUTH_SECRET is set too, only one of "
                           "them may be");
}

Test(settings_reader, warns_of_unknown_variables_by_name_alone)
{
    setenv("SAMPLE_SERVICE_HOST", "hunter2", 1);
    setenv("SAMPLE_NAME_FILE", "/nowhere", 1); /* not a secret */
    setenv("SAMPLE_NAME", "n", 1);
    setenv("SAMPLE_AUTH_SECRET", "s", 1);
    cr_assert_eq(read_with(NULL), 0);
    cr_assert_not_null(strstr(buf_text(&warnings), "SAMPLE_SERVICE_HOST: unknown variable"));
    cr_assert_not_null(strstr(buf_text(&warnings), "SAMPLE_NAME_FILE: unknown variable"));
    cr_assert_null(strstr(buf_text(&warnings), "SAMPLE_NAME:"));
    cr_assert_null(strstr(buf_text(&warnings), "SECRET"));
    cr_assert_null(strstr(buf_text(&warnings), "hunter2"));
}

Test(settings_reader, says_who_gave_a_value)
{
    struct buf out = BUF_EMPTY;

    setenv("SAMPLE_NAME", "n", 1);
    cr_assert_eq(read_with("{\"redis\":{\"timeout_ms\":9}}"), 0);
    settings_origin(&table, &sample, "name", "f.json", &out);
    buf_add_char(&out, '|');
    settings_origin(&table, &sample, "redis.timeout_ms", "f.json", &out);
    buf_add_char(&out, '|');
    settings_origin(&table, &sample, "level", "f.json", &out);
    cr_assert_str_eq(buf_text(&out), "SAMPLE_NAME|f.json: redis.timeout_ms|level");
    buf_done(&out);
}

Test(settings_reader, prints_in_the_order_of_the_table_with_secrets_masked)
{
    struct buf out = BUF_EMPTY;

    setenv("SAMPLE_AUTH_SECRET", "hunter2", 1);
    setenv("SAMPLE_AUTH_KEYS", "hunter3,hunter4", 1);
    setenv("SAMPLE_REDIS_URL", "redis://u:hunter5:@hunter6@h:1/2", 1);
    cr_assert_eq(read_with(NULL), 0);
    cr_assert_eq(settings_print(&table, &sample, &out), 0);
    cr_assert_str_eq(buf_text(&out), "{\n"
                                     "  \"name\": null,\n"
                                     "  \"redis\": {\n"
                                     "    \"timeout_ms\": 500,\n"
                                     "    \"cluster\": false,\n"
                                     "    \"url\": \"redis://u:***@h:1/2\"\n"
                                     "  },\n"
                                     "  \"level\": null,\n"
                                     "  \"auth\": {\n"
                                     "    \"secret\": \"***\",\n"
                                     "    \"keys\": [\n"
                                     "      \"***\",\n"
                                     "      \"***\"\n"
                                     "    ]\n"
                                     "  },\n"
                                     "  \"cors\": {\n"
                                     "    \"allowed\": {\n"
                                     "      \"origins\": [\n"
                                     "        \"a\",\n"
                                     "        \"b\"\n"
                                     "      ]\n"
                                     "    }\n"
                                     "  }\n"
                                     "}\n");
    buf_done(&out);
}

Test(settings_reader, reads_what_it_prints)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;

    cr_assert_eq(read_with("{\"name\":\"\\u00e9\\\"\",\"redis\":{\"cluster\":true}}"), 0);
    cr_assert_eq(settings_print(&table, &sample, &out), 0);
    settings_release(&table, &sample);
    free(file);
    cr_assert_eq(read_with(buf_text(&out)), 0, "%s", message());
    cr_assert_eq(settings_print(&table, &sample, &again), 0);
    cr_assert_str_eq(buf_text(&again), buf_text(&out));
    buf_done(&out);
    buf_done(&again);
}
