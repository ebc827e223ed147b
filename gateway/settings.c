/* The program's settings: the table, and the order in which it is read, folded and checked. */
#include "settings.h"

#include <stddef.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "settings_private.h"
#include "settings_redis.h"
#include "settings_rules.h"

/* In the order of the enums in settings.h, outage.h, log.h, api_original.h and jwt_key.h. */
static const char *const settings_store_words[] = {"auto", "redis", "memory", NULL};
static const char *const settings_auth_words[] = {"open", "api_key", "jwt", NULL};
static const char *const settings_algorithm_words[] = {"HS256", "RS256", "ES256", "EdDSA", NULL};
static const char *const settings_outage_words[] = {"fallback", "deny", "allow", NULL};
static const char *const settings_on_limit_words[] = {"reject", "evict_oldest", NULL};
static const char *const settings_uri_header_words[] = {"X-Original-URI", "X-Forwarded-Uri",
                                                        "X-Original-URL", "path", NULL};
static const char *const settings_level_words[] = {"debug", "info", "warn", "error", NULL};
static const char *const settings_format_words[] = {"text", "json", NULL};

/* clang-format off */
#define ROW(type_, member, path_, fallback_, help_)                                                \
    .path = (path_), .type = (type_), .offset = offsetof(struct settings, member),                 \
    .source_offset = offsetof(struct settings, given.member), .fallback = (fallback_), .help = (help_)

static const struct setting rows[] = {
#define STRING(member, path, fallback, flags_, help)                                               \
    {ROW(SETTING_STRING, member, path, fallback, help), .flags = (flags_)},
#define LIST(member, path, fallback, flags_, help)                                                 \
    {ROW(SETTING_LIST, member, path, fallback, help), .flags = (flags_)},
#define INT(member, path, fallback, least_, most_, help)                                           \
    {ROW(SETTING_INT, member, path, fallback, help), .least = (least_), .most = (most_)},
#define BOOL(member, path, fallback, help)                                                         \
    {ROW(SETTING_BOOL, member, path, fallback, help)},
#define CHOICE(member, path, fallback, words, help)                                                \
    {ROW(SETTING_CHOICE, member, path, fallback, help), .choices = (words)},
#include "settings.def"
#undef STRING
#undef LIST
#undef INT
#undef BOOL
#undef CHOICE
};
/* clang-format on */

const struct settings_table settings_table = {rows, sizeof rows / sizeof rows[0], "GATEWAY_"};

/* As many workers as this process may use cores. */
static int64_t count_cores(void)
{
    unsigned cores = uv_available_parallelism();

    return cores < 256 ? cores : 256;
}

static struct buf *begin_with_origin(const struct settings_check *check, const char *path,
                                     struct buf *out)
{
    settings_origin(&settings_table, check->settings, path, check->file, out);
    buf_add_str(out, ": ");
    return out;
}

struct buf *settings_blame(const struct settings_check *check, const char *path)
{
    return begin_with_origin(check, path, check->reason);
}

struct buf *settings_warn(const struct settings_check *check, const char *path)
{
    return begin_with_origin(check, path, check->warnings);
}

int settings_load(struct settings *settings, const char *file, struct buf *reason,
                  struct buf *warnings)
{
    const struct settings_check check = {settings, file, reason, warnings};

    memset(settings, 0, sizeof *settings);
    if (settings_read(&settings_table, settings, file, reason, warnings) != 0 ||
        settings_redis_fold(&check) != 0 || settings_rules_apply(&check) != 0)
        return -1;
    if (settings->workers == 0)
        settings->workers = count_cores();
    return 0;
}

int settings_show(const struct settings *settings, struct buf *out)
{
    return settings_print(&settings_table, settings, out);
}

void settings_help(struct buf *out)
{
    struct buf env = BUF_EMPTY;

    for (size_t i = 0; i < settings_table.count; i++) {
        const struct setting *row = &rows[i];

        buf_clear(&env);
        settings_env_name(&settings_table, row, &env);
        const char *name = buf_text(&env);
        buf_printf(out, "  %-26s  %-34s  %-14s  %s\n", row->path, name != NULL ? name : "",
                   row->fallback != NULL ? row->fallback : "-", row->help);
    }
    buf_done(&env);
}

void settings_free(struct settings *settings)
{
    settings_release(&settings_table, settings);
}
