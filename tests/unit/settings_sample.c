/* A small table of settings for the tests of the reader. */
#include "settings_sample.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "temp_dir.h"

struct sample sample;
struct buf sample_reason, sample_warnings;
char *sample_dir, *sample_file;

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

const struct settings_table sample_table = {rows, sizeof rows / sizeof rows[0], "SAMPLE_"};

void sample_set_up(void)
{
    sample_dir = temp_dir_make();
}

void sample_tear_down(void)
{
    settings_release(&sample_table, &sample);
    buf_done(&sample_reason);
    buf_done(&sample_warnings);
    free(sample_file);
    temp_dir_remove(sample_dir);
}

int sample_read(const char *json)
{
    if (json != NULL) {
        free(sample_file);
        sample_file = temp_dir_write(sample_dir, "sample.json", json);
    }
    return settings_read(&sample_table, &sample, sample_file, &sample_reason, &sample_warnings);
}

const char *sample_message(void)
{
    const char *text = buf_text(&sample_reason);

    if (sample_file != NULL && strncmp(text, sample_file, strlen(sample_dir)) == 0)
        return text + strlen(sample_dir) + 1;
    return text;
}
