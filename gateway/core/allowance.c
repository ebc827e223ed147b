/* What clients may do so many times at once, and then at a rate. */
#include "allowance.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "lru.h"

struct client {
    struct lru_item item;              /* by name */
    int64_t whole_us;                  /* when it has its whole allowance again */
    char name[ALLOWANCE_NAME_MAX + 1]; /* its */
};

struct allowance {
    struct allowance_options options;             /* as given */
    struct lru clients;                           /* by name */
    unsigned char key[crypto_shorthash_KEYBYTES]; /* of the hash */
};

static void drop(struct lru_item *item)
{
    free(CONTAINER_OF(item, struct client, item));
}

struct allowance *allowance_new(const struct allowance_options *options)
{
    struct allowance *allowance = calloc(1, sizeof *allowance);

    if (allowance == NULL)
        return NULL;
    allowance->options = *options;
    allowance->clients = (struct lru){.most = options->names, .drop = drop};
    randombytes_buf(allowance->key, sizeof allowance->key);
    return allowance;
}

void allowance_free(struct allowance *allowance)
{
    if (allowance == NULL)
        return;
    lru_clear(&allowance->clients);
    free(allowance);
}

/* A client may have many addresses: the hash is none that it could make collide. */
static struct client *find(struct allowance *allowance, const char *name, unsigned *ret_hash)
{
    unsigned char hash[crypto_shorthash_BYTES];
    size_t len = strnlen(name, ALLOWANCE_NAME_MAX);

    crypto_shorthash(hash, (const unsigned char *)name, len, allowance->key);
    memcpy(ret_hash, hash, sizeof *ret_hash);
    struct lru_item *item = lru_find(&allowance->clients, name, len, *ret_hash);
    return item != NULL ? CONTAINER_OF(item, struct client, item) : NULL;
}

int64_t allowance_wait_ms(struct allowance *allowance, const char *name, int64_t now_ms)
{
    const struct allowance_options *options = &allowance->options;
    unsigned hash;
    const struct client *client = find(allowance, name, &hash);
    int64_t wait_us = client != NULL ? client->whole_us - now_ms * 1000 -
                                           (options->at_once - 1) * options->every_us
                                     : 0;

    return wait_us > 0 ? (wait_us + 999) / 1000 : 0;
}

void allowance_note(struct allowance *allowance, const char *name, int64_t now_ms)
{
    unsigned hash;
    struct client *client = find(allowance, name, &hash);

    if (client == NULL) {
        client = calloc(1, sizeof *client);
        if (client == NULL)
            return;
        memcpy(client->name, name, strnlen(name, ALLOWANCE_NAME_MAX));
        lru_add(&allowance->clients, &client->item, client->name, strlen(client->name), hash);
        client = find(allowance, name, &hash); /* it is gone where memory ran out */
        if (client == NULL)
            return;
    }
    if (client->whole_us < now_ms * 1000)
        client->whole_us = now_ms * 1000;
    client->whole_us += allowance->options.every_us;
}
