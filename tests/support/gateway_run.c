/* A gateway that isn't to serve. */
#include "gateway_run.h"

#include <stdlib.h>

#include "gateway_process.h"

struct gateway_run gateway_run(const char *const *env, const char *const *args)
{
    struct gateway_process *gateway = gateway_process_spawn(env, args);
    struct gateway_run run = {.status = gateway_process_wait(gateway)};

    run.out = gateway_process_output(gateway);
    run.err = gateway_process_log(gateway);
    gateway_process_free(gateway);
    return run;
}

void gateway_run_done(struct gateway_run *run)
{
    free(run->out);
    free(run->err);
}
