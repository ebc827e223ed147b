/*
 * Reads settings into a struct, from a table that says what there is: first the defaults, then a
 * JSON file, then the environment over it.
 *
 * A setting's name is its JSON path ("redis.timeout_ms"; in the file that is nesting); its
 * environment name is a prefix and that path in capitals, dots as underscores
 * (GATEWAY_REDIS_TIMEOUT_MS). A secret can also be read from the file that GATEWAY_…_FILE names;
 * one trailing newline is cut. Strict: an unknown key in the file, a wrong type, a value out of
 * range, a duplicate member ends the reading with a message that names source, key and reason. An
 * unknown variable with the prefix is a warning, since Kubernetes makes such variables for a
 * service of that name.
 *
 * "Not set" is a null in the file (or [] for a list), and an empty variable in the environment:
 * both leave what the sources below them said. Text is UTF-8 without control characters, and never
 * empty. The items of a list in the environment are parted by commas or line ends, blanks around
 * them cut.
 */
#ifndef COMMON_SETTINGS_READER_H
#define COMMON_SETTINGS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum setting_type {
    SETTING_STRING, /* char *, NULL where not set */
    SETTING_INT,    /* int64_t */
    SETTING_BOOL,   /* bool */
    SETTING_CHOICE, /* int, an index into choices; -1 where not set */
    SETTING_LIST,   /* struct setting_list of strings */
};

enum {
    SETTING_SECRET = 1 << 0, /* masked when shown, never quoted; may come from a file */
    SETTING_URL = 1 << 1,    /* a URL: of a secret one, only the password is masked */
};

/* Where a setting's value is from; anything but SETTING_DEFAULT was given by somebody. */
enum setting_source { SETTING_DEFAULT, SETTING_FROM_FILE, SETTING_FROM_ENV, SETTING_FROM_ENV_FILE };

struct setting_list {
    char **items;
    size_t count;
};

struct setting {
    const char *path;           /* "redis.timeout_ms" */
    enum setting_type type;     /* of the member at offset */
    unsigned flags;             /* SETTING_SECRET, SETTING_URL */
    size_t offset;              /* of the value, in the caller's struct */
    size_t source_offset;       /* of an enum setting_source, in the caller's struct */
    const char *fallback;       /* the default, as the environment would give it; NULL: not set */
    int64_t least, most;        /* of an int, both included */
    const char *const *choices; /* words of a choice, ended by NULL */
    const char *help;           /* one line for --help and the README */
};

struct settings_table {
    const struct setting *rows;
    size_t count;
    const char *env_prefix; /* "GATEWAY_" */
};

/*
 * Fills *settings (zeroed by the caller) from the defaults, the file (NULL: none) and the
 * environment. Returns 0. Returns -1 and appends one line, without its end, to reason, for example
 *   gateway.json: redis.timeout_ms: must be an integer from 1 to 60000, is "fast"
 * Settings must be released all the same. Warnings, if any, are appended to warnings, each line
 * ended by a newline.
 */
int settings_read(const struct settings_table *table, void *settings, const char *file,
                  struct buf *reason, struct buf *warnings);

/*
 * Appends who gave a setting its value, as messages begin: "gateway.json: redis.url" (file is the
 * name that settings_read was given), "GATEWAY_REDIS_URL", "GATEWAY_REDIS_URL_FILE"; a default is
 * its path.
 */
void settings_origin(const struct settings_table *table, const void *settings, const char *path,
                     const char *file, struct buf *out);

/* Appends a setting's environment name. */
void settings_env_name(const struct settings_table *table, const struct setting *setting,
                       struct buf *out);

/*
 * Appends all settings as JSON text, nested as in a file, in the table's order, secrets as "***"
 * (where they are set), indented by two blanks, a newline at the end. Returns 0; -1 where memory
 * runs out.
 */
int settings_print(const struct settings_table *table, const void *settings, struct buf *out);

/* Frees what the members hold. The struct itself is the caller's. */
void settings_release(const struct settings_table *table, void *settings);

#endif
