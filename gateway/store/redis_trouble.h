/*
 * Tells the operator why Redis can't be reached: once when it begins, and again every minute while it lasts,
 * as an error that names the setting where one is at fault.
 */
#ifndef REDIS_TROUBLE_H
#define REDIS_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/* Reasons that take turns (a name's two addresses fail in two ways) are each told once a minute. */
#define REDIS_TROUBLE_REASONS 4

/* What was logged last. All zeroes: nothing. */
struct redis_trouble {
    struct {
        char why[512];     /* the reason */
        int64_t logged_ms; /* when; the caller's clock */
    } last[REDIS_TROUBLE_REASONS];
    unsigned next; /* of last: the oldest */
};

/* A connection of this name was lost, or (was_up false) could not be made. */
void redis_trouble_log(struct redis_trouble *trouble, bool was_up, const char *name,
                       const char *why, int64_t now_ms);

/* It is over. */
void redis_trouble_clear(struct redis_trouble *trouble);

/* The setting that is at fault where Redis or TLS says this; NULL where none is. */
const char *redis_trouble_setting(const char *why);

#endif
