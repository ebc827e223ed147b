/*
 * The memory of libmicrohttpd's connections, in place of libmicrohttpd's own.
 *
 * libmicrohttpd takes all that a connection needs (the head as it is read, an entry for each header, the answer's
 * head) from one block of fixed size. Its own pool clears that block after each request, and half of it once more:
 * 72 KiB where a head may have 32, which costs more than all that the gateway does for an authorize and makes every
 * page of every connection resident. Its source calls that "technically not needed, but safer". This pool clears
 * nothing, and so touches only what a request has used.
 *
 * libmicrohttpd has no option for it. These are the functions of its memorypool.c, by their names: where the library
 * is linked statically, the linker finds them here first and leaves its own out. They aren't libmicrohttpd's public
 * interface: CMakeLists.txt does this for the versions that were looked at, and otherwise links the library as
 * it is. A version that asks for another function brings in its own memorypool.c, and the linker ends with each
 * name defined twice.
 *
 * A block is addressed from both ends: buffers, which grow and shrink, from its start; what is never
 * resized from its end. Sizes are rounded up to multiples of 16. A pool belongs to one thread.
 */
#ifndef MHD_POOL_H
#define MHD_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct MemoryPool;

/* What has to be done once; nothing. */
void MHD_init_mem_pools_(void);

/* A pool of at least max bytes (1 or more). NULL where memory runs out. */
struct MemoryPool *MHD_pool_create(size_t max);

/* Frees the pool; NULL is allowed. */
void MHD_pool_destroy(struct MemoryPool *pool);

/* How many bytes are left. */
size_t MHD_pool_get_free(struct MemoryPool *pool);

/* Takes size bytes from the start or from the end. NULL where so many aren't left. */
void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end);

/*
 * Takes size bytes from the end. NULL where so many aren't left: then *required_bytes is how many would have to be
 * given back at the start, SIZE_MAX where that can't help; otherwise it is 0.
 */
void *MHD_pool_try_alloc(struct MemoryPool *pool, size_t size, size_t *required_bytes);

/* Whether a block (of block_size bytes; or NULL) is the last of those from the start. */
bool MHD_pool_is_resizable_inplace(struct MemoryPool *pool, void *block, size_t block_size);

/*
 * Resizes a block from the start, or takes a new one where old is NULL. The last one stays where it is, and so does one
 * that shrinks; another is copied, and its old place is lost until the reset. NULL where there is no room: old is as it
 * was.
 */
void *MHD_pool_reallocate(struct MemoryPool *pool, void *old, size_t old_size, size_t new_size);

/* Gives a block back (NULL is allowed). Only of the last one at either end is the room used again before the reset. */
void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t block_size);

/*
 * Gives all back but one block of new_size bytes at the start, which it returns; the first copy_bytes of it are those
 * at keep (anywhere in the pool, or NULL with 0).
 */
void *MHD_pool_reset(struct MemoryPool *pool, void *keep, size_t copy_bytes, size_t new_size);

#endif
