/*
 * Settings in the environment: plain variables, and secrets that may stand in a file instead.
 */
#ifndef COMMON_SETTINGS_ENV_H
#define COMMON_SETTINGS_ENV_H

#include "settings_reader.h"

struct buf;

/* A variable's value; NULL where it isn't set or is empty. */
const char *settings_env(const char *name);

/*
 * Reads one variable, or where that isn't set the file that <name>_FILE names, one trailing newline
 * cut. Returns 0, and in *ret_text a text that the caller frees, NULL where neither is set or both
 * are empty; *ret_source (may be NULL) says which it was. Returns -1 with a reason that begins with
 * the variable's name where both are set or the file can't be read.
 */
int settings_env_secret(const char *name, char **ret_text, enum setting_source *ret_source,
                        struct buf *reason);

#endif
