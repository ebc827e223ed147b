/*
 * Time: the monotonic clock for deadlines, the wall clock for what is shown, and RFC 3339 text.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Length of a time as text, `2026-11-20T23:40:00.123Z`, without its NUL. */
#define CLOCK_TEXT_LEN 24

/* Milliseconds of a clock that never goes back and has no meaning outside this machine's uptime. */
int64_t clock_monotonic_ms(void);

/* Milliseconds since 1970-01-01T00:00:00Z by the system's clock, which may be set back. */
int64_t clock_wall_ms(void);

/* The same, some milliseconds late, for a tenth of what it costs. */
int64_t clock_wall_coarse_ms(void);

/*
 * Writes wall_ms as RFC 3339 UTC with milliseconds and a NUL: always 24 characters, for the years 0000
 * to 9999; times outside of them are written as the nearest one inside.
 */
void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_LEN + 1]);

/*
 * Reads what clock_format writes, and nothing else: exactly 24 characters, a real calendar date, no leap
 * second. Returns 0, or -1 when text is anything else (ret_wall_ms is left alone then).
 */
int clock_parse(const char *text, size_t len, int64_t *ret_wall_ms);

#endif
