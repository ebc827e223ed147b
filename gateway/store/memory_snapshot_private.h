/*
 * The form of a snapshot, shared by the files that write and read it; included by nobody else.
 *
 * Numbers are little-endian, a text is its length (2 bytes) and its bytes, a time is in ms from when the snapshot
 * was begun, by a clock that nobody sets.
 *
 *   file     "sgwsnap\n"  version (4)  begun, wall clock (8)  session.ttl in ms (8)
 *            session… mark… end… last  BLAKE2b of all before it (32)
 *   session  'S'  sessionId (22)  last sign of life (8)  what stands in Redis' session:<id> (text)
 *   mark     'M'  kind (1)  until (8; FOR_EVER)  revoked, wall clock (8)  blocked until (8; NEVER)
 *            limits of family and device (4, 4; -1: none)  name (text)  message (text)
 *   end      'E'  sessionId (22)  until (8)  reason's word (text)  by, message, familyId, deviceId,
 *            operator's name, why (texts)
 *   last     'Z'  how long the copying took, in ms (8)  sessions, marks, ends (8, 8, 8)
 */
#ifndef MEMORY_SNAPSHOT_PRIVATE_H
#define MEMORY_SNAPSHOT_PRIVATE_H

#include <sodium.h>
#include <stdint.h>

#include "memory_marks.h"

#define SNAPSHOT_MAGIC     "sgwsnap\n"
#define SNAPSHOT_VERSION   1
#define SNAPSHOT_HASH_LEN  crypto_generichash_BYTES
#define SNAPSHOT_BYTES_MAX (INT64_C(2) << 30) /* of a file: some 8 million sessions */
#define SNAPSHOT_FOR_EVER  INT64_MAX
#define SNAPSHOT_NEVER     INT64_MIN

enum {
    SNAPSHOT_SESSION = 'S',
    SNAPSHOT_MARK = 'M',
    SNAPSHOT_END = 'E',
    SNAPSHOT_LAST = 'Z',
};

/* How a kind of marks is written; 0: it is left out. */
static const char snapshot_mark_letters[MARK_KINDS] = {
    [MARK_LIMITS] = 'L',
    [MARK_FAMILY_REVOKED] = 'F',
    [MARK_DEVICE_REVOKED] = 'D',
    [MARK_EVICTED] = 'V',
};

#endif
