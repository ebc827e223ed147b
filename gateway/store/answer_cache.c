/* What a store said about sessions a moment ago: a table by sessionId, and a list by last use. */
#include "answer_cache.h"

#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "lru.h"

struct entry {
    struct lru_item item;        /* by id */
    struct answer answer;        /* its texts point to text */
    char id[SESSION_ID_LEN + 1]; /* sessionId */
    char text[];                 /* media_id; or by and message; each with its NUL */
};

struct answer_cache {
    struct lru entries; /* by id */
};

static void drop(struct lru_item *item)
{
    free(CONTAINER_OF(item, struct entry, item));
}

struct answer_cache *answer_cache_new(size_t most)
{
    struct answer_cache *cache = calloc(1, sizeof *cache);

    if (cache != NULL)
        cache->entries = (struct lru){.most = most, .drop = drop};
    return cache;
}

void answer_cache_free(struct answer_cache *cache)
{
    if (cache == NULL)
        return;
    lru_clear(&cache->entries);
    free(cache);
}

static struct lru_item *find(struct answer_cache *cache, const char *session_id)
{
    return lru_find(&cache->entries, session_id, SESSION_ID_LEN, session_id_hash(session_id));
}

struct answer *answer_cache_find(struct answer_cache *cache, const char *session_id)
{
    struct lru_item *item = find(cache, session_id);

    return item != NULL ? &CONTAINER_OF(item, struct entry, item)->answer : NULL;
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
    struct lru_item *before = find(cache, session_id);
    struct entry *entry = new_entry(session_id, answer);

    if (before != NULL)
        lru_remove(&cache->entries, before);
    if (entry != NULL)
        lru_add(&cache->entries, &entry->item, entry->id, SESSION_ID_LEN,
                session_id_hash(session_id));
}

size_t answer_cache_count(const struct answer_cache *cache)
{
    return lru_count(&cache->entries);
}
