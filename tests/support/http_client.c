/* A small blocking HTTP/1.1 client. */
#include "http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"

enum {
    PATIENCE_S = 20,      /* for a connect, a write, a read */
    HEAD_MAX = 64 * 1024, /* bytes of an answer's head */
};

struct http_client {
    char *address;        /* as given */
    int fd;               /* the connection; -1: there is none */
    unsigned connections; /* made so far */
    bool bodyless;        /* the answer to come is one to HEAD */
};

struct http_client *http_client_new(const char *address)
{
    struct http_client *client = calloc(1, sizeof *client);

    client->address = strdup(address);
    client->fd = -1;
    return client;
}

static void hang_up(struct http_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    hang_up(client);
    free(client->address);
    free(client);
}

unsigned http_client_connections(const struct http_client *client)
{
    return client->connections;
}

/* ---- sending ---- */

/* Where an address is; the length of it, 0 where it can't be read. */
static socklen_t resolve(const char *address, struct sockaddr_storage *ret)
{
    const char *colon = strrchr(address, ':');
    char host[INET_ADDRSTRLEN] = "";

    memset(ret, 0, sizeof *ret);
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)ret;

        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", address + 5);
        return sizeof *un;
    }
    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return 0;
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    memcpy(host, address, (size_t)(colon - address));
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(colon + 1));
    return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? sizeof *in : 0;
}

static bool call(struct http_client *client)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_storage where;
    socklen_t len = resolve(client->address, &where);
    int on = 1;

    client->fd = len > 0 ? socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (client->fd < 0)
        return false;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (where.ss_family == AF_INET)
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(client->fd, (struct sockaddr *)&where, len) != 0) {
        int saved = errno;
        hang_up(client);
        errno = saved;
        return false;
    }
    client->connections++;
    return true;
}

