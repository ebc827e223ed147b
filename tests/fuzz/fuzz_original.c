/* Original addresses as any viewer may make a proxy pass them on; and patterns, good and bad. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api_original.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    session_name media_id;
    size_t len;
    char *text = malloc(size + 1);

    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    const char *token = api_original_token(text, "/s/{token}/", &len);
    assert(token == NULL || (len > 0 && token > text && token + len < text + size));
    if (api_original_media(text, "/s/{token}/", "/vod/{mediaId}/", media_id) == 0) {
        assert(media_id[0] != '\0' && strlen(media_id) <= SESSION_NAME_MAX);
        assert(strpbrk(media_id, "/\\\n") == NULL);
        assert(strcmp(media_id, ".") != 0 && strcmp(media_id, "..") != 0);
    }
    if (api_original_pattern_fault(text, "{mediaId}") == NULL) {
        /* A pattern matches what it was made from. */
        int rc = api_original_media(text, NULL, text, media_id);
        assert(size > SESSION_NAME_MAX || (rc == 0 && strcmp(media_id, "{mediaId}") == 0));
    }
    free(text);
    return 0;
}
