/*
 * Has criterion's own process not be looked through for leaks under the address sanitizer: on a busy machine
 * criterion (2.4) loses 48 bytes of its own now and then, which the sanitizer takes for a failed test. The tests
 * run in processes of their own, which its part boxfort starts with BXFI_MAP in their environment; those are looked
 * through. Linked into every test of a build with that sanitizer.
 */
#include <stdlib.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getenv("BXFI_MAP") == NULL;
}
