/* The memory of libmicrohttpd's connections, used as libmicrohttpd uses it. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mhd_pool.h"

static struct MemoryPool *pool;
static size_t size;

static void set_up(void)
{
    size = 4 * (size_t)sysconf(_SC_PAGESIZE);
    MHD_init_mem_pools_();
    pool = MHD_pool_create(size - 100);
}

static void tear_down(void)
{
    MHD_pool_destroy(pool);
}

TestSuite(mhd_pool, .init = set_up, .fini = tear_down);

Test(mhd_pool, is_at_least_as_large_as_was_asked_for)
{
    cr_assert_eq(MHD_pool_get_free(pool), size);
}

Test(mhd_pool, gives_blocks_from_both_ends_until_they_meet)
{
    char *first = MHD_pool_allocate(pool, 100, false);
    char *last = MHD_pool_allocate(pool, 33, true);

    cr_assert_eq(last - first, (ptrdiff_t)size - 48);
    cr_assert_eq((uintptr_t)last % 16, 0);
    cr_assert_eq(MHD_pool_get_free(pool), size - 112 - 48);
    cr_assert_null(MHD_pool_allocate(pool, size - 112 - 48 + 1, false));
    cr_assert_null(MHD_pool_allocate(pool, size - 112 - 48 + 1, true));
    cr_assert_eq(MHD_pool_allocate(pool, size - 112 - 48, false), first + 112);
    cr_assert_eq(MHD_pool_get_free(pool), 0);
}

Test(mhd_pool, has_no_block_of_a_size_that_overflows)
{
    size_t required;

    cr_assert_null(MHD_pool_allocate(pool, SIZE_MAX, false));
    cr_assert_null(MHD_pool_try_alloc(pool, SIZE_MAX - 3, &required));
    cr_assert_eq(required, SIZE_MAX);
    char *block = MHD_pool_allocate(pool, 16, false);
    cr_assert_null(MHD_pool_reallocate(pool, block, 16, SIZE_MAX - 8));
}

Test(mhd_pool, says_how_much_must_go_at_the_start_for_a_block_at_the_end)
{
    size_t required = 1;
    void *buffer = MHD_pool_allocate(pool, size - 64, false);

    cr_assert_not_null(MHD_pool_try_alloc(pool, 16, &required));
    cr_assert_eq(required, 0);
    cr_assert_null(MHD_pool_try_alloc(pool, 100, &required));
    cr_assert_eq(required, 112 - 48);
    cr_assert_null(MHD_pool_try_alloc(pool, size, &required));
    cr_assert_eq(required, SIZE_MAX, "more than there would be without the block at the start");
    MHD_pool_reallocate(pool, buffer, size - 64, size - 128);
    cr_assert_not_null(MHD_pool_try_alloc(pool, 100, &required));
}

Test(mhd_pool, resizes_the_last_block_in_its_place)
{
    char *block = MHD_pool_allocate(pool, 100, false);

    memcpy(block, "abc", 4);
    cr_assert(MHD_pool_is_resizable_inplace(pool, block, 100));
    cr_assert_eq(MHD_pool_reallocate(pool, block, 100, 5000), block);
    cr_assert_eq(MHD_pool_reallocate(pool, block, 5000, 20), block);
    cr_assert_str_eq(block, "abc");
    cr_assert_eq(MHD_pool_get_free(pool), size - 32);
    cr_assert_null(MHD_pool_reallocate(pool, block, 20, size + 1));
    cr_assert_eq(MHD_pool_reallocate(pool, block, 20, size), block);
}

/* libmicrohttpd's read buffer begins where it has read to. */
Test(mhd_pool, resizes_a_block_whose_beginning_was_moved_on)
{
    char *block = (char *)MHD_pool_allocate(pool, 1000, false) + 77;

    cr_assert(MHD_pool_is_resizable_inplace(pool, block, 1000 - 77));
    cr_assert_eq(MHD_pool_reallocate(pool, block, 1000 - 77, 0), block);
    cr_assert_eq(MHD_pool_get_free(pool), size - 80);
    cr_assert_eq((uintptr_t)MHD_pool_allocate(pool, 1, false) % 16, 0);
}

