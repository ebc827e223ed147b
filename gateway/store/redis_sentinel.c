/*
 * Finds a Redis master by its Sentinels.
 *
 * Each node has two connections: a short one for a question, and one that stays, subscribed to
 * +switch-master, which is made again every second where it is lost. A question ends in settle(), which counts
 * the votes. Ways a node fails: it can't be reached, it wants a password, it knows no such master, it answers
 * too late; each is no vote, and all their reasons are told, in their order, where nobody votes.
 */
#include "redis_sentinel.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "loop.h"
#include "redis_conn.h"

#define LISTEN_AGAIN_MS 1000

/* A sentinel. */
struct node {
    struct redis_sentinel *sentinel;  /* whose */
    struct redis_node_address where;  /* as given */
    struct redis_conn question;       /* asks for the master */
    struct redis_conn subscription;   /* listens for +switch-master */
    bool asked;                       /* its answer is still to come */
    bool voted;                       /* it named an address */
    bool listens;                     /* subscription is open, or being opened */
    struct redis_node_address answer; /* the address */
    char why[160];                    /* it named none; "" while it may still */
};

struct redis_sentinel {
    struct loop *loop;                     /* of the thread */
    struct redis_sentinel_options options; /* as given */
    struct redis_sentinel_events events;   /* the same */
    bool asking;                           /* a question is under way */
    struct redis_node_address found;       /* the last answer; port 0: none */
    bool rejected;                         /* it was of no use */
    char why[512];                         /* nobody named one */
    uv_timer_t timeout;                    /* of a question */
    uv_timer_t listen;                     /* makes lost subscriptions again */
    unsigned handles_open;                 /* before it can be freed */
    void (*on_closed)(void *arg);          /* of redis_sentinel_close */
    void *on_closed_arg;                   /* the same */
    struct node nodes[];                   /* options.count of them */
};

static bool is_same(const struct redis_node_address *a, const struct redis_node_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* ---- Questions ---- */

static unsigned votes_for(const struct redis_sentinel *self,
                          const struct redis_node_address *address)
{
    unsigned votes = 0;

    for (size_t i = 0; i < self->options.count; i++)
        votes += self->nodes[i].voted && is_same(&self->nodes[i].answer, address);
    return votes;
}

/* The address with the most votes; the one that was rejected counts as the last choice. NULL: none at all. */
static const struct redis_node_address *choose(const struct redis_sentinel *self)
{
    const struct redis_node_address *best = NULL;
    unsigned most = 0;

    for (size_t i = 0; i < self->options.count; i++) {
        const struct redis_node_address *answer = &self->nodes[i].answer;
        unsigned votes = votes_for(self, answer) * 2;

        if (!self->nodes[i].voted)
            continue;
        if (self->rejected && is_same(answer, &self->found))
            votes = 1;
        if (votes > most) {
            most = votes;
            best = answer;
        }
    }
    return best;
}

/* All nodes' reasons. Always in the same order: a fault is known by its text. */
static const char *explain(struct redis_sentinel *self)
{
    size_t len = 0;

    for (size_t i = 0; i < self->options.count && len < sizeof self->why; i++) {
        const struct node *node = &self->nodes[i];

        len += (size_t)snprintf(self->why + len, sizeof self->why - len, "%ssentinel %s:%d: %s",
                                i > 0 ? "; " : "", node->where.host, node->where.port,
                                node->why[0] != '\0' ? node->why
                                                     : "no answer within redis.timeout_ms");
    }
    return self->why;
}

static void settle(struct redis_sentinel *self)
{
    const struct redis_node_address *best = choose(self);

    self->asking = false;
    uv_timer_stop(&self->timeout);
    for (size_t i = 0; i < self->options.count; i++) {
        self->nodes[i].asked = false;
        redis_conn_drop(&self->nodes[i].question);
    }
    if (best == NULL) {
        self->events.on_none(self->events.arg, explain(self));
        return;
    }
    self->found = *best;
    self->rejected = false;
    self->events.on_found(self->events.arg, &self->found);
}

/* Whether nothing that is still to come could change the choice, or need be waited for. */
static bool is_decided(const struct redis_sentinel *self)
{
    bool waits = false;

    for (size_t i = 0; i < self->options.count; i++) {
        const struct node *node = &self->nodes[i];

        waits |= node->asked;
        if (node->voted && votes_for(self, &node->answer) * 2 > self->options.count &&
            !(self->rejected && is_same(&node->answer, &self->found)))
            return true;
    }
    return !waits;
}

/* A node has answered, or won't. */
static void note_answer(struct node *node, const char *why)
{
    struct redis_sentinel *self = node->sentinel;

    node->asked = false;
    if (why != NULL)
        snprintf(node->why, sizeof node->why, "%s", why);
    if (self->asking && is_decided(self))
        settle(self);
}

static void on_timeout(uv_timer_t *timer)
{
    settle(CONTAINER_OF(timer, struct redis_sentinel, timeout));
}

static void on_address(redisAsyncContext *ac, void *data, void *privdata)
{
    struct node *node = privdata;
    const redisReply *reply = data;
    char why[160];

    if (ac->data == NULL || reply == NULL || !node->asked)
        return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_STRING &&
        reply->element[1]->type == REDIS_REPLY_STRING &&
        reply->element[0]->len < sizeof node->answer.host && atoi(reply->element[1]->str) > 0) {
        strcpy(node->answer.host, reply->element[0]->str);
        node->answer.port = atoi(reply->element[1]->str);
        node->voted = true;
        note_answer(node, NULL);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR)
        snprintf(why, sizeof why, "%s", node->why[0] != '\0' ? node->why : reply->str);
    else
        snprintf(why, sizeof why, "knows no master named %s (redis.sentinel_master)",
                 node->sentinel->options.master);
    note_answer(node, why);
}

