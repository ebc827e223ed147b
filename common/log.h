/*
 * The log: one line an event, on stderr, as key=value text or as JSON.
 *
 * A line is a level, a message that is a constant of the program, and fields. Values are escaped, so that
 * what a client sent can neither break a line nor forge one. Safe to call from any thread; a line leaves
 * in one write. Tokens and secrets never go into a field. Only the program logs (gateway/ and its api and
 * store folders): core, http and common return errors instead.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Sets what is written from now on. At the start it is info and text. */
void log_setup(enum log_level least, enum log_format format);

/* Whether a line of this level would be written: for callers that must work to fill the fields. */
bool log_enabled(enum log_level level);

struct log_field {
    const char *key;  /* a word; NULL ends the list */
    const char *text; /* the value, or NULL for a number */
    int64_t number;   /* the value where text is NULL */
};

#define LOG_STR(key, value) ((struct log_field){(key), (value) != NULL ? (value) : "", 0})
#define LOG_INT(key, value) ((struct log_field){(key), NULL, (value)})

/* Writes one line with these fields: log_line(LOG_INFO, "listening", LOG_STR("address", text)). */
#define log_line(level, message, ...)                                                              \
    log_fields((level), (message), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

/* The same, fields given as an array ended by a NULL key. */
void log_fields(enum log_level level, const char *message, const struct log_field *fields);

#endif
