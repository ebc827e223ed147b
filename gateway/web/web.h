/*
 * The files that browsers get, as they were when the program was built.
 */
#ifndef WEB_H
#define WEB_H

#include <stdbool.h>
#include <stddef.h>

struct web_file {
    const char *type; /* Content-Type */
    const char *body; /* its bytes */
    size_t len;       /* of body */
    const char *hash; /* 64 hex digits, others where body is another */
};

/* The file at a path (path_len bytes, without query), for example "/console.css". false: there is none. */
bool web_file_find(const char *path, size_t path_len, struct web_file *ret_file);

#endif
