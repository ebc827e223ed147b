/* One setting's value: from JSON, from text, to JSON. */
#include "setting_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "text.h"

#define SHOWN_BYTES 60 /* of a wrong value, in a message */

static void *member(const struct setting *setting, void *settings)
{
    return (char *)settings + setting->offset;
}

static const void *const_member(const struct setting *setting, const void *settings)
{
    return (const char *)settings + setting->offset;
}

static void list_free(struct setting_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct setting_list){0};
}

/* Appends a copy of len bytes. Returns 0, or -1 where memory runs out. */
static int list_add(struct setting_list *list, const char *text, size_t len)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);

    if (items == NULL)
        return -1;
    list->items = items;
    items[list->count] = strndup(text, len);
    if (items[list->count] == NULL)
        return -1;
    list->count++;
    return 0;
}

void setting_value_clear(const struct setting *setting, void *settings)
{
    void *at = member(setting, settings);

    switch (setting->type) {
    case SETTING_STRING:
        free(*(char **)at);
        *(char **)at = NULL;
        break;
    case SETTING_INT:
        *(int64_t *)at = 0;
        break;
    case SETTING_BOOL:
        *(bool *)at = false;
        break;
    case SETTING_CHOICE:
        *(int *)at = -1;
        break;
    case SETTING_LIST:
        list_free(at);
        break;
    }
}

/* "auto, redis or memory" */
static void add_choices(struct buf *out, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            buf_add_str(out, words[i + 1] == NULL ? " or " : ", ");
        buf_add_str(out, words[i]);
    }
}

/* Says what the value must be and, unless that is a secret, what it is. Always -1. */
static int wrong_type(const struct setting *setting, const json_t *value, struct buf *reason)
{
    switch (setting->type) {
    case SETTING_STRING:
        buf_add_str(reason, "must be a string");
        break;
    case SETTING_INT:
        buf_printf(reason, "must be an integer from %" PRId64 " to %" PRId64, setting->least,
                   setting->most);
        break;
    case SETTING_BOOL:
        buf_add_str(reason, "must be true or false");
        break;
    case SETTING_CHOICE:
        buf_add_str(reason, "must be ");
        add_choices(reason, setting->choices);
        break;
    case SETTING_LIST:
        buf_add_str(reason, "must be a list of strings");
        break;
    }
    if (setting->flags & SETTING_SECRET)
        return -1;

    char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    if (shown == NULL) /* of all that comes here only a text that isn't UTF-8 can't be shown */
        buf_add_str(reason, ", which isn't UTF-8");
    else if (strlen(shown) > SHOWN_BYTES)
        buf_printf(reason, ", is %.*s...", SHOWN_BYTES, shown);
    else
        buf_printf(reason, ", is %s", shown);
    free(shown);
    return -1;
}

static int no_memory(struct buf *reason)
{
    buf_add_str(reason, "no memory");
    return -1;
}

/* Checks a string or, where item isn't 0, the item of that number (from 1) of a list. */
static int check_text(const char *text, size_t len, size_t item, struct buf *reason)
{
    bool printable = text_is_printable(text, len);

    if (len > 0 && printable)
        return 0;
    if (item > 0)
        buf_printf(reason, "entry %zu ", item);
    buf_add_str(reason,
                printable ? "must not be empty" : "must be UTF-8 text without control characters");
    return -1;
}

static int set_string(const struct setting *setting, const char *text, void *settings,
                      struct buf *reason)
{
    if (check_text(text, strlen(text), 0, reason) != 0)
        return -1;
    char *copy = strdup(text);
    if (copy == NULL)
        return no_memory(reason);
    setting_value_clear(setting, settings);
    *(char **)member(setting, settings) = copy;
    return 0;
}

/* Sets a choice; returns false where text is none of its words. */
static bool set_choice(const struct setting *setting, const char *text, void *settings)
{
    for (int i = 0; setting->choices[i] != NULL; i++) {
        if (strcmp(setting->choices[i], text) == 0) {
            *(int *)member(setting, settings) = i;
            return true;
        }
    }
    return false;
}

/* Sets an int; returns false where it is out of range. */
static bool set_int(const struct setting *setting, int64_t value, void *settings)
{
    if (value < setting->least || value > setting->most)
        return false;
    *(int64_t *)member(setting, settings) = value;
    return true;
}

/* Hands a list over to the struct. */
static int set_list(const struct setting *setting, const struct setting_list *list, void *settings)
{
    setting_value_clear(setting, settings);
    *(struct setting_list *)member(setting, settings) = *list;
    return 0;
}

static int list_from_json(const struct setting *setting, const json_t *value, void *settings,
                          struct buf *reason)
{
    struct setting_list list = {0};
    size_t i;
    json_t *item;

