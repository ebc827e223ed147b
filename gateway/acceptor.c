/* Accepts on a unix socket and deals its connections out to workers in turn. */
#include "acceptor.h"

#include "listener.h"
#include "loop.h"
#include "worker.h"

static void deal_out(void *arg, int fd, const struct sockaddr *from, socklen_t from_len)
{
    struct acceptor *acceptor = arg;
    (void)from;
    (void)from_len;

    worker_hand_over(acceptor->workers[acceptor->next], fd);
    acceptor->next = (acceptor->next + 1) % acceptor->count;
}

int acceptor_start(struct acceptor *acceptor, struct loop *loop, const struct listener *listener,
                   struct worker **workers, size_t count)
{
    int rc = 0;

    if (listener->address.kind != LISTEN_UNIX)
        return 0;
    acceptor->workers = workers;
    acceptor->count = count;
    rc = listening_start(&acceptor->listening, &loop->uv, listener->fds[0], deal_out, acceptor);
    acceptor->in_use = rc == 0;
    return rc;
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (!acceptor->in_use)
        return;
    acceptor->in_use = false;
    listening_stop(&acceptor->listening);
    uv_close((uv_handle_t *)&acceptor->listening.poll, NULL);
    uv_close((uv_handle_t *)&acceptor->listening.pause, NULL);
}
