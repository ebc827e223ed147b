/* Where Redis is, as the settings say. */
#include "redis_setup.h"

#include <stdlib.h>

#include "buf.h"
#include "log.h"
#include "redis_tls.h"
#include "settings.h"

/* "host:port" of each item of a list. */
static int read_nodes(struct redis_setup *setup, const struct setting_list *list)
{
    if (list->count == 0)
        return 0;
    setup->nodes = calloc(list->count, sizeof setup->nodes[0]);
    if (setup->nodes == NULL)
        return -1;
    for (size_t i = 0; i < list->count; i++)
        if (redis_node_address_parse(list->items[i], &setup->nodes[i]) != 0)
            return -1;
    return 0;
}

static int read_tls(struct redis_setup *setup, const struct settings *settings, struct buf *reason)
{
    const struct redis_tls_options tls = {
        .ca = settings->redis_tls_ca,
        .cert = settings->redis_tls_cert,
        .key = settings->redis_tls_key,
        .server_name = settings->redis_tls_server_name,
        .verify_name = settings->redis_tls_verify_name,
    };

    if (!setup->address.tls)
        return 0;
    setup->tls = redis_tls_new(&tls, reason);
    return setup->tls != NULL ? 0 : -1;
}

int redis_setup_load(struct redis_setup *setup, const struct settings *settings, struct buf *reason)
{
    char why[128] = "no memory";

    *setup = (struct redis_setup){0};
    if ((settings->redis_url != NULL &&
         redis_address_parse(settings->redis_url, &setup->address, why, sizeof why) != 0) ||
        read_nodes(setup, settings->redis_cluster ? &settings->redis_cluster_nodes
                                                  : &settings->redis_sentinels) != 0) {
        buf_printf(reason, "redis.url: %s", why);
        return -1;
    }
    if (read_tls(setup, settings, reason) != 0)
        return -1;
    setup->store = (struct store_redis_options){
        .address = &setup->address,
        .tls = setup->tls,
        .cluster = settings->redis_cluster,
        .prefix = settings->redis_prefix != NULL ? settings->redis_prefix : "",
        .timeout_ms = settings->redis_timeout_ms,
    };
    if (settings->redis_cluster) {
        setup->store.seeds = setup->nodes;
        setup->store.seed_count = settings->redis_cluster_nodes.count;
    } else if (settings->redis_sentinels.count > 0) {
        setup->sentinel = (struct redis_sentinel_options){
            .nodes = setup->nodes,
            .count = settings->redis_sentinels.count,
            .master = settings->redis_sentinel_master,
            .user = settings->redis_sentinel_username,
            .password = settings->redis_sentinel_password,
            .tls = setup->tls,
            .timeout_ms = settings->redis_timeout_ms,
        };
        setup->store.sentinel = &setup->sentinel;
    }
    return 0;
}

void redis_setup_done(struct redis_setup *setup)
{
    redis_tls_free(setup->tls);
    free(setup->nodes);
    redis_address_free(&setup->address);
    *setup = (struct redis_setup){0};
}
