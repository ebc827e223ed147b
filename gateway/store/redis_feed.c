/*
 * The feed.
 *
 * A timer drives it: each master that the client names gets a subscription, each that it names no more loses
 * its own. A subscription that is confirmed is pinged; whatever it says is a sign of life. All masters are
 * heard: the generations are fed. Ways it fails: a master can't be reached, wants another password, doesn't
 * confirm or answer in time; each means that the feed isn't whole, and the subscription is made again.
 */
#include "redis_feed.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "generations.h"
#include "log.h"
#include "loop.h"
#include "redis_address.h"
#include "redis_client.h"
#include "redis_conn.h"
#include "redis_slots.h"
#include "redis_trouble.h"
#include "store_metrics.h"

#define TICK_MS     50
#define PING_MS     250
#define DEAD_MS     750
#define MASTERS_MAX 1024 /* a cluster has no more */

/* A subscription to one master. */
struct subscription {
    struct redis_feed *feed;         /* whose */
    struct redis_node_address where; /* the master; port 0: the unix socket of the address */
    struct redis_conn conn;          /* to it */
    bool open;                       /* is being made, or is there */
    bool confirmed;                  /* it tells of all ends from now on */
    bool complained;                 /* the log says why it couldn't be made */
    int64_t heard_ms;                /* the last sign of life, or when it was begun */
    int64_t pinged_ms;               /* when it was last asked for one */
    bool wanted;                     /* the client names it */
    struct subscription *next;       /* in feed.subscriptions */
};

struct redis_feed {
    struct loop *loop;                  /* of the thread */
    struct redis_feed_options options;  /* as given */
    char *channel;                      /* its name */
    struct subscription *subscriptions; /* all of them */
    uv_timer_t tick;                    /* see above */
    struct redis_node_address masters[MASTERS_MAX];
};

static int64_t now_ms(const struct redis_feed *feed)
{
    return (int64_t)uv_now(&feed->loop->uv);
}

/* It tells nothing any more. */
static void give_up(struct subscription *subscription)
{
    redis_conn_drop(&subscription->conn);
    subscription->open = subscription->confirmed = false;
    generations_set_fed(subscription->feed->options.generations, false);
}

/* Redis doesn't let itself be listened to: said once, until it does. */
static void complain(struct subscription *subscription, const char *why)
{
    const char *setting = redis_trouble_setting(why);

    if (subscription->complained)
        return;
    subscription->complained = true;
    if (setting != NULL)
        log_line(LOG_ERROR, "Redis feed refused: answers are not cached",
                 LOG_STR("channel", subscription->feed->channel), LOG_STR("reason", why),
                 LOG_STR("setting", setting));
    else
        log_line(LOG_WARN, "Redis feed failed: answers are not cached",
                 LOG_STR("channel", subscription->feed->channel), LOG_STR("reason", why));
}

/* ---- What is heard ---- */

/* {"message", channel, sessionId}, or {"subscribe", channel, count}. */
static void on_message(redisAsyncContext *ac, void *data, void *privdata)
{
    struct subscription *subscription = privdata;
    const redisReply *reply = data;

    if (ac->data == NULL || reply == NULL)
        return;
    struct redis_feed *feed = subscription->feed;
    subscription->heard_ms = now_ms(feed);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        give_up(subscription); /* not a subscription's; errors come by on_lost */
        return;
    }
    if (strcmp(reply->element[0]->str, "subscribe") == 0) {
        subscription->confirmed = true;
        subscription->complained = false;
    } else if (reply->element[2]->type == REDIS_REPLY_STRING) {
        generations_move(feed->options.generations, reply->element[2]->str);
    }
}

static void on_pong(redisAsyncContext *ac, void *data, void *privdata)
{
    struct subscription *subscription = privdata;

    if (ac->data != NULL && data != NULL)
        subscription->heard_ms = now_ms(subscription->feed);
}

static void on_open(struct redis_conn *conn)
{
    struct subscription *subscription = CONTAINER_OF(conn, struct subscription, conn);
    const struct redis_address *address = subscription->feed->options.address;

    if (address->password != NULL && address->user != NULL)
        redisAsyncCommand(conn->ac, NULL, NULL, "AUTH %s %s", address->user, address->password);
    else if (address->password != NULL)
        redisAsyncCommand(conn->ac, NULL, NULL, "AUTH %s", address->password);
    redisAsyncCommand(conn->ac, on_message, subscription, "SUBSCRIBE %s",
                      subscription->feed->channel);
}

/* One that was there is lost as the links are, and they tell. */
static void on_lost(struct redis_conn *conn, const char *why)
{
    struct subscription *subscription = CONTAINER_OF(conn, struct subscription, conn);

    if (!subscription->confirmed)
        complain(subscription, why);
    give_up(subscription);
}

