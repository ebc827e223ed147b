/* Calls on the admin listener: a line with method and target, the body. In them \2 is a live sessionId. */
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
    char *first = fuzz_text_line(&at, text + size);
    char *method = first != NULL ? strsep(&first, " ") : NULL;
    char *target = first != NULL ? fuzz_http_fill_in(first) : NULL;
    const struct fuzz_request request = {
        .listener = FUZZ_ADMIN,
        .method = method,
        .target = target,
        .headers =
            {[HTTP_CONTENT_TYPE] = "application/json", [HTTP_AUTHORIZATION] = fuzz_http_admin},
        .body = at,
        .body_len = (size_t)(text + size - at)};

    if (target != NULL && fuzz_http_is_target(target))
        fuzz_http_ask(&request, NULL);
    free(target);
    free(text);
    return 0;
}
