/* Connections that are closed while their client still sends. */
#include "http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "container_of.h"
#include "http_deadline.h"
#include "http_private.h"

enum {
    MOUTHFUL = 64 * 1024, /* bytes thrown away at once, before others have their turn */
    RETRY_AFTER_S = 1     /* what the refused are told: connections come and go quickly */
};

struct http_linger {
    uv_poll_t poll;                 /* watches our duplicate of the descriptor */
    struct http_deadline deadline;  /* holds the descriptor, too */
    struct http_lingers *lingers;   /* where it belongs */
    TAILQ_ENTRY(http_linger) links; /* in their list */
    bool refused;                   /* it is still to be answered */
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

/* Sends the one answer there is, and nothing more. A new connection's buffer holds it. */
static void refuse(struct http_linger *linger)
{
    const struct buf *refusal = &linger->lingers->refusal;

    linger->refused = false;
    send(linger->deadline.fd, refusal->data, refusal->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(linger->deadline.fd, SHUT_WR);
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
    else if (got > 0 && linger->refused)
        refuse(linger);
}

/* Writes the answer to those that there is no room for. */
static void write_refusal(struct buf *refusal)
{
    struct buf body = BUF_EMPTY;

    http_problem_body(&body, ERR_OVERLOADED, NULL, NULL);
    buf_printf(refusal,
               "HTTP/1.1 %d %s\r\nConnection: close\r\nRetry-After: %d\r\n"
               "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n",
               err_status(ERR_OVERLOADED), err_title(ERR_OVERLOADED), RETRY_AFTER_S, body.len);
    buf_add(refusal, body.data, body.len);
    refusal->failed |= body.failed;
    buf_done(&body);
}

int http_lingers_init(struct http_lingers *lingers, struct uv_loop_s *loop,
                      struct http_deadlines *deadlines)
{
    lingers->loop = loop;
    lingers->deadlines = deadlines;
    TAILQ_INIT(&lingers->list);
    lingers->count = 0;
    lingers->refusal = BUF_EMPTY;
    write_refusal(&lingers->refusal);
    return lingers->refusal.failed ? -1 : 0;
}

/* Takes over a socket; closes it where resources are short. */
static void take(struct http_lingers *lingers, int fd, bool refused)
{
    struct http_linger *linger = lingers->count < HTTP_LINGERS_MAX ? malloc(sizeof *linger) : NULL;

    if (linger == NULL || uv_poll_init(lingers->loop, &linger->poll, fd) != 0) {
        close(fd);
        free(linger);
        return;
    }
    linger->lingers = lingers;
    linger->refused = refused;
    TAILQ_INSERT_TAIL(&lingers->list, linger, links);
    lingers->count++;
    http_deadline_init(&linger->deadline, lingers->deadlines, fd);
    uv_poll_start(&linger->poll, UV_READABLE, on_ready); /* fails for a closing handle only */
}

void http_lingers_add(struct http_lingers *lingers, int fd)
{
    int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own_fd >= 0)
        take(lingers, own_fd, false);
}

void http_lingers_refuse(struct http_lingers *lingers, int fd)
{
    take(lingers, fd, true);
}

void http_lingers_stop(struct http_lingers *lingers)
{
    while (!TAILQ_EMPTY(&lingers->list))
        end(TAILQ_FIRST(&lingers->list));
}

void http_lingers_done(struct http_lingers *lingers)
{
    buf_done(&lingers->refusal);
}
