/* The state directory. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "state_dir.h"
#include "temp_dir.h"

static char *dir;
static struct buf reason;

static void set_up(void)
{
    dir = temp_dir_make();
    unsetenv("STATE_DIRECTORY");
    unsetenv("HOME");
}

static void tear_down(void)
{
    temp_dir_remove(dir);
    buf_done(&reason);
}

TestSuite(state_dir, .init = set_up, .fini = tear_down);

static void is_path(const char *setting, const char *expected)
{
    char *path = state_dir_path(setting, &reason);

    cr_assert_str_eq(path, expected);
    free(path);
}

/* How many entries a directory has, hidden ones included. */
static int count_entries(const char *path)
{
    char *command = NULL;
    int count = -1;

    cr_assert_gt(asprintf(&command, "ls -A '%s' | wc -l", path), 0);
    FILE *pipe = popen(command, "r");
    cr_assert_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    free(command);
    return count;
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    cr_assert_eq(stat(path, &st), 0, "%s isn't there", path);
    return st.st_mode & 07777;
}

/* Expects that a file with this text is no secret of 4 bytes. */
static void refuses_content(const char *text)
{
    char *path = temp_dir_write(dir, "key", text);
    int made;

    chmod(path, 0600);
    buf_clear(&reason);
    cr_assert_null(state_dir_secret(dir, "key", 4, &made, &reason), "accepted: %s", text);
    cr_assert_not_null(
        strstr(buf_text(&reason), "/key: must hold 8 lower-case hexadecimal digits"));
    free(path);
}

Test(state_dir, the_setting_comes_first)
{
    setenv("STATE_DIRECTORY", "/b", 1);
    setenv("HOME", "/c", 1);
    is_path("/a", "/a");
}

Test(state_dir, systemds_directory_comes_second_and_the_first_of_several)
{
    setenv("HOME", "/c", 1);
    setenv("STATE_DIRECTORY", "/b", 1);
    is_path(NULL, "/b");
    setenv("STATE_DIRECTORY", "/b1:/b2", 1);
    is_path(NULL, "/b1");
}

Test(state_dir, the_home_comes_last)
{
    setenv("HOME", "/c", 1);
    setenv("STATE_DIRECTORY", "", 1);
    is_path(NULL, "/c/.local/state/stream-gateway");
}

Test(state_dir, says_when_there_is_none)
{
    cr_assert_null(state_dir_path(NULL, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "state_dir: "));
}

Test(state_dir, makes_a_secret_and_keeps_it)
{
    int made;
    char *first = state_dir_secret(dir, "key", 32, &made, &reason);

    cr_assert_not_null(first, "%s", buf_text(&reason));
    cr_assert_eq(made, 1);
    cr_assert_eq(strlen(first), 64);
    cr_assert_eq(strspn(first, "0123456789abcdef"), 64);

    char *second = state_dir_secret(dir, "key", 32, &made, &reason);
    cr_assert_str_eq(second, first);
    cr_assert_eq(made, 0);
    cr_assert_eq(count_entries(dir), 1);
    free(first);
    free(second);
}

Test(state_dir, makes_another_secret_for_another_name)
{
    int made;
    char *one = state_dir_secret(dir, "one", 32, &made, &reason);
    char *two = state_dir_secret(dir, "two", 32, &made, &reason);

    cr_assert_str_neq(one, two);
    free(one);
    free(two);
}

Test(state_dir, lets_nobody_else_at_what_it_makes)
{
    char *below = temp_dir_path(dir, "a/b");
    char *above = temp_dir_path(dir, "a"), *file = temp_dir_path(dir, "a/b/key");
    int made;

    umask(0);
    char *secret = state_dir_secret(below, "key", 4, &made, &reason);
    cr_assert_not_null(secret, "%s", buf_text(&reason));
    cr_assert_eq(mode_of(above), 0700);
    cr_assert_eq(mode_of(below), 0700);
    cr_assert_eq(mode_of(file), 0600);
    free(secret);
    free(below);
    free(above);
    free(file);
}

Test(state_dir, takes_a_path_with_slashes_to_spare)
{
    char *below = temp_dir_path(dir, "/a//b/");
    int made;
    char *secret = state_dir_secret(below, "key", 4, &made, &reason);

    cr_assert_not_null(secret, "%s", buf_text(&reason));
    free(secret);
    free(below);
}

Test(state_dir, takes_a_relative_path)
{
    int made;

    cr_assert_eq(chdir(dir), 0);
    char *secret = state_dir_secret("a/b", "key", 4, &made, &reason);
    cr_assert_not_null(secret, "%s", buf_text(&reason));
    free(secret);
    cr_assert_eq(chdir("/"), 0);
}

Test(state_dir, reads_a_secret_with_and_without_a_newline)
{
    static const char *const texts[] = {"0123abcd", "0123abcd\n"};

    for (size_t i = 0; i < 2; i++) {
        char *path = temp_dir_write(dir, "key", texts[i]);
        int made;

        chmod(path, 0400);
        char *secret = state_dir_secret(dir, "key", 4, &made, &reason);
        cr_assert_str_eq(secret, "0123abcd");
        chmod(path, 0600);
        free(secret);
        free(path);
    }
}

