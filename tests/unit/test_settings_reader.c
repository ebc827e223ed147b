/* The settings reader: defaults, the file, and what is printed. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings_sample.h"
#include "temp_dir.h"

TestSuite(settings_reader, .init = sample_set_up, .fini = sample_tear_down);

static void refuses(const char *json, const char *expected)
{
    cr_assert_eq(sample_read(json), -1, "%s was accepted", json);
    cr_assert_str_eq(sample_message(), expected);
}

Test(settings_reader, takes_the_defaults_where_nothing_is_said)
{
    cr_assert_eq(sample_read(NULL), 0);
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
    cr_assert_eq(sample_read("{\"name\":\"n\",\"redis\":{\"timeout_ms\":60000,\"cluster\":true},"
                             "\"level\":\"high\",\"auth\":{\"keys\":[\"k, 1\",\"k2\"]},"
                             "\"cors\":{\"allowed\":{\"origins\":[\"c\"]}}}"),
                 0, "%s", sample_message());
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

Test(settings_reader, null_and_the_empty_list_leave_the_default)
{
    cr_assert_eq(sample_read("{\"name\":null,\"redis\":{\"timeout_ms\":null},\"level\":null,"
                             "\"cors\":{\"allowed\":{\"origins\":[]}}}"),
                 0, "%s", sample_message());
    cr_assert_null(sample.name);
    cr_assert_eq(sample.timeout_ms, 500);
    cr_assert_eq(sample.level, -1);
    cr_assert_eq(sample.origins.count, 2);
    cr_assert_eq(sample.given.timeout_ms, SETTING_DEFAULT);
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
    cr_assert_eq(sample_read(json), -1);
    cr_assert_not_null(strstr(sample_message(), "xxx: unknown setting"));
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
    cr_assert_eq(sample_read("{} {}"), -1);
    cr_assert_str_eq(sample_message(), "sample.json: line 1, column 4: end of file expected");
}

Test(settings_reader, refuses_a_missing_file)
{
    sample_file = temp_dir_path(sample_dir, "none.json");
    refuses(NULL, "none.json: No such file or directory");
}

Test(settings_reader, refuses_a_directory)
{
    sample_file = strdup(sample_dir);
    cr_assert_eq(sample_read(NULL), -1);
    cr_assert_not_null(strstr(buf_text(&sample_reason), ": Is a directory"));
}

Test(settings_reader, refuses_an_unreadable_file)
{
    if (geteuid() == 0)
        cr_skip_test("root can read everything");
    sample_file = temp_dir_write(sample_dir, "sample.json", "{}");
    chmod(sample_file, 0);
    refuses(NULL, "sample.json: Permission denied");
}

Test(settings_reader, refuses_a_file_that_is_far_too_long)
{
    size_t size = 2 * 1024 * 1024;
    char *blanks = malloc(size + 1);

    memset(blanks, ' ', size);
    blanks[size] = '\0';
    cr_assert_eq(sample_read(blanks), -1);
    cr_assert_str_eq(sample_message(), "sample.json: is longer than 1048576 bytes");
    free(blanks);
}

Test(settings_reader, says_who_gave_a_value)
{
    struct buf out = BUF_EMPTY;

    setenv("SAMPLE_NAME", "n", 1);
    cr_assert_eq(sample_read("{\"redis\":{\"timeout_ms\":9}}"), 0);
    settings_origin(&sample_table, &sample, "name", "f.json", &out);
    buf_add_char(&out, '|');
    settings_origin(&sample_table, &sample, "redis.timeout_ms", "f.json", &out);
    buf_add_char(&out, '|');
    settings_origin(&sample_table, &sample, "level", "f.json", &out);
    cr_assert_str_eq(buf_text(&out), "SAMPLE_NAME|f.json: redis.timeout_ms|level");
    buf_done(&out);
}

Test(settings_reader, prints_in_the_order_of_the_table_with_secrets_masked)
{
    struct buf out = BUF_EMPTY;

    setenv("SAMPLE_AUTH_SECRET", "hunter2", 1);
    setenv("SAMPLE_AUTH_KEYS", "hunter3,hunter4", 1);
    setenv("SAMPLE_REDIS_URL", "redis://u:hunter5:@hunter6@h:1/2", 1);
    cr_assert_eq(sample_read(NULL), 0);
    cr_assert_eq(settings_print(&sample_table, &sample, &out), 0);
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

    cr_assert_eq(sample_read("{\"name\":\"\\u00e9\\\"\",\"redis\":{\"cluster\":true}}"), 0);
    cr_assert_eq(settings_print(&sample_table, &sample, &out), 0);
    settings_release(&sample_table, &sample);
    cr_assert_eq(sample_read(buf_text(&out)), 0, "%s", sample_message());
    cr_assert_eq(settings_print(&sample_table, &sample, &again), 0);
    cr_assert_str_eq(buf_text(&again), buf_text(&out));
    buf_done(&out);
    buf_done(&again);
}
