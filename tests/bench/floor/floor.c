/*
 * The least that an answer costs: libmicrohttpd in its external-epoll mode under libuv, one thread,
 * no work.
 *
 * Without --redis it answers everything with an empty 200. With --redis it is the bare prototype of
 * a heartbeat: POST /heartbeat/<sessionId>/<familyId>/<deviceId>/<userId> is one EVALSHA of the
 * given script, with the given TTL, over one pipelined hiredis connection; the connection is
 * suspended meanwhile, commands of one turn of the loop leave in one write. No token, no router, no
 * log, no deadlines, nothing that can go wrong: it ends where something does.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { PATH_MAX_LEN = 512, NAME_MAX_LEN = 128 };

struct request {
    struct MHD_Connection *connection; /* suspended until the reply is here */
    bool seen;                         /* the head has been */
    bool answered;                     /* the reply is here */
    char target[PATH_MAX_LEN];         /* of the request line */
    char body[256];                    /* the answer's */
};

static struct {
    struct MHD_Daemon *daemon;  /* the HTTP side */
    struct MHD_Response *empty; /* the answer without Redis */
    uv_loop_t loop;             /* turns both */
    uv_poll_t poll;             /* on the daemon's epoll descriptor */
    uv_idle_t again;            /* while the daemon has more to do */
    uv_check_t check;           /* after a turn's events: runs the daemon for what was resumed */
    uv_signal_t stop[2];        /* SIGTERM, SIGINT */
    redisAsyncContext *redis;   /* or NULL */
    char sha[41];               /* of the script */
    int ttl_ms;                 /* that a heartbeat gives a session */
    unsigned resumed;           /* since the daemon ran last */
} bare;

static void __attribute__((noreturn)) fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_floor: %s: %s\n", what, why);
    exit(1);
}

/* ---- turning ---- */

static void turn(void);

static void on_again(uv_idle_t *again)
{
    (void)again;
    turn();
}

static void turn(void)
{
    bare.resumed = 0;
    MHD_run(bare.daemon);
    if (MHD_get_timeout64s(bare.daemon) == 0)
        uv_idle_start(&bare.again, on_again);
    else
        uv_idle_stop(&bare.again);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)status;
    (void)events;
    turn();
}

static void on_check(uv_check_t *check)
{
    (void)check;
    if (bare.resumed > 0)
        turn();
}

/* ---- Redis ---- */

static void on_reply(redisAsyncContext *redis, void *got, void *arg)
{
    const redisReply *reply = got;
    struct request *request = arg;
    (void)redis;

    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER)
        fail("the script", reply == NULL                      ? "no reply"
                           : reply->type == REDIS_REPLY_ERROR ? reply->str
                                                              : "the session is gone");
    snprintf(request->body, sizeof request->body,
             "{\"now\":%lld,\"ttl\":%d,\"heartbeatInterval\":60}", reply->integer,
             bare.ttl_ms / 1000);
    request->answered = true;
    bare.resumed++;
    MHD_resume_connection(request->connection);
}

/* Cuts "/heartbeat/a/b/c/d" into its four names. */
static bool cut_target(const char *target, char names[4][NAME_MAX_LEN])
{
    return sscanf(target, "/heartbeat/%127[^/]/%127[^/]/%127[^/]/%127[^/]", names[0], names[1],
                  names[2], names[3]) == 4;
}

static void ask_redis(struct request *request)
{
    char names[4][NAME_MAX_LEN];

    if (!cut_target(request->target, names))
        fail("a request", "not /heartbeat/<sessionId>/<familyId>/<deviceId>/<userId>");
    if (redisAsyncCommand(
            bare.redis, on_reply, request,
            "EVALSHA %s 4 session:%s session_end:%s family_streams:%s device_streams:%s %s "
            "%d %s 0",
            bare.sha, names[0], names[0], names[1], names[2], "", bare.ttl_ms,
            names[3]) != REDIS_OK)
        fail("Redis", bare.redis->errstr);
}

