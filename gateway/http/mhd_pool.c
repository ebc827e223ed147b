/* Memory of libmicrohttpd's connections that is not cleared after each request. */
#include "mhd_pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 16 }; /* two pointers, as libmicrohttpd has it */

struct MemoryPool {
    unsigned char *memory; /* pages of its own, so that those never touched take no room */
    size_t size;           /* of memory */
    size_t start;          /* how much of it is taken from the start */
    size_t end;            /* from where on it is taken from the end */
};

/* A size as it is taken; SIZE_MAX, which no pool has, where there is none. */
static size_t rounded(size_t size)
{
    return size <= SIZE_MAX - ALIGNMENT ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : SIZE_MAX;
}

static size_t offset_of(const struct MemoryPool *pool, const void *block)
{
    return (size_t)((const unsigned char *)block - pool->memory);
}

/*
 * Whether a block is the last of those from the start. Where it begins need be no multiple of ALIGNMENT:
 * libmicrohttpd moves the beginning of its read buffer on as it reads.
 */
static bool is_last(const struct MemoryPool *pool, const void *block, size_t size)
{
    return rounded(offset_of(pool, block) + size) == pool->start;
}

void MHD_init_mem_pools_(void)
{
}

struct MemoryPool *MHD_pool_create(size_t max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct MemoryPool *pool = malloc(sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->size = (max + page - 1) / page * page;
    pool->start = 0;
    pool->end = pool->size;
    pool->memory =
        mmap(NULL, pool->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool->memory == MAP_FAILED) {
        free(pool);
        return NULL;
    }
    return pool;
}

void MHD_pool_destroy(struct MemoryPool *pool)
{
    if (pool == NULL)
        return;
    munmap(pool->memory, pool->size);
    free(pool);
}

size_t MHD_pool_get_free(struct MemoryPool *pool)
{
    return pool->end - pool->start;
}

void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end)
{
    size_t taken = rounded(size);
    void *block;

    if (taken > pool->end - pool->start)
        return NULL;
    if (from_end) {
        pool->end -= taken;
        return pool->memory + pool->end;
    }
    block = pool->memory + pool->start;
    pool->start += taken;
    return block;
}

void *MHD_pool_try_alloc(struct MemoryPool *pool, size_t size, size_t *required_bytes)
{
    void *block = MHD_pool_allocate(pool, size, true);
    size_t taken = rounded(size);

    if (block != NULL)
        *required_bytes = 0;
    else
        *required_bytes = taken <= pool->end ? taken - (pool->end - pool->start) : SIZE_MAX;
    return block;
}

bool MHD_pool_is_resizable_inplace(struct MemoryPool *pool, void *block, size_t block_size)
{
    return block != NULL && is_last(pool, block, block_size);
}

void *MHD_pool_reallocate(struct MemoryPool *pool, void *old, size_t old_size, size_t new_size)
{
    void *block;

    if (old != NULL && is_last(pool, old, old_size)) {
        size_t at = offset_of(pool, old);

        if (new_size > pool->end - at || rounded(at + new_size) > pool->end)
            return NULL;
        pool->start = rounded(at + new_size);
        return old;
    }
    if (old != NULL && new_size < old_size)
        return old;
    block = MHD_pool_allocate(pool, new_size, false);
    if (block != NULL && old_size > 0)
        memcpy(block, old, old_size);
    return block;
}

void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t block_size)
{
    if (block == NULL)
        return;

    size_t at = offset_of(pool, block);
    if (at >= pool->end) {
        if (at == pool->end)
            pool->end += rounded(block_size);
    } else if (is_last(pool, block, block_size)) {
        pool->start = rounded(at);
    }
}

void *MHD_pool_reset(struct MemoryPool *pool, void *keep, size_t copy_bytes, size_t new_size)
{
    if (copy_bytes > 0 && keep != pool->memory)
        memmove(pool->memory, keep, copy_bytes);
    pool->start = rounded(new_size);
    pool->end = pool->size;
    return pool->memory;
}