Test(mhd_pool, takes_the_room_back_of_a_block_whose_beginning_was_moved_on)
{
    char *block = (char *)MHD_pool_allocate(pool, 1000, false) + 77;

    MHD_pool_deallocate(pool, block, 1000 - 77);
    cr_assert_eq(MHD_pool_get_free(pool), size - 80);
}

Test(mhd_pool, copies_a_block_that_grows_and_is_not_the_last)
{
    char *block = MHD_pool_allocate(pool, 16, false);
    char *next = MHD_pool_allocate(pool, 16, false);

    memcpy(block, "0123456789abcde", 16);
    cr_assert_not(MHD_pool_is_resizable_inplace(pool, block, 16));
    char *copy = MHD_pool_reallocate(pool, block, 16, 64);
    cr_assert_eq(copy, next + 16);
    cr_assert_str_eq(copy, "0123456789abcde");
    cr_assert_eq(MHD_pool_reallocate(pool, next, 16, 8), next, "one that shrinks stays");
    cr_assert_null(MHD_pool_reallocate(pool, block, 16, size));
}

Test(mhd_pool, resizes_nothing_into_a_new_block)
{
    cr_assert_not(MHD_pool_is_resizable_inplace(pool, NULL, 0));
    char *block = MHD_pool_reallocate(pool, NULL, 0, 32);
    cr_assert_not_null(block);
    cr_assert(MHD_pool_is_resizable_inplace(pool, block, 32));
}

Test(mhd_pool, takes_back_the_last_block_of_either_end)
{
    char *first = MHD_pool_allocate(pool, 32, false), *second = MHD_pool_allocate(pool, 32, false);
    char *last = MHD_pool_allocate(pool, 32, true), *inner = MHD_pool_allocate(pool, 32, true);

    MHD_pool_deallocate(pool, first, 32);
    MHD_pool_deallocate(pool, last, 32);
    MHD_pool_deallocate(pool, NULL, 0);
    cr_assert_eq(MHD_pool_get_free(pool), size - 128, "blocks behind others stay taken");
    MHD_pool_deallocate(pool, second, 32);
    MHD_pool_deallocate(pool, inner, 32);
    cr_assert_eq(MHD_pool_get_free(pool), size - 64);
    cr_assert_eq(MHD_pool_allocate(pool, 16, false), second);
}

Test(mhd_pool, keeps_what_was_read_already_over_a_reset)
{
    char *buffer = MHD_pool_allocate(pool, size / 2, false);

    MHD_pool_allocate(pool, 500, true);
    strcpy(buffer + 300, "GET / HTTP/1.1");
    cr_assert_eq(MHD_pool_reset(pool, buffer + 300, 15, size / 2), buffer);
    cr_assert_str_eq(buffer, "GET / HTTP/1.1");
    cr_assert_eq(MHD_pool_get_free(pool), size / 2);
    cr_assert_eq(MHD_pool_reset(pool, buffer, 15, 15), buffer);
    cr_assert_str_eq(buffer, "GET / HTTP/1.1");
    cr_assert_eq(MHD_pool_reset(pool, NULL, 0, 0), buffer);
    cr_assert_eq(MHD_pool_get_free(pool), size);
}

Test(mhd_pool, does_not_touch_what_is_not_used)
{
    struct MemoryPool *large = MHD_pool_create(1024 * size);
    unsigned char *buffer = MHD_pool_allocate(large, 512 * size, false);
    unsigned char resident[4 * 512];

    memset(buffer, 1, 100);
    MHD_pool_deallocate(large, buffer, 512 * size);
    MHD_pool_reset(large, NULL, 0, 512 * size);
    cr_assert_eq(mincore(buffer, 512 * size, resident), 0);
    cr_assert(resident[0] & 1);
    for (size_t i = 1; i < sizeof resident; i++)
        cr_assert_not(resident[i] & 1, "page %zu", i);
    MHD_pool_destroy(large);
}

Test(mhd_pool, need_not_exist_to_be_destroyed)
{
    MHD_pool_destroy(NULL);
}