Test(state_dir, refuses_what_is_not_hex_of_the_right_length)
{
    refuses_content("");
    refuses_content("\n");
    refuses_content("0123abc");
    refuses_content("0123abcde");
    refuses_content("0123abcd\n\n");
    refuses_content("0123abcg");
    refuses_content("0123ABCD");
    refuses_content(" 0123abc");
}

Test(state_dir, never_quotes_what_it_refuses)
{
    refuses_content("hunter22hunter22");
    cr_assert_null(strstr(buf_text(&reason), "hunter22"));
}

Test(state_dir, refuses_a_secret_that_others_can_read)
{
    char *path = temp_dir_write(dir, "key", "0123abcd");
    int made;

    chmod(path, 0640);
    cr_assert_null(state_dir_secret(dir, "key", 4, &made, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "/key: mode 0640 "));
    free(path);
}

Test(state_dir, refuses_a_secret_that_is_no_file)
{
    char *path = temp_dir_path(dir, "key");
    int made;

    mkdir(path, 0700);
    cr_assert_null(state_dir_secret(dir, "key", 4, &made, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "/key: must be a regular file"));

    rmdir(path);
    mkfifo(path, 0600);
    buf_clear(&reason);
    cr_assert_null(state_dir_secret(dir, "key", 4, &made, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "/key: must be a regular file"));
    free(path);
}

Test(state_dir, refuses_a_directory_that_is_a_file)
{
    char *path = temp_dir_write(dir, "file", "");
    int made;

    cr_assert_null(state_dir_secret(path, "key", 4, &made, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "Not a directory"), "%s", buf_text(&reason));
    free(path);
}

Test(state_dir, reads_in_a_directory_that_it_can_not_write)
{
    if (geteuid() == 0)
        cr_skip_test("root can write everywhere");

    char *path = temp_dir_write(dir, "key", "0123abcd");
    int made;
    chmod(path, 0600);
    chmod(dir, 0500);
    char *secret = state_dir_secret(dir, "key", 4, &made, &reason);
    cr_assert_str_eq(secret, "0123abcd");
    cr_assert_null(state_dir_secret(dir, "other", 4, &made, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "/other: can't be made: Permission denied"));
    chmod(dir, 0700);
    free(secret);
    free(path);
}

/* Reads the secret as soon as the starting gun, the end of a pipe, is heard; writes it to result.
 */
static void run_racer(int gun, int result)
{
    char byte;
    int made;

    while (read(gun, &byte, 1) > 0)
        ;
    char *secret = state_dir_secret(dir, "key", 32, &made, &reason);
    char line[66] = "failed";
    if (secret != NULL)
        snprintf(line, sizeof line, "%d%s", made, secret);
    _exit(write(result, line, sizeof line) == (ssize_t)sizeof line ? 0 : 1);
}

Test(state_dir, gateways_that_start_at_once_end_up_with_one_secret)
{
    enum { RACERS = 16, ROUNDS = 20 };

    for (int round = 0; round < ROUNDS; round++) {
        int gun[2], result[2], makers = 0;
        char first[66] = "", line[66];

        cr_assert_eq(pipe(gun), 0);
        cr_assert_eq(pipe(result), 0);
        for (int i = 0; i < RACERS; i++) {
            if (fork() == 0) {
                close(gun[1]);
                run_racer(gun[0], result[1]);
            }
        }
        close(gun[0]);
        close(gun[1]);
        close(result[1]);
        for (int i = 0; i < RACERS; i++) {
            cr_assert_eq(read(result[0], line, sizeof line), (ssize_t)sizeof line);
            cr_assert_str_neq(line, "failed");
            if (i == 0)
                strcpy(first, line);
            cr_assert_str_eq(line + 1, first + 1);
            makers += line[0] == '1';
        }
        close(result[0]);
        for (int i = 0; i < RACERS; i++) {
            int status;
            wait(&status);
            cr_assert_eq(status, 0);
        }
        cr_assert_eq(makers, 1);
        cr_assert_eq(count_entries(dir), 1);

        char *path = temp_dir_path(dir, "key");
        unlink(path);
        free(path);
    }
}

Test(state_dir, a_trial_reads_what_is_kept_and_makes_nothing)
{
    char *below = temp_dir_path(dir, "a/b");
    int made;
    char *tried = state_dir_try(below, "key", 4, &reason);

    cr_assert_not_null(tried, "%s", buf_text(&reason));
    cr_assert_eq(strspn(tried, "0123456789abcdef"), 8);
    cr_assert_eq(count_entries(dir), 0);
    free(tried);

    char *kept = state_dir_secret(below, "key", 4, &made, &reason);
    tried = state_dir_try(below, "key", 4, &reason);
    cr_assert_str_eq(tried, kept);
    free(tried);
    free(kept);
    free(below);
}

Test(state_dir, a_trial_names_what_nothing_can_be_made_in)
{
    cr_assert_null(state_dir_try("/proc/version/below", "key", 4, &reason));
    cr_assert_not_null(strstr(buf_text(&reason), "/proc/version"));
}
