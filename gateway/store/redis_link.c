/*
 * One pipelined connection to Redis, kept up for as long as it is wanted.
 *
 * The happy path: connect_link() has the master found, where there are sentinels, and the connection made;
 * on_open sends the greeting, on_greeted sees its last reply and makes the link UP; calls are sent as they come
 * and stand in redis_sent until their reply. Ways it fails, all through lose(): no master is found, the connect
 * is refused or takes too long, the greeting is answered with an error (wrong password, LOADING…), the server
 * is a replica, or becomes one, the peer closes, a reply is late.
 * lose() puts what was unanswered back in front of the waiting calls and arms the timer that connects
 * again. One timer looks after deadlines; it is armed for the first of them only, and looks through all
 * when it fires, which is seldom, since most calls are answered long before.
 */
#include "redis_link.h"

#include <assert.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "buf.h"
#include "clock.h"
#include "container_of.h"
#include "log.h"
#include "loop.h"
#include "redis_address.h"
#include "redis_conn.h"
#include "redis_sent.h"
#include "redis_sentinel.h"
#include "redis_trouble.h"
#include "resp.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 500
#define SHA_LEN        40
#define ROLE_MS        1000 /* how often a master that sentinels named is asked whether it is one */

enum state {
    DOWN,       /* waiting for the timer that connects */
    LOCATING,   /* waiting for the sentinels */
    CONNECTING, /* waiting for the connection and the greeting's replies */
    UP,         /* calls are sent as they come */
    CLOSED      /* waiting for handles to close */
};

/* The commands of a greeting, in their order. */
enum greeting { GREET_LOGIN, GREET_SELECT, GREET_ROLE, GREET_SCRIPTS };

struct redis_link {
    struct loop *loop;                 /* of the thread */
    struct redis_link_options options; /* as given, but for name and node */
    struct redis_node_address node;    /* where it connects to, but for unix sockets */
    char name[64];                     /* for the log */
    enum state state;                  /* see above */
    struct redis_conn conn;            /* while CONNECTING or UP */
    struct redis_sentinel *sentinel;   /* knows where; NULL: isn't asked */
    uv_timer_t connect_timer;          /* DOWN: to connect; CONNECTING: to give up */
    uv_timer_t deadline_timer;         /* to the first deadline */
    uv_timer_t role_timer;             /* UP, with sentinels: asks for the role */
    int64_t next_deadline_ms;          /* that the timer is armed for; INT64_MAX: it isn't */
    int64_t backoff_ms;                /* the next wait before a connect */
    int64_t lost_ms;                   /* when the link was lost, or made */
    bool away;                         /* lost for longer than timeout_ms: calls fail at once */
    bool ever_up;                      /* was up once: for the log */
    struct redis_trouble trouble;      /* why it was lost, as logged */
    enum greeting greeting[3 + REDIS_SCRIPT_COUNT]; /* what was sent */
    unsigned greetings, greeted;                    /* of them, and answered */
    char sha[REDIS_SCRIPT_COUNT][SHA_LEN + 1];      /* of the scripts, from SCRIPT LOAD */
    struct redis_call role;                         /* asks for the role */
    bool role_asked;                                /* it is under way */
    struct redis_call *waiting;   /* calls to be sent when the link is up, oldest first */
    struct redis_sent sent;       /* commands under way */
    uint64_t loaded_number;       /* of the first command sent behind the scripts */
    struct buf out;               /* a command being formatted */
    unsigned handles_open;        /* that must close before the link can be freed */
    void (*on_closed)(void *arg); /* of redis_link_close */
    void *on_closed_arg;          /* the same */
};

static void connect_link(struct redis_link *link);
static void lose(struct redis_link *link, const char *why);
static void on_role_timer(uv_timer_t *timer);

