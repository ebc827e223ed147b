/*
 * uthash as the embedded store uses it: keyed with SipHash under a random key, since familyIds and
 * deviceIds are the callers' words and must not be able to pile up in one bucket; and reporting a lack of
 * memory (the element's hh.tbl is NULL then) where uthash by itself ends the program.
 */
#ifndef MEMORY_TABLE_H
#define MEMORY_TABLE_H

#include <stddef.h>

#define HASH_NONFATAL_OOM             1
#define HASH_FUNCTION(key, len, hash) ((hash) = memory_table_hash((key), (len)))

#include <uthash.h>
#include <utlist.h>

/* Makes the random key, once for the process. Returns 0; -1 where libsodium can't start. */
int memory_table_init(void);

/* SipHash-2-4 of len bytes at key, folded to what uthash takes. */
unsigned memory_table_hash(const void *key, size_t len);

#endif
