/*
 * Tells the service manager how this program is doing.
 *
 * The protocol is a promise of systemd's, so these few lines stand in for its library, which would bring
 * several others along.
 */
#include "sd_notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_TIMEOUT_S 1

/*
 * Fills in the address that $NOTIFY_SOCKET has: a path, or @ and an abstract name, whose length the address tells
 * without a NUL. Returns that length; 0 with errno.
 */
static socklen_t read_address(const char *text, struct sockaddr_un *ret_address)
{
    size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2) {
        errno = EAFNOSUPPORT;
        return 0;
    }
    if (len >= sizeof ret_address->sun_path) {
        errno = ENAMETOOLONG;
        return 0;
    }
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, text, len);
    if (text[0] == '@')
        ret_address->sun_path[0] = '\0';
    else
        len++;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int sd_notify_send(const char *assignments)
{
    /* A service manager that is slow must not hold up a stop for ever. */
    const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
    const char *text = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;

    if (text == NULL || *text == '\0')
        return 0;
    socklen_t len = read_address(text, &address);
    if (len == 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    ssize_t sent = sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL,
                          (const struct sockaddr *)&address, len);
    int cause = errno;
    close(fd);
    errno = cause;
    return sent < 0 ? -1 : 1;
}

/* A variable that is a whole number; 0 where it isn't. */
static uint64_t read_number(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    uint64_t number = strtoumax(text, &end, 10);
    return errno == 0 && *end == '\0' ? number : 0;
}

uint64_t sd_notify_watchdog_us(void)
{
    if (getenv("WATCHDOG_PID") != NULL && read_number("WATCHDOG_PID") != (uint64_t)getpid())
        return 0;
    return read_number("WATCHDOG_USEC");
}
