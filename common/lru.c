/* A bounded table of which an item goes that wasn't used lately. */
#define HASH_NONFATAL_OOM 1 /* an item that finds no memory is in no table: its hh.tbl is NULL */

#include "lru.h"

#include <utlist.h>

struct lru_item *lru_find(struct lru *lru, const void *key, size_t len, unsigned hash)
{
    struct lru_item *item;

    HASH_FIND_BYHASHVALUE(hh, lru->table, key, len, hash, item);
    if (item != NULL && !item->used) /* what is only read stays in more processors' caches */
        item->used = true;
    return item;
}

/* Drops the oldest item that wasn't used since it came or was spared. */
static void make_room(struct lru *lru)
{
    struct lru_item *oldest;

    while ((oldest = lru->queue)->used) {
        oldest->used = false;
        DL_DELETE(lru->queue, oldest);
        DL_APPEND(lru->queue, oldest);
    }
    lru_remove(lru, oldest);
}

void lru_add(struct lru *lru, struct lru_item *item, const void *key, size_t len, unsigned hash)
{
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, lru->table, key, len, hash, item);
    if (item->hh.tbl == NULL) {
        lru->drop(item);
        return;
    }
    item->used = false;
    if (HASH_COUNT(lru->table) > lru->most && lru->queue != NULL)
        make_room(lru);
    DL_APPEND(lru->queue, item);
}

void lru_remove(struct lru *lru, struct lru_item *item)
{
    HASH_DEL(lru->table, item);
    DL_DELETE(lru->queue, item);
    lru->drop(item);
}

void lru_clear(struct lru *lru)
{
    while (lru->queue != NULL)
        lru_remove(lru, lru->queue);
}

size_t lru_count(const struct lru *lru)
{
    return HASH_COUNT(lru->table);
}