/* Tells more of what is wrong than the next command's NOAUTH; where that has no error, nothing is. */
static void on_login(redisAsyncContext *ac, void *data, void *privdata)
{
    struct node *node = privdata;
    const redisReply *reply = data;

    if (ac->data != NULL && reply != NULL && reply->type == REDIS_REPLY_ERROR)
        snprintf(node->why, sizeof node->why, "%s", reply->str);
}

static void log_in(struct node *node, struct redis_conn *conn, redisCallbackFn *on_reply)
{
    const struct redis_sentinel_options *options = &node->sentinel->options;

    redis_conn_log_in(conn, options->user, options->password, on_reply, node);
}

static void on_question_open(struct redis_conn *conn)
{
    struct node *node = CONTAINER_OF(conn, struct node, question);

    log_in(node, conn, on_login);
    redisAsyncCommand(conn->ac, on_address, node, "SENTINEL GET-MASTER-ADDR-BY-NAME %s",
                      node->sentinel->options.master);
}

static void on_question_lost(struct redis_conn *conn, const char *why)
{
    struct node *node = CONTAINER_OF(conn, struct node, question);

    if (node->asked)
        note_answer(node, why);
}

static void open_to(struct node *node, struct redis_conn *conn)
{
    const struct redis_conn_target target = {
        .host = node->where.host, .port = node->where.port, .tls = node->sentinel->options.tls};

    redis_conn_open(conn, &target);
}

void redis_sentinel_ask(struct redis_sentinel *self)
{
    self->asking = false;
    for (size_t i = 0; i < self->options.count; i++) {
        redis_conn_drop(&self->nodes[i].question);
        self->nodes[i].asked = true;
        self->nodes[i].voted = false;
        self->nodes[i].why[0] = '\0';
    }
    uv_timer_start(&self->timeout, on_timeout, (uint64_t)self->options.timeout_ms, 0);
    for (size_t i = 0; i < self->options.count; i++)
        open_to(&self->nodes[i], &self->nodes[i].question);
    self->asking = true;
    if (is_decided(self)) /* all failed at once */
        settle(self);
}

