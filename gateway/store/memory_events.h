/*
 * What happened last in the embedded store: the feed that Redis keeps in stream_events, in a ring.
 */
#ifndef MEMORY_EVENTS_H
#define MEMORY_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "event.h"

struct store_events;

/* The latest are kept: some 5 MB of them, at most 17 MB where all names are as long as they may be. */
#define MEMORY_EVENTS_MAX 16384

/* An event's place: its id's two numbers. */
struct memory_place {
    uint64_t ms;     /* wall clock, but never less than the one before */
    uint64_t number; /* 1, 2, 3… */
};

struct memory_events {
    struct memory_events_slot *ring; /* the event n at n % MEMORY_EVENTS_MAX; NULL until used */
    struct memory_place latest;      /* number 0: there is none */
    struct memory_place lost;        /* the latest of those that were and aren't here */
};

/* None yet, at this time of the wall clock: what may have been before is lost. */
void memory_events_init(struct memory_events *events, int64_t wall_ms);

/*
 * Appends a copy of an event of a partition, all of it but id given. Where memory runs out it is lost, but its number is used:
 * readers are told of the gap.
 */
void memory_events_add(struct memory_events *events, const struct event *event, unsigned partition);

/*
 * Answers a query (store_query.h) about a partition, for itself or in another store's place: `after` may be of
 * that one then. ERR_INVALID_REQUEST where `after` is no event's id; ERR_INTERNAL where memory
 * runs out.
 */
enum err memory_events_query(const struct memory_events *events, unsigned partition, bool stands_in,
                             struct store_events *query);

/* Forgets all. */
void memory_events_done(struct memory_events *events);

#endif
