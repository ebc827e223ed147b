/*
 * What happened last in the embedded store.
 *
 * An event's number is its place in the ring, and the second part of its id; the first is the time, held back
 * where the wall clock was set back. So ids only grow, an id of another store's or of before a restart has its
 * place among ours by its time, and one of ours is found by halving.
 */
#include "memory_events.h"

#include <stdlib.h>
#include <string.h>

#include "store_query.h"

struct memory_events_slot {
    uint64_t ms;         /* of its place */
    unsigned partition;  /* that it is of */
    struct event *event; /* NULL where memory ran out */
};

void memory_events_init(struct memory_events *events, int64_t wall_ms)
{
    *events = (struct memory_events){0};
    events->latest.ms = events->lost.ms = (uint64_t)wall_ms;
}

static struct memory_events_slot *slot_of(const struct memory_events *events, uint64_t number)
{
    return &events->ring[number % MEMORY_EVENTS_MAX];
}

/* The number of the oldest one that the ring holds; of the next, where it holds none. */
static uint64_t oldest(const struct memory_events *events)
{
    uint64_t number = events->latest.number;

    return number > MEMORY_EVENTS_MAX ? number - MEMORY_EVENTS_MAX + 1 : 1;
}

static bool is_before(struct memory_place a, struct memory_place b)
{
    return a.ms < b.ms || (a.ms == b.ms && a.number < b.number);
}

static struct memory_place place_of(const struct memory_events *events, uint64_t number)
{
    return (struct memory_place){slot_of(events, number)->ms, number};
}

void memory_events_add(struct memory_events *events, const struct event *event, unsigned partition)
{
    struct memory_place *latest = &events->latest;

    latest->number++;
    if (event->time_ms > (int64_t)latest->ms)
        latest->ms = (uint64_t)event->time_ms;
    if (events->ring == NULL)
        events->ring = calloc(MEMORY_EVENTS_MAX, sizeof *events->ring);
    if (events->ring == NULL) {
        latest->number = 0; /* there is no place for any */
        events->lost.ms = latest->ms;
        return;
    }

    struct memory_events_slot *slot = slot_of(events, latest->number);
    if (latest->number > MEMORY_EVENTS_MAX)
        events->lost = (struct memory_place){slot->ms, latest->number - MEMORY_EVENTS_MAX};
    free(slot->event);
    slot->ms = latest->ms;
    slot->partition = partition;
    slot->event = event_pack(event, 1);
    if (slot->event == NULL)
        events->lost = *latest;
}

/* The number of the first one behind a place. */
static uint64_t first_behind(const struct memory_events *events, struct memory_place place)
{
    uint64_t low = oldest(events), high = events->latest.number + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (is_before(place, place_of(events, middle)))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static bool matches(const struct store_filter *filter, const struct event *event)
{
    return store_filter_matches(filter, event->family_id, event->device_id, event->user_id,
                                event->media_id);
}

/* Looks at `count` of them from a number on, forwards or backwards, and hands out those that match. */
static enum err look_at(const struct memory_events *events, unsigned partition,
                        struct store_events *query, uint64_t first, size_t count)
{
    struct event *found = calloc(count > 0 ? count : 1, sizeof *found);
    uint64_t number = first;

    if (found == NULL)
        return ERR_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        number = query->backwards ? first - i : first + i;
        const struct memory_events_slot *slot = slot_of(events, number);

        if (slot->event == NULL || slot->partition != partition ||
            !matches(&query->filter, slot->event))
            continue;
        found[query->count] = *slot->event;
        event_id_format(slot->ms, number, found[query->count++].id);
    }
    if (count > 0)
        event_id_format(slot_of(events, number)->ms, number, query->after);
    query->events = event_pack(found, query->count);
    free(found);
    return query->events == NULL ? ERR_INTERNAL : ERR_OK;
}

/* The newest one's id; "0-0" where there is none yet. */
static void tell_newest(const struct memory_events *events, event_id ret_id)
{
    const struct memory_place *latest = &events->latest;

    event_id_format(latest->number > 0 ? latest->ms : 0, latest->number, ret_id);
}

/*
 * Whether some behind a place are lost, of which none are known but those of this ring where it stands in for
 * another store.
 */
static bool has_gap(const struct memory_events *events, bool stands_in, struct memory_place after)
{
    bool begins = after.ms == 0 && after.number == 0; /* as is told before the first one */
    bool lost = events->lost.number > 0 || !(stands_in || begins);

    return (lost && is_before(after, events->lost)) ||
           (!stands_in && is_before(events->latest, after));
}

static enum err look_forwards(const struct memory_events *events, unsigned partition,
                              bool stands_in, struct store_events *query,
                              const struct memory_place *after)
{
    uint64_t first = after == NULL ? oldest(events) : first_behind(events, *after);
    uint64_t there = events->latest.number + 1 - first;

    query->gap = after != NULL && has_gap(events, stands_in, *after);
    if (query->gap && there == 0)
        tell_newest(events, query->after);
    return look_at(events, partition, query, first, there < query->most ? there : query->most);
}

static enum err look_backwards(const struct memory_events *events, unsigned partition,
                               struct store_events *query, const struct memory_place *before)
{
    uint64_t next = before == NULL ? events->latest.number + 1 : first_behind(events, *before);

    if (before != NULL && next > oldest(events) && !is_before(place_of(events, next - 1), *before))
        next--;
    uint64_t there = next - oldest(events);
    return look_at(events, partition, query, next - 1, there < query->most ? there : query->most);
}

enum err memory_events_query(const struct memory_events *events, unsigned partition, bool stands_in,
                             struct store_events *query)
{
    bool everywhere = query->after[0] == '\0';
    struct memory_place place;

    if (query->newest) {
        tell_newest(events, query->after);
        return ERR_OK;
    }
    if (!everywhere && event_id_parse(query->after, &place.ms, &place.number) != 0)
        return ERR_INVALID_REQUEST;
    const struct memory_place *after = everywhere ? NULL : &place;
    return query->backwards ? look_backwards(events, partition, query, after)
                            : look_forwards(events, partition, stands_in, query, after);
}

void memory_events_done(struct memory_events *events)
{
    for (size_t i = 0; events->ring != NULL && i < MEMORY_EVENTS_MAX; i++)
        free(events->ring[i].event);
    free(events->ring);
    *events = (struct memory_events){0};
}
