/* Sessions as another program may have written them into Redis. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_writer.h"
#include "session_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A text of the shape that we write is read in one pass; with a blank before it, it isn't of that shape, and is
 * read with jansson. Both must find the same.
 */
static void compare_with_jansson(const char *text, size_t size, int result,
                                 const struct session *session)
{
    struct session other = {.id = "AAAAAAAAAAAAAAAAAAAAAA"};
    struct buf shifted = BUF_EMPTY;

    buf_add_char(&shifted, ' ');
    buf_add(&shifted, text, size);
    assert(!shifted.failed);
    int rc = session_json_parse(shifted.data, shifted.len, &other);
    assert(rc == result && memcmp(&other, session, sizeof other) == 0);
    buf_done(&shifted);
}

static void write_document(const struct session *session)
{
    struct buf text = BUF_EMPTY;
    struct json_writer writer = {.out = &text};

    json_writer_begin_object(&writer, NULL);
    session_json_document(&writer, session);
    json_writer_end_object(&writer);

    json_t *document = json_loadb(text.data, text.len, 0, NULL);
    assert(json_is_object(document));
    json_decref(document);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session session = {.id = "AAAAAAAAAAAAAAAAAAAAAA"};
    const char *text = (const char *)data;

    int result = session_json_parse(text, size, &session);
    compare_with_jansson(text, size, result, &session);
    if (result == 0) {
        write_document(&session);

        /* What can be read can be edited, and read again. */
        char *edited = session_json_edit(text, size, "m2", NULL, 0);
        assert(edited != NULL);
        int rc = session_json_parse(edited, strlen(edited), &session);
        assert(rc == 0 && strcmp(session.media_id, "m2") == 0 && session.last_heartbeat_ms == 0);
        free(edited);
    } else {
        free(session_json_edit(text, size, NULL, NULL, 0));
    }
    return 0;
}