static int64_t now_ms(const struct redis_link *link)
{
    return (int64_t)uv_now(&link->loop->uv);
}

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
    int64_t wait = deadline_ms - now_ms(link);
    link->next_deadline_ms = deadline_ms;
    uv_timer_start(&link->deadline_timer, on_deadline, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* Fails the waiting calls whose deadline has passed; all of them where the link is away. */
static void fail_waiting(struct redis_link *link)
{
    struct redis_call *call, *next;

    DL_FOREACH_SAFE (link->waiting, call, next) {
        if (link->away || call->deadline_ms <= now_ms(link)) {
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

        if (call != NULL && call->deadline_ms <= now_ms(link)) {
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
        oldest_ms(link) + link->options.timeout_ms <= now_ms(link)) {
        lose(link, "no reply within redis.timeout_ms");
        link->away = true;
    }
    if (link->state != UP && !link->away &&
        link->lost_ms + link->options.timeout_ms <= now_ms(link))
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
    redis_sent_push(&link->sent, call, now_ms(link));
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

static int send_words(struct redis_link *link, size_t count, const char *const *words)
{
    buf_clear(&link->out);
    resp_command(&link->out, count);
    for (size_t i = 0; i < count; i++)
        resp_text(&link->out, words[i]);
    return send_out(link, NULL);
}

static int send_scripts(struct redis_link *link)
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

static void become_up(struct redis_link *link)
{
    uv_timer_stop(&link->connect_timer);
    link->state = UP;
    link->backoff_ms = BACKOFF_MIN_MS;
    if (link->away || !link->ever_up)
        log_line(LOG_INFO, "Redis connected", LOG_STR("link", link->name));
    link->away = false;
    link->ever_up = true;
    redis_trouble_clear(&link->trouble);
    if (link->sentinel != NULL)
        uv_timer_start(&link->role_timer, on_role_timer, ROLE_MS, ROLE_MS);
    send_waiting(link);
}

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
        if (reply->type != REDIS_REPLY_STRING || reply->len != SHA_LEN)
            return "SCRIPT LOAD was answered with something that is no SHA-1";
        memcpy(link->sha[greeting - GREET_SCRIPTS], reply->str, SHA_LEN + 1);
    }
    return NULL;
}

static void on_greeted(struct redis_link *link, const redisReply *reply)
{
    const char *fault = read_greeting(link, reply);

    link->greeted++;
    if (fault != NULL)
        lose(link, fault);
    else if (link->greeted == link->greetings)
        become_up(link);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
    struct redis_link *link = privdata;

    if (ac->data == NULL ||
        reply == NULL) /* the connection is gone; lose() has seen to its calls */
        return;
    uint64_t number = link->sent.head;
    struct redis_call *call = redis_sent_pop(&link->sent);
    if (link->state == CONNECTING) {
        on_greeted(link, reply);
        return;
    }
    if (call == NULL)
        return;
    if (is_error(reply, "NOSCRIPT") && !call->loaded) {
        call->loaded = true;
        /* One load serves all calls that were sent before it. */
        if (number < link->loaded_number || send_scripts(link) == 0) {
            send_call(link, call);
            return;
        }
    }
    if (((const redisReply *)reply)->type == REDIS_REPLY_ERROR && link->options.redirect != NULL &&
        call != &link->role && link->options.redirect(link->options.redirect_arg, call, reply))
        return;
    call->done(call, reply);
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
        lose(link, fault);
}

static void on_role_timer(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, role_timer);

    if (link->state != UP || link->role_asked)
        return;
    link->role_asked = true;
    link->role = (struct redis_call){.format = format_role,
                                     .done = on_role,
                                     .deadline_ms = now_ms(link) + link->options.timeout_ms};
    redis_link_call(link, &link->role);
}

/* ---- Connecting ---- */

static void on_connect_timer(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, connect_timer);

    if (link->state == DOWN)
        connect_link(link);
    else
        lose(link, redis_conn_waits_for(&link->conn));
}

static int greet_with(struct redis_link *link, enum greeting greeting, size_t count,
                      const char *const *words)
{
    link->greeting[link->greetings++] = greeting;
    return send_words(link, count, words);
}

