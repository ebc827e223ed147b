/*
 * One viewer: a closed loop that watches, zaps, stops, crashes, sleeps, comes back, and asks for
 * room. Each has one request under way at a time, as a player has. What it does next is thrown by
 * dice; what it is answered is checked by the rules.
 */
#ifndef VIEWERS_VIEWER_H
#define VIEWERS_VIEWER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "family.h"
#include "pool.h"
#include "tally.h"

struct viewer_options {
    struct family_rules rules; /* the gateway's */
    double segment_s;          /* between two authorizes */
    double session_s;          /* that a viewer watches, on average */
    double pause_s;            /* between two sessions, on average */
};

/* What all viewers share. */
struct viewers {
    uv_loop_t *loop;
    struct viewer_options options;
    struct pool *pool;
    struct tally tally;
    uint64_t random;     /* state of the dice */
    unsigned generation; /* part of every name, so that runs don't meet */
    size_t watching;     /* viewers with a session */
    bool closing;        /* nobody begins anything any more */
};

enum viewer_state { VIEWER_AWAY, VIEWER_WATCHING, VIEWER_ASLEEP, VIEWER_PROBING };

struct viewer {
    struct viewers *all;
    struct family *family;
    unsigned number;         /* its userId */
    unsigned device;         /* of the family's */
    unsigned player;         /* its playerId: another after a crash that isn't a reload */
    enum viewer_state state; /* see above */
    struct view *view;       /* its session; NULL: none */
    struct view
        *left; /* of a create under way: its own that it takes the place of, after a reload */
    struct view *given_up;   /* of a create under way: the one that it asks to be replaced */
    struct buf token;        /* of the session */
    int64_t heartbeat_ms;    /* between two heartbeats, as the gateway said */
    int64_t heartbeat_at_ms; /* when the next is due */
    enum call call;          /* under way */
    bool forged;             /* the call's token is none */
    unsigned media;          /* that the create asks for */
    struct pool_request request;
    uv_timer_t timer; /* until it does the next thing */
};

/* Becomes active within so many milliseconds. */
void viewer_start(struct viewer *viewer, struct viewers *all, struct family *family,
                  unsigned number, unsigned device, uint64_t within_ms);

/* Takes its timer off the loop; run it once more afterwards. */
void viewer_close(struct viewer *viewer);
void viewer_free(struct viewer *viewer);

#endif
