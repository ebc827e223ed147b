/* A client that sends bytes as they are. */
#include "raw_http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that is connected, or -1 where that is refused. */
static int try_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int raw_connect(int port)
{
    int fd = try_connect(port);

    cr_assert_geq(fd, 0, "connect: %s", strerror(errno));
    return fd;
}

bool raw_can_connect(int port)
{
    int fd = try_connect(port);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

bool raw_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

        if (sent < 0) {
            cr_assert(errno == EPIPE || errno == ECONNRESET, "send: %s", strerror(errno));
            return false;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool raw_send_text(int fd, const char *text)
{
    return raw_send(fd, text, strlen(text));
}

void raw_half_close(int fd)
{
    shutdown(fd, SHUT_WR);
}

/* Reads up to size bytes; 0 at the end of the connection, however it came. */
static size_t receive(int fd, void *bytes, size_t size)
{
    ssize_t got = recv(fd, bytes, size, 0);

    if (got < 0) {
        cr_assert(errno == ECONNRESET, "recv: %s", strerror(errno));
        return 0;
    }
    return (size_t)got;
}

bool raw_header(const struct raw_answer *answer, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);

    for (const char *line = strstr(answer->head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, name_len) != 0 || line[2 + name_len] != ':')
            continue;
        const char *value = line + 2 + name_len + 1;
        value += strspn(value, " ");
        size_t len = strcspn(value, "\r");
        cr_assert_lt(len, size);
        memcpy(ret_value, value, len);
        ret_value[len] = '\0';
        return true;
    }
    return false;
}

static struct raw_answer read_answer(int fd, bool with_body)
{
    struct raw_answer answer = {0};
    size_t len = 0;
    char number[32];

    while (len < 4 || memcmp(answer.head + len - 4, "\r\n\r\n", 4) != 0) {
        cr_assert_lt(len, sizeof answer.head - 1, "endless head");
        if (receive(fd, answer.head + len, 1) == 0) {
            cr_assert_eq(len, 0, "the connection ended in the midst of a head");
            return answer;
        }
        len++;
    }
    cr_assert_eq(sscanf(answer.head, "HTTP/1.1 %d ", &answer.status), 1, "%s", answer.head);
    if (with_body && raw_header(&answer, "Content-Length", number, sizeof number))
        answer.body_len = strtoull(number, NULL, 10);
    answer.body = calloc(1, answer.body_len + 1);
    for (size_t got = 0, more; got < answer.body_len; got += more) {
        more = receive(fd, answer.body + got, answer.body_len - got);
        cr_assert_gt(more, 0, "the connection ended in the midst of a body");
    }
    return answer;
}

struct raw_answer raw_read(int fd)
{
    return read_answer(fd, true);
}

struct raw_answer raw_read_head(int fd)
{
    return read_answer(fd, false);
}

struct raw_answer raw_ask(int fd, const char *request)
{
    raw_send_text(fd, request);
    return raw_read(fd);
}

int raw_ask_status(int fd, const char *request)
{
    struct raw_answer answer = raw_ask(fd, request);
    int status = answer.status;

    raw_answer_done(&answer);
    return status;
}

/* Reads an answer to a request, which is named where it isn't the one that is expected. */
static void expect(int fd, const char *request, int status, const char *body)
{
    struct raw_answer answer = raw_read(fd);

    cr_expect_eq(answer.status, status, "%d to %s", answer.status, request);
    if (body != NULL && answer.body != NULL)
        cr_expect_str_eq(answer.body, body, "to %s", request);
    raw_answer_done(&answer);
}

void raw_expect(int fd, const char *request, int status, const char *body)
{
    raw_send_text(fd, request);
    expect(fd, request, status, body);
}

void raw_expect_answer(int fd, int status, const char *body)
{
    expect(fd, "what was sent", status, body);
}

void raw_expect_header(const struct raw_answer *answer, const char *name, const char *expected)
{
    char value[256];
    bool found = raw_header(answer, name, value, sizeof value);

    if (expected == NULL) {
        cr_expect_not(found, "there is a header %s: %s", name, value);
    } else {
        cr_expect(found, "there is no header %s", name);
        if (found)
            cr_expect_str_eq(value, expected);
    }
}

void raw_answer_done(struct raw_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

bool raw_is_closed(int fd)
{
    char byte;

    return receive(fd, &byte, 1) == 0;
}

int raw_exchange(int port, const void *bytes, size_t len, int *ret_count)
{
    int fd = raw_connect(port);
    int first = 0, count = 0;

    raw_send(fd, bytes, len);
    for (;;) {
        struct raw_answer answer = raw_read(fd);
        int status = answer.status;

        raw_answer_done(&answer);
        if (status == 0)
            break;
        if (count++ == 0)
            first = status;
    }
    close(fd);
    if (ret_count != NULL)
        *ret_count = count;
    return first;
}
