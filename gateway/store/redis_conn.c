/*
 * Makes a connection to Redis.
 *
 * The happy path: an address is used as it stands, a name is looked up on libuv's threads; open_context has
 * hiredis connect; on_connect begins TLS and tells the owner. An error of TLS shows with the first write or
 * read, as a disconnect whose reason OpenSSL knows best.
 */
#include "redis_conn.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "loop.h"
#include "redis_poll.h"
#include "redis_reply.h"
#include "redis_tls.h"

#define REASON_SIZE 768

/* A name being looked up. Outlives the connection where that is dropped meanwhile. */
struct resolve {
    uv_getaddrinfo_t req;    /* libuv's */
    struct redis_conn *conn; /* who wants to know; NULL: nobody any more */
    char host[256];          /* the name */
    int port;                /* of Redis */
};

void redis_conn_init(struct redis_conn *conn, struct loop *loop,
                     void (*on_open)(struct redis_conn *conn),
                     void (*on_lost)(struct redis_conn *conn, const char *why))
{
    *conn = (struct redis_conn){.loop = loop, .on_open = on_open, .on_lost = on_lost};
}

static void free_ssl(struct redis_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
}

/* The connection is no more; hiredis frees its context. */
static void lose(struct redis_conn *conn, const char *why)
{
    char text[REASON_SIZE];

    if (conn->ssl != NULL)
        redis_tls_explain(conn->ssl, why, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", why);
    free_ssl(conn);
    conn->ac = NULL;
    conn->tries++;
    conn->on_lost(conn, text);
}

static void on_connect(redisAsyncContext *ac, int status)
{
    struct redis_conn *conn = ac->data;

    if (conn == NULL)
        return;
    if (status != REDIS_OK) {
        ac->data = NULL;
        lose(conn, ac->errstr);
        return;
    }
    if (conn->ssl != NULL) {
        SSL_up_ref(conn->ssl); /* hiredis takes one */
        if (redisInitiateSSL(&ac->c, conn->ssl) != REDIS_OK) {
            char why[REASON_SIZE];

            snprintf(why, sizeof why, "%s", ac->c.errstr);
            SSL_free(conn->ssl); /* hiredis didn't */
            ac->data = NULL;
            redisAsyncFree(ac);
            lose(conn, why);
            return;
        }
    }
    conn->tries = 0;
    conn->on_open(conn);
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_conn *conn = ac->data;

    (void)status;
    if (conn != NULL)
        lose(conn, ac->errstr[0] != '\0' ? ac->errstr : "connection closed");
}

/* Connects to an address, whose name (for TLS) may be another; or to a path. */
static void open_context(struct redis_conn *conn, const char *address, int port, const char *name,
                         const char *path)
{
    char reason[REASON_SIZE];
    redisAsyncContext *ac;

    if (conn->tls != NULL && path == NULL) {
        conn->ssl = redis_tls_open(conn->tls, name, reason, sizeof reason);
        if (conn->ssl == NULL) {
            lose(conn, reason);
            return;
        }
    }
    ac = path != NULL ? redisAsyncConnectUnix(path) : redisAsyncConnect(address, port);
    if (ac == NULL || ac->err != 0 || redis_poll_attach(ac, conn->loop) != 0) {
        snprintf(reason, sizeof reason, "%s",
                 ac != NULL && ac->err != 0 ? ac->errstr : "out of memory");
        if (ac != NULL)
            redisAsyncFree(ac);
        lose(conn, reason);
        return;
    }
    conn->ac = ac;
    ac->data = conn;
    ac->c.reader->maxelements = REDIS_REPLY_ELEMENTS_MAX;
    if (path == NULL)
        redisEnableKeepAlive(&ac->c);
    redisAsyncSetConnectCallbackNC(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

/* The next of a name's addresses, as text. Returns 0, or -1. */
static int choose_address(const struct addrinfo *found, unsigned tries, char *ret_text, size_t size)
{
    const struct addrinfo *each;
    unsigned count = 0;

    for (each = found; each != NULL; each = each->ai_next)
        count++;
    if (count == 0)
        return -1;
    each = found;
    for (unsigned i = 0; i < tries % count; i++)
        each = each->ai_next;
    return uv_ip_name(each->ai_addr, ret_text, size) == 0 ? 0 : -1;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct resolve *resolve = CONTAINER_OF(req, struct resolve, req);
    struct redis_conn *conn = resolve->conn;
    char address[INET6_ADDRSTRLEN];

    if (conn != NULL) {
        conn->resolve = NULL;
        if (status != 0)
            lose(conn, uv_strerror(status));
        else if (choose_address(found, conn->tries, address, sizeof address) != 0)
            lose(conn, "the name has no address");
        else
            open_context(conn, address, resolve->port, resolve->host, NULL);
    }
    uv_freeaddrinfo(found);
    free(resolve);
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return uv_inet_pton(AF_INET, host, bytes) == 0 || uv_inet_pton(AF_INET6, host, bytes) == 0;
}

static void look_up(struct redis_conn *conn, const char *host, int port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct resolve *resolve = calloc(1, sizeof *resolve);

    if (resolve == NULL) {
        lose(conn, "out of memory");
        return;
    }
    resolve->conn = conn;
    resolve->port = port;
    snprintf(resolve->host, sizeof resolve->host, "%s", host);
    int rc =
        uv_getaddrinfo(&conn->loop->uv, &resolve->req, on_resolved, resolve->host, NULL, &hints);
    if (rc != 0) {
        free(resolve);
        lose(conn, uv_strerror(rc));
        return;
    }
    conn->resolve = resolve;
}

void redis_conn_open(struct redis_conn *conn, const struct redis_conn_target *target)
{
    conn->tls = target->tls;
    if (target->path != NULL)
        open_context(conn, NULL, 0, NULL, target->path);
    else if (is_address(target->host))
        open_context(conn, target->host, target->port, target->host, NULL);
    else
        look_up(conn, target->host, target->port);
}

const char *redis_conn_waits_for(const struct redis_conn *conn)
{
    if (conn->resolve != NULL)
        return "the name wasn't resolved within redis.timeout_ms";
    if (conn->ac == NULL || !(conn->ac->c.flags & REDIS_CONNECTED))
        return "no connection within redis.timeout_ms";
    if (conn->ssl != NULL &&
        !SSL_is_init_finished(conn->ssl)) /* a server without waits for a line */
        return "no TLS within redis.timeout_ms: redis:// where the server doesn't speak TLS";
    return "connected, and no answer within redis.timeout_ms";
}

void redis_conn_drop(struct redis_conn *conn)
{
    redisAsyncContext *ac = conn->ac;

    if (ac != NULL && !(ac->c.flags & REDIS_CONNECTED))
        conn->tries++; /* an address that swallows everything mustn't be the only one tried */
    if (conn->resolve != NULL) {
        conn->resolve->conn = NULL;
        uv_cancel((uv_req_t *)&conn->resolve->req);
        conn->resolve = NULL;
    }
    conn->ac = NULL;
    free_ssl(conn);
    if (ac != NULL) {
        ac->data = NULL;
        redisAsyncFree(ac);
    }
}

int redis_conn_login(const char *user, const char *password,
                     const char *ret_words[REDIS_LOGIN_WORDS])
{
    if (password == NULL)
        return 0;
    if (user == NULL) {
        memcpy(ret_words, (const char *[]){"AUTH", password}, 2 * sizeof *ret_words);
        return 2;
    }
    memcpy(ret_words, (const char *[]){"AUTH", user, password}, 3 * sizeof *ret_words);
    return 3;
}

void redis_conn_log_in(struct redis_conn *conn, const char *user, const char *password,
                       redisCallbackFn *on_reply, void *arg)
{
    const char *words[REDIS_LOGIN_WORDS];
    int count = redis_conn_login(user, password, words);

    if (count > 0)
        redisAsyncCommandArgv(conn->ac, on_reply, arg, count, words, NULL);
}
