/*
 * The table of settings, the config files and the README agree.
 *
 * The README's tables of settings are those whose header begins `| setting | default |`; a row is
 * `| \`path\` | \`default\` | …`, with the word none, without backticks, where the default is "not
 * set".
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "settings.h"

static struct buf text, reason, warnings;

static void tear_down(void)
{
    buf_done(&text);
    buf_done(&reason);
    buf_done(&warnings);
}

TestSuite(settings_agree, .fini = tear_down);

static const char *read_text(const char *path)
{
    cr_assert_eq(file_read(path, &text, &reason), 0, "%s: %s", path, buf_text(&reason));
    return text.data;
}

/* What the settings are by their defaults alone, before anything is folded. */
static void print_defaults(struct buf *out)
{
    struct settings settings = {0};
    struct buf unused = BUF_EMPTY;

    clearenv();
    cr_assert_eq(settings_read(&settings_table, &settings, NULL, &reason, &unused), 0);
    cr_assert_eq(settings_print(&settings_table, &settings, out), 0);
    settings_free(&settings);
    buf_done(&unused);
}

Test(settings_agree, the_sample_file_holds_every_setting_with_its_default_in_order)
{
    struct buf defaults = BUF_EMPTY;

    print_defaults(&defaults);
    cr_assert_str_eq(read_text(SOURCE_DIR "/config/gateway.json"), buf_text(&defaults));
    buf_done(&defaults);
}

static void loads_without_a_warning(const char *path)
{
    struct settings settings;

    clearenv();
    cr_assert_eq(settings_load(&settings, path, &reason, &warnings), 0, "%s", buf_text(&reason));
    cr_assert_str_eq(buf_text(&warnings), "");
    settings_free(&settings);
}

Test(settings_agree, the_sample_file_loads)
{
    loads_without_a_warning(SOURCE_DIR "/config/gateway.json");
}

Test(settings_agree, the_development_file_loads)
{
    loads_without_a_warning(SOURCE_DIR "/config/gateway.dev.json");
}

/* The setting of a path that isn't terminated. */
static size_t find(const char *path, size_t len)
{
    for (size_t i = 0; i < settings_table.count; i++)
        if (strlen(settings_table.rows[i].path) == len &&
            strncmp(settings_table.rows[i].path, path, len) == 0)
            return i;
    cr_assert_fail("README.md has a setting that the table hasn't: %.*s", (int)len, path);
    return 0;
}

/* Checks one row of the README and marks its setting as seen. */
static void check_row(const char *row, bool *seen)
{
    struct buf expected = BUF_EMPTY;
    const char *path = row + strlen("| `");
    size_t len = strcspn(path, "`\n");

    cr_assert_eq(strncmp(row, "| `", strlen("| `")), 0, "no row of a setting: %.60s", row);
    const struct setting *setting = &settings_table.rows[find(path, len)];
    cr_assert_not(seen[setting - settings_table.rows], "%s stands twice", setting->path);
    seen[setting - settings_table.rows] = true;

    if (setting->fallback != NULL)
        buf_printf(&expected, "` | `%s` |", setting->fallback);
    else
        buf_add_str(&expected, "` | none |");
    cr_assert_eq(strncmp(path + len, buf_text(&expected), expected.len), 0,
                 "%s: its row must go on with %s", setting->path, expected.data);
    buf_done(&expected);
}

Test(settings_agree, the_readme_has_every_setting_with_its_default_and_no_other)
{
    static const char header[] = "| setting | default |";
    bool seen[256] = {false};
    bool in_table = false;

    cr_assert_leq(settings_table.count, sizeof seen);
    for (const char *row = read_text(SOURCE_DIR "/README.md"); row != NULL;) {
        if (*row != '|')
            in_table = false;
        else if (strncmp(row, header, strlen(header)) == 0)
            in_table = true;
        else if (in_table && strncmp(row, "|-", 2) != 0 && strncmp(row, "| -", 3) != 0)
            check_row(row, seen);
        row = strchr(row, '\n');
        row = row != NULL ? row + 1 : NULL;
    }
    for (size_t i = 0; i < settings_table.count; i++)
        cr_assert(seen[i], "README.md lacks %s", settings_table.rows[i].path);
}
