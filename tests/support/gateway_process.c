/* The real stream-gateway, as a process of the test's. */
#include "gateway_process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "http_client.h"
#include "temp_dir.h"

enum {
    PATIENCE_MS = 20000, /* for anything that is waited for; a sanitizer is slow */
    LOOK_EVERY_MS = 2,
    ENV_MAX = 64, /* variables */
};

struct gateway_process {
    pid_t pid;                 /* of the process; 0 once it has been waited for */
    int status;                /* how it ended, as gateway_process_wait says it */
    char *dir;                 /* of its own */
    char *log_path, *out_path; /* stderr and stdout, in dir */
    char *player, *admin;      /* addresses; NULL until they are known */
    bool told_to_stop;         /* by SIGTERM */
};

/* ---- starting ---- */

/* An environment being put together. */
struct env {
    char *entries[ENV_MAX + 1]; /* NULL-ended */
    size_t count;               /* of them */
};

/* Takes a variable away. */
static void env_remove(struct env *env, const char *name, size_t len)
{
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->entries[i], name, len) != 0 || env->entries[i][len] != '=')
            continue;
        free(env->entries[i]);
        env->entries[i] = env->entries[--env->count];
        env->entries[env->count] = NULL;
    }
}

/* Sets a variable from "NAME=value"; takes it away where there is a name alone. */
static void env_put(struct env *env, const char *entry)
{
    size_t len = strcspn(entry, "=");

    env_remove(env, entry, len);
    if (entry[len] != '=')
        return;
    cr_assert_lt(env->count, ENV_MAX);
    env->entries[env->count++] = strdup(entry);
}

static void env_printf(struct env *env, const char *name, const char *dir, const char *rest)
{
    struct buf entry = BUF_EMPTY;

    buf_printf(&entry, "%s=%s%s", name, dir, rest);
    env_put(env, buf_text(&entry));
    buf_done(&entry);
}

static void env_fill(struct env *env, const char *dir, const char *const *more)
{
    static const char *const passed[] = {"PATH=", "TMPDIR=", "ASAN_", "UBSAN_",
                                         "LSAN_", "TSAN_",   "GCOV_"};

    for (char **entry = environ; *entry != NULL; entry++)
        for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
            if (strncmp(*entry, passed[i], strlen(passed[i])) == 0)
                env_put(env, *entry);
    env_put(env, "GATEWAY_PLAYER_LISTEN=127.0.0.1:0");
    env_put(env, "GATEWAY_ADMIN_LISTEN=127.0.0.1:0");
    env_put(env, "GATEWAY_WORKERS=2");
    env_put(env, "GATEWAY_AUTH_MODE=open");
    env_printf(env, "HOME", dir, "");
    env_printf(env, "GATEWAY_STATE_DIR", dir, "/state");
    for (; more != NULL && *more != NULL; more++)
        env_put(env, *more);
}

/* What the child does; only calls that are safe after a fork. */
static void become(const char *binary, char *const *args, char *const *env, int out, int err,
                   pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execve(binary, args, env);
    _exit(127);
}

static int create_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    return fd;
}

struct gateway_process *gateway_process_spawn(const char *const *env, const char *const *args)
{
    struct gateway_process *gateway = calloc(1, sizeof *gateway);
    struct env child_env = {.count = 0};
    const char *binary = getenv("GATEWAY_BINARY");
    char *child_args[16] = {0};
    pid_t parent = getpid();

    if (binary == NULL)
        binary = GATEWAY_BINARY;
    child_args[0] = strdup(binary);
    for (size_t i = 0; args != NULL && args[i] != NULL; i++)
        child_args[i + 1] = strdup(args[i]);
    gateway->dir = temp_dir_make();
    gateway->log_path = temp_dir_path(gateway->dir, "log");
    gateway->out_path = temp_dir_path(gateway->dir, "out");
    env_fill(&child_env, gateway->dir, env);

    int out = create_file(gateway->out_path), err = create_file(gateway->log_path);
    gateway->pid = fork();
    if (gateway->pid == 0)
        become(binary, child_args, child_env.entries, out, err, parent);
    cr_assert_gt(gateway->pid, 0, "fork: %s", strerror(errno));
    close(out);
    close(err);
    for (size_t i = 0; child_args[i] != NULL; i++)
        free(child_args[i]);
    while (child_env.count > 0)
        free(child_env.entries[--child_env.count]);
    return gateway;
}

/* ---- waiting ---- */

/* A file that grows meanwhile, as far as it has come. */
static char *read_whole(const char *path)
{
    struct buf text = BUF_EMPTY;
    char piece[16 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    while ((got = read(fd, piece, sizeof piece)) > 0)
        buf_add(&text, piece, (size_t)got);
    close(fd);
    return buf_text(&text);
}

/* Ends the test: what was waited for hasn't come. */
static void give_up(const struct gateway_process *gateway, const char *what)
{
    char *log = gateway_process_log(gateway);

    cr_assert_fail("%s; the gateway's log:\n%s", what, log);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000L}, NULL);
}

