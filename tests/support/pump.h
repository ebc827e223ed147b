/*
 * Running a loop until something has come about, instead of sleeping for as long as it may take.
 */
#ifndef SUPPORT_PUMP_H
#define SUPPORT_PUMP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/*
 * Runs the loop until the condition holds, which is looked at about every millisecond. Fails the
 * test (criterion) where that takes more than ten seconds.
 */
void pump_until(struct loop *loop, bool (*holds)(void *arg), void *arg);

/* Runs the loop for so long: only to show that something does *not* happen. */
void pump_for(struct loop *loop, int64_t ms);

#endif
