/* The end of a program of the benchmark that can't go on. */
#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

/* Says on stderr which program failed at what, and why, and exits with 2. */
void __attribute__((noreturn)) fail(const char *what, const char *why);

#endif
