/*
 * Snapshots of the embedded store: a file with what a restart would lose, its sessions, why others ended, and
 * what is kept about families and devices; but for the counts of creates, and for events.
 *
 * A snapshot is copied out in portions, while the store goes on working, and so isn't of one moment. All sessions in
 * it lived when it was begun: who got in later isn't in it, and so the limits that held then hold in what is loaded.
 * Ends are copied after sessions and marks, and take the place of their sessions: who was ended meanwhile stays so.
 */
#ifndef MEMORY_SNAPSHOT_H
#define MEMORY_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct memory;

/* What was written, or read and still counts. */
struct memory_snapshot_told {
    size_t sessions, marks, ends; /* so many of each */
    size_t bytes;                 /* of the file */
    int64_t longest_us;           /* for which the store's lock was held; saving alone */
};

/*
 * Writes a snapshot in the place of the file at path, which is whole at any time and readable by its owner alone:
 * a file beside it, path with `.tmp` behind it, takes its name once it is on the disk. For one thread at a time;
 * others may use the store meanwhile. It blocks on the disk. Returns 0; -1 with one line appended to reason, which
 * names the file, and the file at path as it was.
 */
int memory_snapshot_save(struct memory *memory, const char *path,
                         struct memory_snapshot_told *ret_told, struct buf *reason);

/*
 * Reads a snapshot into an empty store; what expired since it was written is left out. Returns 1; 0 where there is no such file;
 * -1 with one line appended to reason, which names the file, and a store that may hold a part of it, to be freed.
 * The file is never changed.
 */
int memory_snapshot_load(struct memory *memory, const char *path,
                         struct memory_snapshot_told *ret_told, struct buf *reason);

/* The same from a snapshot's bytes. Returns 0; -1 with a reason that names no file. */
int memory_snapshot_read(struct memory *memory, const void *bytes, size_t len,
                         struct memory_snapshot_told *ret_told, struct buf *reason);

#endif
