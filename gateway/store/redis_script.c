/* The embedded scripts, by number. */
#include "redis_script.h"

#define X(name, symbol)                                                                            \
    extern const char symbol[];                                                                    \
    extern const size_t symbol##_len;
REDIS_SCRIPT_TABLE(X)
#undef X

static const struct {
    const char *text;
    const size_t *len;
} scripts[REDIS_SCRIPT_COUNT] = {
#define X(name, symbol) [name] = {symbol, &symbol##_len},
    REDIS_SCRIPT_TABLE(X)
#undef X
};

const char *redis_script_text(enum redis_script script, size_t *ret_len)
{
    *ret_len = *scripts[script].len;
    return scripts[script].text;
}
