/*
 * What the checks of the settings share. Private to settings.c, settings_redis.c and settings_rules.c.
 */
#ifndef GATEWAY_SETTINGS_PRIVATE_H
#define GATEWAY_SETTINGS_PRIVATE_H

struct buf;
struct settings;

/* What is checked, and where it is said what was found. Nothing of it is owned. */
struct settings_check {
    struct settings *settings;
    const char *file;     /* that was read; may be NULL */
    struct buf *reason;   /* why the settings are refused: one line without its end */
    struct buf *warnings; /* lines, each with its end */
};

/* Begins the reason, or a warning, with who gave a setting its value; the caller appends the rest. */
struct buf *settings_blame(const struct settings_check *check, const char *path);
struct buf *settings_warn(const struct settings_check *check, const char *path);

#endif
