/* What the Redis store talks to: a link, or a cluster of them. */
#include "redis_client.h"

#include <stdlib.h>

#include "clock.h"
#include "loop.h"
#include "redis_cluster.h"
#include "redis_link.h"

struct redis_client {
    struct loop *loop;             /* of the thread */
    struct redis_link *link;       /* one of the two */
    struct redis_cluster *cluster; /* the other is NULL */
    int64_t clock_offset_ms;       /* Redis' wall clock less our monotonic one */
    bool clock_known;              /* a reply carried it */
    void (*on_closed)(void *arg);  /* of redis_client_close */
    void *on_closed_arg;           /* the same */
};

static void open_link(struct redis_client *client, const struct redis_client_options *options)
{
    const struct redis_link_options link = {
        .address = options->address,
        .sentinel = options->sentinel,
        .tls = options->tls,
        .timeout_ms = options->timeout_ms,
        .name = options->name,
    };

    client->link = redis_link_new(client->loop, &link);
}

static void open_cluster(struct redis_client *client, const struct redis_client_options *options)
{
    const struct redis_cluster_options cluster = {
        .address = options->address,
        .seeds = options->seeds,
        .seed_count = options->seed_count,
        .tls = options->tls,
        .timeout_ms = options->timeout_ms,
        .name = options->name,
    };

    client->cluster = redis_cluster_new(client->loop, &cluster);
}

struct redis_client *redis_client_new(struct loop *loop, const struct redis_client_options *options)
{
    struct redis_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    uv_update_time(&loop->uv); /* before it turns, the loop's time may be of long ago */
    client->loop = loop;
    client->clock_offset_ms = clock_wall_ms() - (int64_t)uv_now(&loop->uv);
    if (options->cluster)
        open_cluster(client, options);
    else
        open_link(client, options);
    if (client->link == NULL && client->cluster == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

static void on_part_closed(void *arg)
{
    struct redis_client *client = arg;
    void (*on_closed)(void *arg) = client->on_closed;
    void *on_closed_arg = client->on_closed_arg;

    free(client);
    on_closed(on_closed_arg);
}

void redis_client_close(struct redis_client *client, void (*on_closed)(void *arg), void *arg)
{
    client->on_closed = on_closed;
    client->on_closed_arg = arg;
    if (client->cluster != NULL)
        redis_cluster_close(client->cluster, on_part_closed, client);
    else
        redis_link_close(client->link, on_part_closed, client);
}

void redis_client_call(struct redis_client *client, struct redis_call *call)
{
    if (client->cluster != NULL)
        redis_cluster_call(client->cluster, call);
    else
        redis_link_call(client->link, call);
}

bool redis_client_is_up(const struct redis_client *client, unsigned partition)
{
    return client->cluster != NULL ? redis_cluster_is_up(client->cluster, partition)
                                   : redis_link_is_up(client->link);
}

bool redis_client_is_away(const struct redis_client *client, unsigned partition)
{
    return client->cluster != NULL ? redis_cluster_is_away(client->cluster, partition)
                                   : redis_link_is_away(client->link);
}

size_t redis_client_masters(const struct redis_client *client,
                            struct redis_node_address *ret_masters, size_t most)
{
    if (client->cluster != NULL)
        return redis_cluster_masters(client->cluster, ret_masters, most);
    return redis_link_where(client->link, &ret_masters[0]) ? 1 : 0;
}

int64_t redis_client_now(const struct redis_client *client)
{
    return (int64_t)uv_now(&client->loop->uv) + client->clock_offset_ms;
}

bool redis_client_knows_now(const struct redis_client *client)
{
    return client->clock_known;
}

void redis_client_learn_now(struct redis_client *client, int64_t redis_ms)
{
    client->clock_offset_ms = redis_ms - (int64_t)uv_now(&client->loop->uv);
    client->clock_known = true;
}
