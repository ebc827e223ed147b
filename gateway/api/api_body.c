/* The members of a JSON body, read one by one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_private.h"
#include "text.h"

bool api_body_read(struct http_request *http, struct api_body *ret_body)
{
    size_t len;
    const char *bytes = http_request_body(http, &len);
    json_error_t error;

    *ret_body = (struct api_body){0};
    if (len == 0)
        return true;
    ret_body->object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error);
    if (ret_body->object == NULL) {
        char detail[sizeof error.text + 64];

        /* jansson's text may quote the body, but only as much as is printable is passed on */
        if (!text_is_printable(error.text, strlen(error.text)))
            strcpy(error.text, "not JSON");
        snprintf(detail, sizeof detail, "line %d, column %d: %s", error.line, error.column,
                 error.text);
        http_problem(http, ERR_INVALID_JSON, detail);
        return false;
    }
    if (!json_is_object(ret_body->object)) {
        api_body_done(ret_body);
        http_problem(http, ERR_INVALID_REQUEST, "the body must be a JSON object");
        return false;
    }
    return true;
}

void api_body_done(struct api_body *body)
{
    json_decref(body->object);
    body->object = NULL;
}

void api_body_complain(struct api_body *body, const char *member, const char *what)
{
    if (body->detail[0] == '\0')
        snprintf(body->detail, sizeof body->detail, "%s: %s", member, what);
}

void api_body_name(struct api_body *body, const char *member, bool required, size_t most,
                   char *ret_text)
{
    const json_t *value = json_object_get(body->object, member);
    char what[96];

    ret_text[0] = '\0';
    if (value == NULL) {
        if (required)
            api_body_complain(body, member, "is required");
        return;
    }
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len < 1 || len > most) {
        snprintf(what, sizeof what, "must be a string of 1 to %zu bytes", most);
        api_body_complain(body, member, what);
        return;
    }
    if (!text_is_printable(json_string_value(value), len)) {
        api_body_complain(body, member, "must not hold control characters");
        return;
    }
    memcpy(ret_text, json_string_value(value), len + 1);
}

void api_body_object(struct api_body *body, const char *member, size_t most, char *ret_text)
{
    const json_t *value = json_object_get(body->object, member);
    char what[96];

    ret_text[0] = '\0';
    if (value == NULL)
        return;
    if (!json_is_object(value)) {
        api_body_complain(body, member, "must be an object");
        return;
    }
    size_t len = json_dumpb(value, ret_text, most, JSON_COMPACT);
    if (len == 0 || len > most) {
        ret_text[0] = '\0';
        snprintf(what, sizeof what, "must be at most %zu bytes of JSON", most);
        api_body_complain(body, member, what);
        return;
    }
    ret_text[len] = '\0';
}

int64_t api_body_integer(struct api_body *body, const char *member, int64_t least, int64_t most)
{
    const json_t *value = json_object_get(body->object, member);
    char what[96];

    if (value == NULL)
        return -1;
    if (json_is_integer(value) && json_integer_value(value) >= least &&
        json_integer_value(value) <= most)
        return json_integer_value(value);
    snprintf(what, sizeof what, "must be an integer from %" PRId64 " to %" PRId64, least, most);
    api_body_complain(body, member, what);
    return -1;
}

size_t api_body_session_ids(struct api_body *body, const char *member, size_t most,
                            char (*ret_ids)[SESSION_ID_LEN + 1])
{
    const json_t *value = json_object_get(body->object, member);
    const json_t *item;
    char what[96];
    size_t i;

    if (value == NULL)
        return 0;
    if (!json_is_array(value) || json_array_size(value) > most) {
        snprintf(what, sizeof what, "must be an array of at most %zu sessionIds", most);
        api_body_complain(body, member, what);
        return 0;
    }
    json_array_foreach (value, i, item) {
        if (!json_is_string(item) ||
            !session_id_is_valid(json_string_value(item), json_string_length(item))) {
            api_body_complain(body, member, "must hold sessionIds, 22 characters each");
            return 0;
        }
        memcpy(ret_ids[i], json_string_value(item), SESSION_ID_LEN + 1);
    }
    return i;
}

int api_body_word(struct api_body *body, const char *member, const char *const *words)
{
    const json_t *value = json_object_get(body->object, member);

    if (value == NULL)
        return -1;
    for (int i = 0; json_is_string(value) && words[i] != NULL; i++)
        if (strcmp(json_string_value(value), words[i]) == 0)
            return i;
    char what[96] = "must be one of:";
    for (int i = 0; words[i] != NULL; i++)
        snprintf(what + strlen(what), sizeof what - strlen(what), " %s", words[i]);
    api_body_complain(body, member, what);
    return -1;
}

void api_body_limits(struct api_body *body, int32_t *ret_family, int32_t *ret_device)
{
    const json_t *limits = json_object_get(body->object, "limits");
    const char *const names[] = {"family", "device"};
    int32_t *const found[] = {ret_family, ret_device};

    *ret_family = *ret_device = -1;
    if (limits == NULL)
        return;
    if (!json_is_object(limits)) {
        api_body_complain(body, "limits", "must be an object");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_object_get(limits, names[i]);

        if (value == NULL)
            continue;
        if (json_is_integer(value) && json_integer_value(value) >= 0 &&
            json_integer_value(value) <= API_LIMIT_MAX)
            *found[i] = (int32_t)json_integer_value(value);
        else
            api_body_complain(body, "limits",
                              "family and device must be integers from 0 to 100000");
    }
}
