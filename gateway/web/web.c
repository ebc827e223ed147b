/* The files that browsers get: finds them in the table that CMakeLists.txt makes. */
#include "web.h"

#include <string.h>

#include "web_table.h"

#define X(path, type, name)                                                                        \
    extern const char name[], name##_hash[];                                                       \
    extern const size_t name##_len;
WEB_TABLE(X)
#undef X

static const struct {
    const char *path, *type, *body, *hash; /* as in struct web_file */
    const size_t *len;                     /* where the length is: the compiler doesn't know it */
} files[] = {
#define X(path, type, name) {path, type, name, name##_hash, &name##_len},
    WEB_TABLE(X)
#undef X
};

bool web_file_find(const char *path, size_t path_len, struct web_file *ret_file)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strlen(files[i].path) != path_len || memcmp(files[i].path, path, path_len) != 0)
            continue;
        ret_file->type = files[i].type;
        ret_file->body = files[i].body;
        ret_file->len = *files[i].len;
        ret_file->hash = files[i].hash;
        return true;
    }
    return false;
}
