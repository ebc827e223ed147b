/*
 * One pipelined connection to Redis, kept up for as long as it is wanted.
 *
 * The happy path: redis_connect.c finds the server and greets it, and the link is UP; calls are sent as they come
 * and stand in redis_sent until their reply. Ways it fails, all through redis_link_lose(): no master is found, the
 * connect is refused or takes too long, the greeting is answered with an error (wrong password, LOADING…), the
 * server is a replica, or becomes one, the peer closes, a reply is late. redis_link_lose() puts what was unanswered
 * back in front of the waiting calls and arms the timer that connects again. One timer looks after deadlines; it
 * is armed for the first of them only, and looks through all when it fires, which is seldom, since most calls are
 * answered long before.
 */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "container_of.h"
#include "log.h"
#include "redis_address.h"
#include "redis_link_private.h"
#include "redis_reply.h"
#include "redis_sentinel.h"
#include "resp.h"
#include "store_metrics.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 500

/* When the command that is to be answered next was sent. */
static int64_t oldest_ms(const struct redis_link *link)
{
    return redis_sent_at(&link->sent, 0)->at_ms;
}

/* ---- Deadlines ---- */

static void on_deadline(uv_timer_t *timer);

static void watch_deadline(struct redis_link *link, int64_t deadline_ms)
{
    if (deadline_ms >= link->next_deadline_ms)
        return;
    int64_t wait = deadline_ms - redis_link_now(link);
    link->next_deadline_ms = deadline_ms;
    uv_timer_start(&link->deadline_timer, on_deadline, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* Fails the waiting calls whose deadline has passed; all of them where the link is away. */
static void fail_waiting(struct redis_link *link)
{
    struct redis_call *call, *next;

    DL_FOREACH_SAFE (link->waiting, call, next) {
        if (link->away || call->deadline_ms <= redis_link_now(link)) {
            DL_DELETE(link->waiting, call);
            call->done(call, NULL);
        }
    }
}

/* Lets go of the sent calls whose deadline has passed; their replies are dropped when they come. */
static void fail_sent(struct redis_link *link)
{
    for (size_t i = 0; i < redis_sent_count(&link->sent); i++) {
        struct redis_call *call = redis_sent_at(&link->sent, i)->call;

        if (call != NULL && call->deadline_ms <= redis_link_now(link)) {
            redis_sent_at(&link->sent, i)->call = NULL;
            call->done(call, NULL);
        }
    }
}

static void arm_deadline(struct redis_link *link)
{
    const struct redis_call *call;

    DL_FOREACH (link->waiting, call)
        watch_deadline(link, call->deadline_ms);
    if (link->state == UP && redis_sent_count(&link->sent) > 0) /* a greeting is connect_timer's */
        watch_deadline(link, oldest_ms(link) + link->options.timeout_ms);
    for (size_t i = 0; i < redis_sent_count(&link->sent); i++)
        if (redis_sent_at(&link->sent, i)->call != NULL)
            watch_deadline(link, redis_sent_at(&link->sent, i)->call->deadline_ms);
    if (link->state != UP && !link->away)
        watch_deadline(link, link->lost_ms + link->options.timeout_ms);
}

static void on_deadline(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, deadline_timer);

    link->next_deadline_ms = INT64_MAX;
    /* Timers fire before sockets are read: after a pause of this process, replies may be there. */
    if (link->state == UP && redis_sent_count(&link->sent) > 0)
        redisAsyncHandleRead(link->conn.ac);
    fail_sent(link);
    if (link->state == UP && redis_sent_count(&link->sent) > 0 &&
        oldest_ms(link) + link->options.timeout_ms <= redis_link_now(link)) {
        redis_link_lose(link, "no reply within redis.timeout_ms");
        link->away = true;
    }
    if (link->state != UP && !link->away &&
        link->lost_ms + link->options.timeout_ms <= redis_link_now(link))
        link->away = true;
    fail_waiting(link);
    arm_deadline(link);
}

/* ---- Sending and being answered ---- */

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata);

/* Sends what stands in link->out, for a call or (NULL) for the link itself. -1 where it can't. */
static int send_out(struct redis_link *link, struct redis_call *call)
{
    const char *text = buf_text(&link->out); /* hiredis looks into it as a string */

    if (text == NULL || redis_sent_reserve(&link->sent) != 0 ||
        redisAsyncFormattedCommand(link->conn.ac, on_reply, link, text, link->out.len) != REDIS_OK)
        return -1;
    redis_sent_push(&link->sent, call, redis_link_now(link));
    return 0;
}

