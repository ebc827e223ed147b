/* The gateway as a service of systemd's: what it tells, and when the watchdog hears nothing any more. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_fixture.h"
#include "clock.h"
#include "gateway_process.h"
#include "notify_socket.h"
#include "temp_dir.h"

TestSuite(process_service, .timeout = 120);

#define WATCHDOG_MS 1600

static char *dir;
static int notify; /* systemd's end */
static struct gateway_process *gateway;

/* A gateway that systemd has started, with a watchdog; where it was told to, it has said that it serves. */
static void start(const char *setting)
{
    dir = temp_dir_make();
    char *path = temp_dir_path(dir, "notify");
    const char *env[] = {api_text("NOTIFY_SOCKET=%s", path),
                         api_text("WATCHDOG_USEC=%d", WATCHDOG_MS * 1000), setting, NULL};

    notify = notify_socket_open(path);
    gateway = gateway_process_spawn(env, NULL);
    free(path);
}

/* The next message must begin so. */
static void expect_message(const char *beginning)
{
    char *message = notify_socket_read(notify);

    cr_assert_eq(strncmp(message, beginning, strlen(beginning)), 0, "\"%s\", not \"%s\"", message,
                 beginning);
    free(message);
}

static void await_message(const char *beginning)
{
    free(notify_socket_wait(notify, beginning));
}

/*
 * It serves, and its main thread has gone to wait for signals. One that comes while a thread goes to wait for the
 * first time may be lost, not by the gateway but by gcc 12's ThreadSanitizer.
 */
static void await_loop(void)
{
    expect_message("READY=1");
    expect_message("WATCHDOG=1");
}

static void clean_up(void)
{
    close(notify);
    temp_dir_remove(dir);
}

Test(process_service, says_ready_once_it_serves_and_stopping_before_it_stops)
{
    start("GATEWAY_SHUTDOWN_DELAY_MS=1000");
    await_loop();
    gateway_process_wait_listening(gateway);
    struct http_client *client = http_client_new(gateway_process_player(gateway));
    cr_expect_eq(api_status(http_client_ask(client, "GET", "/healthz", NULL, NULL)), 200);
    gateway_process_signal(gateway, SIGTERM);
    await_message("STOPPING=1");
    cr_expect_not(gateway_process_has_ended(gateway));
    cr_expect_eq(gateway_process_wait(gateway), 0);
    http_client_free(client);
    gateway_process_free(gateway);
    clean_up();
}

Test(process_service, says_nothing_where_it_can_not_serve)
{
    start("GATEWAY_SESSION_TTL=never");
    cr_expect_eq(gateway_process_wait(gateway), 2);
    cr_expect_not(notify_socket_hears(notify, 0));
    gateway_process_free(gateway);
    clean_up();
}

Test(process_service, says_when_it_reloads_and_that_it_is_done)
{
    start(NULL);
    await_loop();
    int64_t before_us = clock_monotonic_ms() * 1000;
    gateway_process_signal(gateway, SIGHUP);
    char *message = notify_socket_wait(notify, "RELOADING=1");
    int64_t time_us = 0;

    cr_expect_eq(sscanf(message, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &time_us), 1, "%s",
                 message);
    cr_expect_geq(time_us, before_us);
    cr_expect_leq(time_us, (clock_monotonic_ms() + 1) * 1000);
    free(message);
    expect_message("READY=1");
    gateway_process_stop(gateway);
    clean_up();
}

/* The thread of this name. */
static pid_t find_thread(const char *name)
{
    DIR *tasks = opendir(api_text("/proc/%d/task", (int)gateway_process_pid(gateway)));
    pid_t found = 0;
    struct dirent *task;

    cr_assert_not_null(tasks);
    while (found == 0 && (task = readdir(tasks)) != NULL) {
        char comm[32] = "";
        FILE *file = fopen(
            api_text("/proc/%d/task/%s/comm", (int)gateway_process_pid(gateway), task->d_name),
            "re");

        if (file == NULL)
            continue;
        if (fgets(comm, sizeof comm, file) != NULL && strncmp(comm, name, strlen(name)) == 0)
            found = (pid_t)atoi(task->d_name);
        fclose(file);
    }
    closedir(tasks);
    cr_assert_gt(found, 0, "no thread is called %s", name);
    return found;
}

/* Makes one thread stand still, as a loop that is stuck does; the others go on. */
static void hold_thread(pid_t thread)
{
    cr_assert_eq(ptrace(PTRACE_SEIZE, thread, NULL, NULL), 0, "%s", strerror(errno));
    cr_assert_eq(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), 0, "%s", strerror(errno));
    cr_assert_eq(waitpid(thread, NULL, __WALL), thread, "%s", strerror(errno));
}

/* What systemd waits for before it kills: no word for as long as the watchdog says. */
static void await_silence(void)
{
    int64_t since_ms = clock_monotonic_ms();

    while (notify_socket_hears(notify, WATCHDOG_MS))
        cr_assert_lt(clock_monotonic_ms() - since_ms, 20000, "it goes on");
}

/* logged: the name as the log has it */
static void expect_watchdog_for(const char *name, const char *logged)
{
    start(NULL);
    await_loop();
    expect_message("WATCHDOG=1");
    pid_t thread = find_thread(name);
    hold_thread(thread);
    await_silence();
    gateway_process_wait_log(gateway, api_text("a thread is stuck thread=%s", logged));
    ptrace(PTRACE_DETACH, thread, NULL, NULL);
    expect_message("WATCHDOG=1");
    gateway_process_wait_log(gateway, "all threads turn again");
    gateway_process_stop(gateway);
    clean_up();
}

Test(process_service, a_worker_that_is_stuck_silences_the_watchdog)
{
    expect_watchdog_for("worker 2", "\"worker 2\"");
}

Test(process_service, so_does_the_admin_thread)
{
    expect_watchdog_for("admin", "admin");
}

Test(process_service, so_does_the_main_thread)
{
    start(NULL);
    await_loop();
    hold_thread(gateway_process_pid(gateway));
    await_silence();
    ptrace(PTRACE_DETACH, gateway_process_pid(gateway), NULL, NULL);
    expect_message("WATCHDOG=1");
    gateway_process_stop(gateway);
    clean_up();
}

Test(process_service, a_process_that_hangs_as_a_whole_silences_it_too)
{
    start(NULL);
    await_loop();
    gateway_process_signal(gateway, SIGSTOP);
    await_silence();
    gateway_process_signal(gateway, SIGCONT);
    expect_message("WATCHDOG=1");
    gateway_process_stop(gateway);
    clean_up();
}

Test(process_service, serves_without_systemd_and_tells_it_more_when_it_is_back)
{
    dir = temp_dir_make();
    char *path = temp_dir_path(dir, "notify");
    const char *env[] = {api_text("NOTIFY_SOCKET=%s", path), "WATCHDOG_USEC=400000", NULL};

    gateway = gateway_process_start(env);
    gateway_process_wait_log(gateway,
                             "systemd can't be told message=\"READY=1\" reason=\"No such file");
    notify = notify_socket_open(path);
    expect_message("WATCHDOG=1");
    gateway_process_stop(gateway);
    free(path);
    clean_up();
}
