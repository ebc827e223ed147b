/* What a store said about sessions a moment ago: a table by sessionId, and a list by last use. */
#include "answer_cache.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM             1 /* the element is kept nowhere then, its hh.tbl NULL */
#define HASH_FUNCTION(key, len, hash) ((hash) = session_id_hash((const char *)(key)))
#include <uthash.h>
#include <utlist.h>

struct entry {
    UT_hash_handle hh;           /* by id */
    struct entry *prev, *next;   /* least recently used first */
    struct answer answer;        /* its texts point to text */
    char id[SESSION_ID_LEN + 1]; /* sessionId */
    char text[];                 /* media_id; or by and message; each with its NUL */
};

struct answer_cache {
    struct entry *table; /* by id */
    struct entry *queue; /* by use */
    size_t most;         /* entries */
};

struct answer_cache *answer_cache_new(size_t most)
{
    struct answer_cache *cache = calloc(1, sizeof *cache);

    if (cache != NULL)
        cache->most = most;
    return cache;
}

static void drop(struct answer_cache *cache, struct entry *entry)
{
    HASH_DEL(cache->table, entry);
    DL_DELETE(cache->queue, entry);
    free(entry);
}

void answer_cache_free(struct answer_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->queue != NULL)
        drop(cache, cache->queue);
    free(cache);
}

static struct entry *find(struct answer_cache *cache, const char *session_id)
{
    struct entry *entry;

    HASH_FIND(hh, cache->table, session_id, SESSION_ID_LEN, entry);
    return entry;
}

struct answer *answer_cache_find(struct answer_cache *cache, const char *session_id)
{
    struct entry *entry = find(cache, session_id);

    if (entry == NULL)
        return NULL;
    if (entry->next != NULL) {
        DL_DELETE(cache->queue, entry);
        DL_APPEND(cache->queue, entry);
    }
    return &entry->answer;
}

static struct entry *new_entry(const char *session_id, const struct answer *answer)
{
    const char *first = answer->err == ERR_OK ? answer->media_id : answer->by;
    const char *second = answer->err == ERR_OK ? "" : answer->message;
    size_t first_size = strlen(first) + 1, second_size = strlen(second) + 1;
    struct entry *entry = malloc(sizeof *entry + first_size + second_size);

    if (entry == NULL)
        return NULL;
    memcpy(entry->id, session_id, SESSION_ID_LEN + 1);
    memcpy(entry->text, first, first_size);
    memcpy(entry->text + first_size, second, second_size);
    entry->answer = *answer;
    entry->answer.media_id = entry->answer.by = entry->text;
    entry->answer.message = entry->text + first_size;
    return entry;
}

void answer_cache_put(struct answer_cache *cache, const char *session_id,
                      const struct answer *answer)
{
    struct entry *before = find(cache, session_id);
    struct entry *entry = new_entry(session_id, answer);

    if (before != NULL)
        drop(cache, before);
    if (entry == NULL)
        return;
    HASH_ADD(hh, cache->table, id, SESSION_ID_LEN, entry);
    if (entry->hh.tbl == NULL) {
        free(entry);
        return;
    }
    DL_APPEND(cache->queue, entry);
    if (HASH_COUNT(cache->table) > cache->most)
        drop(cache, cache->queue);
}

size_t answer_cache_count(const struct answer_cache *cache)
{
    return HASH_COUNT(cache->table);
}
