/* Bodies of creates, as any caller may send them. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_http.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_name(const char *name, size_t least)
{
    size_t len = strlen(name);

    assert(len >= least && text_is_printable(name, len));
}

/* What was let in is what a session may be. */
static void expect_sound(const struct session *session)
{
    expect_name(session->user_id, 1);
    expect_name(session->family_id, 1);
    expect_name(session->device_id, 1);
    expect_name(session->media_id, 1);
    expect_name(session->device_name, 0);
    expect_name(session->media_title, 0);
    expect_name(session->platform, 0);
    expect_name(session->player_id, 0);
    if (session->metadata[0] != '\0') {
        json_auto_t *metadata = json_loads(session->metadata, 0, NULL);
        assert(json_is_object(metadata));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_request request = {.listener = FUZZ_PLAYER,
                                         .method = "POST",
                                         .target = "/v1/sessions",
                                         .headers = {[HTTP_CONTENT_TYPE] = "application/json"},
                                         .body = (const char *)data,
                                         .body_len = size};
    int status = fuzz_http_ask(&request, expect_sound);

    assert(status == 201 || status == 400 || status == 409);
    return 0;
}
