/*
 * Partitions: which of 256 parts of a Redis Cluster a family's keys live in (DESIGN.md section 4).
 * Every sessionId begins with its partition's tag, on every store.
 */
#ifndef CORE_PARTITION_H
#define CORE_PARTITION_H

#define PARTITION_COUNT   256
#define PARTITION_TAG_LEN 2

/* The number of a family's partition, 0 to 255: the first byte of the BLAKE2b-256 of its id. */
unsigned partition_of(const char *family_id);

/*
 * A partition's tag: two characters of base64url, whose CRC-16 (as Redis Cluster takes it) lies in
 * the range of 64 slots from 64 * number. Not NUL-terminated.
 */
const char *partition_tag(unsigned number);

/* The number of the partition whose tag a text begins with; PARTITION_COUNT where none has it. */
unsigned partition_of_tag(const char *text);

#endif