/* Looks for an end, once. */
static void look_for_end(struct gateway_process *gateway)
{
    int status;

    if (gateway->pid == 0 || waitpid(gateway->pid, &status, WNOHANG) != gateway->pid)
        return;
    gateway->pid = 0;
    gateway->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int gateway_process_has_ended(struct gateway_process *gateway)
{
    look_for_end(gateway);
    return gateway->pid == 0;
}

/* Rests between two looks at what is waited for; gives up when it is too late, or can't come any
 * more. */
static void go_on_waiting(struct gateway_process *gateway, int64_t since_ms, const char *what)
{
    if (gateway_process_has_ended(gateway) || clock_monotonic_ms() - since_ms > PATIENCE_MS)
        give_up(gateway, what);
    rest();
}

/* The address that the log tells of this listener; NULL where it doesn't yet. */
static char *find_address(const char *log, const char *setting)
{
    struct buf words = BUF_EMPTY;
    char *address = NULL;

    buf_printf(&words, "listening setting=%s address=", setting);
    const char *at = strstr(log, buf_text(&words));
    if (at != NULL) {
        at += words.len;
        if (at[strcspn(at, "\n")] == '\n')
            address = strndup(at, strcspn(at, "\n"));
    }
    buf_done(&words);
    return address;
}

void gateway_process_wait_listening(struct gateway_process *gateway)
{
    int64_t since_ms = clock_monotonic_ms();

    while (gateway->player == NULL || gateway->admin == NULL) {
        char *log = gateway_process_log(gateway);

        if (gateway->player == NULL)
            gateway->player = find_address(log, "player.listen");
        if (gateway->admin == NULL)
            gateway->admin = find_address(log, "admin.listen");
        free(log);
        if (gateway->player == NULL || gateway->admin == NULL)
            go_on_waiting(gateway, since_ms, "it doesn't listen");
    }
}

void gateway_process_wait_ready(struct gateway_process *gateway)
{
    int64_t since_ms = clock_monotonic_ms();

    gateway_process_wait_listening(gateway);
    for (;;) {
        struct http_client *client = http_client_new(gateway->player);
        struct http_answer answer = http_client_ask(client, "GET", "/readyz", NULL, NULL);
        int status = answer.status;

        http_answer_done(&answer);
        http_client_free(client);
        if (status == 200)
            return;
        go_on_waiting(gateway, since_ms, "it isn't ready");
    }
}

void gateway_process_wait_log(struct gateway_process *gateway, const char *text)
{
    gateway_process_wait_log_times(gateway, text, 1);
}

void gateway_process_wait_log_times(struct gateway_process *gateway, const char *text,
                                    unsigned times)
{
    int64_t since_ms = clock_monotonic_ms();

    for (;;) {
        char *log = gateway_process_log(gateway);
        unsigned found = 0;

        for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
            found++;
        free(log);
        if (found >= times)
            return;
        go_on_waiting(gateway, since_ms, text);
    }
}

struct gateway_process *gateway_process_start(const char *const *env)
{
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);

    gateway_process_wait_ready(gateway);
    return gateway;
}

/* ---- what it says ---- */

const char *gateway_process_player(const struct gateway_process *gateway)
{
    return gateway->player;
}

const char *gateway_process_admin(const struct gateway_process *gateway)
{
    return gateway->admin;
}

pid_t gateway_process_pid(const struct gateway_process *gateway)
{
    return gateway->pid;
}

const char *gateway_process_dir(const struct gateway_process *gateway)
{
    return gateway->dir;
}

char *gateway_process_log(const struct gateway_process *gateway)
{
    return read_whole(gateway->log_path);
}

char *gateway_process_output(const struct gateway_process *gateway)
{
    return read_whole(gateway->out_path);
}

/* ---- ending ---- */

void gateway_process_signal(struct gateway_process *gateway, int signal)
{
    cr_assert_neq(gateway->pid, 0, "it has ended already");
    cr_assert_eq(kill(gateway->pid, signal), 0, "kill: %s", strerror(errno));
    gateway->told_to_stop = gateway->told_to_stop || signal == SIGTERM;
}

/*
 * gcc 12's thread sanitizer loses a signal, once in hundreds, that comes as a thread first blocks. Under it a process
 * that was told to stop is told again; a second SIGTERM changes nothing (test_process_stop).
 */
static void tell_again(const struct gateway_process *gateway)
{
#ifdef __SANITIZE_THREAD__
    if (gateway->told_to_stop)
        kill(gateway->pid, SIGTERM);
#else
    (void)gateway;
#endif
}

int gateway_process_wait(struct gateway_process *gateway)
{
    int64_t since_ms = clock_monotonic_ms();

    while (!gateway_process_has_ended(gateway)) {
        if (clock_monotonic_ms() - since_ms > PATIENCE_MS)
            give_up(gateway, "it doesn't end");
        if (clock_monotonic_ms() - since_ms > PATIENCE_MS / 4)
            tell_again(gateway);
        rest();
    }
    return gateway->status;
}

void gateway_process_free(struct gateway_process *gateway)
{
    char *log = gateway_process_log(gateway);
    bool reported = strstr(log, "Sanitizer") != NULL || strstr(log, "runtime error:") != NULL;

    cr_assert_eq(gateway->pid, 0, "it still runs");
    cr_assert_not(reported, "a sanitizer's report in the gateway's log:\n%s", log);
    free(log);
    temp_dir_remove(gateway->dir);
    free(gateway->log_path);
    free(gateway->out_path);
    free(gateway->player);
    free(gateway->admin);
    free(gateway);
}

void gateway_process_stop(struct gateway_process *gateway)
{
    gateway_process_signal(gateway, SIGTERM);
    int status = gateway_process_wait(gateway);
    if (status != 0)
        give_up(gateway, "it didn't stop cleanly");
    gateway_process_free(gateway);
}
