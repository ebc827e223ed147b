/* What happened: the words of its types. */
#include "event.h"

#include <string.h>

static const char *const words[EVENT_TYPE_COUNT] = {
#define X(name, word) [name] = word,
    EVENT_TABLE(X)
#undef X
};

const char *event_type_word(enum event_type type)
{
    return type < EVENT_TYPE_COUNT ? words[type] : "unknown";
}

enum event_type event_type_of(const char *word)
{
    int type = 0;

    while (type < EVENT_TYPE_COUNT && strcmp(words[type], word) != 0)
        type++;
    return (enum event_type)type;
}
