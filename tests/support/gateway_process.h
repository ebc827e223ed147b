/*
 * The real stream-gateway, as a process of the test's: $GATEWAY_BINARY, else the one of this build.
 *
 * It gets a directory of its own and an environment that holds nothing but what is said here, so
 * that the caller's settings have no part in a test: free ports of the loopback, a state directory,
 * 2 workers, auth.mode open, and a pass for the sanitizers' options. Whatever goes wrong here fails
 * the test, and shows the gateway's log; so does a sanitizer's report in that log. It dies with the
 * test.
 */
#ifndef SUPPORT_GATEWAY_PROCESS_H
#define SUPPORT_GATEWAY_PROCESS_H

#include <sys/types.h>

struct gateway_process;

/*
 * Starts it with these settings ("GATEWAY_SESSION_TTL=2"; "NAME" alone takes one of the above
 * away), NULL-ended or NULL, and waits until it is ready.
 */
struct gateway_process *gateway_process_start(const char *const *env);

/* The same with arguments, NULL-ended or NULL, and without waiting for anything. */
struct gateway_process *gateway_process_spawn(const char *const *env, const char *const *args);

/* Waits until both listeners are open; until /readyz is 200, too. */
void gateway_process_wait_listening(struct gateway_process *gateway);
void gateway_process_wait_ready(struct gateway_process *gateway);

/* Waits until the log has this text in it. */
void gateway_process_wait_log(struct gateway_process *gateway, const char *text);

/* The same, so many times. */
void gateway_process_wait_log_times(struct gateway_process *gateway, const char *text,
                                    unsigned times);

/* Where a listener really is, "127.0.0.1:40123" or "unix:/…"; valid once it is listening. */
const char *gateway_process_player(const struct gateway_process *gateway);
const char *gateway_process_admin(const struct gateway_process *gateway);

pid_t gateway_process_pid(const struct gateway_process *gateway);
const char *gateway_process_dir(const struct gateway_process *gateway);

/* What it has written to stderr and to stdout so far; the caller frees. */
char *gateway_process_log(const struct gateway_process *gateway);
char *gateway_process_output(const struct gateway_process *gateway);

void gateway_process_signal(struct gateway_process *gateway, int signal);

/* Waits until it ends. Returns its exit status; minus the signal's number where one ended it. */
int gateway_process_wait(struct gateway_process *gateway);

/* Whether it has ended, without waiting. */
int gateway_process_has_ended(struct gateway_process *gateway);

/* Frees one that has ended, and removes its directory. */
void gateway_process_free(struct gateway_process *gateway);

/* Sends SIGTERM, waits, fails the test unless it exits with 0, and frees. */
void gateway_process_stop(struct gateway_process *gateway);

#endif
