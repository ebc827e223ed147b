/*
 * What clients may do so many times at once, and then once more for every so many microseconds that pass: counted
 * by a client's name. For one thread.
 *
 * What is kept of a client is when it will have its whole allowance again. One that has it is as good as unknown,
 * so the table is bounded, and forgetting who did nothing lately gives away little.
 */
#ifndef CORE_ALLOWANCE_H
#define CORE_ALLOWANCE_H

#include <stddef.h>
#include <stdint.h>

#define ALLOWANCE_NAME_MAX 47 /* bytes of a name that count */

struct allowance;

struct allowance_options {
    size_t names;     /* that are kept */
    int64_t at_once;  /* times */
    int64_t every_us; /* for each further one */
};

/* NULL where memory runs out. */
struct allowance *allowance_new(const struct allowance_options *options);
void allowance_free(struct allowance *allowance); /* accepts NULL */

/* How many ms, rounded up, until this client may once more; 0: now. now_ms: of a clock that doesn't go back. */
int64_t allowance_wait_ms(struct allowance *allowance, const char *name, int64_t now_ms);

/* Counts that it did. Where memory runs out it isn't counted. */
void allowance_note(struct allowance *allowance, const char *name, int64_t now_ms);

#endif
