/* Accepts on a unix socket and deals its connections out to workers in turn. */
#include "acceptor.h"

#include <sys/socket.h>

#include "container_of.h"
#include "listener.h"
#include "loop.h"
#include "worker.h"

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = CONTAINER_OF(poll, struct acceptor, poll);
    int fd;

    (void)status;
    (void)events;
    while ((fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        worker_hand_over(acceptor->workers[acceptor->next], fd);
        acceptor->next = (acceptor->next + 1) % acceptor->count;
    }
}

void acceptor_start(struct acceptor *acceptor, struct loop *loop, const struct listener *listener,
                    struct worker **workers, size_t count)
{
    if (listener->address.kind != LISTEN_UNIX)
        return;
    acceptor->fd = listener->fds[0];
    acceptor->workers = workers;
    acceptor->count = count;
    acceptor->next = 0;
    uv_poll_init(&loop->uv, &acceptor->poll, acceptor->fd);
    uv_poll_start(&acceptor->poll, UV_READABLE, on_acceptable);
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (acceptor->fd >= 0)
        uv_close((uv_handle_t *)&acceptor->poll, NULL);
    acceptor->fd = -1;
}
