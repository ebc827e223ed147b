/* The embedded scripts, by number. */
#include "redis_script.h"

extern const char redis_script_create[], redis_script_heartbeat[], redis_script_end[],
    redis_script_get[];
extern const size_t redis_script_create_len, redis_script_heartbeat_len, redis_script_end_len,
    redis_script_get_len;

static const struct {
    const char *text;
    const size_t *len;
} scripts[REDIS_SCRIPT_COUNT] = {
    [REDIS_SCRIPT_CREATE] = {redis_script_create, &redis_script_create_len},
    [REDIS_SCRIPT_HEARTBEAT] = {redis_script_heartbeat, &redis_script_heartbeat_len},
    [REDIS_SCRIPT_END] = {redis_script_end, &redis_script_end_len},
    [REDIS_SCRIPT_GET] = {redis_script_get, &redis_script_get_len},
};

const char *redis_script_text(enum redis_script script, size_t *ret_len)
{
    *ret_len = *scripts[script].len;
    return scripts[script].text;
}
