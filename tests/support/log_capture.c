/* What this process writes to stderr, kept to be looked at. */
#include "log_capture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *file;    /* in the place of stderr */
static int stderr_fd; /* what it was */

void log_capture_start(void)
{
    file = tmpfile();
    cr_assert_not_null(file);
    stderr_fd = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
}

void log_capture_stop(void)
{
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    fclose(file);
}

/* Counts lines; copies the last where it is wanted. */
static int look(const char *text, const char *other, char **ret_last)
{
    char path[64], line[4096];
    int count = 0;

    /* Opened anew: who reads through the descriptor itself would move where stderr writes. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    FILE *reader = fopen(path, "r");
    cr_assert_not_null(reader);
    while (fgets(line, sizeof line, reader) != NULL) {
        if (strstr(line, text) == NULL || strstr(line, other) == NULL)
            continue;
        count++;
        if (ret_last != NULL) {
            free(*ret_last);
            *ret_last = strndup(line, strcspn(line, "\n"));
        }
    }
    fclose(reader);
    return count;
}

int log_capture_count(const char *text, const char *other)
{
    return look(text, other, NULL);
}

char *log_capture_line(const char *text, const char *other)
{
    char *last = NULL;

    look(text, other, &last);
    return last;
}
