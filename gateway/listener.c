/* Listening sockets, all opened before any thread starts. */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"

#define BACKLOG 4096

static int enable(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof on);
}

static int open_socket(const struct listen_address *address)
{
    return socket(address->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/*
 * A listening TCP socket. The first listens before it allows others on its port: of two processes
 * that have both bound it by then (SO_REUSEADDR lets them, while neither listens) listen() lets one
 * through. -1 with errno.
 */
static int listen_tcp(struct listen_address *address, bool first)
{
    int fd = open_socket(address);

    if (fd < 0)
        return -1;
    if (enable(fd, SOL_SOCKET, SO_REUSEADDR) == 0 &&
        (address->addr.any.sa_family != AF_INET6 || enable(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) &&
        (first || enable(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
        enable(fd, IPPROTO_TCP, TCP_NODELAY) == 0 &&
        bind(fd, &address->addr.any, address->len) == 0 && listen(fd, BACKLOG) == 0 &&
        getsockname(fd, &address->addr.any, &address->len) == 0 &&
        (!first || enable(fd, SOL_SOCKET, SO_REUSEPORT) == 0))
        return fd;

    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Removes a socket's file behind which nobody listens any more. */
static void remove_stale(const struct listen_address *address)
{
    struct stat st;
    int fd = open_socket(address);

    if (fd < 0)
        return;
    if (stat(address->addr.un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, &address->addr.any, address->len) != 0 && errno == ECONNREFUSED)
        unlink(address->addr.un.sun_path);
    close(fd);
}

/* Locks the directory of a path against others that look for a stale file in it. -1 with errno. */
static int lock_dir(const char *path)
{
    char dir[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(dir, sizeof dir, "%.*s/", (int)(slash - path), path);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* A listening unix socket. Between the look at an old file and listen() the lock keeps others out.
 */
static int listen_unix(const struct listen_address *address)
{
    int lock = lock_dir(address->addr.un.sun_path);
    int fd = -1;

    if (lock < 0)
        return -1;
    remove_stale(address);
    fd = open_socket(address);
    if (fd >= 0 && (bind(fd, &address->addr.any, address->len) != 0 || listen(fd, BACKLOG) != 0)) {
        int saved = errno;

        close(fd);
        errno = saved;
        fd = -1;
    }
    int saved = errno;
    close(lock);
    errno = saved;
    return fd;
}

int listener_open(const char *text, size_t threads, struct listener *ret_listener,
                  struct buf *reason)
{
    struct listener *listener = ret_listener;
    char why[128];

    *listener = (struct listener){0};
    if (listen_address_parse(text, &listener->address, why, sizeof why) != 0) {
        buf_printf(reason, "%s: %s", text, why);
        return -1;
    }
    bool tcp = listener->address.kind == LISTEN_TCP;
    size_t count = tcp ? threads : 1;
    listener->fds = calloc(count, sizeof *listener->fds);
    if (listener->fds == NULL) {
        buf_add_str(reason, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        int fd = tcp ? listen_tcp(&listener->address, i == 0) : listen_unix(&listener->address);

        if (fd < 0) {
            buf_printf(reason, "%s: %s", text, strerror(errno));
            listener_close(listener);
            return -1;
        }
        listener->fds[listener->count++] = fd;
    }
    return 0;
}

int listener_take(struct listener *listener, size_t n)
{
    int fd = listener->fds[n];

    listener->fds[n] = -1;
    return fd;
}

void listener_close(struct listener *listener)
{
    /* before the socket is closed: behind that the file may be another gateway's */
    if (listener->count > 0 && listener->address.kind == LISTEN_UNIX)
        unlink(listener->address.addr.un.sun_path);
    for (size_t i = 0; i < listener->count; i++)
        if (listener->fds[i] >= 0)
            close(listener->fds[i]);
    free(listener->fds);
    *listener = (struct listener){0};
}
