/*
 * Authorizes: addresses, queries and cookies as any viewer may make a proxy pass them on. Each line is a header's
 * letter and its value, or `p` and a target; in them \1 is a good token, \2 its sessionId.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_http.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    char letter;
    enum http_header header;
} letters[] = {
    {'u', HTTP_X_ORIGINAL_URI}, {'f', HTTP_X_FORWARDED_URI}, {'l', HTTP_X_ORIGINAL_URL},
    {'c', HTTP_COOKIE},         {'b', HTTP_AUTHORIZATION},   {'t', HTTP_X_STREAM_TOKEN},
};

enum { LETTERS = sizeof letters / sizeof letters[0] };

/* Puts a line into the request, which has its text then, if it can be in one. */
static void take_line(const char *line, struct fuzz_request *request)
{
    char *value = fuzz_http_fill_in(line[0] != '\0' ? line + 1 : line);

    for (size_t i = 0; i < LETTERS; i++) {
        if (line[0] == letters[i].letter && request->headers[letters[i].header] == NULL &&
            fuzz_http_is_value(value)) {
            request->headers[letters[i].header] = value;
            return;
        }
    }
    if (line[0] == 'p' && request->target == NULL && fuzz_http_is_target(value)) {
        request->target = value;
        return;
    }
    free(value);
}

/* Whether a good token is anywhere in the request. */
static int has_token(const struct fuzz_request *request)
{
    const char *token = fuzz_http_token();

    for (size_t i = 0; i < LETTERS; i++) {
        const char *value = request->headers[letters[i].header];
        if (value != NULL && strstr(value, token) != NULL)
            return 1;
    }
    return request->target != NULL && strstr(request->target, token) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_request request = {.listener = FUZZ_PLAYER, .method = "GET"};
    char *text = fuzz_text(data, size), *at = text, *line;
    char *target = strdup("/v1/authorize");

    while ((line = fuzz_text_line(&at, text + size)) != NULL)
        take_line(line, &request);
    int good = has_token(&request);
    const char *uri = request.headers[HTTP_X_ORIGINAL_URI];
    int of_title = uri != NULL && strstr(uri, "vod") != NULL;
    if (request.target == NULL)
        request.target = target;
    else
        free(target);

    int status = fuzz_http_ask(&request, NULL);
    if (strncmp(request.target, "/v1/authorize", 13) == 0 &&
        strchr("/?", request.target[13]) != NULL) {
        assert(status == 200 || status == 401 || status == 403 || status == 404);
        /* A token may be spelled with %XX in a query; without any, nobody is let in. */
        assert(status != 200 || good || memchr(data, '%', size) != NULL);
        assert(status != 200 || of_title || memchr(data, '%', size) != NULL);
    }
    for (size_t i = 0; i < LETTERS; i++)
        free((char *)request.headers[letters[i].header]);
    free((char *)request.target);
    free(text);
    return 0;
}
