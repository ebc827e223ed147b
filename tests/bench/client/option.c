/* Options of the benchmark's programs. */
#include "option.h"

#include <stdlib.h>

#include "fail.h"

double option_number(const char *name, const char *text, double least)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= least))
        fail(name, "not a number that makes sense");
    return value;
}
