/*
 * A redis-server of the test's own, or what GATEWAY_TEST_REDIS names in its place (tests/valkey.sh).
 *
 * It is a child that the kernel kills with the thread that started it (PR_SET_PDEATHSIG), so that
 * neither a test that fails nor one that criterion ends for its time leaves a server behind.
 */
#include "redis_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "redis_address.h"
#include "temp_dir.h"

enum {
    START_MS = 20000,    /* a server that hasn't answered by then never will */
    EXIT_NO_SERVER = 127 /* of the child, where there is nothing to run */
};

struct redis_server {
    char *dir;                   /* what it has on disk */
    char *socket, *log, *config; /* paths in it */
    char *url;                   /* of the socket */
    int port;                    /* of the loopback, or 0 */
    bool sentinel;               /* is one */
    pid_t pid;                   /* 0 while it doesn't run */
    bool attached;               /* somebody else's: never killed from here */
    redisContext *control;       /* that commands go over, or NULL */
};

int redis_server_free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    close(fd);
    return ntohs(addr.sin_port);
}

/* Writes its configuration; nothing of it is kept on disk. */
static char *write_config(const struct redis_server *server, const char *more)
{
    char *text = NULL;

    cr_assert_gt(asprintf(&text,
                          "bind 127.0.0.1\nport %d\nunixsocket %s\ndir %s\nlogfile %s\n"
                          "save \"\"\nappendonly no\n%s\n",
                          server->port, server->socket, server->dir, server->log,
                          more != NULL ? more : ""),
                 0);
    char *path = temp_dir_write(server->dir, "redis.conf", text);
    free(text);
    return path;
}

/* What is run: a path, or a name that PATH knows. */
static const char *server_program(void)
{
    const char *named = getenv("GATEWAY_TEST_REDIS");

    return named != NULL && named[0] != '\0' ? named : "redis-server";
}

/* In the child: becomes the server. */
static void become_server(const struct redis_server *server, const char *program, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) /* else it died before the line above */
        execlp(program, program, server->config, server->sentinel ? "--sentinel" : NULL, NULL);
    _exit(EXIT_NO_SERVER);
}

/* Ends the test, since there is nothing to run. */
static void refuse_without_server(struct redis_server *server)
{
    const char *no_skip = getenv("GATEWAY_NO_SKIP");

    redis_server_stop(server);
    if (no_skip != NULL && strcmp(no_skip, "1") == 0)
        cr_assert_fail("there is no %s to be run, and GATEWAY_NO_SKIP=1", server_program());
    cr_skip_test("there is no %s to be run", server_program());
}

static void show_log(const struct redis_server *server)
{
    char line[512];
    FILE *log = fopen(server->log, "r");

    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
}

/* Whether it answers; connects for that. */
static bool answers(struct redis_server *server)
{
    if (server->control == NULL || server->control->err != 0) {
        redisFree(server->control);
        server->control = redisConnectUnix(server->socket);
    }
    cr_assert_not_null(server->control);
    redisReply *reply = server->control->err == 0 ? redisCommand(server->control, "PING") : NULL;
    bool is_pong = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return is_pong;
}

void redis_server_launch(struct redis_server *server)
{
    const char *program = server_program();
    pid_t parent = getpid();

    server->pid = fork();
    cr_assert_geq(server->pid, 0);
    if (server->pid == 0)
        become_server(server, program, parent);
}

void redis_server_wait(struct redis_server *server)
{
    const struct timespec pause = {.tv_nsec = 500000};
    int64_t give_up_ms = clock_monotonic_ms() + START_MS;
    int status;

    while (!answers(server)) {
        if (!server->attached && waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_SERVER)
                refuse_without_server(server);
            show_log(server);
            cr_assert_fail("redis-server ended while it started");
        }
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "redis-server doesn't answer");
        nanosleep(&pause, NULL);
    }
}

struct redis_server *redis_server_start(struct redis_server_options options)
{
    struct redis_server *server = calloc(1, sizeof *server);

    cr_assert_not_null(server);
    signal(SIGPIPE, SIG_IGN); /* as the gateway has it; hiredis writes to servers that are gone */
    server->dir = temp_dir_make();
    server->socket = temp_dir_path(server->dir, "redis.sock");
    server->log = temp_dir_path(server->dir, "redis.log");
    cr_assert_gt(asprintf(&server->url, "unix://%s", server->socket), 0);
    server->port = options.tcp ? redis_server_free_port() : 0;
    server->sentinel = options.sentinel;
    server->config = write_config(server, options.config);
    redis_server_launch(server);
    redis_server_wait(server);
    return server;
}

