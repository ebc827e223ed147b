/*
 * Redis Cluster.
 *
 * The happy path: the seeds are connected to, refresh() asks one that is up for the slots, on_slots puts the
 * masters into the map; a call goes to the link of its partition's node. Ways it fails: a node is away (its
 * link says so, calls for it fail, and the others are asked who takes its place), the map is old (MOVED mends
 * the one partition, and asks for all), a slot is on its way (the call waits here and is tried again), nobody
 * serves a slot (calls for it fail), no node at all answers (the seeds are tried for ever). One timer drives
 * all of it.
 */
#include "redis_cluster.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "buf.h"
#include "container_of.h"
#include "loop.h"
#include "partition.h"
#include "redis_address.h"
#include "redis_link.h"
#include "redis_reply.h"
#include "redis_trouble.h"
#include "resp.h"

#define TICK_MS        20    /* how often waiting calls are tried again */
#define REFRESH_MIN_MS 100   /* between two questions for the slots while something is wrong */
#define REFRESH_MS     5000  /* and while nothing is */
#define UNUSED_MS      10000 /* after which a node that serves nothing is left */
#define REDIRECTS_MAX  8     /* of one call in a row, without a pause */

struct node {
    struct redis_cluster *cluster;   /* whose */
    struct redis_node_address where; /* as the cluster tells it, or a seed's */
    struct redis_link *link;         /* to it; NULL once closed */
    bool serves;                     /* the map names it */
    bool closing;                    /* its link is being closed */
    int64_t used_ms;                 /* when it was last looked for */
    struct node *prev, *next;        /* in cluster.nodes */
};

struct redis_cluster {
    struct loop *loop;                    /* of the thread */
    struct redis_cluster_options options; /* as given, but for name */
    char name[32];                        /* the same */
    struct node *nodes;                   /* all that are known */
    struct node *map[PARTITION_COUNT];    /* who serves; NULL: nobody */
    unsigned slots[PARTITION_COUNT];      /* of the partitions */
    bool has_map;                         /* was told of the slots once */
    bool stale;                           /* something showed that the map is old */
    int64_t began_ms;                     /* when it was made */
    struct redis_call refresh;            /* asks for the slots */
    struct node *asked;                   /* whom; NULL: nobody just now */
    int64_t refreshed_ms;                 /* when that was asked last */
    unsigned turn;                        /* who is asked next */
    struct redis_trouble trouble;         /* why the slots can't be learnt, as told */
    struct redis_call *waiting;           /* calls to be tried again */
    uv_timer_t tick;                      /* see above */
    bool closing;                         /* redis_cluster_close was called */
    unsigned open;                        /* links and handles to be closed */
    void (*on_closed)(void *arg);         /* of redis_cluster_close */
    void *on_closed_arg;                  /* the same */
};

static bool redirect(void *arg, struct redis_call *call, const redisReply *error);

static int64_t now_ms(const struct redis_cluster *cluster)
{
    return (int64_t)uv_now(&cluster->loop->uv);
}

/* ---- Nodes ---- */

static struct node *find_node(const struct redis_cluster *cluster,
                              const struct redis_node_address *where)
{
    struct node *node;

    DL_FOREACH (cluster->nodes, node)
        if (!node->closing && node->where.port == where->port &&
            strcmp(node->where.host, where->host) == 0)
            return node;
    return NULL;
}

static struct node *add_node(struct redis_cluster *cluster, const struct redis_node_address *where)
{
    struct node *node = calloc(1, sizeof *node);
    char name[REDIS_NODE_HOST + 64];

    if (node == NULL)
        return NULL;
    snprintf(name, sizeof name, "%s to %s:%d", cluster->name, where->host, where->port);
    node->cluster = cluster;
    node->where = *where;
    const struct redis_link_options options = {
        .address = cluster->options.address,
        .node = &node->where,
        .tls = cluster->options.tls,
        .timeout_ms = cluster->options.timeout_ms,
        .name = name,
        .redirect = redirect,
        .redirect_arg = node,
    };
    node->link = redis_link_new(cluster->loop, &options);
    if (node->link == NULL) {
        free(node);
        return NULL;
    }
    cluster->open++;
    DL_APPEND(cluster->nodes, node);
    return node;
}

/* The node at an address, connected to where it wasn't known. NULL where memory runs out. */
static struct node *reach_node(struct redis_cluster *cluster,
                               const struct redis_node_address *where)
{
    struct node *node = find_node(cluster, where);

    if (node == NULL)
        node = add_node(cluster, where);
    if (node != NULL)
        node->used_ms = now_ms(cluster);
    return node;
}

static void reach_seeds(struct redis_cluster *cluster)
{
    struct redis_node_address first = {.port = cluster->options.address->port};

    snprintf(first.host, sizeof first.host, "%s", cluster->options.address->host);
    reach_node(cluster, &first);
    for (size_t i = 0; i < cluster->options.seed_count; i++)
        reach_node(cluster, &cluster->options.seeds[i]);
}

