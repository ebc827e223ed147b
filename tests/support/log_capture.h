/*
 * What this process writes to stderr, the log above all, kept to be looked at. One at a time.
 */
#ifndef SUPPORT_LOG_CAPTURE_H
#define SUPPORT_LOG_CAPTURE_H

#include <stdbool.h>

/* Begins, with nothing kept; ends, and stderr is what it was. */
void log_capture_start(void);
void log_capture_stop(void);

/* How many lines have both texts in them; either may be "". */
int log_capture_count(const char *text, const char *other);

/* The last line of which this is true, without its newline; the caller frees. NULL: there is none. */
char *log_capture_line(const char *text, const char *other);

#endif
