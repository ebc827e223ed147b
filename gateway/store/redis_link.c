/*
 * One pipelined connection to Redis, kept up for as long as it is wanted.
 *
 * The happy path: connect() resolves the name, hiredis connects, on_connect sends the greeting, on_greeted
 * sees its last reply and makes the link UP; calls are sent as they come and stand in redis_sent until their
 * reply. Ways it fails, all through lose(): the name isn't found, the connect is refused or takes too long,
 * the greeting is answered with an error (wrong password, LOADING…), the peer closes, a reply is late.
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
#include "redis_poll.h"
#include "redis_sent.h"
#include "resp.h"

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 500
#define SHA_LEN        40

enum state {
    DOWN,       /* waiting for the timer that connects */
    RESOLVING,  /* waiting for the name's address */
    CONNECTING, /* waiting for the connect and the greeting's replies */
    UP,         /* calls are sent as they come */
    CLOSED      /* waiting for handles to close */
};

struct redis_link {
    struct loop *loop;                   /* of the thread */
    struct redis_address const *address; /* of Redis */
    int64_t timeout_ms;                  /* for a connect and for a reply */
    char name[32];                       /* for the log */
    enum state state;                    /* see above */
    redisAsyncContext *ac;               /* while CONNECTING or UP */
    uv_getaddrinfo_t resolver;           /* while RESOLVING */
    bool resolver_active;                /* its callback is still to come */
    uv_timer_t connect_timer;            /* DOWN: to connect; RESOLVING, CONNECTING: to give up */
    uv_timer_t deadline_timer;           /* to the first deadline */
    int64_t next_deadline_ms;            /* that the timer is armed for; INT64_MAX: it isn't */
    int64_t backoff_ms;                  /* the next wait before a connect */
    int64_t lost_ms;                     /* when the link was lost, or made */
    bool away;                           /* lost for longer than timeout_ms: calls fail at once */
    bool ever_up;                        /* was up once: for the log */
    char reason[128];                    /* why it was lost, as last logged; "" once it is up */
    unsigned greetings;                  /* replies of the greeting still to come */
    char sha[REDIS_SCRIPT_COUNT][SHA_LEN + 1]; /* of the scripts, from SCRIPT LOAD */
    int64_t clock_offset_ms;                   /* Redis' wall clock less our monotonic one */
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
    if (redis_sent_count(&link->sent) > 0)
        watch_deadline(link, oldest_ms(link) + link->timeout_ms);
    for (size_t i = 0; i < redis_sent_count(&link->sent); i++)
        if (redis_sent_at(&link->sent, i)->call != NULL)
            watch_deadline(link, redis_sent_at(&link->sent, i)->call->deadline_ms);
    if (link->state != UP && !link->away)
        watch_deadline(link, link->lost_ms + link->timeout_ms);
}

static void on_deadline(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, deadline_timer);

    link->next_deadline_ms = INT64_MAX;
    /* Timers fire before sockets are read: after a pause of this process, replies may be there. */
    if (link->state == UP && redis_sent_count(&link->sent) > 0)
        redisAsyncHandleRead(link->ac);
    fail_sent(link);
    if (link->state == UP && redis_sent_count(&link->sent) > 0 &&
        oldest_ms(link) + link->timeout_ms <= now_ms(link)) {
        lose(link, "no reply within redis.timeout_ms");
        link->away = true;
    }
    if (link->state != UP && !link->away && link->lost_ms + link->timeout_ms <= now_ms(link))
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
        redisAsyncFormattedCommand(link->ac, on_reply, NULL, text, link->out.len) != REDIS_OK)
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
    watch_deadline(link, oldest_ms(link) + link->timeout_ms);
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
    link->reason[0] = '\0';
    send_waiting(link);
}

