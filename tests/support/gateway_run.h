/*
 * A gateway that isn't to serve: run to its end, for what it prints and how it ends.
 */
#ifndef SUPPORT_GATEWAY_RUN_H
#define SUPPORT_GATEWAY_RUN_H

struct gateway_run {
    int status; /* exit status */
    char *out;  /* stdout */
    char *err;  /* stderr */
};

/* Runs it with this environment and these arguments (gateway_process.h), and waits until it ends. */
struct gateway_run gateway_run(const char *const *env, const char *const *args);

void gateway_run_done(struct gateway_run *run);

#endif
