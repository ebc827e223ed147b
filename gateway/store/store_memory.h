/*
 * The embedded store: the store contract over memory.h. Answers every request by peek.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

struct loop;
struct memory;
struct store;

/* A handle for the thread of this loop; store_close frees it. NULL where memory runs out. */
struct store *store_memory_open(struct memory *memory, struct loop *loop);

#endif
