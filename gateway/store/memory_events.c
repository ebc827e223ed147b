/* What happened last in the embedded store. */
#include "memory_events.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 7 };

/* An entry in one piece of memory: its fixed part, then its texts, each with its NUL. */
struct packed {
    struct memory_event event;
    char texts[];
};

/* The addresses of an entry's texts. */
static void texts_of(struct memory_event *event, const char **ret_texts[TEXTS])
{
    const char **texts[TEXTS] = {&event->session_id, &event->user_id,  &event->family_id,
                                 &event->device_id,  &event->media_id, &event->cause,
                                 &event->by};

    memcpy(ret_texts, texts, sizeof texts);
}

void memory_events_add(struct memory_events *events, struct memory_event *event)
{
    const char **texts[TEXTS];
    size_t size = 0;

    event->number = ++events->number;
    if (events->ring == NULL)
        events->ring = calloc(MEMORY_EVENTS_MAX, sizeof *events->ring);
    if (events->ring == NULL)
        return;
    texts_of(event, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += strlen(*texts[i]) + 1;

    char **slot = &events->ring[event->number % MEMORY_EVENTS_MAX];
    struct packed *packed = malloc(sizeof *packed + size);
    free(*slot);
    *slot = (char *)packed;
    if (packed == NULL)
        return;
    packed->event = *event;
    texts_of(&packed->event, texts);
    char *at = packed->texts;
    for (size_t i = 0; i < TEXTS; i++) {
        const char *copy = at;

        at = stpcpy(at, *texts[i]) + 1;
        *texts[i] = copy;
    }
}

int memory_events_get(const struct memory_events *events, uint64_t number,
                      struct memory_event *ret_event)
{
    if (events->ring == NULL || number == 0 || number > events->number)
        return -1;
    const char *slot = events->ring[number % MEMORY_EVENTS_MAX];
    if (slot == NULL)
        return -1;
    memcpy(ret_event, slot, sizeof *ret_event);
    return ret_event->number == number ? 0 : -1;
}

void memory_events_done(struct memory_events *events)
{
    for (size_t i = 0; events->ring != NULL && i < MEMORY_EVENTS_MAX; i++)
        free(events->ring[i]);
    free(events->ring);
    *events = (struct memory_events){0};
}
