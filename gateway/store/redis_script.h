/*
 * The scripts that carry out the store's operations in Redis: scripts/<name>.lua, embedded at build.
 */
#ifndef REDIS_SCRIPT_H
#define REDIS_SCRIPT_H

#include <stddef.h>

#define REDIS_SCRIPT_TABLE(X)                                                                      \
    X(REDIS_SCRIPT_CREATE, redis_script_create)                                                    \
    X(REDIS_SCRIPT_HEARTBEAT, redis_script_heartbeat)                                              \
    X(REDIS_SCRIPT_GET, redis_script_get)                                                          \
    X(REDIS_SCRIPT_SWAP, redis_script_swap)                                                        \
    X(REDIS_SCRIPT_END, redis_script_end)                                                          \
    X(REDIS_SCRIPT_LIST, redis_script_list)                                                        \
    X(REDIS_SCRIPT_REVOKE, redis_script_revoke)                                                    \
    X(REDIS_SCRIPT_ADOPT, redis_script_adopt)                                                      \
    X(REDIS_SCRIPT_SWEEP, redis_script_sweep)                                                      \
    X(REDIS_SCRIPT_SET_LIMITS, redis_script_set_limits)                                            \
    X(REDIS_SCRIPT_PAGE, redis_script_page)                                                        \
    X(REDIS_SCRIPT_PAGE_SET, redis_script_page_set)                                                \
    X(REDIS_SCRIPT_DESCRIBE, redis_script_describe)                                                \
    X(REDIS_SCRIPT_COUNTS, redis_script_counts)                                                    \
    X(REDIS_SCRIPT_NOTE, redis_script_note)

enum redis_script {
#define X(name, symbol) name,
    REDIS_SCRIPT_TABLE(X)
#undef X
        REDIS_SCRIPT_COUNT
};

/* The text of a script, *ret_len bytes. */
const char *redis_script_text(enum redis_script script, size_t *ret_len);

#endif
