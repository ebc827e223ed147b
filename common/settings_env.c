/* Settings in the environment: plain variables, and secrets that may stand in a file instead. */
#include "settings_env.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"

#define NAME_BYTES 128 /* the longest name that is read, with its NUL */

const char *settings_env(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && *text != '\0' ? text : NULL;
}

/* Reads the file that a …_FILE variable names, one trailing newline cut. */
static int read_secret_file(const char *name, const char *path, char **ret_text, struct buf *reason)
{
    struct buf bytes = BUF_EMPTY;
    size_t mark = reason->len;

    buf_printf(reason, "%s: %s: ", name, path);
    if (file_read(path, &bytes, reason) != 0)
        goto fail;
    if (strlen(bytes.data) != bytes.len) {
        buf_add_str(reason, "has a NUL byte in it");
        goto fail;
    }
    if (bytes.len > 0 && bytes.data[bytes.len - 1] == '\n')
        bytes.data[--bytes.len] = '\0';
    if (bytes.len == 0) {
        buf_add_str(reason, "is empty");
        goto fail;
    }
    reason->len = mark;
    *ret_text = bytes.data;
    return 0;

fail:
    buf_done(&bytes);
    return -1;
}

int settings_env_secret(const char *name, char **ret_text, enum setting_source *ret_source,
                        struct buf *reason)
{
    char file_name[NAME_BYTES + sizeof "_FILE"];
    enum setting_source unused;

    *ret_text = NULL;
    if (ret_source == NULL)
        ret_source = &unused;
    *ret_source = SETTING_DEFAULT;
    stpcpy(stpncpy(file_name, name, NAME_BYTES), "_FILE");

    const char *text = settings_env(name), *path = settings_env(file_name);
    if (text != NULL && path != NULL) {
        buf_printf(reason, "%s: %s is set too, only one of them may be", file_name, name);
        return -1;
    }
    if (path != NULL) {
        *ret_source = SETTING_FROM_ENV_FILE;
        return read_secret_file(file_name, path, ret_text, reason);
    }
    if (text != NULL) {
        *ret_source = SETTING_FROM_ENV;
        *ret_text = strdup(text);
        if (*ret_text == NULL) {
            buf_printf(reason, "%s: no memory", name);
            return -1;
        }
    }
    return 0;
}
