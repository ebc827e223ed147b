/* Sessions as another program may have written them into Redis. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session session = {.id = "AAAAAAAAAAAAAAAAAAAAAA"};
    const char *text = (const char *)data;

    if (session_json_parse(text, size, &session) == 0) {
        json_decref(session_document(&session));

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
