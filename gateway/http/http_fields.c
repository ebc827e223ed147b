/* Reads single values out of what a request carries them in: query, Cookie, Authorization. */
#include <string.h>
#include <strings.h>

#include "http_request.h"
#include "text.h"

int http_query_param(const char *target, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);
    const char *at = strchr(target, '?');

    while (at != NULL) {
        const char *pair = at + 1;
        size_t len = strcspn(pair, "&");

        at = pair[len] == '&' ? pair + len : NULL;
        if (len <= name_len || pair[name_len] != '=' || memcmp(pair, name, name_len) != 0)
            continue;

        const char *value = pair + name_len + 1;
        size_t value_len = len - name_len - 1;
        size_t decoded_len = 0; /* at least what decoding writes, also where it fails halfway */

        for (size_t i = 0; i < value_len; i += value[i] == '%' ? 3 : 1)
            decoded_len++;
        return decoded_len < size ? text_percent_decode(value, value_len, ret_value) : -1;
    }
    return -1;
}

int http_cookie(const char *header, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);

    for (;;) {
        header += strspn(header, " \t;");
        if (*header == '\0')
            return -1;

        size_t len = strcspn(header, ";");
        const char *value = header + name_len + 1;

        if (len > name_len && header[name_len] == '=' && memcmp(header, name, name_len) == 0) {
            size_t value_len = len - name_len - 1;

            while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
                value_len--;
            if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
                value++;
                value_len -= 2;
            }
            if (value_len >= size)
                return -1;
            memcpy(ret_value, value, value_len);
            ret_value[value_len] = '\0';
            return (int)value_len;
        }
        header += len;
    }
}

const char *http_bearer(const char *authorization)
{
    if (authorization == NULL || strncasecmp(authorization, "Bearer", 6) != 0 ||
        authorization[6] != ' ')
        return NULL;
    authorization += 6;
    return authorization + strspn(authorization, " ");
}
