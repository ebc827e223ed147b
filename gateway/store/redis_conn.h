/*
 * Makes a connection to Redis: looks the name up without blocking, connects, begins TLS. What is said over the
 * connection, and for how long one waits for it, is its owner's.
 */
#ifndef REDIS_CONN_H
#define REDIS_CONN_H

#include <hiredis/async.h>
#include <stdbool.h>

struct loop;
struct redis_tls;
struct ssl_st;

/* Where to. */
struct redis_conn_target {
    const char *host;      /* a name, or an address without brackets; NULL with a unix socket */
    int port;              /* of host */
    const char *path;      /* of the unix socket, else NULL */
    struct redis_tls *tls; /* how; NULL: without TLS */
};

/* Embedded by its owner, who begins with redis_conn_init; has no handles to be closed. */
struct redis_conn {
    struct loop *loop;                        /* of the thread */
    void (*on_open)(struct redis_conn *conn); /* commands may be sent over ac */
    void (*on_lost)(struct redis_conn *conn,
                    const char *why); /* it isn't, or no more; ac is NULL */
    struct redisAsyncContext *ac;     /* NULL: there is none */

    struct ssl_st *ssl;      /* of ac; tells why TLS failed */
    struct resolve *resolve; /* the question under way, or NULL */
    struct redis_tls *tls;   /* while resolving */
    unsigned tries;          /* a name with several addresses: each try takes the next */
};

void redis_conn_init(struct redis_conn *conn, struct loop *loop,
                     void (*on_open)(struct redis_conn *conn),
                     void (*on_lost)(struct redis_conn *conn, const char *why));

/*
 * Begins to connect; there must be no connection. Exactly one on_lost comes for each call, on_open at most
 * once before it, possibly both from inside, unless the connection is dropped before.
 */
void redis_conn_open(struct redis_conn *conn, const struct redis_conn_target *target);

/* What an open that takes too long is waiting for, as a reason for the log. */
const char *redis_conn_waits_for(const struct redis_conn *conn);

/* The words of a login, at most so many. */
enum { REDIS_LOGIN_WORDS = 3 };

/*
 * Puts the words of the command that logs in as user (NULL: the default one), where there is a password, into
 * ret_words. Returns how many; 0 where nothing is wanted.
 */
int redis_conn_login(const char *user, const char *password,
                     const char *ret_words[REDIS_LOGIN_WORDS]);

/*
 * Sends that command, where there is a password, over a connection that is open. Its reply goes to on_reply, which
 * may be NULL: an error in it is told again, by the commands behind it.
 */
void redis_conn_log_in(struct redis_conn *conn, const char *user, const char *password,
                       redisCallbackFn *on_reply, void *arg);

/* Gives the connection up, in whatever state it is; neither callback comes any more. */
void redis_conn_drop(struct redis_conn *conn);

#endif