static void send_call(struct redis_link *link, struct redis_call *call)
{
    buf_clear(&link->out);
    call->format(call, link, &link->out);
    if (send_out(link, call) != 0) {
        call->done(call, NULL);
        return;
    }
    watch_deadline(link, call->deadline_ms);
    watch_deadline(link, oldest_ms(link) + link->options.timeout_ms);
}

int redis_link_send_words(struct redis_link *link, size_t count, const char *const *words)
{
    buf_clear(&link->out);
    resp_command(&link->out, count);
    for (size_t i = 0; i < count; i++)
        resp_text(&link->out, words[i]);
    return send_out(link, NULL);
}

int redis_link_send_scripts(struct redis_link *link)
{
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        size_t len;
        const char *text = redis_script_text((enum redis_script)i, &len);

        buf_clear(&link->out);
        resp_command(&link->out, 3);
        resp_text(&link->out, "SCRIPT");
        resp_text(&link->out, "LOAD");
        resp_bytes(&link->out, text, len);
        if (send_out(link, NULL) != 0)
            return -1;
    }
    link->loaded_number = link->sent.tail;
    return 0;
}

static bool is_error(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, strlen(word)) == 0;
}

static void send_waiting(struct redis_link *link)
{
    struct redis_call *call;

    while (link->state == UP && (call = link->waiting) != NULL) {
        DL_DELETE(link->waiting, call);
        send_call(link, call);
    }
}

void redis_link_become_up(struct redis_link *link)
{
    uv_timer_stop(&link->connect_timer);
    link->state = UP;
    link->backoff_ms = BACKOFF_MIN_MS;
    if (link->ever_up)
        metrics_add(STORE_METRIC_RECONNECTS, 1);
    if (link->away || !link->ever_up)
        log_line(LOG_INFO, "Redis connected", LOG_STR("link", link->name));
    link->away = false;
    link->ever_up = true;
    redis_trouble_clear(&link->trouble);
    if (link->sentinel != NULL)
        redis_link_watch_role(link);
    send_waiting(link);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
    struct redis_link *link = privdata;

    if (ac->data == NULL ||
        reply == NULL) /* the connection is gone; redis_link_lose() has seen to its calls */
        return;
    uint64_t number = link->sent.head;
    struct redis_call *call = redis_sent_pop(&link->sent);
    if (link->state == CONNECTING) {
        redis_link_on_greeted(link, reply);
        return;
    }
    if (call == NULL)
        return;
    if (((const redisReply *)reply)->type == REDIS_REPLY_ERROR)
        metrics_add(STORE_METRIC_ERRORS + (unsigned)redis_reply_error_kind(reply), 1);
    if (is_error(reply, "NOSCRIPT") && !call->loaded) {
        call->loaded = true;
        /* One load serves all calls that were sent before it. */
        if (number < link->loaded_number || redis_link_send_scripts(link) == 0) {
            send_call(link, call);
            return;
        }
    }
    if (((const redisReply *)reply)->type == REDIS_REPLY_ERROR && link->options.redirect != NULL &&
        call != &link->role && link->options.redirect(link->options.redirect_arg, call, reply))
        return;
    call->done(call, reply);
}

static void free_if_closed(struct redis_link *link)
{
    if (link->state != CLOSED || link->handles_open > 0 || link->sentinel != NULL)
        return;
    void (*on_closed)(void *arg) = link->on_closed;
    void *arg = link->on_closed_arg;

    redis_trouble_clear(&link->trouble);
    buf_done(&link->out);
    redis_sent_done(&link->sent);
    free(link);
    on_closed(arg);
}

/* Puts the unanswered calls in front of the waiting ones, in their order. */
static void take_back_sent(struct redis_link *link)
{
    while (redis_sent_count(&link->sent) > 0) {
        struct redis_call *call = redis_sent_pop_latest(&link->sent);

        if (call != NULL)
            DL_PREPEND(link->waiting, call);
    }
}

/* Tells the operator. Where sentinels don't say where it is, they stand in why. */
static void tell_lost(struct redis_link *link, const char *why)
{
    const struct redis_address *address = link->options.address;
    char server[REDIS_NODE_HOST + sizeof ":65535"];
    struct redis_trouble_report report = {.kind = link->state == UP ? REDIS_TROUBLE_LOST
                                                                    : REDIS_TROUBLE_FAILED,
                                          .link = link->name,
                                          .server = link->node.port != 0 ? server : address->path,
                                          .why = why,
                                          .now_ms = redis_link_now(link)};

    snprintf(server, sizeof server, "%s:%d", link->node.host, link->node.port);
    if (link->state == LOCATING)
        report.server = NULL;
    redis_trouble_log(&link->trouble, &report);
}

