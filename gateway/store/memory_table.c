/* The hash under the embedded store's tables. */
#include "memory_table.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

static unsigned char secret[crypto_shorthash_KEYBYTES];
static int failed;

static void make_secret(void)
{
    failed = sodium_init() < 0;
    if (!failed)
        crypto_shorthash_keygen(secret);
}

int memory_table_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_secret);
    return failed ? -1 : 0;
}

unsigned memory_table_hash(const void *key, size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    unsigned folded;

    crypto_shorthash(hash, key, len, secret);
    memcpy(&folded, hash, sizeof folded);
    return folded;
}
