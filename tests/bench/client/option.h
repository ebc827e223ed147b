/* Options of the benchmark's programs. */
#ifndef BENCH_OPTION_H
#define BENCH_OPTION_H

/* The number that an option of this name is given. Anything else, or less than least, ends the program. */
double option_number(const char *name, const char *text, double least);

#endif