/* The one way down: the connection is given up, and made again later. */
void redis_link_lose(struct redis_link *link, const char *why)
{
    if (link->state == CLOSED)
        return;
    tell_lost(link, why);
    if (link->state == UP) {
        metrics_add(STORE_METRIC_LOST, 1);
        link->lost_ms = redis_link_now(link);
    } else if (link->state == CONNECTING && link->sentinel != NULL) {
        redis_sentinel_reject(link->sentinel);
    }
    link->state = DOWN;
    redis_conn_drop(&link->conn);
    uv_timer_stop(&link->role_timer);
    take_back_sent(link);

    int64_t jitter = (int64_t)(uv_hrtime() % (uint64_t)(link->backoff_ms / 2 + 1));
    uv_timer_start(&link->connect_timer, redis_link_on_connect_timer,
                   (uint64_t)(link->backoff_ms + jitter), 0);
    link->backoff_ms =
        link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
    arm_deadline(link);
}

/* ---- What others call ---- */

/* Where the address, or the options, say that it is; with sentinels it isn't known yet. */
static void set_node(struct redis_link *link)
{
    const struct redis_address *address = link->options.address;

    if (link->options.node != NULL) {
        link->node = *link->options.node;
        link->options.node = &link->node;
    } else if (address->host != NULL) {
        snprintf(link->node.host, sizeof link->node.host, "%s", address->host);
        link->node.port = address->port;
    }
}

struct redis_link *redis_link_new(struct loop *loop, const struct redis_link_options *options)
{
    struct redis_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->loop = loop;
    link->options = *options;
    set_node(link);
    snprintf(link->name, sizeof link->name, "%s", options->name);
    if (redis_link_prepare(link) != 0) {
        free(link);
        return NULL;
    }
    link->next_deadline_ms = INT64_MAX;
    link->backoff_ms = BACKOFF_MIN_MS;
    link->lost_ms = redis_link_now(link);
    uv_timer_init(&loop->uv, &link->connect_timer);
    uv_timer_init(&loop->uv, &link->deadline_timer);
    uv_timer_init(&loop->uv, &link->role_timer);
    link->handles_open = 3;
    redis_link_connect(link);
    arm_deadline(link);
    return link;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis_link *link = handle->data;

    link->handles_open--;
    free_if_closed(link);
}

static void on_sentinel_closed(void *arg)
{
    struct redis_link *link = arg;

    link->sentinel = NULL;
    free_if_closed(link);
}

void redis_link_close(struct redis_link *link, void (*on_closed)(void *arg), void *arg)
{
    struct redis_call *call, *next;

    link->state = CLOSED;
    link->on_closed = on_closed;
    link->on_closed_arg = arg;
    redis_conn_drop(&link->conn);
    take_back_sent(link);
    DL_FOREACH_SAFE (link->waiting, call, next) {
        DL_DELETE(link->waiting, call);
        call->done(call, NULL);
    }
    link->connect_timer.data = link->deadline_timer.data = link->role_timer.data = link;
    uv_close((uv_handle_t *)&link->connect_timer, on_handle_closed);
    uv_close((uv_handle_t *)&link->deadline_timer, on_handle_closed);
    uv_close((uv_handle_t *)&link->role_timer, on_handle_closed);
    if (link->sentinel != NULL)
        redis_sentinel_close(link->sentinel, on_sentinel_closed, link);
}

void redis_link_call(struct redis_link *link, struct redis_call *call)
{
    call->loaded = false;
    if (link->state == UP) {
        send_call(link, call);
    } else if (link->state == CLOSED || link->away) {
        call->done(call, NULL);
    } else {
        DL_APPEND(link->waiting, call);
        watch_deadline(link, call->deadline_ms);
    }
}

void redis_link_call_asking(struct redis_link *link, struct redis_call *call)
{
    /* Where the connection isn't there yet, the call is sent without: it is then redirected again. */
    if (link->state == UP)
        redis_link_send_words(link, 1, (const char *[]){"ASKING"});
    redis_link_call(link, call);
}

bool redis_link_is_idle(const struct redis_link *link)
{
    return link->waiting == NULL && redis_sent_count(&link->sent) == 0;
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == UP;
}

bool redis_link_is_away(const struct redis_link *link)
{
    return link->away;
}

bool redis_link_where(const struct redis_link *link, struct redis_node_address *ret_node)
{
    *ret_node = link->node;
    return link->state == UP;
}

const char *redis_link_sha(const struct redis_link *link, enum redis_script script)
{
    return link->sha[script];
}
