/*
 * A redis-server of the test's own: on a unix socket in a directory of its own, keeping nothing on
 * disk, dying with the test however that ends. Whatever fails here fails the test (criterion);
 * where no redis-server is installed the test is skipped, or fails with GATEWAY_NO_SKIP=1.
 *
 * Passwords and users are set by command ("CONFIG SET requirepass …", "ACL SETUSER …"): the
 * connection that commands go over stays logged in.
 */
#ifndef SUPPORT_REDIS_SERVER_H
#define SUPPORT_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_address;
struct redis_server;

struct redis_server_options {
    bool tcp;           /* listens on a free port of the loopback, too */
    bool sentinel;      /* is a Sentinel, which keeps what it has learnt in its configuration */
    const char *config; /* further lines of its configuration; or NULL */
};

/* A port of the loopback that nobody listens on. Somebody may take it first; that start then fails. */
int redis_server_free_port(void);

/* Starts one and waits until it answers. */
struct redis_server *redis_server_start(struct redis_server_options options);

/*
 * One that another process started, and ends: its socket, and its pid. It can't be killed or
 * restarted from here; a pause that was left behind ends.
 */
struct redis_server *redis_server_attach(const char *socket, pid_t pid);

/* Kills it where it still runs, and removes what it had on disk; lets go of one that was attached.
   Accepts NULL. */
void redis_server_stop(struct redis_server *server);

/* Where it listens; port 0 without tcp. The URL is that of the unix socket. */
const char *redis_server_socket(const struct redis_server *server);
const char *redis_server_url(const struct redis_server *server);
int redis_server_port(const struct redis_server *server);

/* The socket as the address of a link; what it points to is the server's. */
struct redis_address redis_server_address(const struct redis_server *server);

/* SIGKILL: it is gone, and all that it held, when this returns. */
void redis_server_kill(struct redis_server *server);

/* Starts it again where it listened before, without what it held, and waits until it answers. */
void redis_server_restart(struct redis_server *server);

/* The same in two steps, for a test of what goes on between them. */
void redis_server_launch(struct redis_server *server);
void redis_server_wait(struct redis_server *server);

/* SIGSTOP and SIGCONT: what a network that swallows everything looks like. */
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);

/* A command as redisCommand formats it, and its reply, which may be an error's; freeReplyObject it.
 */
redisReply *redis_server_command(struct redis_server *server, const char *format, ...);

/* The same where the reply must be no error and isn't looked at; a number; text, which the caller
   frees (NULL for nil). */
void redis_server_do(struct redis_server *server, const char *format, ...);
long long redis_server_number(struct redis_server *server, const char *format, ...);
char *redis_server_text(struct redis_server *server, const char *format, ...);

/* What INFO counts: how often Redis was connected to, by this very call as well; and how often it was
 * given a command ("get"), since it started or its statistics were reset. */
long long redis_server_connections(struct redis_server *server);
long long redis_server_calls(struct redis_server *server, const char *command);

#endif
