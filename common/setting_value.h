/*
 * One setting's value: from JSON, from text, to JSON. Private to settings_reader.c.
 */
#ifndef COMMON_SETTING_VALUE_H
#define COMMON_SETTING_VALUE_H

#include <jansson.h>

#include "settings_reader.h"

/*
 * Put a value into the caller's struct in place of what is there. Return 0; -1 with the struct
 * unchanged and what is wrong appended to reason ("must be true or false, is 7"), without the
 * setting's name.
 */
int setting_value_from_json(const struct setting *setting, const json_t *value, void *settings,
                            struct buf *reason);
int setting_value_from_text(const struct setting *setting, const char *text, void *settings,
                            struct buf *reason);

/* Whether a file's value means "not set": null, or a list that is empty. */
bool setting_value_is_unset(const struct setting *setting, const json_t *value);

/* The value as it may be shown, secrets masked: a new reference, NULL where memory runs out. */
json_t *setting_value_to_json(const struct setting *setting, const void *settings);

/* Frees what the value holds; it is "not set" afterwards. */
void setting_value_clear(const struct setting *setting, void *settings);

#endif
