/* Reads single values out of what a request carries them in: query, Cookie, Authorization. */
#include <string.h>
#include <strings.h>

#include "http_request.h"
#include "text.h"

/* How many bytes decoding writes at most, also where it fails halfway. */
static size_t decoded_size(const char *text, size_t len)
{
    const char *end = text + len, *percent;
    size_t size = len;

    while ((percent = memchr(text, '%', (size_t)(end - text))) != NULL) {
        size_t escape = end - percent < 3 ? (size_t)(end - percent) : 3;

        size -= escape - 1;
        text = percent + escape;
    }
    return size;
}

int http_query_param(const char **at, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);
    const char *pair = *at + strcspn(*at, "?&");

    while (*pair != '\0') {
        pair++;

        size_t len = (size_t)(strchrnul(pair, '&') - pair);
        const char *value = pair + name_len + 1;

        if (len > name_len && pair[name_len] == '=' && memcmp(pair, name, name_len) == 0) {
            size_t value_len = len - name_len - 1;

            *at = pair + len;
            if (memchr(value, '%', value_len) != NULL)
                return decoded_size(value, value_len) < size
                           ? text_percent_decode(value, value_len, ret_value)
                           : -1;
            if (value_len >= size)
                return -1;
            memcpy(ret_value, value, value_len);
            ret_value[value_len] = '\0';
            return (int)value_len;
        }
        pair += len;
    }
    *at = NULL;
    return -1;
}

int http_cookie(const char **at, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);
    const char *pair = *at;

    for (;;) {
        pair += strspn(pair, " \t;");
        if (*pair == '\0') {
            *at = NULL;
            return -1;
        }

        size_t len = strcspn(pair, ";");
        const char *value = pair + name_len + 1;

        if (len > name_len && pair[name_len] == '=' && memcmp(pair, name, name_len) == 0) {
            size_t value_len = len - name_len - 1;

            *at = pair + len;
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
        pair += len;
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