/* The number behind a text in a section of INFO; 0 where the text isn't there. */
static long long info_number(struct redis_server *server, const char *section, const char *before)
{
    char *info = redis_server_text(server, "INFO %s", section);
    const char *at = strstr(info, before);
    long long number = at != NULL ? strtoll(at + strlen(before), NULL, 10) : 0;

    free(info);
    return number;
}

struct redis_server *redis_server_attach(const char *socket, pid_t pid)
{
    struct redis_server *server = calloc(1, sizeof *server);

    cr_assert_not_null(server);
    signal(SIGPIPE, SIG_IGN);
    server->attached = true;
    server->pid = pid;
    server->socket = strdup(socket);
    cr_assert_gt(asprintf(&server->url, "unix://%s", socket), 0);
    redis_server_resume(server);
    redis_server_wait(server);
    server->port = (int)info_number(server, "server", "tcp_port:");
    return server;
}

void redis_server_stop(struct redis_server *server)
{
    if (server == NULL)
        return;
    redis_server_kill(server);
    if (!server->attached)
        temp_dir_remove(server->dir);
    free(server->socket);
    free(server->url);
    free(server->log);
    free(server->config);
    free(server);
}

const char *redis_server_socket(const struct redis_server *server)
{
    return server->socket;
}

const char *redis_server_url(const struct redis_server *server)
{
    return server->url;
}

int redis_server_port(const struct redis_server *server)
{
    return server->port;
}

struct redis_address redis_server_address(const struct redis_server *server)
{
    return (struct redis_address){.path = server->socket};
}

void redis_server_kill(struct redis_server *server)
{
    redisFree(server->control);
    server->control = NULL;
    if (server->pid == 0 || server->attached)
        return;
    kill(server->pid, SIGKILL);
    cr_assert_eq(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

void redis_server_restart(struct redis_server *server)
{
    redis_server_kill(server);
    redis_server_launch(server);
    redis_server_wait(server);
}

/* By /proc, since one that was attached is no child to be waited for. */
static bool is_stopped(pid_t pid)
{
    char path[64], line[512] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stat = fopen(path, "r");
    cr_assert_not_null(stat);
    cr_assert_not_null(fgets(line, sizeof line, stat));
    fclose(stat);
    const char *name_end = strrchr(line, ')');
    return name_end != NULL && strncmp(name_end, ") T", 3) == 0;
}

void redis_server_pause(struct redis_server *server)
{
    const struct timespec pause = {.tv_nsec = 100000};

    cr_assert_eq(kill(server->pid, SIGSTOP), 0);
    while (!is_stopped(server->pid))
        nanosleep(&pause, NULL);
}

void redis_server_resume(struct redis_server *server)
{
    cr_assert_eq(kill(server->pid, SIGCONT), 0);
}

static redisReply *command(struct redis_server *server, const char *format, va_list args)
{
    cr_assert_not_null(server->control, "the server doesn't run");
    redisReply *reply = redisvCommand(server->control, format, args);

    cr_assert_not_null(reply, "%s: %s", format, server->control->errstr);
    return reply;
}

/* The same where an error fails the test. */
static redisReply *good_command(struct redis_server *server, const char *format, va_list args)
{
    redisReply *reply = command(server, format, args);

    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format, reply->str);
    return reply;
}

redisReply *redis_server_command(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = command(server, format, args);
    va_end(args);
    return reply;
}

void redis_server_do(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    freeReplyObject(good_command(server, format, args));
    va_end(args);
}

long long redis_server_number(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = good_command(server, format, args);
    va_end(args);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s: no number", format);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

char *redis_server_text(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = good_command(server, format, args);
    va_end(args);
    cr_assert(reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
                  reply->type == REDIS_REPLY_NIL,
              "%s: no text", format);
    char *text = reply->type == REDIS_REPLY_NIL ? NULL : strdup(reply->str);
    freeReplyObject(reply);
    return text;
}

long long redis_server_connections(struct redis_server *server)
{
    long long count = info_number(server, "stats", "total_connections_received:");

    cr_assert_gt(count, 0, "INFO has no count of connections");
    return count;
}

long long redis_server_calls(struct redis_server *server, const char *command)
{
    char before[64];

    snprintf(before, sizeof before, "cmdstat_%s:calls=", command);
    return info_number(server, "commandstats", before);
}
