/* The settings reader: the environment, and secrets in files. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings_sample.h"
#include "temp_dir.h"

TestSuite(settings_env, .init = sample_set_up, .fini = sample_tear_down);

static void refuses_in_environment(const char *name, const char *value, const char *expected)
{
    setenv(name, value, 1);
    cr_assert_eq(sample_read(NULL), -1, "%s=%s was accepted", name, value);
    cr_assert_str_eq(sample_message(), expected);
}

Test(settings_env, takes_the_environment_over_the_file)
{
    setenv("SAMPLE_REDIS_TIMEOUT_MS", "7", 1);
    setenv("SAMPLE_REDIS_CLUSTER", "false", 1);
    setenv("SAMPLE_LEVEL", "low", 1);
    setenv("SAMPLE_NAME", "from the environment", 1);
    setenv("SAMPLE_CORS_ALLOWED_ORIGINS", "x , y,\tz", 1);
    cr_assert_eq(sample_read("{\"name\":\"n\",\"redis\":{\"timeout_ms\":1,\"cluster\":true},"
                             "\"level\":\"high\"}"),
                 0, "%s", sample_message());
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

Test(settings_env, an_empty_variable_leaves_what_the_file_says)
{
    setenv("SAMPLE_REDIS_TIMEOUT_MS", "", 1);
    setenv("SAMPLE_AUTH_SECRET", "", 1);
    setenv("SAMPLE_AUTH_SECRET_FILE", "", 1);
    cr_assert_eq(sample_read("{\"redis\":{\"timeout_ms\":9},\"auth\":{\"secret\":\"s\"}}"), 0);
    cr_assert_eq(sample.timeout_ms, 9);
    cr_assert_str_eq(sample.secret, "s");
}

Test(settings_env, refuses_a_variable_that_is_no_decimal)
{
    refuses_in_environment(
        "SAMPLE_REDIS_TIMEOUT_MS", "5s",
        "SAMPLE_REDIS_TIMEOUT_MS: must be an integer from 1 to 60000, is \"5s\"");
}

Test(settings_env, refuses_a_variable_with_blanks_a_plus_a_point_or_too_many_digits)
{
    static const char *const wrong[] = {
        " 5", "5 ", "+5", "5.0", "0x5", "-", "99999999999999999999"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("SAMPLE_REDIS_TIMEOUT_MS", wrong[i], 1);
        cr_assert_eq(sample_read(NULL), -1, "\"%s\" was accepted", wrong[i]);
        settings_release(&sample_table, &sample);
    }
}

Test(settings_env, refuses_a_variable_that_is_no_bool)
{
    refuses_in_environment("SAMPLE_REDIS_CLUSTER", "yes",
                           "SAMPLE_REDIS_CLUSTER: must be true or false, is \"yes\"");
}

Test(settings_env, refuses_a_variable_that_is_no_word_of_the_choice)
{
    refuses_in_environment("SAMPLE_LEVEL", "HIGH",
                           "SAMPLE_LEVEL: must be low, middle or high, is \"HIGH\"");
}

Test(settings_env, refuses_a_variable_that_is_not_utf8)
{
    refuses_in_environment("SAMPLE_LEVEL", "\xff",
                           "SAMPLE_LEVEL: must be low, middle or high, which isn't UTF-8");
}

Test(settings_env, refuses_an_empty_entry_of_a_list_in_a_variable)
{
    refuses_in_environment("SAMPLE_AUTH_KEYS", "hunter2,,x",
                           "SAMPLE_AUTH_KEYS: entry 2 must not be empty");
}

Test(settings_env, reads_a_secret_from_a_file_and_cuts_one_newline)
{
    char *path = temp_dir_write(sample_dir, "secret", "hunter2 \n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(sample_read("{\"auth\":{\"secret\":\"older\"}}"), 0, "%s", sample_message());
    cr_assert_str_eq(sample.secret, "hunter2 ");
    cr_assert_eq(sample.given.secret, SETTING_FROM_ENV_FILE);
    free(path);
}

Test(settings_env, reads_a_list_from_a_file_of_lines)
{
    char *path = temp_dir_write(sample_dir, "secret", "a\nb\nc,d\n");

    setenv("SAMPLE_AUTH_KEYS_FILE", path, 1);
    cr_assert_eq(sample_read(NULL), 0, "%s", sample_message());
    cr_assert_eq(sample.keys.count, 4);
    cr_assert_str_eq(sample.keys.items[1], "b");
    cr_assert_str_eq(sample.keys.items[3], "d");
    free(path);
}

Test(settings_env, refuses_a_second_newline_in_a_secret_file)
{
    char *path = temp_dir_write(sample_dir, "secret", "hunter2\n\n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(sample_read(NULL), -1);
    cr_assert_str_eq(sample_message(),
                     "SAMPLE_AUTH_SECRET_FILE: must be UTF-8 text without control "
                     "characters");
    free(path);
}

Test(settings_env, refuses_an_empty_or_missing_secret_file)
{
    char *path = temp_dir_write(sample_dir, "secret", "\n");

    setenv("SAMPLE_AUTH_SECRET_FILE", path, 1);
    cr_assert_eq(sample_read(NULL), -1);
    cr_assert_not_null(strstr(sample_message(), "SAMPLE_AUTH_SECRET_FILE: "));
    cr_assert_not_null(strstr(sample_message(), "/secret: is empty"));

    unlink(path);
    buf_clear(&sample_reason);
    cr_assert_eq(sample_read(NULL), -1);
    cr_assert_not_null(strstr(sample_message(), "/secret: No such file or directory"));
    free(path);
}

Test(settings_env, refuses_a_secret_given_twice)
{
    setenv("SAMPLE_AUTH_SECRET", "hunter2", 1);
    refuses_in_environment("SAMPLE_AUTH_SECRET_FILE", "/nowhere",
                           "SAMPLE_AUTH_SECRET_FILE: SAMPLE_AUTH_SECRET is set too, only one of "
                           "them may be");
}

Test(settings_env, warns_of_unknown_variables_by_name_alone)
{
    setenv("SAMPLE_SERVICE_HOST", "hunter2", 1);
    setenv("SAMPLE_NAME_FILE", "/nowhere", 1); /* not a secret */
    setenv("SAMPLE_NAME", "n", 1);
    setenv("SAMPLE_AUTH_SECRET", "s", 1);
    cr_assert_eq(sample_read(NULL), 0);
    cr_assert_not_null(strstr(buf_text(&sample_warnings), "SAMPLE_SERVICE_HOST: unknown variable"));
    cr_assert_not_null(strstr(buf_text(&sample_warnings), "SAMPLE_NAME_FILE: unknown variable"));
    cr_assert_null(strstr(buf_text(&sample_warnings), "SAMPLE_NAME:"));
    cr_assert_null(strstr(buf_text(&sample_warnings), "SECRET"));
    cr_assert_null(strstr(buf_text(&sample_warnings), "hunter2"));
}
