/*
 * A bounded table of which an item goes that wasn't used lately. Intrusive: an item is embedded in what is kept,
 * which the table frees through `drop`. For one thread.
 *
 * It is the second-chance approximation of "least recently used": a use only marks the item, since moving it in a
 * list would touch the memory of its neighbours, and the tables are too large for a processor's cache. Whoever must
 * go is looked for from the oldest on; one that was used since is spared, and counts as new.
 */
#ifndef COMMON_LRU_H
#define COMMON_LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <uthash.h>

struct lru_item {
    bool used;         /* since it came, or was spared; beside hh, which a look-up reads too */
    UT_hash_handle hh; /* by key */
    struct lru_item *prev, *next; /* in the queue */
};

/* A table, made as {.most = …, .drop = …}. */
struct lru {
    struct lru_item *table;              /* by key */
    struct lru_item *queue;              /* oldest first */
    size_t most;                         /* items that are kept */
    void (*drop)(struct lru_item *item); /* frees what embeds an item that isn't kept any more */
};

/*
 * The item of a key, which counts as used; NULL where there is none. The hash of a key is the
 * caller's: one that others can't steer.
 */
struct lru_item *lru_find(struct lru *lru, const void *key, size_t len, unsigned hash);

/*
 * Keeps an item whose key, which no other has, lies in what embeds it. Drops one that wasn't used lately
 * where there are too many, and the item itself where memory runs out.
 */
void lru_add(struct lru *lru, struct lru_item *item, const void *key, size_t len, unsigned hash);

/* Takes an item out, and drops it. */
void lru_remove(struct lru *lru, struct lru_item *item);

/* Takes all out, and drops them. */
void lru_clear(struct lru *lru);

/* How many are kept. */
size_t lru_count(const struct lru *lru);

#endif