/* Whether the server has closed the connection that we have. */
static bool is_closed(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

        if (sent < 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool http_client_send(struct http_client *client, const char *method, const char *target,
                      const char *headers, const char *body)
{
    struct buf text = BUF_EMPTY;

    if (client->fd >= 0 && is_closed(client->fd))
        hang_up(client);
    if (client->fd < 0 && !call(client))
        return false;
    client->bodyless = strcmp(method, "HEAD") == 0;
    buf_printf(&text, "%s %s HTTP/1.1\r\nHost: gateway.test\r\n", method, target);
    if (headers != NULL)
        buf_add_str(&text, headers);
    if (body != NULL) {
        if (headers == NULL || strcasestr(headers, "Content-Type:") == NULL)
            buf_add_str(&text, "Content-Type: application/json\r\n");
        buf_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    }
    buf_add_str(&text, "\r\n");
    if (body != NULL)
        buf_add_str(&text, body);
    bool sent = !text.failed && send_all(client->fd, text.data, text.len);
    buf_done(&text);
    return sent;
}

bool http_client_wait_read(const struct http_client *client)
{
    for (int i = 0; i < PATIENCE_S * 1000; i++) {
        int unread = -1;

        if (client->fd < 0 || ioctl(client->fd, SIOCOUTQ, &unread) != 0)
            return false;
        if (unread == 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

/* ---- being answered ---- */

/* An answer that says why there is none. */
static struct http_answer no_answer(struct http_client *client, const char *what, int error)
{
    struct http_answer answer = {.head = calloc(1, 1)};

    if (asprintf(&answer.body, "no answer from %s: %s%s%s", client->address, what,
                 error != 0 ? ": " : "", error != 0 ? strerror(error) : "") < 0)
        abort();
    answer.body_len = strlen(answer.body);
    hang_up(client);
    return answer;
}

/* Reads up to size bytes; 0 at the end of the connection, -1 with errno. */
static ssize_t receive(int fd, char *bytes, size_t size)
{
    ssize_t got;

    do
        got = recv(fd, bytes, size, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* What was read beyond the head, at most all of a body. */
struct reading {
    struct buf bytes; /* all that has come */
    size_t head_len;  /* of the head, its empty line included; 0 until it is whole */
};

static bool read_head(int fd, struct reading *reading)
{
    char piece[4096];

    while (reading->head_len == 0) {
        ssize_t got = receive(fd, piece, sizeof piece);
        if (got <= 0 || reading->bytes.len > HEAD_MAX)
            return false;
        buf_add(&reading->bytes, piece, (size_t)got);
        const char *end =
            memmem(reading->bytes.data, reading->bytes.len, "\r\n\r\n", strlen("\r\n\r\n"));
        if (end != NULL)
            reading->head_len = (size_t)(end - reading->bytes.data) + strlen("\r\n\r\n");
    }
    return true;
}

/* Copies the head, its lines' ends made NULs. */
static char *split_head(const char *text, size_t len)
{
    char *head = calloc(1, len + 1);
    char *to = head;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r')
            continue;
        *to++ = text[i] == '\n' ? '\0' : text[i];
    }
    return head;
}

static bool read_body(int fd, struct reading *reading, struct http_answer *answer)
{
    size_t have = reading->bytes.len - reading->head_len;

    if (have > answer->body_len)
        return false; /* nobody asked for more */
    answer->body = calloc(1, answer->body_len + 1);
    memcpy(answer->body, reading->bytes.data + reading->head_len, have);
    while (have < answer->body_len) {
        ssize_t got = receive(fd, answer->body + have, answer->body_len - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

struct http_answer http_client_read(struct http_client *client)
{
    struct reading reading = {.bytes = BUF_EMPTY};
    struct http_answer answer = {0};

    errno = 0;
    if (client->fd < 0 || !read_head(client->fd, &reading)) {
        buf_done(&reading.bytes);
        return no_answer(client, "the connection ended, or nothing came", errno);
    }
    answer.head = split_head(reading.bytes.data, reading.head_len);
    const char *length = http_answer_header(&answer, "Content-Length");
    if (length != NULL && !client->bodyless)
        answer.body_len = strtoull(length, NULL, 10);
    if (sscanf(answer.head, "HTTP/1.1 %d ", &answer.status) != 1 ||
        !read_body(client->fd, &reading, &answer)) {
        http_answer_done(&answer);
        answer = no_answer(client, "what came is no whole answer", errno);
    }
    buf_done(&reading.bytes);
    answer.json = json_loadb(answer.body, answer.body_len, JSON_REJECT_DUPLICATES, NULL);
    const char *connection = http_answer_header(&answer, "Connection");
    if (connection != NULL && strcasecmp(connection, "close") == 0)
        hang_up(client);
    return answer;
}

struct http_answer http_client_ask(struct http_client *client, const char *method,
                                   const char *target, const char *headers, const char *body)
{
    errno = 0;
    if (!http_client_send(client, method, target, headers, body) && client->fd < 0)
        return no_answer(client, "can't connect", errno);
    return http_client_read(client); /* a server may answer, and close, before it has read all */
}

/* ---- reading an answer ---- */

void http_answer_done(struct http_answer *answer)
{
    free(answer->head);
    free(answer->body);
    json_decref(answer->json);
    *answer = (struct http_answer){0};
}

const char *http_answer_header_at(const struct http_answer *answer, const char *name, size_t n)
{
    size_t len = strlen(name);

    for (const char *line = answer->head; *line != '\0'; line += strlen(line) + 1)
        if (strncasecmp(line, name, len) == 0 && line[len] == ':' && n-- == 0)
            return line + len + 1 + strspn(line + len + 1, " ");
    return NULL;
}

const char *http_answer_header(const struct http_answer *answer, const char *name)
{
    return http_answer_header_at(answer, name, 0);
}

const json_t *http_answer_member(const struct http_answer *answer, const char *path)
{
    const json_t *at = answer->json;
    char name[64];

    while (at != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        snprintf(name, sizeof name, "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                               : json_object_get(at, name);
        path += path[len] == '.' ? len + 1 : len;
    }
    return at;
}

const char *http_answer_text(const struct http_answer *answer, const char *path)
{
    const char *text = json_string_value(http_answer_member(answer, path));

    return text != NULL ? text : "";
}

long long http_answer_number(const struct http_answer *answer, const char *path)
{
    const json_t *number = http_answer_member(answer, path);

    return json_is_integer(number) ? json_integer_value(number) : -1;
}