    if (!json_is_array(value))
        return wrong_type(setting, value, reason);
    json_array_foreach (value, i, item) {
        if (!json_is_string(item)) {
            wrong_type(setting, value, reason);
            goto fail;
        }
        if (check_text(json_string_value(item), json_string_length(item), i + 1, reason) != 0)
            goto fail;
        if (list_add(&list, json_string_value(item), json_string_length(item)) != 0) {
            no_memory(reason);
            goto fail;
        }
    }
    return set_list(setting, &list, settings);

fail:
    list_free(&list);
    return -1;
}

static int list_from_text(const struct setting *setting, const char *text, void *settings,
                          struct buf *reason)
{
    static const char blanks[] = " \t\r";
    struct setting_list list = {0};

    for (const char *at = text;;) {
        size_t part = strcspn(at, ",\n");
        const char *first = at + strspn(at, blanks);
        const char *end = at + part;

        while (end > first && strchr(blanks, end[-1]) != NULL)
            end--;
        size_t len = end > first ? (size_t)(end - first) : 0;
        if (check_text(first, len, list.count + 1, reason) != 0)
            goto fail;
        if (list_add(&list, first, len) != 0) {
            no_memory(reason);
            goto fail;
        }
        if (at[part] == '\0')
            break;
        at += part + 1;
    }
    return set_list(setting, &list, settings);

fail:
    list_free(&list);
    return -1;
}

bool setting_value_is_unset(const struct setting *setting, const json_t *value)
{
    return json_is_null(value) ||
           (setting->type == SETTING_LIST && json_is_array(value) && json_array_size(value) == 0);
}

int setting_value_from_json(const struct setting *setting, const json_t *value, void *settings,
                            struct buf *reason)
{
    switch (setting->type) {
    case SETTING_STRING:
        if (json_is_string(value))
            return set_string(setting, json_string_value(value), settings, reason);
        break;
    case SETTING_INT:
        if (json_is_integer(value) && set_int(setting, json_integer_value(value), settings))
            return 0;
        break;
    case SETTING_BOOL:
        if (json_is_boolean(value)) {
            *(bool *)member(setting, settings) = json_is_true(value);
            return 0;
        }
        break;
    case SETTING_CHOICE:
        if (json_is_string(value) && set_choice(setting, json_string_value(value), settings))
            return 0;
        break;
    case SETTING_LIST:
        return list_from_json(setting, value, settings, reason);
    }
    return wrong_type(setting, value, reason);
}

/* Reads an optional '-' and decimal digits, and nothing else. */
static bool read_decimal(const char *text, int64_t *ret_value)
{
    const char *digits = text + (*text == '-');

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    *ret_value = strtoll(text, NULL, 10);
    return errno == 0;
}

int setting_value_from_text(const struct setting *setting, const char *text, void *settings,
                            struct buf *reason)
{
    int64_t number;

    switch (setting->type) {
    case SETTING_STRING:
        return set_string(setting, text, settings, reason);
    case SETTING_INT:
        if (read_decimal(text, &number) && set_int(setting, number, settings))
            return 0;
        break;
    case SETTING_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
            *(bool *)member(setting, settings) = text[0] == 't';
            return 0;
        }
        break;
    case SETTING_CHOICE:
        if (set_choice(setting, text, settings))
            return 0;
        break;
    case SETTING_LIST:
        return list_from_text(setting, text, settings, reason);
    }

    json_auto_t *value = json_string(text);
    return wrong_type(setting, value, reason);
}

/* A URL with *** in place of its password, which is what stands between the user's ':' and the last
 * '@'. */
static json_t *masked_url(const char *url)
{
    const char *host = strrchr(url, '@');
    const char *user = strstr(url, "://");
    const char *colon = user != NULL ? strchr(user + strlen("://"), ':') : NULL;

    if (host == NULL || colon == NULL || colon > host)
        return json_string(url);
    return json_sprintf("%.*s:***%s", (int)(colon - url), url, host);
}

static json_t *text_to_json(const struct setting *setting, const char *text)
{
    if (!(setting->flags & SETTING_SECRET))
        return json_string(text);
    return setting->flags & SETTING_URL ? masked_url(text) : json_string("***");
}

json_t *setting_value_to_json(const struct setting *setting, const void *settings)
{
    const void *at = const_member(setting, settings);

    switch (setting->type) {
    case SETTING_STRING: {
        const char *text = *(char *const *)at;
        return text != NULL ? text_to_json(setting, text) : json_null();
    }
    case SETTING_INT:
        return json_integer(*(const int64_t *)at);
    case SETTING_BOOL:
        return json_boolean(*(const bool *)at);
    case SETTING_CHOICE: {
        int choice = *(const int *)at;
        return choice >= 0 ? json_string(setting->choices[choice]) : json_null();
    }
    case SETTING_LIST: {
        const struct setting_list *list = at;
        json_t *array = json_array();
        for (size_t i = 0; i < list->count; i++) {
            if (json_array_append_new(array, text_to_json(setting, list->items[i])) != 0) {
                json_decref(array);
                return NULL;
            }
        }
        return array;
    }
    }
    return NULL;
}
