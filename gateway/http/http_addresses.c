/* How many connections each client's address has open. */
#define HASH_NONFATAL_OOM 1 /* an item that finds no memory is in no table: its hh.tbl is NULL */

#include "http_addresses.h"

#include <pthread.h>
#include <stdlib.h>
#include <uthash.h>

struct address {
    UT_hash_handle hh;         /* by client */
    struct net_address client; /* whose */
    unsigned count;            /* connections, at least 1 */
};

struct http_addresses {
    pthread_mutex_t lock;  /* over table */
    struct address *table; /* by client */
    unsigned most;         /* connections of each */
};

struct http_addresses *http_addresses_new(unsigned most)
{
    struct http_addresses *addresses = calloc(1, sizeof *addresses);

    if (addresses == NULL)
        return NULL;
    pthread_mutex_init(&addresses->lock, NULL);
    addresses->most = most;
    return addresses;
}

void http_addresses_free(struct http_addresses *addresses)
{
    if (addresses == NULL)
        return;
    pthread_mutex_destroy(&addresses->lock);
    free(addresses);
}

static struct address *find(struct http_addresses *addresses, const struct net_address *client)
{
    struct address *address;

    HASH_FIND(hh, addresses->table, client, sizeof *client, address);
    return address;
}

static struct address *add(struct http_addresses *addresses, const struct net_address *client)
{
    struct address *address = calloc(1, sizeof *address);

    if (address == NULL)
        return NULL;
    address->client = *client;
    HASH_ADD(hh, addresses->table, client, sizeof address->client, address);
    if (address->hh.tbl == NULL) {
        free(address);
        return NULL;
    }
    return address;
}

bool http_addresses_enter(struct http_addresses *addresses, const struct net_address *client)
{
    struct address *address;
    bool fits;

    pthread_mutex_lock(&addresses->lock);
    address = find(addresses, client);
    if (address == NULL)
        address = add(addresses, client);
    fits = address != NULL && address->count < addresses->most;
    if (fits)
        address->count++;
    pthread_mutex_unlock(&addresses->lock);
    return fits;
}

void http_addresses_leave(struct http_addresses *addresses, const struct net_address *client)
{
    struct address *address;

    pthread_mutex_lock(&addresses->lock);
    address = find(addresses, client);
    if (--address->count == 0) {
        HASH_DEL(addresses->table, address);
        free(address);
    }
    pthread_mutex_unlock(&addresses->lock);
}

size_t http_addresses_count(struct http_addresses *addresses)
{
    pthread_mutex_lock(&addresses->lock);
    size_t count = HASH_COUNT(addresses->table);
    pthread_mutex_unlock(&addresses->lock);
    return count;
}
