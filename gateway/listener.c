/* Listening sockets, all opened before any thread starts. */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
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

/* A bound TCP socket; the first takes the port for this process alone. -1 with errno. */
static int bind_tcp(struct listen_address *address, bool first)
{
    int fd = open_socket(address);

    if (fd < 0)
        return -1;
    if (enable(fd, SOL_SOCKET, SO_REUSEADDR) == 0 &&
        (address->addr.any.sa_family != AF_INET6 || enable(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) &&
        (first || enable(fd, SOL_SOCKET, SO_REUSEPORT) == 0) &&
        enable(fd, IPPROTO_TCP, TCP_NODELAY) == 0 &&
        bind(fd, &address->addr.any, address->len) == 0 &&
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

static int bind_unix(const struct listen_address *address)
{
    remove_stale(address);
    int fd = open_socket(address);
    if (fd < 0)
        return -1;
    if (bind(fd, &address->addr.any, address->len) == 0)
        return fd;

    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
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
        int fd = tcp ? bind_tcp(&listener->address, i == 0) : bind_unix(&listener->address);

        if (fd < 0) {
            buf_printf(reason, "%s: %s", text, strerror(errno));
            listener_close(listener);
            return -1;
        }
        listener->fds[listener->count++] = fd;
    }
    for (size_t i = 0; i < count; i++) {
        if (listen(listener->fds[i], BACKLOG) != 0) {
            buf_printf(reason, "%s: %s", text, strerror(errno));
            listener_close(listener);
            return -1;
        }
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
    for (size_t i = 0; i < listener->count; i++)
        if (listener->fds[i] >= 0)
            close(listener->fds[i]);
    if (listener->count > 0 && listener->address.kind == LISTEN_UNIX)
        unlink(listener->address.addr.un.sun_path);
    free(listener->fds);
    *listener = (struct listener){0};
}
