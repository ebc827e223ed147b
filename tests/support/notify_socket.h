/*
 * What systemd is to a service: a socket that takes the messages of sd_notify(3). Whatever goes wrong here fails the
 * test.
 */
#ifndef SUPPORT_NOTIFY_SOCKET_H
#define SUPPORT_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

/* Opens one at this address: a path, or @ and an abstract name. Returns its descriptor, which the caller closes. */
int notify_socket_open(const char *address);

/* Waits for a message and returns it; the caller frees. */
char *notify_socket_read(int fd);

/* Reads messages until one begins so, and returns it; the caller frees. */
char *notify_socket_wait(int fd, const char *beginning);

/* Whether a message comes within so many milliseconds; it is read, and dropped. */
bool notify_socket_hears(int fd, int within_ms);

#endif
