/*
 * The snapshotter: every few seconds has the embedded store written to a file, by a thread of libuv's pool, so that
 * a slow disk holds up nobody. A file that can't be written is an error in the log, once, and tried again.
 */
#ifndef GATEWAY_SNAPSHOTTER_H
#define GATEWAY_SNAPSHOTTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "memory_snapshot.h"

struct loop;
struct memory;

struct snapshotter {
    uv_timer_t timer;                 /* every interval */
    uv_work_t work;                   /* a snapshot that is being written */
    struct memory *memory;            /* of which */
    const char *path;                 /* to where */
    bool busy;                        /* work is under way */
    bool failing;                     /* the last one could not be written */
    int rc;                           /* of work */
    struct memory_snapshot_told told; /* the same */
    struct buf reason;                /* the same */
};

/* Starts on the thread of this loop; struct, memory and path must outlive it. */
void snapshotter_start(struct snapshotter *snapshotter, struct loop *loop, struct memory *memory,
                       const char *path, int64_t interval_s);

/* Begins no further snapshot, and closes its timer. One that is under way completes with the loop. */
void snapshotter_stop(struct snapshotter *snapshotter);

/* ---- At the program's start and end ---- */

/*
 * Reads the file into an empty store, if there is such a file, and looks whether one can be written. Returns 0; -1,
 * logged, where it isn't so.
 */
int snapshotter_load(struct memory *memory, const char *path);

/* Writes the last one, once nobody changes the store any more. Returns 0; -1, logged. */
int snapshotter_save(struct memory *memory, const char *path);

#endif
