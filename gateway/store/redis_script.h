/*
 * The scripts that carry out the store's operations in Redis: scripts/<name>.lua, embedded at build.
 */
#ifndef REDIS_SCRIPT_H
#define REDIS_SCRIPT_H

#include <stddef.h>

enum redis_script {
    REDIS_SCRIPT_CREATE,
    REDIS_SCRIPT_HEARTBEAT,
    REDIS_SCRIPT_END,
    REDIS_SCRIPT_GET,
    REDIS_SCRIPT_COUNT
};

/* The text of a script, *ret_len bytes. */
const char *redis_script_text(enum redis_script script, size_t *ret_len);

#endif
