/*
 * Tells the service manager how this program is doing, by systemd's protocol: a datagram to the socket that
 * $NOTIFY_SOCKET names. See sd_notify(3) for what may be told.
 */
#ifndef COMMON_SD_NOTIFY_H
#define COMMON_SD_NOTIFY_H

#include <stdint.h>

/*
 * Sends assignments, "READY=1", with a newline between two of them. Returns 1 where they were sent; 0 where
 * nobody wants to know, $NOTIFY_SOCKET not being set; -1 with errno where they can't be sent: the address
 * makes no sense, nobody listens there, or nobody has taken what was sent before for a second.
 */
int sd_notify_send(const char *assignments);

/*
 * How often the service manager wants to hear WATCHDOG=1, at the least, in microseconds; 0: never. From
 * $WATCHDOG_USEC, unless $WATCHDOG_PID says that another process is meant.
 */
uint64_t sd_notify_watchdog_us(void);

#endif