/* A reply of the greeting: its last REDIS_SCRIPT_COUNT ones are the scripts' SHA-1s. */
static void on_greeted(struct redis_link *link, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        lose(link, reply->str);
        return;
    }
    link->greetings--;
    if (link->greetings < REDIS_SCRIPT_COUNT) {
        char *sha = link->sha[REDIS_SCRIPT_COUNT - 1 - link->greetings];

        if (reply->type != REDIS_REPLY_STRING || reply->len != SHA_LEN) {
            lose(link, "SCRIPT LOAD was answered with something that is no SHA-1");
            return;
        }
        memcpy(sha, reply->str, SHA_LEN + 1);
    }
    if (link->greetings == 0)
        become_up(link);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
    struct redis_link *link = ac->data;

    (void)privdata;
    if (link == NULL || reply == NULL) /* the connection is gone; lose() has seen to its calls */
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
    call->done(call, reply);
}

/* ---- Connecting ---- */

static void on_connect_timer(uv_timer_t *timer)
{
    struct redis_link *link = CONTAINER_OF(timer, struct redis_link, connect_timer);

    if (link->state == DOWN)
        connect_link(link);
    else
        lose(link, "no connection within redis.timeout_ms");
}

static void greet(struct redis_link *link)
{
    const struct redis_address *address = link->address;
    char db[16];
    int rc = 0;

    link->greetings = 0;
    if (address->password != NULL && address->user != NULL)
        rc |= send_words(link, 3, (const char *[]){"AUTH", address->user, address->password});
    else if (address->password != NULL)
        rc |= send_words(link, 2, (const char *[]){"AUTH", address->password});
    else /* a Redis that wants a password says so here; a script is too long for it without one */
        rc |= send_words(link, 1, (const char *[]){"PING"});
    link->greetings++;
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        rc |= send_words(link, 2, (const char *[]){"SELECT", db});
        link->greetings++;
    }
    rc |= send_scripts(link);
    link->greetings += REDIS_SCRIPT_COUNT;
    if (rc != 0)
        lose(link, "out of memory");
}

static void on_connect(redisAsyncContext *ac, int status)
{
    struct redis_link *link = ac->data;

    if (link == NULL)
        return;
    if (status == REDIS_OK) {
        greet(link);
        return;
    }
    link->ac = NULL; /* hiredis frees it */
    ac->data = NULL;
    lose(link, ac->errstr);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_link *link = ac->data;

    (void)status;
    if (link == NULL)
        return;
    link->ac = NULL; /* hiredis frees it */
    lose(link, ac->errstr[0] != '\0' ? ac->errstr : "connection closed");
}

