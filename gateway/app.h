/*
 * The program: what the settings say, put together, run until a signal stops it.
 */
#ifndef GATEWAY_APP_H
#define GATEWAY_APP_H

struct settings;

/* Exit codes, DESIGN.md section 8. */
enum { APP_OK = 0, APP_FAILED = 1, APP_WRONG_SETTING = 2 };

/*
 * Opens sockets and keys, starts the threads, and runs until SIGTERM or SIGINT; then stops cleanly. SIGHUP
 * reads the settings again, from file (NULL: none) and environment, and takes over log.level and log.format.
 * Returns an exit code; what is wrong has been logged.
 */
int app_run(const struct settings *settings, const char *file);

#endif
