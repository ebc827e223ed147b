/* A fuzz target's input as text. */
#include "fuzz_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *fuzz_text_line(char **at, char *end)
{
    char *line = *at;

    if (line >= end)
        return NULL;
    char *newline = memchr(line, '\n', (size_t)(end - line));
    char *behind = newline != NULL ? newline : end;
    *behind = '\0';
    *at = newline != NULL ? newline + 1 : end;
    return line;
}
