/* Settings: lines NAME=value of the environment up to an empty one, then the file. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buf.h"
#include "fuzz_text.h"
#include "settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a variable is one that settings are read from; files that others name are left alone. */
static int is_ours(const char *line)
{
    const char *end = strchr(line, '=');

    if (end == NULL || (strncmp(line, "GATEWAY_", 8) != 0 && strncmp(line, "REDIS_", 6) != 0))
        return 0;
    return end - line < 5 || strncmp(end - 5, "_FILE", 5) != 0;
}

/* A file, without a name, of these bytes; its path goes to ret_path. */
static int make_file(const char *bytes, size_t len, char *ret_path, size_t path_size)
{
    int fd = memfd_create("settings", MFD_CLOEXEC);

    assert(fd >= 0);
    ssize_t put = write(fd, bytes, len);
    assert(put == (ssize_t)len);
    snprintf(ret_path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}

/* What was taken can be shown. */
static void expect_shown(const struct settings *settings)
{
    struct buf shown = BUF_EMPTY;
    int rc = settings_show(settings, &shown);

    assert(rc == 0 && shown.len > 0);
    buf_done(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *at = text, *line;
    struct buf reason = BUF_EMPTY, warnings = BUF_EMPTY;
    struct settings settings = {0};
    char path[64];

    clearenv();
    while ((line = fuzz_text_line(&at, text + size)) != NULL && line[0] != '\0')
        if (is_ours(line))
            putenv(line); /* text stays until all has been read */
    int fd = make_file(at, (size_t)(text + size - at), path, sizeof path);
    int rc = settings_load(&settings, path, &reason, &warnings);
    if (rc == 0) {
        assert(settings.store == SETTINGS_STORE_MEMORY || settings.store == SETTINGS_STORE_REDIS);
        assert(settings.workers >= 1 && settings.session_heartbeat_interval >= 1);
        expect_shown(&settings);
    } else {
        const char *why = buf_text(&reason);
        assert(why != NULL && why[0] != '\0' && strchr(why, '\n') == NULL);
    }
    settings_free(&settings);
    clearenv();
    close(fd);
    buf_done(&reason);
    buf_done(&warnings);
    free(text);
    return 0;
}
