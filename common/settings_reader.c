/*
 * Reads settings into a struct, from a table that says what there is: defaults, file, environment.
 *
 * A message is written front to back: what is being read is appended to the reason before the
 * reading, what is wrong after it, and a reading that succeeds cuts the reason back to its old
 * length.
 */
#include "settings_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "buf.h"
#include "file.h"
#include "setting_value.h"
#include "settings_env.h"
#include "text.h"

#define NAME_BYTES 128 /* the longest path of a table, with its NUL */

static enum setting_source *source_of(const struct setting *setting, void *settings)
{
    return (enum setting_source *)(void *)((char *)settings + setting->source_offset);
}

static const struct setting *find(const struct settings_table *table, const char *path)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].path, path) == 0)
            return &table->rows[i];
    return NULL;
}

/* Whether settings stand below this path, as "redis.url" does below "redis". */
static bool is_group(const struct settings_table *table, const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < table->count; i++)
        if (strncmp(table->rows[i].path, path, len) == 0 && table->rows[i].path[len] == '.')
            return true;
    return false;
}

static int read_defaults(const struct settings_table *table, void *settings, struct buf *reason)
{
    for (size_t i = 0; i < table->count; i++)
        setting_value_clear(&table->rows[i], settings);
    for (size_t i = 0; i < table->count; i++) {
        const struct setting *setting = &table->rows[i];
        size_t mark = reason->len;

        *source_of(setting, settings) = SETTING_DEFAULT;
        if (setting->fallback == NULL)
            continue;
        buf_printf(reason, "default of %s: ", setting->path);
        if (setting_value_from_text(setting, setting->fallback, settings, reason) != 0)
            return -1;
        reason->len = mark;
    }
    return 0;
}

/* A key as it stands in a message of one line, whatever is in it. */
static void add_key(struct buf *out, const char *group, const char *key)
{
    if (*group != '\0')
        buf_printf(out, "%s.", group);
    if (*key != '\0' && text_is_printable(key, strlen(key))) {
        buf_add_str(out, key);
        return;
    }
    json_auto_t *value = json_string(key);
    char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    buf_add_str(out, shown != NULL ? shown : "?");
    free(shown);
}

static int read_object(const struct settings_table *table, json_t *object, const char *group,
                       void *settings, struct buf *reason);

static int read_member(const struct settings_table *table, const char *group, const char *key,
                       json_t *value, void *settings, struct buf *reason)
{
    char path[NAME_BYTES] = "";
    size_t mark = reason->len;

    add_key(reason, group, key);
    buf_add_str(reason, ": ");
    /* A dot in a key must not pass for nesting, or a setting could be given twice. */
    if (strchr(key, '.') == NULL && strlen(group) + strlen(key) + 2 <= sizeof path) {
        stpcpy(stpcpy(stpcpy(path, group), *group != '\0' ? "." : ""), key);
    }

    const struct setting *setting = find(table, path);
    if (setting != NULL) {
        if (!setting_value_is_unset(setting, value)) {
            if (setting_value_from_json(setting, value, settings, reason) != 0)
                return -1;
            *source_of(setting, settings) = SETTING_FROM_FILE;
        }
    } else if (!is_group(table, path)) {
        buf_add_str(reason, "unknown setting");
        return -1;
    } else if (!json_is_object(value)) {
        buf_add_str(reason, "must be an object");
        return -1;
    } else {
        reason->len = mark;
        return read_object(table, value, path, settings, reason);
    }
    reason->len = mark;
    return 0;
}

static int read_object(const struct settings_table *table, json_t *object, const char *group,
                       void *settings, struct buf *reason)
{
    const char *key;
    json_t *value;

    json_object_foreach (object, key, value) {
        if (read_member(table, group, key, value, settings, reason) != 0)
            return -1;
    }
    return 0;
}

/*
 * Says where a file isn't JSON. jansson adds what it found there, which may be a secret; only of a
 * key that occurs twice that is let through.
 */
static void add_json_error(struct buf *reason, json_error_t *error)
{
    char *found = strstr(error->text, " near '");

    if (found != NULL && json_error_code(error) != json_error_duplicate_key)
        *found = '\0';
    buf_printf(reason, "line %d, column %d: %s", error->line, error->column, error->text);
}

static int read_settings_file(const struct settings_table *table, void *settings, const char *file,
                              struct buf *reason)
{
    struct buf text = BUF_EMPTY;
    size_t mark = reason->len;
    json_t *root = NULL;
    json_error_t error;
    int rc = -1;

    buf_printf(reason, "%s: ", file);
    if (file_read(file, &text, reason) != 0)
        goto out;
    root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        add_json_error(reason, &error);
    } else if (!json_is_object(root)) {
        buf_add_str(reason, "must be a JSON object");
    } else if (read_object(table, root, "", settings, reason) == 0) {
        reason->len = mark;
        rc = 0;
    }