static void open_context(struct redis_link *link, const char *host)
{
    redisAsyncContext *ac = host != NULL ? redisAsyncConnect(host, link->address->port)
                                         : redisAsyncConnectUnix(link->address->path);

    if (ac == NULL || ac->err != 0) {
        lose(link, ac == NULL ? "out of memory" : ac->errstr);
        redisAsyncFree(ac);
        return;
    }
    if (redis_poll_attach(ac, link->loop) != 0) {
        redisAsyncFree(ac);
        lose(link, "out of memory");
        return;
    }
    link->state = CONNECTING;
    link->ac = ac;
    ac->data = link;
    if (host != NULL)
        redisEnableKeepAlive(&ac->c);
    redisAsyncSetConnectCallbackNC(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void free_if_closed(struct redis_link *link)
{
    if (link->state != CLOSED || link->handles_open > 0 || link->resolver_active)
        return;
    void (*on_closed)(void *arg) = link->on_closed;
    void *arg = link->on_closed_arg;

    buf_done(&link->out);
    redis_sent_done(&link->sent);
    free(link);
    on_closed(arg);
}

static void on_resolved(uv_getaddrinfo_t *resolver, int status, struct addrinfo *found)
{
    struct redis_link *link = CONTAINER_OF(resolver, struct redis_link, resolver);
    char host[INET6_ADDRSTRLEN];

    link->resolver_active = false;
    if (link->state == RESOLVING) {
        if (status != 0)
            lose(link, uv_strerror(status));
        else if (uv_ip_name(found->ai_addr, host, sizeof host) != 0)
            lose(link, "the name has no address");
        else
            open_context(link, host);
    }
    uv_freeaddrinfo(found);
    free_if_closed(link);
}

static void connect_link(struct redis_link *link)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    uv_timer_start(&link->connect_timer, on_connect_timer, (uint64_t)link->timeout_ms, 0);
    if (link->address->path != NULL) {
        open_context(link, NULL);
        return;
    }
    link->state = RESOLVING;
    if (link->resolver_active) /* an old question is still being asked; its answer serves */
        return;
    link->resolver_active = true;
    int rc = uv_getaddrinfo(&link->loop->uv, &link->resolver, on_resolved, link->address->host,
                            NULL, &hints);
    if (rc != 0) {
        link->resolver_active = false;
        lose(link, uv_strerror(rc));
    }
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

static void drop_context(struct redis_link *link)
{
    redisAsyncContext *ac = link->ac;

    link->ac = NULL;
    if (ac == NULL)
        return;
    ac->data = NULL;
    redisAsyncFree(ac);
}

/* The one way down: the connection is given up, and made again later. */
static void lose(struct redis_link *link, const char *why)
{
    if (link->state == CLOSED)
        return;
    if (link->state == UP) {
        link->lost_ms = now_ms(link);
        log_line(LOG_WARN, "Redis connection lost", LOG_STR("link", link->name),
                 LOG_STR("reason", why));
    } else if (strncmp(link->reason, why, sizeof link->reason - 1) != 0) {
        /* once for each reason */
        log_line(LOG_WARN, "Redis connection failed", LOG_STR("link", link->name),
                 LOG_STR("reason", why));
    }
    snprintf(link->reason, sizeof link->reason, "%s", why);
    link->state = DOWN;
    drop_context(link);
    take_back_sent(link);

    int64_t jitter = (int64_t)(uv_hrtime() % (uint64_t)(link->backoff_ms / 2 + 1));
    uv_timer_start(&link->connect_timer, on_connect_timer, (uint64_t)(link->backoff_ms + jitter),
                   0);
    link->backoff_ms =
        link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
    arm_deadline(link);
}

/* ---- What others call ---- */

struct redis_link *redis_link_new(struct loop *loop, const struct redis_link_options *options)
{
    struct redis_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->loop = loop;
    link->address = options->address;
    link->timeout_ms = options->timeout_ms;
    snprintf(link->name, sizeof link->name, "%s", options->name);
    link->next_deadline_ms = INT64_MAX;
    link->backoff_ms = BACKOFF_MIN_MS;
    link->lost_ms = now_ms(link);
    link->clock_offset_ms = clock_wall_ms() - clock_monotonic_ms(); /* uv_now may be of long ago */
    uv_timer_init(&loop->uv, &link->connect_timer);
    uv_timer_init(&loop->uv, &link->deadline_timer);
    link->handles_open = 2;
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

void redis_link_close(struct redis_link *link, void (*on_closed)(void *arg), void *arg)
{
    struct redis_call *call, *next;

    link->state = CLOSED;
    link->on_closed = on_closed;
    link->on_closed_arg = arg;
    drop_context(link);
    take_back_sent(link);
    DL_FOREACH_SAFE (link->waiting, call, next) {
        DL_DELETE(link->waiting, call);
        call->done(call, NULL);
    }
    if (link->resolver_active)
        uv_cancel((uv_req_t *)&link->resolver);
    link->connect_timer.data = link;
    link->deadline_timer.data = link;
    uv_close((uv_handle_t *)&link->connect_timer, on_handle_closed);
    uv_close((uv_handle_t *)&link->deadline_timer, on_handle_closed);
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

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == UP;
}

bool redis_link_is_away(const struct redis_link *link)
{
    return link->away;
}

const char *redis_link_sha(const struct redis_link *link, enum redis_script script)
{
    return link->sha[script];
}

int64_t redis_link_now(const struct redis_link *link)
{
    return now_ms(link) + link->clock_offset_ms;
}

void redis_link_learn_now(struct redis_link *link, int64_t redis_ms)
{
    link->clock_offset_ms = redis_ms - now_ms(link);
}