/* Connects; what the script is called is asked over a connection of its own, which may block. */
static void connect_redis(int port, const char *script_file)
{
    char script[64 * 1024];
    FILE *file = fopen(script_file, "re");
    size_t len = file != NULL ? fread(script, 1, sizeof script, file) : 0;
    redisContext *first = redisConnect("127.0.0.1", port);

    if (len == 0 || len == sizeof script)
        fail(script_file, "can't be read");
    fclose(file);
    redisReply *sha = first != NULL ? redisCommand(first, "SCRIPT LOAD %b", script, len) : NULL;
    if (sha == NULL || sha->type != REDIS_REPLY_STRING || sha->len != 40)
        fail("SCRIPT LOAD", sha != NULL && sha->str != NULL ? sha->str : "no reply");
    memcpy(bare.sha, sha->str, sizeof bare.sha);
    freeReplyObject(sha);
    redisFree(first);
    bare.redis = redisAsyncConnect("127.0.0.1", port);
    if (bare.redis == NULL || bare.redis->err != 0 ||
        redisLibuvAttach(bare.redis, &bare.loop) != REDIS_OK)
        fail("Redis", "can't connect");
}

/* ---- HTTP ---- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct request *request = malloc(sizeof *request);
    (void)cls;

    if (request == NULL)
        fail("a request", "out of memory");
    request->connection = connection;
    request->seen = request->answered = false;
    if (bare.redis != NULL)
        snprintf(request->target, sizeof request->target, "%s", target);
    return request;
}

static enum MHD_Result queue_body(struct request *request)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(request->body), request->body, MHD_RESPMEM_MUST_COPY);

    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    enum MHD_Result result = MHD_queue_response(request->connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *target,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct request *request = *context;
    (void)cls;
    (void)target;
    (void)method;
    (void)version;
    (void)data;

    if (!request->seen || *size > 0) {
        request->seen = true;
        *size = 0;
        return MHD_YES;
    }
    if (bare.redis == NULL)
        return MHD_queue_response(connection, 200, bare.empty);
    if (request->answered)
        return queue_body(request);
    ask_redis(request);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)connection;
    (void)why;
    free(*context);
    *context = NULL;
}

static int start_http(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    bare.empty = MHD_create_response_from_buffer_static(0, "");
    bare.daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_THREAD_SAFETY, 0, NULL, NULL,
        on_request, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&where,
        MHD_OPTION_CONNECTION_LIMIT, 16384u, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (bare.daemon == NULL)
        fail("libmicrohttpd", "can't start");
    uv_poll_init(&bare.loop, &bare.poll,
                 MHD_get_daemon_info(bare.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    uv_poll_start(&bare.poll, UV_READABLE, on_ready);
    uv_idle_init(&bare.loop, &bare.again);
    uv_check_init(&bare.loop, &bare.check);
    uv_check_start(&bare.check, on_check);
    return MHD_get_daemon_info(bare.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"redis", required_argument, NULL, 'r'},
                                          {"script", required_argument, NULL, 's'},
                                          {"ttl-ms", required_argument, NULL, 't'},
                                          {NULL, 0, NULL, 0}};
    const char *script = NULL;
    int redis_port = 0;
    bool wrong = false;

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'r')
            redis_port = atoi(optarg);
        else if (c == 's')
            script = optarg;
        else if (c == 't')
            bare.ttl_ms = atoi(optarg);
        else
            wrong = true;
    }
    if (wrong || optind < argc || (redis_port != 0) != (script != NULL && bare.ttl_ms > 0)) {
        fputs("usage: bench_floor [--redis PORT --script FILE --ttl-ms N]; prints the port that it "
              "serves on\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&bare.loop);
    if (redis_port != 0)
        connect_redis(redis_port, script);
    printf("%d\n", start_http());
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&bare.loop, &bare.stop[i]);
        uv_signal_start(&bare.stop[i], on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    uv_run(&bare.loop, UV_RUN_DEFAULT);
    return 0; /* a suspended connection would abort MHD_stop_daemon, and nobody waits for answers
                 any more */
}
