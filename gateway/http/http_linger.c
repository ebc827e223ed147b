/* Connections that are closed while their client still sends. */
#include "http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "container_of.h"
#include "http_deadline.h"

enum {
    MOUTHFUL = 64 * 1024, /* bytes thrown away at once, before others have their turn */
    LINGERS_MAX = 256     /* at once: they don't count for the limit of connections */
};

struct http_linger {
    uv_poll_t poll;                 /* watches our duplicate of the descriptor */
    struct http_deadline deadline;  /* holds the descriptor, too */
    struct http_lingers *lingers;   /* where it belongs */
    TAILQ_ENTRY(http_linger) links; /* in their list */
};

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct http_linger, poll));
}

static void end(struct http_linger *linger)
{
    TAILQ_REMOVE(&linger->lingers->list, linger, links);
    linger->lingers->count--;
    http_deadline_set(&linger->deadline, linger->lingers->deadlines, HTTP_DEADLINE_NONE);
    uv_close((uv_handle_t *)&linger->poll, on_closed);
    close(linger->deadline.fd);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct http_linger *linger = CONTAINER_OF(poll, struct http_linger, poll);
    char waste[MOUTHFUL];
    ssize_t got = recv(linger->deadline.fd, waste, sizeof waste, MSG_DONTWAIT);
    (void)status;
    (void)events;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        end(linger);
}

void http_lingers_init(struct http_lingers *lingers, struct uv_loop_s *loop,
                       struct http_deadlines *deadlines)
{
    lingers->loop = loop;
    lingers->deadlines = deadlines;
    TAILQ_INIT(&lingers->list);
    lingers->count = 0;
}

void http_lingers_add(struct http_lingers *lingers, int fd)
{
    struct http_linger *linger = lingers->count < LINGERS_MAX ? malloc(sizeof *linger) : NULL;
    int own_fd = linger != NULL ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (own_fd < 0 || uv_poll_init(lingers->loop, &linger->poll, own_fd) != 0) {
        if (own_fd >= 0)
            close(own_fd);
        free(linger);
        return;
    }
    linger->lingers = lingers;
    TAILQ_INSERT_TAIL(&lingers->list, linger, links);
    lingers->count++;
    http_deadline_init(&linger->deadline, lingers->deadlines, own_fd);
    uv_poll_start(&linger->poll, UV_READABLE, on_ready); /* fails for a closing handle only */
}

void http_lingers_stop(struct http_lingers *lingers)
{
    while (!TAILQ_EMPTY(&lingers->list))
        end(TAILQ_FIRST(&lingers->list));
}
