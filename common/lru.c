/* A bounded table of which the least recently used item goes first. */
#define HASH_NONFATAL_OOM 1 /* an item that finds no memory is in no table: its hh.tbl is NULL */

#include "lru.h"

#include <utlist.h>

struct lru_item *lru_find(struct lru *lru, const void *key, size_t len, unsigned hash)
{
    struct lru_item *item;

    HASH_FIND_BYHASHVALUE(hh, lru->table, key, len, hash, item);
    if (item != NULL && item->next != NULL) {
        DL_DELETE(lru->queue, item);
        DL_APPEND(lru->queue, item);
    }
    return item;
}

void lru_add(struct lru *lru, struct lru_item *item, const void *key, size_t len, unsigned hash)
{
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, lru->table, key, len, hash, item);
    if (item->hh.tbl == NULL) {
        lru->drop(item);
        return;
    }
    DL_APPEND(lru->queue, item);
    if (HASH_COUNT(lru->table) > lru->most)
        lru_remove(lru, lru->queue);
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
