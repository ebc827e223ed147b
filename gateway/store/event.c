/* What happened: its types' words, its place in the order, and copies of it. */
#include "event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Reads digits, at least one. NULL where there is none, or the number is too large; else what is behind them. */
static const char *parse_number(const char *text, uint64_t *ret_number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return errno == 0 ? end : NULL;
}

int event_id_parse(const char *text, uint64_t *ret_ms, uint64_t *ret_number)
{
    uint64_t ms, number;
    const char *at = parse_number(text, &ms);

    if (at == NULL || *at != '-')
        return -1;
    at = parse_number(at + 1, &number);
    if (at == NULL || *at != '\0')
        return -1;
    *ret_ms = ms;
    *ret_number = number;
    return 0;
}

void event_id_format(uint64_t ms, uint64_t number, event_id ret_id)
{
    snprintf(ret_id, sizeof(event_id), "%" PRIu64 "-%" PRIu64, ms, number);
}

enum { TEXTS = 7 };

/* The addresses of an event's texts. */
static void texts_of(struct event *event, const char **ret_texts[TEXTS])
{
    const char **texts[TEXTS] = {&event->session_id, &event->user_id,  &event->family_id,
                                 &event->device_id,  &event->media_id, &event->cause,
                                 &event->by};

    memcpy(ret_texts, texts, sizeof texts);
}

struct event *event_pack(const struct event *events, size_t count)
{
    size_t size = (count > 0 ? count : 1) * sizeof *events;
    const char **texts[TEXTS];

    for (size_t i = 0; i < count; i++) {
        struct event event = events[i];

        texts_of(&event, texts);
        for (int t = 0; t < TEXTS; t++)
            size += strlen(*texts[t]) + 1;
    }
    struct event *copies = malloc(size);
    if (copies == NULL)
        return NULL;
    char *at = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = events[i];
        texts_of(&copies[i], texts);
        for (int t = 0; t < TEXTS; t++) {
            const char *copy = at;

            at = stpcpy(at, *texts[t]) + 1;
            *texts[t] = copy;
        }
    }
    return copies;
}