static void free_if_closed(struct redis_cluster *cluster)
{
    if (!cluster->closing || cluster->open > 0)
        return;
    void (*on_closed)(void *arg) = cluster->on_closed;
    void *arg = cluster->on_closed_arg;

    redis_trouble_clear(&cluster->trouble);
    free(cluster);
    on_closed(arg);
}

static void on_node_closed(void *arg)
{
    struct node *node = arg;
    struct redis_cluster *cluster = node->cluster;

    DL_DELETE(cluster->nodes, node);
    free(node);
    cluster->open--;
    free_if_closed(cluster);
}

static void close_node(struct node *node)
{
    if (node->closing)
        return;
    node->closing = true;
    redis_link_close(node->link, on_node_closed, node);
}

/* Those that serve nothing any more go, once nobody has looked for them for a while. */
static void drop_idle_nodes(struct redis_cluster *cluster)
{
    struct node *node, *next;

    DL_FOREACH_SAFE (cluster->nodes, node, next)
        if (!node->serves && !node->closing && redis_link_is_idle(node->link) &&
            now_ms(cluster) - node->used_ms > UNUSED_MS)
            close_node(node);
}

/* ---- The map ---- */

static void format_slots(struct redis_call *call, struct redis_link *link, struct buf *out)
{
    (void)call;
    (void)link;
    resp_command(out, 2);
    resp_text(out, "CLUSTER");
    resp_text(out, "SLOTS");
}

static void take_map(struct redis_cluster *cluster, const struct redis_slot_range *ranges,
                     size_t count)
{
    struct node *node;

    memset(cluster->map, 0, sizeof cluster->map);
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        for (size_t k = 0; k < count; k++)
            if (cluster->slots[i] >= ranges[k].first && cluster->slots[i] <= ranges[k].last)
                cluster->map[i] = reach_node(cluster, &ranges[k].master);
    DL_FOREACH (cluster->nodes, node)
        node->serves = false;
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        if (cluster->map[i] != NULL)
            cluster->map[i]->serves = true;
    cluster->has_map = true;
    cluster->stale = false;
}

static void on_slots(struct redis_call *call, const redisReply *reply)
{
    struct redis_cluster *cluster = CONTAINER_OF(call, struct redis_cluster, refresh);
    struct node *asked = cluster->asked;
    struct redis_slot_range *ranges;
    size_t count;

    cluster->asked = NULL;
    if (cluster->closing || reply == NULL)
        return;
    if (redis_slots_parse(reply, asked->where.host, &ranges, &count) != 0) {
        const struct redis_trouble_report report = {
            .kind = REDIS_TROUBLE_FAILED,
            .link = cluster->name,
            .why = reply->type == REDIS_REPLY_ERROR ? reply->str
                                                    : "no slots in reply to CLUSTER SLOTS",
            .now_ms = now_ms(cluster)};
        redis_trouble_log(&cluster->trouble, &report);
        return;
    }
    redis_trouble_clear(&cluster->trouble);
    take_map(cluster, ranges, count);
    free(ranges);
}

/* Asks the next node that is up. */
static void refresh(struct redis_cluster *cluster)
{
    struct node *node, *chosen = NULL;
    unsigned up = 0, n = 0;

    DL_FOREACH (cluster->nodes, node)
        up += !node->closing && redis_link_is_up(node->link);
    if (up == 0) {
        reach_seeds(cluster);
        return;
    }
    DL_FOREACH (cluster->nodes, node)
        if (!node->closing && redis_link_is_up(node->link) && n++ == cluster->turn % up)
            chosen = node;
    cluster->turn++;
    cluster->asked = chosen;
    cluster->refreshed_ms = now_ms(cluster);
    cluster->refresh =
        (struct redis_call){.format = format_slots,
                            .done = on_slots,
                            .deadline_ms = now_ms(cluster) + cluster->options.timeout_ms};
    redis_link_call(chosen->link, &cluster->refresh);
}

/* Whether all slots are served, by nodes that are there. */
static bool is_whole(const struct redis_cluster *cluster)
{
    const struct node *node;

    if (!cluster->has_map || cluster->stale)
        return false;
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        if (cluster->map[i] == NULL)
            return false;
    DL_FOREACH (cluster->nodes, node)
        if (node->serves && !redis_link_is_up(node->link))
            return false;
    return true;
}

/* ---- Calls ---- */

static void hold(struct redis_cluster *cluster, struct redis_call *call)
{
    call->redirects = 0;
    DL_APPEND(cluster->waiting, call);
}

void redis_cluster_call(struct redis_cluster *cluster, struct redis_call *call)
{
    struct node *node = cluster->map[call->partition];

    call->redirects = 0;
    if (node != NULL)
        redis_link_call(node->link, call);
    else if (cluster->closing || redis_cluster_is_away(cluster, call->partition))
        call->done(call, NULL);
    else
        hold(cluster, call);
}

/* Tries the waiting calls again; those whose time is over fail. */
static void try_again(struct redis_cluster *cluster)
{
    struct redis_call *calls = cluster->waiting, *call, *next;

    cluster->waiting = NULL;
    DL_FOREACH_SAFE (calls, call, next) {
        DL_DELETE(calls, call);
        if (call->deadline_ms <= now_ms(cluster))
            call->done(call, NULL);
        else
            redis_cluster_call(cluster, call);
    }
}