static void on_open(struct redis_conn *conn)
{
    struct redis_link *link = CONTAINER_OF(conn, struct redis_link, conn);
    const struct redis_address *address = link->options.address;
    const char *user = address->user, *password = address->password;
    char db[16];
    int rc = 0;

    if (password != NULL && user != NULL)
        rc |= greet_with(link, GREET_LOGIN, 3, (const char *[]){"AUTH", user, password});
    else if (password != NULL)
        rc |= greet_with(link, GREET_LOGIN, 2, (const char *[]){"AUTH", password});
    else /* a Redis that wants a password says so here; a script is too long for it without one */
        rc |= greet_with(link, GREET_LOGIN, 1, (const char *[]){"PING"});
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        rc |= greet_with(link, GREET_SELECT, 2, (const char *[]){"SELECT", db});
    }
    if (link->options.node == NULL) /* a cluster's node says MOVED */
        rc |= greet_with(link, GREET_ROLE, 1, (const char *[]){"ROLE"});
    rc |= send_scripts(link);
    for (unsigned i = 0; i < REDIS_SCRIPT_COUNT; i++)
        link->greeting[link->greetings++] = (enum greeting)(GREET_SCRIPTS + i);
    if (rc != 0)
        lose(link, "out of memory");
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
    lose(link, why);
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
    uv_timer_start(&link->connect_timer, on_connect_timer, (uint64_t)link->options.timeout_ms, 0);
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
        lose(link, why);
}

static void on_switched(void *arg, const struct redis_node_address *master)
{
    struct redis_link *link = arg;

    if (link->state == UP &&
        (link->node.port != master->port || strcmp(link->node.host, master->host) != 0)) {
        /* Most sentinels learn of it later than the one that says so, and would send us back. */
        redis_sentinel_reject(link->sentinel);
        lose(link, "the sentinels made another server the master");
    }
}

static void connect_link(struct redis_link *link)
{
    if (link->sentinel == NULL) {
        open_conn(link);
        return;
    }
    link->state = LOCATING; /* for redis.timeout_ms at most: the sentinels keep to it */
    redis_sentinel_ask(link->sentinel);
}

static void free_if_closed(struct redis_link *link)
{
    if (link->state != CLOSED || link->handles_open > 0 || link->sentinel != NULL)
        return;
    void (*on_closed)(void *arg) = link->on_closed;
    void *arg = link->on_closed_arg;

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

/* The one way down: the connection is given up, and made again later. */
static void lose(struct redis_link *link, const char *why)
{
    if (link->state == CLOSED)
        return;
    redis_trouble_log(&link->trouble, link->state == UP, link->name, why, now_ms(link));
    if (link->state == UP)
        link->lost_ms = now_ms(link);
    else if (link->state == CONNECTING && link->sentinel != NULL)
        redis_sentinel_reject(link->sentinel);
    link->state = DOWN;
    redis_conn_drop(&link->conn);
    uv_timer_stop(&link->role_timer);
    take_back_sent(link);

    int64_t jitter = (int64_t)(uv_hrtime() % (uint64_t)(link->backoff_ms / 2 + 1));
    uv_timer_start(&link->connect_timer, on_connect_timer, (uint64_t)(link->backoff_ms + jitter),
                   0);
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
    const struct redis_sentinel_events events = {on_found, on_none, on_switched, NULL};
    struct redis_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->loop = loop;
    link->options = *options;
    set_node(link);
    snprintf(link->name, sizeof link->name, "%s", options->name);
    if (options->sentinel != NULL) {
        struct redis_sentinel_events mine = events;

        mine.arg = link;
        link->sentinel = redis_sentinel_new(loop, options->sentinel, &mine);
        if (link->sentinel == NULL) {
            free(link);
            return NULL;
        }
    }
    redis_conn_init(&link->conn, loop, on_open, on_lost);
    link->next_deadline_ms = INT64_MAX;
    link->backoff_ms = BACKOFF_MIN_MS;
    link->lost_ms = now_ms(link);
    uv_timer_init(&loop->uv, &link->connect_timer);
    uv_timer_init(&loop->uv, &link->deadline_timer);
    uv_timer_init(&loop->uv, &link->role_timer);
    link->handles_open = 3;
    connect_link(link);
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
        send_words(link, 1, (const char *[]){"ASKING"});
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