out:
    json_decref(root);
    buf_done(&text);
    return rc;
}

void settings_env_name(const struct settings_table *table, const struct setting *setting,
                       struct buf *out)
{
    buf_add_str(out, table->env_prefix);
    for (const char *c = setting->path; *c != '\0'; c++)
        buf_add_char(out, *c == '.' ? '_' : (char)toupper((unsigned char)*c));
}

static int read_variable(const struct settings_table *table, const struct setting *setting,
                         void *settings, struct buf *reason)
{
    struct buf name = BUF_EMPTY;
    char *secret = NULL;
    const char *text = NULL;
    size_t mark = reason->len;
    enum setting_source source = SETTING_FROM_ENV;
    int rc = -1;

    settings_env_name(table, setting, &name);
    if (buf_text(&name) == NULL) {
        buf_printf(reason, "%s: no memory", setting->path);
        goto out;
    }
    if (!(setting->flags & SETTING_SECRET)) {
        text = settings_env(name.data);
    } else {
        if (settings_env_secret(name.data, &secret, &source, reason) != 0)
            goto out;
        text = secret;
    }
    if (text != NULL) {
        buf_printf(reason, "%s%s: ", name.data, source == SETTING_FROM_ENV_FILE ? "_FILE" : "");
        if (setting_value_from_text(setting, text, settings, reason) != 0)
            goto out;
        *source_of(setting, settings) = source;
        reason->len = mark;
    }
    rc = 0;
out:
    free(secret);
    buf_done(&name);
    return rc;
}

/* Whether a variable's name (len bytes) is that of a setting or of a secret's file. */
static bool is_known(const struct settings_table *table, const char *name, size_t len)
{
    struct buf known = BUF_EMPTY;
    bool found = false;

    for (size_t i = 0; i < table->count && !found; i++) {
        buf_clear(&known);
        settings_env_name(table, &table->rows[i], &known);
        found = known.len == len && memcmp(known.data, name, len) == 0;
        if (!found && (table->rows[i].flags & SETTING_SECRET)) {
            buf_add_str(&known, "_FILE");
            found = known.len == len && memcmp(known.data, name, len) == 0;
        }
    }
    buf_done(&known);
    return found;
}

/* Names the variables that have the prefix and no meaning; their values may be anybody's secrets.
 */
static void warn_of_unknown(const struct settings_table *table, struct buf *warnings)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        size_t len = strcspn(*entry, "=");

        if (strncmp(*entry, table->env_prefix, strlen(table->env_prefix)) == 0 &&
            !is_known(table, *entry, len))
            buf_printf(warnings, "%.*s: unknown variable, ignored\n", (int)len, *entry);
    }
}

int settings_read(const struct settings_table *table, void *settings, const char *file,
                  struct buf *reason, struct buf *warnings)
{
    if (read_defaults(table, settings, reason) != 0)
        return -1;
    if (file != NULL && read_settings_file(table, settings, file, reason) != 0)
        return -1;
    for (size_t i = 0; i < table->count; i++)
        if (read_variable(table, &table->rows[i], settings, reason) != 0)
            return -1;
    warn_of_unknown(table, warnings);
    return 0;
}

void settings_origin(const struct settings_table *table, const void *settings, const char *path,
                     const char *file, struct buf *out)
{
    const struct setting *setting = find(table, path);
    enum setting_source source = *(
        const enum setting_source *)(const void *)((const char *)settings + setting->source_offset);

    if (source == SETTING_FROM_ENV || source == SETTING_FROM_ENV_FILE) {
        settings_env_name(table, setting, out);
        if (source == SETTING_FROM_ENV_FILE)
            buf_add_str(out, "_FILE");
        return;
    }
    if (source == SETTING_FROM_FILE)
        buf_printf(out, "%s: ", file);
    buf_add_str(out, path);
}

/* Puts a value where its path says, making the objects on the way. Takes the reference over. */
static int put(json_t *root, const char *path, json_t *value)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        char group[NAME_BYTES];
        size_t len = (size_t)(dot - path);

        memcpy(group, path, len);
        group[len] = '\0';
        json_t *below = json_object_get(root, group);
        if (below == NULL) {
            below = json_object();
            json_object_set_new(root, group, below);
        }
        root = below;
        path = dot + 1;
    }
    return json_object_set_new(root, path, value);
}

int settings_print(const struct settings_table *table, const void *settings, struct buf *out)
{
    json_auto_t *root = json_object();

    for (size_t i = 0; i < table->count; i++)
        if (put(root, table->rows[i].path, setting_value_to_json(&table->rows[i], settings)) != 0)
            return -1;

    char *text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL)
        return -1;
    buf_add_str(out, text);
    buf_add_char(out, '\n');
    free(text);
    return out->failed ? -1 : 0;
}

void settings_release(const struct settings_table *table, void *settings)
{
    for (size_t i = 0; i < table->count; i++)
        setting_value_clear(&table->rows[i], settings);
}
