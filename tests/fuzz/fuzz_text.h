/* A fuzz target's input as text. */
#ifndef FUZZ_TEXT_H
#define FUZZ_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The bytes with a NUL behind them, to be freed. */
char *fuzz_text(const uint8_t *data, size_t size);

/*
 * Takes the next line off a text that ends at end: ends it with a NUL, moves *at behind it. NULL where there is
 * none.
 */
char *fuzz_text_line(char **at, char *end);

#endif
