/*
 * Wrong tokens on the admin listener, counted by client.
 *
 * What is kept of a client is when it will have all its guesses again; each wrong one puts that off by
 * ADMIN_GUESS_MS. A client that has them all again is as good as unknown, so forgetting the one that was wrong
 * longest ago, where there are too many, gives away little.
 */
#include "admin_guesses.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "http_request.h"
#include "lru.h"

#define CLIENTS_MAX 4096

struct guesser {
    struct lru_item item;          /* by client */
    int64_t whole_ms;              /* when it has all its guesses again */
    char client[HTTP_CLIENT_SIZE]; /* its name */
};

struct admin_guesses {
    struct lru guessers;                          /* by client */
    unsigned char key[crypto_shorthash_KEYBYTES]; /* of the hash */
};

static void drop(struct lru_item *item)
{
    free(CONTAINER_OF(item, struct guesser, item));
}

struct admin_guesses *admin_guesses_new(void)
{
    struct admin_guesses *guesses = calloc(1, sizeof *guesses);

    if (guesses == NULL)
        return NULL;
    guesses->guessers = (struct lru){.most = CLIENTS_MAX, .drop = drop};
    randombytes_buf(guesses->key, sizeof guesses->key);
    return guesses;
}

void admin_guesses_free(struct admin_guesses *guesses)
{
    if (guesses == NULL)
        return;
    lru_clear(&guesses->guessers);
    free(guesses);
}

/* A client may have many addresses: the hash is none that it could make collide. */
static unsigned hash_of(const struct admin_guesses *guesses, const char *client)
{
    unsigned char hash[crypto_shorthash_BYTES];
    unsigned ret;

    crypto_shorthash(hash, (const unsigned char *)client, strlen(client), guesses->key);
    memcpy(&ret, hash, sizeof ret);
    return ret;
}

static struct guesser *find(struct admin_guesses *guesses, const char *client, unsigned hash)
{
    struct lru_item *item = lru_find(&guesses->guessers, client, strlen(client), hash);

    return item != NULL ? CONTAINER_OF(item, struct guesser, item) : NULL;
}

int64_t admin_guesses_wait_ms(struct admin_guesses *guesses, const char *client, int64_t now_ms)
{
    const struct guesser *guesser = find(guesses, client, hash_of(guesses, client));
    int64_t wait_ms =
        guesser != NULL ? guesser->whole_ms - now_ms - (ADMIN_GUESSES - 1) * ADMIN_GUESS_MS : 0;

    return wait_ms > 0 ? wait_ms : 0;
}

void admin_guesses_note(struct admin_guesses *guesses, const char *client, int64_t now_ms)
{
    unsigned hash = hash_of(guesses, client);
    struct guesser *guesser = find(guesses, client, hash);

    if (guesser == NULL) {
        guesser = calloc(1, sizeof *guesser);
        if (guesser == NULL)
            return;
        strncpy(guesser->client, client, sizeof guesser->client - 1);
        lru_add(&guesses->guessers, &guesser->item, guesser->client, strlen(guesser->client), hash);
        guesser = find(guesses, client, hash); /* it is gone where memory ran out */
        if (guesser == NULL)
            return;
    }
    if (guesser->whole_ms < now_ms)
        guesser->whole_ms = now_ms;
    guesser->whole_ms += ADMIN_GUESS_MS;
}
