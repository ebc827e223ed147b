/* The end of a program of the benchmark that can't go on. */
#include "fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(2);
}
