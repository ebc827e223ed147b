/* Tokens that were opened before: a table by their text. */
#include "token_cache.h"

#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "lru.h"

/* Where some characters of a token's nonce stand in it: 48 bits that the gateway that sealed it took at random. */
enum { NONCE_AT = 12, NONCE_LEN = sizeof(uint64_t) };

/* The claims that are texts, packed one behind the other, each with its NUL. */
enum { TEXT_COUNT = 6 };

struct entry {
    struct lru_item item;                /* by the token */
    char session_id[SESSION_ID_LEN + 1]; /* the claims */
    int64_t issued_ms, started_ms;       /* the same */
    int32_t family_limit, device_limit;  /* the same */
    bool fallback;                       /* the same */
    uint8_t size[TEXT_COUNT];            /* of the texts, NUL included */
    char text[];                         /* the texts, and the token, without NUL */
};

struct token_cache {
    struct lru entries; /* by their tokens */
};

static void drop(struct lru_item *item)
{
    free(CONTAINER_OF(item, struct entry, item));
}

struct token_cache *token_cache_new(size_t most)
{
    struct token_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    cache->entries = (struct lru){.most = most, .drop = drop};
    return cache;
}

void token_cache_free(struct token_cache *cache)
{
    if (cache == NULL)
        return;
    lru_clear(&cache->entries);
    free(cache);
}

static void texts_of(struct token_claims *claims, char *ret_texts[TEXT_COUNT])
{
    ret_texts[0] = claims->user_id;
    ret_texts[1] = claims->family_id;
    ret_texts[2] = claims->device_id;
    ret_texts[3] = claims->media_id;
    ret_texts[4] = claims->device_name;
    ret_texts[5] = claims->player_id;
}

static void unpack(const struct entry *entry, struct token_claims *ret_claims)
{
    char *texts[TEXT_COUNT];
    const char *at = entry->text;

    memcpy(ret_claims->session_id, entry->session_id, sizeof entry->session_id);
    ret_claims->issued_ms = entry->issued_ms;
    ret_claims->started_ms = entry->started_ms;
    ret_claims->family_limit = entry->family_limit;
    ret_claims->device_limit = entry->device_limit;
    ret_claims->fallback = entry->fallback;
    texts_of(ret_claims, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        memcpy(texts[i], at, entry->size[i]);
        at += entry->size[i];
    }
}

/* The claims of a token, len characters of it, which follow the texts; ret_token is where. */
static struct entry *pack(struct token_claims *claims, const char *token, size_t len,
                          const char **ret_token)
{
    char *texts[TEXT_COUNT], *at;
    size_t size = 0;
    struct entry *entry;

    texts_of(claims, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        size += strlen(texts[i]) + 1;
    entry = malloc(sizeof *entry + size + len);
    if (entry == NULL)
        return NULL;
    memcpy(entry->session_id, claims->session_id, sizeof entry->session_id);
    entry->issued_ms = claims->issued_ms;
    entry->started_ms = claims->started_ms;
    entry->family_limit = claims->family_limit;
    entry->device_limit = claims->device_limit;
    entry->fallback = claims->fallback;
    at = entry->text;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        entry->size[i] = (uint8_t)(strlen(texts[i]) + 1);
        memcpy(at, texts[i], entry->size[i]);
        at += entry->size[i];
    }
    *ret_token = memcpy(at, token, len);
    return entry;
}

/* Only what opened is kept, so that nobody but a gateway's random generator has a say in the hashes. */
static unsigned hash_of(const char *token)
{
    uint64_t nonce;

    memcpy(&nonce, token + NONCE_AT, sizeof nonce);
    return (unsigned)(nonce * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

bool token_cache_find(struct token_cache *cache, const char *token, size_t len,
                      struct token_claims *ret_claims)
{
    struct lru_item *item = NULL;

    if (len >= NONCE_AT + NONCE_LEN)
        item = lru_find(&cache->entries, token, len, hash_of(token));
    if (item != NULL)
        unpack(CONTAINER_OF(item, struct entry, item), ret_claims);
    return item != NULL;
}

int token_cache_open(struct token_cache *cache, const struct token_keys *keys, const char *token,
                     size_t len, struct token_claims *ret_claims)
{
    struct entry *entry;
    const char *kept;

    if (token_cache_find(cache, token, len, ret_claims))
        return 0;
    if (token_open(keys, token, len, ret_claims) != 0)
        return -1;
    entry = pack(ret_claims, token, len, &kept); /* without memory nothing is kept */
    if (entry != NULL)
        lru_add(&cache->entries, &entry->item, kept, len, hash_of(token));
    return 1;
}

void token_cache_clear(struct token_cache *cache)
{
    lru_clear(&cache->entries);
}

size_t token_cache_count(const struct token_cache *cache)
{
    return lru_count(&cache->entries);
}