/* ---- Who is listened to ---- */

static struct subscription *find(struct redis_feed *feed, const struct redis_node_address *where)
{
    struct subscription *each = feed->subscriptions;

    while (each != NULL &&
           (each->where.port != where->port || strcmp(each->where.host, where->host) != 0))
        each = each->next;
    return each;
}

/* Marks the subscription to a master as wanted, made where there was none. */
static void want(struct redis_feed *feed, const struct redis_node_address *where)
{
    struct subscription *subscription = find(feed, where);

    if (subscription == NULL) {
        subscription = calloc(1, sizeof *subscription);
        if (subscription == NULL)
            return; /* tried again with the next tick; until then the feed isn't whole */
        subscription->feed = feed;
        subscription->where = *where;
        redis_conn_init(&subscription->conn, feed->loop, on_open, on_lost);
        subscription->heard_ms = now_ms(feed) - PING_MS;
        subscription->next = feed->subscriptions;
        feed->subscriptions = subscription;
    }
    subscription->wanted = true;
}

static void drop_unwanted(struct redis_feed *feed)
{
    struct subscription **at = &feed->subscriptions;

    while (*at != NULL) {
        struct subscription *subscription = *at;

        if (subscription->wanted) {
            at = &subscription->next;
            continue;
        }
        *at = subscription->next;
        redis_conn_drop(&subscription->conn);
        free(subscription);
    }
}

static void begin(struct subscription *subscription)
{
    const struct redis_feed_options *options = &subscription->feed->options;
    struct redis_conn_target target = {.tls = options->tls};

    if (subscription->where.port == 0) {
        target.path = options->address->path;
    } else {
        target.host = subscription->where.host;
        target.port = subscription->where.port;
    }
    subscription->open = true;
    subscription->confirmed = false;
    subscription->heard_ms = subscription->pinged_ms = now_ms(subscription->feed);
    redis_conn_open(&subscription->conn, &target);
}

/* Looks after one; whether it tells of all ends. */
static bool keep(struct subscription *subscription)
{
    int64_t now = now_ms(subscription->feed);

    if (!subscription->open) {
        if (now - subscription->heard_ms >= PING_MS)
            begin(subscription);
        return false;
    }
    if (now - subscription->heard_ms > DEAD_MS) {
        give_up(subscription);
        return false;
    }
    if (subscription->confirmed && now - subscription->pinged_ms >= PING_MS) {
        subscription->pinged_ms = now;
        redisAsyncCommand(subscription->conn.ac, on_pong, subscription, "PING");
    }
    return subscription->confirmed;
}

static void on_tick(uv_timer_t *timer)
{
    struct redis_feed *feed = CONTAINER_OF(timer, struct redis_feed, tick);
    size_t count = redis_client_masters(feed->options.client, feed->masters, MASTERS_MAX);
    struct subscription *each;
    bool whole = count > 0;
    size_t kept = 0;

    for (each = feed->subscriptions; each != NULL; each = each->next)
        each->wanted = false;
    for (size_t i = 0; i < count; i++)
        want(feed, &feed->masters[i]);
    drop_unwanted(feed);
    for (each = feed->subscriptions; each != NULL; each = each->next) {
        whole &= keep(each);
        kept++;
    }
    whole &= kept == count;
    generations_set_fed(feed->options.generations, whole);
    metrics_set(STORE_METRIC_FEED, whole);
}

/* ---- Starting and stopping ---- */

struct redis_feed *redis_feed_start(struct loop *loop, const struct redis_feed_options *options)
{
    static const char name[] = "stream_ended";
    struct redis_feed *feed = calloc(1, sizeof *feed);
    size_t prefix_len = strlen(options->prefix);

    if (feed == NULL || (feed->channel = malloc(prefix_len + sizeof name)) == NULL) {
        free(feed);
        return NULL;
    }
    memcpy(feed->channel, options->prefix, prefix_len);
    memcpy(feed->channel + prefix_len, name, sizeof name);
    feed->loop = loop;
    feed->options = *options;
    uv_timer_init(&loop->uv, &feed->tick);
    uv_timer_start(&feed->tick, on_tick, 0, TICK_MS);
    return feed;
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct redis_feed *feed = handle->data;

    free(feed->channel);
    free(feed);
}

void redis_feed_stop(struct redis_feed *feed)
{
    struct subscription *each;

    if (feed == NULL)
        return;
    generations_set_fed(feed->options.generations, false);
    for (each = feed->subscriptions; each != NULL; each = each->next)
        each->wanted = false;
    drop_unwanted(feed);
    feed->tick.data = feed;
    uv_close((uv_handle_t *)&feed->tick, on_tick_closed);
}
