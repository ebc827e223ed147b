/* Where a claim stands in a token. */
#include "jwt_path.h"

#include <stdlib.h>
#include <string.h>

const char *jwt_path_fault(const char *path)
{
    if (strlen(path) > JWT_PATH_MAX)
        return "must be at most 256 bytes";
    if (path[0] != '/')
        return NULL;
    for (const char *c = path; (c = strchr(c, '~')) != NULL; c++)
        if (c[1] != '0' && c[1] != '1')
            return "must have ~ before 0 (a tilde) or 1 (a slash) alone, since it is a JSON "
                   "pointer";
    return NULL;
}

/* The member or element that one part of a pointer (len bytes, escaped) names. */
static const json_t *step(const json_t *value, const char *part, size_t len)
{
    char name[JWT_PATH_MAX + 1];
    size_t at = 0;
    char *end;

    for (size_t i = 0; i < len; i++) {
        if (part[i] != '~')
            name[at++] = part[i];
        else
            name[at++] = part[++i] == '1' ? '/' : '~';
    }
    name[at] = '\0';
    if (json_is_object(value))
        return json_object_get(value, name);
    if (!json_is_array(value) || at == 0 || strspn(name, "0123456789") != at ||
        (name[0] == '0' && at > 1))
        return NULL;
    return json_array_get(value, strtoul(name, &end, 10));
}

static const json_t *find_pointer(const json_t *value, const char *path)
{
    while (value != NULL && *path == '/') {
        size_t len = strcspn(path + 1, "/");

        value = step(value, path + 1, len);
        path += 1 + len;
    }
    return value;
}

static const json_t *find_dotted(const json_t *value, const char *path)
{
    const json_t *found = json_object_get(value, path);
    size_t len = strlen(path);
    char name[JWT_PATH_MAX + 1];

    memcpy(name, path, len + 1);
    while (found == NULL && len-- > 1) {
        if (path[len] != '.')
            continue;
        name[len] = '\0';
        const json_t *below = json_object_get(value, name);
        if (json_is_object(below))
            found = find_dotted(below, path + len + 1);
    }
    return found;
}

const json_t *jwt_path_find(const json_t *claims, const char *path)
{
    return path[0] == '/' ? find_pointer(claims, path) : find_dotted(claims, path);
}
