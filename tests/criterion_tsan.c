/*
 * Lets criterion run under the thread sanitizer, which leaves a program only some ranges of
 * addresses.
 *
 * Criterion (2.4, by its part boxfort) maps the memory that it shares with a test's process at
 * 0x200000000000 + (rand_r() & 0x3fffff) << 24, and ends with "Could not initialize inheritable
 * arena" where it mustn't. This rand_r stands before libc's and leads to 0x551000000000 and what
 * follows, which is free on x86-64. Nothing else in a test program uses it. Linked into every test
 * of a build with that sanitizer.
 */
#include <stdlib.h>

int rand_r(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return (int)(0x351000 + (*seed >> 16) % 0x1000);
}