void redis_sentinel_reject(struct redis_sentinel *self)
{
    self->rejected = true;
}

/* ---- Listening ---- */

/* {"message", "+switch-master", "<name> <old ip> <old port> <new ip> <new port>"} */
static void on_message(redisAsyncContext *ac, void *data, void *privdata)
{
    struct node *node = privdata;
    struct redis_sentinel *self = node->sentinel;
    const redisReply *reply = data;
    size_t name = strlen(self->options.master);
    struct redis_node_address master;
    const char *text;

    if (ac->data == NULL || reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) { /* it wants a password, say: it may be set meanwhile */
        redis_conn_drop(&node->subscription);
        node->listens = false;
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[2]->type != REDIS_REPLY_STRING)
        return;
    text = reply->element[2]->str;
    if (strncmp(text, self->options.master, name) == 0 && text[name] == ' ' &&
        sscanf(text + name, " %*s %*s %255s %d", master.host, &master.port) == 2)
        self->events.on_switched(self->events.arg, &master);
}

static void on_subscription_open(struct redis_conn *conn)
{
    struct node *node = CONTAINER_OF(conn, struct node, subscription);

    log_in(node, conn, NULL);
    redisAsyncCommand(conn->ac, on_message, node, "SUBSCRIBE +switch-master");
}

static void on_subscription_lost(struct redis_conn *conn, const char *why)
{
    (void)why; /* questions tell */
    CONTAINER_OF(conn, struct node, subscription)->listens = false;
}

static void on_listen(uv_timer_t *timer)
{
    struct redis_sentinel *self = CONTAINER_OF(timer, struct redis_sentinel, listen);

    for (size_t i = 0; i < self->options.count; i++) {
        if (self->nodes[i].listens)
            continue;
        self->nodes[i].listens = true;
        open_to(&self->nodes[i], &self->nodes[i].subscription);
    }
}

/* ---- Making and closing ---- */

struct redis_sentinel *redis_sentinel_new(struct loop *loop,
                                          const struct redis_sentinel_options *options,
                                          const struct redis_sentinel_events *events)
{
    struct redis_sentinel *self = calloc(1, sizeof *self + options->count * sizeof self->nodes[0]);

    if (self == NULL)
        return NULL;
    self->loop = loop;
    self->options = *options;
    self->events = *events;
    for (size_t i = 0; i < options->count; i++) {
        struct node *node = &self->nodes[i];

        node->sentinel = self;
        node->where = options->nodes[i];
        redis_conn_init(&node->question, loop, on_question_open, on_question_lost);
        redis_conn_init(&node->subscription, loop, on_subscription_open, on_subscription_lost);
    }
    uv_timer_init(&loop->uv, &self->timeout);
    uv_timer_init(&loop->uv, &self->listen);
    uv_timer_start(&self->listen, on_listen, 0, LISTEN_AGAIN_MS);
    self->handles_open = 2;
    return self;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis_sentinel *self = handle->data;

    if (--self->handles_open > 0)
        return;
    void (*on_closed)(void *arg) = self->on_closed;
    void *arg = self->on_closed_arg;
    free(self);
    on_closed(arg);
}

void redis_sentinel_close(struct redis_sentinel *self, void (*on_closed)(void *arg), void *arg)
{
    self->asking = false;
    self->on_closed = on_closed;
    self->on_closed_arg = arg;
    for (size_t i = 0; i < self->options.count; i++) {
        redis_conn_drop(&self->nodes[i].question);
        redis_conn_drop(&self->nodes[i].subscription);
    }
    self->timeout.data = self->listen.data = self;
    uv_close((uv_handle_t *)&self->timeout, on_handle_closed);
    uv_close((uv_handle_t *)&self->listen, on_handle_closed);
}
