/* What systemd is to a service. */
#include "notify_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

enum {
    PATIENCE_MS = 20000,
    MESSAGE_MAX = 1024, /* bytes of a message */
};

int notify_socket_open(const char *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(address);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0, "%s", strerror(errno));
    cr_assert_lt(len, sizeof name.sun_path);
    memcpy(name.sun_path, address, len);
    if (address[0] == '@')
        name.sun_path[0] = '\0';
    else
        len++;
    cr_assert_eq(bind(fd, (struct sockaddr *)&name,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                 0, "%s: %s", address, strerror(errno));
    return fd;
}

/* A message that has come within this time; NULL where none has. */
static char *read_within(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char *message;

    int ready = poll(&wait, 1, ms);
    cr_assert_geq(ready, 0, "%s", strerror(errno));
    if (ready == 0)
        return NULL;
    message = calloc(1, MESSAGE_MAX);
    cr_assert_geq(recv(fd, message, MESSAGE_MAX - 1, 0), 0, "%s", strerror(errno));
    return message;
}

char *notify_socket_read(int fd)
{
    char *message = read_within(fd, PATIENCE_MS);

    cr_assert_not_null(message, "no message came");
    return message;
}

char *notify_socket_wait(int fd, const char *beginning)
{
    int64_t since_ms = clock_monotonic_ms();
    char *message = notify_socket_read(fd);

    while (strncmp(message, beginning, strlen(beginning)) != 0) {
        free(message);
        cr_assert_lt(clock_monotonic_ms() - since_ms, PATIENCE_MS, "\"%s\" hasn't come", beginning);
        message = notify_socket_read(fd);
    }
    return message;
}

bool notify_socket_hears(int fd, int within_ms)
{
    char *message = read_within(fd, within_ms);

    free(message);
    return message != NULL;
}
