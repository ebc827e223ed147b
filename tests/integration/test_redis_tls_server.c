/* Connections to a real Redis that speaks TLS and wants clients' certificates. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <hiredis/async.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "certificates.h"
#include "container_of.h"
#include "loop.h"
#include "pump.h"
#include "redis_conn.h"
#include "redis_server.h"
#include "redis_tls.h"
#include "temp_dir.h"

static char *dir;
static char *ca, *cert, *key;       /* paths: the CA, the client's certificate and its key */
static struct redis_server *server; /* on a unix socket, and with TLS on port */
static int port;
static struct loop loop;

/* A port that nobody listens on. Somebody may take it before Redis does; its start then fails. */
static int free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

static void set_up(void)
{
    struct buf config = BUF_EMPTY;

    dir = temp_dir_make();
    ca = temp_dir_path(dir, "ca.pem");
    cert = temp_dir_path(dir, "client.pem");
    key = temp_dir_path(dir, "client.key");
    certificates_make_ca(dir, "ca");
    certificates_make(dir, "server",
                      (struct certificate_options){.ca = "ca", .names = "IP:127.0.0.1"});
    certificates_make(dir, "client", (struct certificate_options){.ca = "ca", .client = true});
    port = free_port();
    buf_printf(&config,
               "tls-port %d\ntls-cert-file %s/server.pem\ntls-key-file %s/server.key\n"
               "tls-ca-cert-file %s\n",
               port, dir, dir, ca);
    server = redis_server_start((struct redis_server_options){.config = buf_text(&config)});
    buf_done(&config);
    cr_assert_eq(loop_init(&loop), 0);
}

static void tear_down(void)
{
    loop_done(&loop);
    redis_server_stop(server);
    temp_dir_remove(dir);
    free(ca);
    free(cert);
    free(key);
}

TestSuite(redis_tls_server, .init = set_up, .fini = tear_down, .timeout = 60);

/* What came of a connection: an answer to PING, or its end. */
struct attempt {
    struct redis_conn conn;
    bool over;      /* one of the two came */
    char pong[16];  /* the answer; "" for none */
    char why[1024]; /* why it ended; "" for it didn't */
};

static void on_pong(redisAsyncContext *ac, void *data, void *privdata)
{
    struct attempt *attempt = privdata;
    const redisReply *reply = data;

    (void)ac;
    if (reply == NULL) /* on_lost tells */
        return;
    snprintf(attempt->pong, sizeof attempt->pong, "%s", reply->str);
    attempt->over = true;
}

static void on_open(struct redis_conn *conn)
{
    struct attempt *attempt = CONTAINER_OF(conn, struct attempt, conn);

    cr_assert_eq(redisAsyncCommand(conn->ac, on_pong, attempt, "PING"), REDIS_OK);
}

static void on_lost(struct redis_conn *conn, const char *why)
{
    struct attempt *attempt = CONTAINER_OF(conn, struct attempt, conn);

    snprintf(attempt->why, sizeof attempt->why, "%s", why);
    attempt->over = true;
}

static bool is_over(void *arg)
{
    return ((struct attempt *)arg)->over;
}

static struct attempt try(struct redis_tls_options options)
{
    struct buf reason = BUF_EMPTY;
    struct redis_tls *tls = redis_tls_new(&options, &reason);
    const struct redis_conn_target target = {.host = "127.0.0.1", .port = port, .tls = tls};
    struct attempt attempt = {.over = false};

    cr_assert_not_null(tls, "%s", buf_text(&reason));
    redis_conn_init(&attempt.conn, &loop, on_open, on_lost);
    redis_conn_open(&attempt.conn, &target);
    pump_until(&loop, is_over, &attempt);
    redis_conn_drop(&attempt.conn);
    redis_tls_free(tls);
    return attempt;
}

static void fails(struct redis_tls_options options, const char *words)
{
    const struct attempt attempt = try(options);

    cr_assert_str_empty(attempt.pong);
    cr_assert_not_null(strstr(attempt.why, words), "%s", attempt.why);
}

Test(redis_tls_server, commands_pass)
{
    const struct attempt attempt =
        try((struct redis_tls_options){.ca = ca, .cert = cert, .key = key, .verify_name = true});

    cr_assert_str_eq(attempt.pong, "PONG", "%s", attempt.why);
}

Test(redis_tls_server, a_certificate_that_is_not_for_the_host_ends_the_connection)
{
    fails((struct redis_tls_options){.ca = ca,
                                     .cert = cert,
                                     .key = key,
                                     .server_name = "redis.example",
                                     .verify_name = true},
          "the server's certificate is not for redis.example");
}

Test(redis_tls_server, a_server_of_another_ca_ends_the_connection)
{
    certificates_make_ca(dir, "stranger");
    char *stranger = temp_dir_path(dir, "stranger.pem");

    fails((struct redis_tls_options){.ca = stranger, .cert = cert, .key = key},
          "no CA that is trusted here");
    free(stranger);
}

/* Redis resets the connection, since our command comes behind what it refuses; its alert is found. */
Test(redis_tls_server, a_missing_certificate_of_ours_is_told)
{
    fails((struct redis_tls_options){.ca = ca, .verify_name = true},
          "the server wants a client's certificate, and redis.tls.cert isn't set");
}

Test(redis_tls_server, an_expired_certificate_of_ours_is_told)
{
    certificates_make(dir, "client",
                      (struct certificate_options){.ca = "ca", .client = true, .expired = true});
    fails((struct redis_tls_options){.ca = ca, .cert = cert, .key = key, .verify_name = true},
          "the server says that our certificate (redis.tls.cert) has expired");
}
