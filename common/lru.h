/*
 * A bounded table of which the least recently used item goes first. Intrusive: an item is embedded in what is
 * kept, which the table frees through `drop`. For one thread.
 */
#ifndef COMMON_LRU_H
#define COMMON_LRU_H

#include <stddef.h>
#include <uthash.h>

struct lru_item {
    UT_hash_handle hh;            /* by key */
    struct lru_item *prev, *next; /* least recently used first */
};

/* A table, made as {.most = …, .drop = …}. */
struct lru {
    struct lru_item *table;              /* by key */
    struct lru_item *queue;              /* by use */
    size_t most;                         /* items that are kept */
    void (*drop)(struct lru_item *item); /* frees what embeds an item that isn't kept any more */
};

/*
 * The item of a key, which is now the one used last; NULL where there is none. The hash of a key is the
 * caller's: one that others can't steer.
 */
struct lru_item *lru_find(struct lru *lru, const void *key, size_t len, unsigned hash);

/*
 * Keeps an item whose key, which no other has, lies in what embeds it. Drops the least recently used one where
 * there are too many, and the item itself where memory runs out.
 */
void lru_add(struct lru *lru, struct lru_item *item, const void *key, size_t len, unsigned hash);

/* Takes an item out, and drops it. */
void lru_remove(struct lru *lru, struct lru_item *item);

/* Takes all out, and drops them. */
void lru_clear(struct lru *lru);

/* How many are kept. */
size_t lru_count(const struct lru *lru);

#endif
