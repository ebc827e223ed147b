/* What the address of a call on the admin listener says: its parameters, and whom it is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "text.h"

#define NAME_MAX_SHOWN 40 /* bytes of an unknown parameter's name that its refusal repeats */

static void complain(struct http_request *http, const char *name, const char *what)
{
    char detail[160];

    snprintf(detail, sizeof detail, "%s: %s", name, what);
    http_problem(http, ERR_INVALID_REQUEST, detail);
}

static void complain_unknown(struct http_request *http, const char *name, size_t len)
{
    char shown[NAME_MAX_SHOWN + 1];

    len = len < NAME_MAX_SHOWN ? len : NAME_MAX_SHOWN;
    if (!text_is_printable(name, len))
        len = 0;
    memcpy(shown, name, len);
    shown[len] = '\0';
    complain(http, shown[0] != '\0' ? shown : "the query", "no such parameter here");
}

static const struct admin_param *find(const struct admin_param *params, const char *name,
                                      size_t len)
{
    for (; params->name != NULL; params++)
        if (strlen(params->name) == len && memcmp(params->name, name, len) == 0)
            return params;
    return NULL;
}

/* Reads a value of len bytes, percent-encoded. */
static bool read_value(struct http_request *http, const struct admin_param *param,
                       const char *value, size_t len)
{
    char what[64];
    char *text = malloc(len + 1);

    if (text == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return false;
    }
    int decoded = text_percent_decode(value, len, text);
    bool is_good =
        decoded >= 1 && (size_t)decoded <= param->most && text_is_printable(text, (size_t)decoded);
    if (is_good && param->text[0] != '\0') {
        complain(http, param->name, "is there twice");
        is_good = false;
    } else if (is_good) {
        memcpy(param->text, text, (size_t)decoded + 1);
    } else {
        snprintf(what, sizeof what, "must be 1 to %zu bytes of printable UTF-8", param->most);
        complain(http, param->name, what);
    }
    free(text);
    return is_good;
}

bool admin_query_read(struct http_request *http, const struct admin_param *params)
{
    const char *at = http_request_target(http);

    for (const struct admin_param *param = params; param->name != NULL; param++)
        param->text[0] = '\0';
    at += strcspn(at, "?");
    while (*at != '\0') {
        const char *pair = at + 1;
        size_t len = strcspn(pair, "&");
        size_t name_len = strcspn(pair, "=&");

        at = pair + len;
        if (len == 0)
            continue;
        const struct admin_param *param = find(params, pair, name_len);
        if (param == NULL) {
            complain_unknown(http, pair, name_len);
            return false;
        }
        const char *value = name_len < len ? pair + name_len + 1 : at;
        if (!read_value(http, param, value, (size_t)(at - value)))
            return false;
    }
    return true;
}

bool admin_query_empty(struct http_request *http)
{
    static const struct admin_param none[] = {{NULL, NULL, 0}};

    return admin_query_read(http, none);
}

bool admin_query_reason(struct admin_call *call)
{
    char *why = call->ask.operator.why;
    const struct admin_param params[] = {{"reason", why, SESSION_NAME_MAX}, {NULL, NULL, 0}};

    return admin_query_read(call->http, params);
}

bool admin_query_number(struct http_request *http, const char *name, const char *text,
                        int64_t least, int64_t most, int64_t *number)
{
    char what[96];
    char *end;

    if (text[0] == '\0')
        return true;
    long long value = strtoll(text, &end, 10);
    if (strspn(text, "0123456789") == strlen(text) && value >= least && value <= most) {
        *number = value;
        return true;
    }
    snprintf(what, sizeof what, "must be a whole number from %lld to %lld", (long long)least,
             (long long)most);
    complain(http, name, what);
    return false;
}

bool admin_path_name(struct http_request *http, const char *what, session_name ret_name)
{
    const char *name = http_request_param(http, 0);
    size_t len = strlen(name);

    if (len >= 1 && len <= SESSION_NAME_MAX && text_is_printable(name, len)) {
        memcpy(ret_name, name, len + 1);
        return true;
    }
    complain(http, what, "must be 1 to 128 printable bytes");
    return false;
}
