/* A listening socket that a loop watches. */
#include "listening.h"

#include <errno.h>
#include <stdbool.h>

#include "container_of.h"

enum {
    AT_ONCE = 64,  /* connections accepted before others have their turn */
    PAUSE_MS = 100 /* how long the socket is left alone */
};

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *pause)
{
    struct listening *listening = CONTAINER_OF(pause, struct listening, pause);

    uv_poll_start(&listening->poll, UV_READABLE, on_acceptable);
}

/* Whether accept's failure is about this process or machine, and so will come again at once. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct listening *listening = CONTAINER_OF(poll, struct listening, poll);
    (void)status;
    (void)events;

    for (int i = 0; i < AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof from;
        int fd = accept4(listening->fd, (struct sockaddr *)&from, &from_len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (is_shortage(errno)) {
                uv_poll_stop(poll);
                uv_timer_start(&listening->pause, on_pause_over, PAUSE_MS, 0);
            }
            return;
        }
        listening->on_connection(listening->arg, fd, (const struct sockaddr *)&from, from_len);
    }
}

int listening_start(struct listening *listening, uv_loop_t *loop, int fd,
                    listening_fn *on_connection, void *arg)
{
    int rc = uv_poll_init(loop, &listening->poll, fd);

    if (rc != 0)
        return rc;
    uv_timer_init(loop, &listening->pause); /* cannot fail; nor can the start */
    listening->fd = fd;
    listening->on_connection = on_connection;
    listening->arg = arg;
    uv_poll_start(&listening->poll, UV_READABLE, on_acceptable);
    return 0;
}

void listening_stop(struct listening *listening)
{
    uv_poll_stop(&listening->poll);
    uv_timer_stop(&listening->pause);
}
