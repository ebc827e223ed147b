/* The one table of error codes, looked up. */
#include "err.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *word;
    const char *title;
    const char *detail;
    int status;
} table[ERR_COUNT] = {[ERR_OK] = {"ok", "OK", "", 200},
#define X(name, word_, status_, title_, detail_) [name] = {word_, title_, detail_, status_},
                      ERR_TABLE(X)
#undef X
};

const char *err_word(enum err code)
{
    return table[code].word;
}

int err_status(enum err code)
{
    return table[code].status;
}

const char *err_title(enum err code)
{
    return table[code].title;
}

const char *err_detail(enum err code)
{
    return table[code].detail;
}

enum err err_from_word(const char *word)
{
    for (size_t i = 0; i < ERR_COUNT; i++)
        if (strcmp(table[i].word, word) == 0)
            return (enum err)i;
    return ERR_INTERNAL;
}
