/*
 * API keys, kept as keyed hashes: what is compared has one length, and its bytes mean nothing to
 * whoever measures how long comparing takes.
 */
#include "identity.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_LEN crypto_generichash_BYTES

struct api_key {
    struct api_key *next;       /* in the order of adding, or NULL */
    uint8_t digest[DIGEST_LEN]; /* of the secret */
    char name[];                /* for logs */
};

struct api_keys {
    uint8_t hash_key[crypto_generichash_KEYBYTES]; /* this process's own */
    struct api_key *first;                         /* or NULL */
    struct api_key **end;                          /* where the next one is linked */
};

static void digest_of(const struct api_keys *keys, const char *secret,
                      uint8_t ret_digest[DIGEST_LEN])
{
    crypto_generichash(ret_digest, DIGEST_LEN, (const uint8_t *)secret, strlen(secret),
                       keys->hash_key, sizeof keys->hash_key);
}

struct api_keys *api_keys_new(void)
{
    if (sodium_init() < 0)
        return NULL;

    struct api_keys *keys = malloc(sizeof *keys);
    if (keys == NULL)
        return NULL;
    randombytes_buf(keys->hash_key, sizeof keys->hash_key);
    keys->first = NULL;
    keys->end = &keys->first;
    return keys;
}

void api_keys_free(struct api_keys *keys)
{
    if (keys == NULL)
        return;
    for (struct api_key *key = keys->first, *next; key != NULL; key = next) {
        next = key->next;
        sodium_memzero(key->digest, sizeof key->digest);
        free(key);
    }
    sodium_memzero(keys->hash_key, sizeof keys->hash_key);
    free(keys);
}

int api_keys_add(struct api_keys *keys, const char *text, const char *unnamed)
{
    const char *colon = strchr(text, ':');
    const char *name = colon != NULL ? text : unnamed;
    const char *secret = colon != NULL ? colon + 1 : text;
    size_t name_len = colon != NULL ? (size_t)(colon - text) : strlen(name);

    if (name_len == 0 || *secret == '\0')
        return -1;

    struct api_key *key = malloc(sizeof *key + name_len + 1);
    if (key == NULL)
        return -1;
    memcpy(key->name, name, name_len);
    key->name[name_len] = '\0';
    digest_of(keys, secret, key->digest);
    key->next = NULL;
    *keys->end = key;
    keys->end = &key->next;
    return 0;
}

const char *api_keys_find(const struct api_keys *keys, const char *secret)
{
    uint8_t digest[DIGEST_LEN];
    const char *name = NULL;

    digest_of(keys, secret, digest);
    for (const struct api_key *key = keys->first; key != NULL; key = key->next) {
        if (sodium_memcmp(digest, key->digest, sizeof digest) == 0)
            name = key->name; /* and on, so that the time doesn't tell which */
    }
    sodium_memzero(digest, sizeof digest);
    return name;
}
