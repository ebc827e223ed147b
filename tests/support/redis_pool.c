/*
 * A cluster for all tests of a program.
 *
 * The program only launches the servers; the first test makes a cluster of them. What a test must
 * know stands in the environment: their directory, where a lock is, and their pids. The servers die
 * with the program, however that ends; the lock is gone with the test that holds it.
 */
#include "redis_pool.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "redis_nodes.h"
#include "redis_server.h"

#define VARIABLE "GATEWAY_TEST_CLUSTER"

enum { NODES = 2, PATH_SIZE = 256 };

static char dir[PATH_SIZE / 2]; /* what they have on disk; "" where there is none */
static pid_t pids[NODES];

/* ---- In criterion's own process ---- */

static void become_node(int number, pid_t parent, int port_number)
{
    const char *named = getenv("GATEWAY_TEST_REDIS");
    const char *program = named != NULL && named[0] != '\0' ? named : "redis-server";
    char node_dir[PATH_SIZE], socket[PATH_SIZE], port[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(1);
    snprintf(node_dir, sizeof node_dir, "%s/%d", dir, number);
    snprintf(socket, sizeof socket, "%s/%d/redis.sock", dir, number);
    snprintf(port, sizeof port, "%d", port_number);
    mkdir(node_dir, 0700);
    /* A node that hangs for as long as a test may take isn't held to be dead. */
    execlp(program, program, "--bind", "127.0.0.1", "--port", port, "--unixsocket", socket, "--dir",
           node_dir, "--logfile", "redis.log", "--save", "", "--appendonly", "no",
           "--cluster-enabled", "yes", "--cluster-node-timeout", "60000", NULL);
}

void redis_pool_start(void)
{
    const char *above = getenv("TMPDIR");
    pid_t parent = getpid();
    char value[PATH_SIZE + 64];
    int len, failed[2];
    char byte = 0;

    snprintf(dir, sizeof dir, "%s/gateway-test-XXXXXX", above != NULL ? above : "/tmp");
    if (mkdtemp(dir) == NULL || pipe2(failed, O_CLOEXEC) != 0) {
        dir[0] = '\0';
        return;
    }
    len = snprintf(value, sizeof value, "%s", dir);
    for (int i = 0; i < NODES; i++) {
        int port = redis_nodes_choose_port();

        pids[i] = fork();
        if (pids[i] == 0) {
            become_node(i, parent, port);
            if (write(failed[1], &byte, 1) < 0) /* it couldn't */
                _exit(2);
            _exit(1);
        }
        len += snprintf(value + len, sizeof value - (size_t)len, " %d", (int)pids[i]);
    }
    close(failed[1]);
    if (read(failed[0], &byte, 1) == 0) /* all of them became servers */
        setenv(VARIABLE, value, 1);
    close(failed[0]);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void redis_pool_stop(void)
{
    if (dir[0] == '\0')
        return;
    for (int i = 0; i < NODES; i++) {
        if (pids[i] <= 0)
            continue;
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    dir[0] = '\0';
}

/* ---- In a test's process ---- */

struct redis_nodes *redis_pool_take(void)
{
    const char *value = getenv(VARIABLE);
    struct redis_server *servers[NODES];
    char path[PATH_SIZE], where[PATH_SIZE / 2];
    int pid[NODES], lock_fd;

    if (value == NULL || sscanf(value, "%127s %d %d", where, &pid[0], &pid[1]) != 1 + NODES ||
        kill(pid[0], 0) != 0 || kill(pid[1], 0) != 0)
        return NULL;
    snprintf(path, sizeof path, "%s/lock", where);
    lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    cr_assert_geq(lock_fd, 0);
    cr_assert_eq(flock(lock_fd, LOCK_EX), 0);
    for (int i = 0; i < NODES; i++) {
        snprintf(path, sizeof path, "%s/%d/redis.sock", where, i);
        servers[i] = redis_server_attach(path, pid[i]);
    }
    struct redis_nodes *nodes = redis_nodes_join(servers, NODES, lock_fd);
    for (int i = 0; i < NODES; i++)
        redis_server_do(servers[i], "FLUSHALL");
    return nodes;
}
