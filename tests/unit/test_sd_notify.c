/* Messages to the service manager: to whom they go, and what is done where they can't. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify_socket.h"
#include "sd_notify.h"
#include "temp_dir.h"

TestSuite(sd_notify, .timeout = 60);

/* Sends to a socket at this address, and expects the message to arrive as it is. */
static void expect_arrival(const char *address)
{
    int fd = notify_socket_open(address);

    setenv("NOTIFY_SOCKET", address, 1);
    cr_expect_eq(sd_notify_send("READY=1\nSTATUS=at work"), 1);
    char *message = notify_socket_read(fd);
    cr_expect_str_eq(message, "READY=1\nSTATUS=at work");
    free(message);
    close(fd);
}

Test(sd_notify, sends_to_a_socket_at_a_path)
{
    char *dir = temp_dir_make(), *path = temp_dir_path(dir, "notify");

    expect_arrival(path);
    free(path);
    temp_dir_remove(dir);
}

Test(sd_notify, sends_to_a_socket_with_an_abstract_name)
{
    char name[64];

    snprintf(name, sizeof name, "@stream-gateway-test-%d", (int)getpid());
    expect_arrival(name);
}

Test(sd_notify, sends_nothing_where_nobody_wants_to_know)
{
    unsetenv("NOTIFY_SOCKET");
    cr_expect_eq(sd_notify_send("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    cr_expect_eq(sd_notify_send("READY=1"), 0);
}

static void expect_failure(const char *address, int cause)
{
    setenv("NOTIFY_SOCKET", address, 1);
    cr_expect_eq(sd_notify_send("READY=1"), -1, "%s", address);
    cr_expect_eq(errno, cause, "%s: %s", address, strerror(errno));
}

Test(sd_notify, says_why_it_can_not_send)
{
    char *dir = temp_dir_make(), *path = temp_dir_path(dir, "nobody"), longest[200];

    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/', longest[sizeof longest - 1] = '\0';
    expect_failure(path, ENOENT);
    expect_failure("@", EAFNOSUPPORT);
    expect_failure("vsock:2:1234", EAFNOSUPPORT);
    expect_failure(longest, ENAMETOOLONG);
    free(path);
    temp_dir_remove(dir);
}

/* Nobody reads: once the socket is full, sending must give up rather than wait for ever. */
Test(sd_notify, gives_up_on_a_service_manager_that_reads_nothing)
{
    char *dir = temp_dir_make(), *path = temp_dir_path(dir, "notify");
    int fd = notify_socket_open(path), sent = 0;

    setenv("NOTIFY_SOCKET", path, 1);
    while (sent < 100000 && sd_notify_send("WATCHDOG=1") == 1)
        sent++;
    cr_expect_gt(sent, 0);
    cr_expect_lt(sent, 100000);
    cr_expect_eq(errno, EAGAIN, "%s", strerror(errno));
    close(fd);
    free(path);
    temp_dir_remove(dir);
}

Test(sd_notify, reads_how_often_the_watchdog_wants_to_hear)
{
    static const struct {
        const char *usec;
        uint64_t wanted;
    } cases[] = {{"30000000", 30000000},     {"", 0}, {"0", 0}, {"-1", 0}, {"30s", 0}, {" 30", 0},
                 {"18446744073709551616", 0}};

    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    cr_expect_eq(sd_notify_watchdog_us(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("WATCHDOG_USEC", cases[i].usec, 1);
        cr_expect_eq(sd_notify_watchdog_us(), cases[i].wanted, "%s", cases[i].usec);
    }
}

Test(sd_notify, leaves_the_watchdog_of_another_process_alone)
{
    char pid[16];

    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    cr_expect_eq(sd_notify_watchdog_us(), 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    cr_expect_eq(sd_notify_watchdog_us(), 1000000);
}
