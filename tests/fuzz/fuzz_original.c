/* Original addresses as any viewer may make a proxy pass them on; and patterns, good and bad. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api_original.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next segment of a path as a careless server reads it: parameters are taken off. */
static char *next_segment(char **at)
{
    char *segment = strsep(at, "/");

    if (segment != NULL)
        segment[strcspn(segment, ";")] = '\0';
    return segment;
}

/*
 * What such a server makes of a path whose title has been read: backslashes are slashes, dot segments and
 * empty ones are resolved. It must still be that title's.
 */
static void expect_served(char *path, const char *media_id)
{
    const char *kept[64] = {"", "", "", "", ""};
    size_t count = 0;

    path[strcspn(path, "?")] = '\0';
    int len = text_percent_decode(path, strlen(path), path);
    assert(len > 0);
    for (char *c = path; *c != '\0'; c++)
        if (*c == '\\')
            *c = '/';
    for (char *segment; (segment = next_segment(&path)) != NULL;) {
        if (strcmp(segment, "..") == 0)
            count -= count > 0;
        else if (segment[0] != '\0' && strcmp(segment, ".") != 0 && count < 64)
            kept[count++] = segment;
    }
    const char **at = kept;
    if (strcmp(at[0], "s") == 0)
        at += 2;
    assert(strcmp(at[0], "vod") == 0);
    assert(strncmp(at[1], media_id, strcspn(media_id, ";")) == 0);
}

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
        if (text[0] == '/') {
            char *path = strdup(text);
            assert(path != NULL);
            expect_served(path, media_id);
            free(path);
        }
    }
    if (api_original_pattern_fault(text, "{mediaId}") == NULL) {
        /* A pattern matches what it was made from. */
        int rc = api_original_media(text, NULL, text, media_id);
        assert(size > SESSION_NAME_MAX || (rc == 0 && strcmp(media_id, "{mediaId}") == 0));
    }
    free(text);
    return 0;
}
