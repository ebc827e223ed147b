/*
 * Any call on the player listener: a line with method and target, a line with the token's header, the body. In them
 * \1 is a good token, \2 its sessionId.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_http.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *at = text;
    char *first = fuzz_text_line(&at, text + size), *second = fuzz_text_line(&at, text + size);
    char *method = first != NULL ? strsep(&first, " ") : NULL;
    char *target = first != NULL ? fuzz_http_fill_in(first) : NULL;
    char *token = second != NULL ? fuzz_http_fill_in(second) : NULL;
    size_t rest = (size_t)(text + size - at);
    char *body = memchr(at, '\0', rest) == NULL ? fuzz_http_fill_in(at) : NULL;
    struct fuzz_request request = {.listener = FUZZ_PLAYER,
                                   .method = method,
                                   .target = target,
                                   .headers = {[HTTP_CONTENT_TYPE] = "application/json"},
                                   .body = body != NULL ? body : at,
                                   .body_len = body != NULL ? strlen(body) : rest};

    if (token != NULL && token[0] != '\0' && fuzz_http_is_value(token))
        request.headers[HTTP_X_STREAM_TOKEN] = token;
    if (target != NULL && fuzz_http_is_target(target))
        fuzz_http_ask(&request, NULL);
    free(target);
    free(token);
    free(body);
    free(text);
    return 0;
}
