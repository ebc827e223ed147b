/* Queries, cookies and bearers as anybody may send them; and the text functions below them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http_request.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[64];
    char *text = malloc(size + 1);

    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    int len;
    for (const char *at = text; at != NULL;) {
        len = http_query_param(&at, "stream_token", value, sizeof value);
        assert(len < 0 || strlen(value) == (size_t)len);
        assert(at == NULL || (at > text && at <= text + size));
    }
    for (const char *at = text; at != NULL;) {
        len = http_cookie(&at, "stream_token", value, sizeof value);
        assert(len < 0 || strlen(value) == (size_t)len);
        assert(at == NULL || (at > text && at <= text + size));
    }
    http_bearer(text);
    text_is_printable(text, size);
    len = text_percent_decode(text, strlen(text), text);
    assert(len < 0 || strlen(text) == (size_t)len);
    free(text);
    return 0;
}
