/*
 * How a link gets to its server: the sentinels are asked where there are any, the connection is made, the
 * greeting is sent; its last reply makes the link UP. A master that sentinels named is asked every second
 * whether it still is one.
 */
#include <hiredis/hiredis.h>
#include <string.h>

#include "container_of.h"
#include "redis_address.h"
#include "redis_link_private.h"
#include "redis_sentinel.h"
#include "resp.h"

#define ROLE_MS 1000

/* ---- The greeting ---- */

/* What ROLE answers: {"master" or "slave" or "sentinel", …}. Not all that speak like Redis know it. */
static const char *fault_of_role(const struct redis_link *link, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return link->sentinel != NULL ? reply->str : NULL;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return "ROLE was answered with something else";
    if (strcmp(reply->element[0]->str, "master") != 0)
        return "it is a replica, which takes no writes";
    return NULL;
}

static const char *read_greeting(struct redis_link *link, const redisReply *reply)
{
    enum greeting greeting = link->greeting[link->greeted];

    if (greeting == GREET_ROLE)
        return fault_of_role(link, reply);
    if (reply->type == REDIS_REPLY_ERROR)
        return reply->str;
    if (greeting >= GREET_SCRIPTS) {
        if (reply->type != REDIS_REPLY_STRING || reply->len != REDIS_LINK_SHA_LEN)
            return "SCRIPT LOAD was answered with something that is no SHA-1";
        memcpy(link->sha[greeting - GREET_SCRIPTS], reply->str, REDIS_LINK_SHA_LEN + 1);
    }
    return NULL;
}

void redis_link_on_greeted(struct redis_link *link, const redisReply *reply)
{
    const char *fault = read_greeting(link, reply);

    link->greeted++;
    if (fault != NULL)
        redis_link_lose(link, fault);
    else if (link->greeted == link->greetings)
        redis_link_become_up(link);
}

/* ---- Whether it is still a master ---- */

static void format_role(struct redis_call *call, struct redis_link *link, struct buf *out)
{
    (void)call;
    (void)link;
    resp_command(out, 1);
    resp_text(out, "ROLE");
}

static void on_role(struct redis_call *call, const redisReply *reply)
{
    struct redis_link *link = CONTAINER_OF(call, struct redis_link, role);
    const char *fault = reply != NULL ? fault_of_role(link, reply) : NULL;

    link->role_asked = false;
    if (fault != NULL && link->state == UP)
        redis_link_lose(link, fault);
}

static void on_role_timer(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, role_timer);

    if (link->state != UP || link->role_asked)
        return;
    link->role_asked = true;
    link->role =
        (struct redis_call){.format = format_role,
                            .done = on_role,
                            .deadline_ms = redis_link_now(link) + link->options.timeout_ms};
    redis_link_call(link, &link->role);
}

/* ---- Connecting ---- */

void redis_link_on_connect_timer(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, connect_timer);

    if (link->state == DOWN)
        redis_link_connect(link);
    else
        redis_link_lose(link, redis_conn_waits_for(&link->conn));
}

static int greet_with(struct redis_link *link, enum greeting greeting, size_t count,
                      const char *const *words)
{
    link->greeting[link->greetings++] = greeting;
    return redis_link_send_words(link, count, words);
}

static void on_open(struct redis_conn *conn)
{
    struct redis_link *link = CONTAINER_OF(conn, struct redis_link, conn);
    const struct redis_address *address = link->options.address;
    const char *words[REDIS_LOGIN_WORDS];
    int count = redis_conn_login(address->user, address->password, words);
    char db[16];
    int rc = 0;

    if (count > 0)
        rc |= greet_with(link, GREET_LOGIN, (size_t)count, words);
    else /* a Redis that wants a password says so here; a script is too long for it without one */
        rc |= greet_with(link, GREET_LOGIN, 1, (const char *[]){"PING"});
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        rc |= greet_with(link, GREET_SELECT, 2, (const char *[]){"SELECT", db});
    }
    if (link->options.node == NULL) /* a cluster's node says MOVED */
        rc |= greet_with(link, GREET_ROLE, 1, (const char *[]){"ROLE"});
    rc |= redis_link_send_scripts(link);
    for (unsigned i = 0; i < REDIS_SCRIPT_COUNT; i++)
        link->greeting[link->greetings++] = (enum greeting)(GREET_SCRIPTS + i);
    if (rc != 0)
        redis_link_lose(link, "out of memory");
}

/* A server that wants TLS ends a connection without it at the first bytes, and says nothing. */
static bool may_want_tls(const struct redis_link *link)
{
    return link->state == CONNECTING && link->options.tls == NULL && link->node.port != 0 &&
           link->greetings > 0 && link->greeted == 0;
}

static void on_lost(struct redis_conn *conn, const char *why)
{
    struct redis_link *link = CONTAINER_OF(conn, struct redis_link, conn);
    char text[192];

    if (may_want_tls(link)) {
        snprintf(text, sizeof text, "%s, at our first words: rediss:// where it speaks TLS", why);
        why = text;
    }
    redis_link_lose(link, why);
}

static void open_conn(struct redis_link *link)
{
    const struct redis_address *address = link->options.address;
    struct redis_conn_target target = {.tls = link->options.tls};

    if (link->options.node == NULL && link->sentinel == NULL && address->path != NULL) {
        target.path = address->path;
    } else {
        target.host = link->node.host;
        target.port = link->node.port;
    }
    link->state = CONNECTING;
    uv_timer_start(&link->connect_timer, redis_link_on_connect_timer,
                   (uint64_t)link->options.timeout_ms, 0);
    link->greetings = link->greeted = 0;
    redis_conn_open(&link->conn, &target);
}

static void on_found(void *arg, const struct redis_node_address *master)
{
    struct redis_link *link = arg;

    if (link->state != LOCATING)
        return;
    link->node = *master;
    open_conn(link);
}

static void on_none(void *arg, const char *why)
{
    struct redis_link *link = arg;

    if (link->state == LOCATING)
        redis_link_lose(link, why);
}

static void on_switched(void *arg, const struct redis_node_address *master)
{
    struct redis_link *link = arg;

    if (link->state == UP &&
        (link->node.port != master->port || strcmp(link->node.host, master->host) != 0)) {
        /* Most sentinels learn of it later than the one that says so, and would send us back. */
        redis_sentinel_reject(link->sentinel);
        redis_link_lose(link, "the sentinels made another server the master");
    }
}

void redis_link_connect(struct redis_link *link)
{
    if (link->sentinel == NULL) {
        open_conn(link);
        return;
    }
    link->state = LOCATING; /* for redis.timeout_ms at most: the sentinels keep to it */
    redis_sentinel_ask(link->sentinel);
}

int redis_link_prepare(struct redis_link *link)
{
    const struct redis_sentinel_events events = {on_found, on_none, on_switched, link};

    redis_conn_init(&link->conn, link->loop, on_open, on_lost);
    if (link->options.sentinel == NULL)
        return 0;
    link->sentinel = redis_sentinel_new(link->loop, link->options.sentinel, &events);
    return link->sentinel != NULL ? 0 : -1;
}

void redis_link_watch_role(struct redis_link *link)
{
    uv_timer_start(&link->role_timer, on_role_timer, ROLE_MS, ROLE_MS);
}