static bool follow_moved(struct node *from, struct redis_call *call, const char *error)
{
    struct redis_cluster *cluster = from->cluster;
    struct redis_node_address where;
    unsigned slot;

    cluster->stale = true;
    if (redis_slots_parse_redirect(error, "MOVED", from->where.host, &slot, &where) != 0)
        return false;
    struct node *to = reach_node(cluster, &where);
    if (to == NULL)
        return false;
    cluster->map[call->partition] = to;
    to->serves = true;
    if (++call->redirects < REDIRECTS_MAX)
        redis_link_call(to->link, call);
    else
        hold(cluster, call);
    return true;
}

static bool follow_ask(struct node *from, struct redis_call *call, const char *error)
{
    struct redis_cluster *cluster = from->cluster;
    struct redis_node_address where;
    struct node *to;
    unsigned slot;

    if (!call->one_key || ++call->redirects >= REDIRECTS_MAX) {
        hold(cluster, call);
        return true;
    }
    if (redis_slots_parse_redirect(error, "ASK", from->where.host, &slot, &where) != 0 ||
        (to = reach_node(cluster, &where)) == NULL)
        return false;
    redis_link_call_asking(to->link, call);
    return true;
}

static bool redirect(void *arg, struct redis_call *call, const redisReply *error)
{
    struct node *node = arg;
    struct redis_cluster *cluster = node->cluster;

    if (call == &cluster->refresh)
        return false;
    switch (redis_reply_error_kind(error)) {
    case REDIS_ERROR_MOVED:
        return follow_moved(node, call, error->str);
    case REDIS_ERROR_ASK:
        return follow_ask(node, call, error->str);
    case REDIS_ERROR_TRYAGAIN:
        hold(cluster, call);
        return true;
    case REDIS_ERROR_OUTAGE: /* CLUSTERDOWN, or READONLY of a former master */
        cluster->stale = true;
        return false;
    default:
        return false;
    }
}

/* ---- Driving it ---- */

static void on_tick(uv_timer_t *timer)
{
    struct redis_cluster *cluster = CONTAINER_OF(timer, struct redis_cluster, tick);
    int64_t pause_ms = is_whole(cluster) ? REFRESH_MS : REFRESH_MIN_MS;

    if (cluster->asked == NULL && now_ms(cluster) - cluster->refreshed_ms >= pause_ms)
        refresh(cluster);
    if (cluster->has_map && cluster->asked == NULL)
        drop_idle_nodes(cluster);
    try_again(cluster);
}

struct redis_cluster *redis_cluster_new(struct loop *loop,
                                        const struct redis_cluster_options *options)
{
    struct redis_cluster *cluster = calloc(1, sizeof *cluster);

    if (cluster == NULL)
        return NULL;
    cluster->loop = loop;
    cluster->options = *options;
    snprintf(cluster->name, sizeof cluster->name, "%s", options->name);
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        cluster->slots[i] = redis_slot_of_key(partition_tag(i), PARTITION_TAG_LEN);
    cluster->began_ms = now_ms(cluster);
    cluster->refreshed_ms = cluster->began_ms - REFRESH_MS;
    uv_timer_init(&loop->uv, &cluster->tick);
    uv_timer_start(&cluster->tick, on_tick, TICK_MS, TICK_MS);
    cluster->open = 1;
    reach_seeds(cluster);
    return cluster;
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct redis_cluster *cluster = handle->data;

    cluster->open--;
    free_if_closed(cluster);
}

void redis_cluster_close(struct redis_cluster *cluster, void (*on_closed)(void *arg), void *arg)
{
    struct redis_call *call, *next_call;
    struct node *node, *next;

    cluster->closing = true;
    cluster->on_closed = on_closed;
    cluster->on_closed_arg = arg;
    memset(cluster->map, 0, sizeof cluster->map);
    DL_FOREACH_SAFE (cluster->waiting, call, next_call) {
        DL_DELETE(cluster->waiting, call);
        call->done(call, NULL);
    }
    DL_FOREACH_SAFE (cluster->nodes, node, next)
        close_node(node);
    cluster->tick.data = cluster;
    uv_close((uv_handle_t *)&cluster->tick, on_tick_closed);
}

bool redis_cluster_is_up(const struct redis_cluster *cluster, unsigned partition)
{
    const struct node *node = cluster->map[partition];

    return node != NULL && redis_link_is_up(node->link);
}

bool redis_cluster_is_away(const struct redis_cluster *cluster, unsigned partition)
{
    const struct node *node = cluster->map[partition];

    if (node != NULL)
        return redis_link_is_away(node->link);
    return cluster->has_map || now_ms(cluster) - cluster->began_ms > cluster->options.timeout_ms;
}

size_t redis_cluster_masters(const struct redis_cluster *cluster,
                             struct redis_node_address *ret_masters, size_t most)
{
    const struct node *node;
    size_t count = 0;

    DL_FOREACH (cluster->nodes, node)
        if (node->serves && !node->closing && count < most)
            ret_masters[count++] = node->where;
    return count;
}
