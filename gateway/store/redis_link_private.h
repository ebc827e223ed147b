/*
 * What the two files of a link share: redis_link.c (calls and deadlines) and redis_connect.c (finding the server,
 * and being let in); included by nobody else.
 */
#ifndef REDIS_LINK_PRIVATE_H
#define REDIS_LINK_PRIVATE_H

#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "loop.h"
#include "redis_conn.h"
#include "redis_link.h"
#include "redis_sent.h"
#include "redis_slots.h"
#include "redis_trouble.h"

#define REDIS_LINK_SHA_LEN 40

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
    struct redis_trouble trouble;      /* why it was lost, as told */
    enum greeting greeting[3 + REDIS_SCRIPT_COUNT];       /* what was sent */
    unsigned greetings, greeted;                          /* of them, and answered */
    char sha[REDIS_SCRIPT_COUNT][REDIS_LINK_SHA_LEN + 1]; /* of the scripts, from SCRIPT LOAD */
    struct redis_call role;                               /* asks for the role */
    bool role_asked;                                      /* it is under way */
    struct redis_call *waiting;   /* calls to be sent when the link is up, oldest first */
    struct redis_sent sent;       /* commands under way */
    uint64_t loaded_number;       /* of the first command sent behind the scripts */
    struct buf out;               /* a command being formatted */
    unsigned handles_open;        /* that must close before the link can be freed */
    void (*on_closed)(void *arg); /* of redis_link_close */
    void *on_closed_arg;          /* the same */
};

/* The loop's time. */
static inline int64_t redis_link_now(const struct redis_link *link)
{
    return (int64_t)uv_now(&link->loop->uv);
}

/* ---- redis_link.c ---- */

/* The one way down: the connection is given up, and made again later. */
void redis_link_lose(struct redis_link *link, const char *why);

/* The greeting is over: calls are sent from now on. */
void redis_link_become_up(struct redis_link *link);

/* Sends a command of the link's own, or SCRIPT LOAD of each script. -1 where memory runs out. */
int redis_link_send_words(struct redis_link *link, size_t count, const char *const *words);
int redis_link_send_scripts(struct redis_link *link);

/* ---- redis_connect.c ---- */

/* Makes ready to connect. -1 where memory runs out. */
int redis_link_prepare(struct redis_link *link);

/* Begins to connect. */
void redis_link_connect(struct redis_link *link);

/* connect_timer's: time to connect, or to give up. */
void redis_link_on_connect_timer(uv_timer_t *timer);

/* A reply of the greeting. */
void redis_link_on_greeted(struct redis_link *link, const struct redisReply *reply);

/* The server is a master that sentinels named: asks it for its role from now on. */
void redis_link_watch_role(struct redis_link *link);

#endif
