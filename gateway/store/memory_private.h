/*
 * What the files of the embedded store's data share; included by nobody else.
 */
#ifndef MEMORY_PRIVATE_H
#define MEMORY_PRIVATE_H

#include <pthread.h>
#include <stdint.h>

#include "memory.h"
#include "memory_events.h"
#include "memory_marks.h"
#include "memory_online.h"
#include "memory_table.h"
#include "partition.h"

enum group_kind { FAMILY, DEVICE, GROUP_KINDS };

/* A family, or a device: the streams that count for it. */
struct group {
    UT_hash_handle hh;     /* by name */
    struct entry *streams; /* list by group_prev[kind], group_next[kind] */
    uint32_t count;        /* of streams */
    char name[];           /* familyId or deviceId */
};

/* A live session. */
struct entry {
    UT_hash_handle hh;                       /* by id */
    struct group *group[GROUP_KINDS];        /* its family and its device */
    struct entry *group_prev[GROUP_KINDS];   /* in the group's list */
    struct entry *group_next[GROUP_KINDS];   /* the same */
    struct entry *expiry_prev, *expiry_next; /* in the queue of expiry */
    struct entry *dirty_prev, *dirty_next; /* among those that Redis doesn't know of; NULL: isn't */
    uint64_t told;                         /* memory.outages when Redis was last told of it */
    int64_t started_ms;                    /* wall clock */
    int64_t last_heartbeat_ms;             /* wall clock */
    int64_t alive_ms;                      /* monotonic clock, of the last sign of life */
    char id[SESSION_ID_LEN + 1];           /* sessionId */
    uint8_t partition;                     /* its; 0 where they aren't apart */
    uint32_t walked; /* memory_walk.round when it was made, or a snapshot last had it */
    char *text;                            /* the other strings, in the order of ENTRY_TEXTS */
};

/* The strings of a session that an entry packs one behind the other, each with its NUL. */
enum entry_text {
    ENTRY_USER_ID,
    ENTRY_MEDIA_ID,
    ENTRY_DEVICE_NAME,
    ENTRY_MEDIA_TITLE,
    ENTRY_PLATFORM,
    ENTRY_PLAYER_ID,
    ENTRY_METADATA,
    ENTRY_TEXTS
};

/* Why a session ended. */
struct tombstone {
    UT_hash_handle hh;             /* by id */
    struct tombstone *prev, *next; /* in its queue, the first to go first */
    struct tombstone *dirty_prev;  /* among those that Redis doesn't know of; NULL: isn't */
    struct tombstone *dirty_next;  /* the same */
    int64_t until_ms;              /* monotonic clock */
    uint32_t made;                 /* memory_walk.round when the session ended */
    enum end_reason reason;        /* why it ended */
    char id[SESSION_ID_LEN + 1];   /* sessionId */
    char text[];                   /* TOMBSTONE_TEXTS, each with its NUL */
};

/* by, message, familyId, deviceId, operator's name, why */
#define TOMBSTONE_TEXTS 6

/* How far a snapshot has come (memory_snapshot.c): what stands there moves on before it goes. */
struct memory_walk {
    uint32_t round;        /* another one for each walk: what is made meanwhile is left out */
    struct entry *entry;   /* in the queue of expiry; NULL: at its end, or none is under way */
    struct tombstone *end; /* in the table of ends; the same */
};

struct memory {
    pthread_mutex_t lock;              /* over all below */
    struct store_options options;      /* as given */
    struct memory_clock clock;         /* as given */
    struct entry *sessions;            /* table by id */
    struct group *groups[GROUP_KINDS]; /* tables by name */
    struct entry *expiry;              /* queue, longest silent first */
    struct tombstone *ends;            /* table by id */
    struct tombstone *brief, *lasting; /* queues: terminated ones last longer than the others */
    struct memory_marks marks;         /* limits, blocks, rates, cooldowns */
    struct memory_events events;       /* what happened last */
    struct memory_online online;       /* who was seen lately; windows of wall time / TTL */
    struct memory_walk walk;           /* the snapshot's that is being written */
    unsigned partitions;               /* that are apart: 1, or PARTITION_COUNT */
    unsigned partition;                /* that this operation is about; 0 where they aren't apart */
    uint32_t active[PARTITION_COUNT];  /* sessions, by partition */
    bool alone;                        /* not below Redis: what ends here has ended */
    bool in_fallback; /* this operation stands in for Redis: what it changes is dirty */
    uint64_t outages; /* Redis has gone away so often, and once more */
    /* By partition, oldest change first: let in or kept alive without Redis; ended without it. */
    struct entry *dirty_sessions[PARTITION_COUNT];
    struct tombstone *dirty_ends[PARTITION_COUNT];
};

/* One operation's view of time. */
struct now {
    int64_t wall_ms;
    int64_t monotonic_ms;
};

/* ---- memory.c ---- */

struct entry *memory_find(struct memory *memory, const char *id);
struct group *memory_find_group(struct memory *memory, enum group_kind kind, const char *name);
const char *memory_text(const struct entry *entry, enum entry_text which);
void memory_read(const struct entry *entry, struct session *ret_session);

/*
 * A new entry for a session, in every place, whose last sign of life lies idle_ms back. NULL, and nothing
 * changed, where memory runs out.
 */
struct entry *memory_add(struct memory *memory, const struct session *session, int64_t idle_ms,
                         const struct now *now);

/* Takes an entry out of every place that it has been put into, and frees it. */
void memory_drop(struct memory *memory, struct entry *entry);

/* Tells a caller the times of a session that lives. */
void memory_tell_times(struct memory *memory, struct store_req *req, const struct entry *entry,
                       const struct now *now);

/* Writes an event of the partition that this operation is about. */
void memory_tell(struct memory *memory, const struct event *event);

/* Writes an event about a live session that is about to end. cause "": the type's word. */
void memory_tell_ending(struct memory *memory, const struct entry *entry, enum event_type type,
                        const char *cause, const char *by, const struct now *now);

/* Drops what has had its time. Every operation begins with it. */
void memory_purge(struct memory *memory, const struct now *now);

/* Notes that a session lives. */
void memory_touch(struct memory *memory, struct entry *entry, int64_t idle_ms,
                  const struct now *now);

/* Gives a live session another title. -1 where memory runs out. */
int memory_retitle(struct entry *entry, const char *media_id, const char *media_title);

/* ---- memory_ends.c ---- */

/*
 * Keeps why a session (of names: id, family_id, device_id) ended, and by which operator (NULL: none), in the
 * place of what was kept of it before. -1 where memory runs out: what was kept before is gone then.
 */
int memory_remember_end(struct memory *memory, const struct session *names,
                        const struct store_end *why, const struct store_operator *who,
                        const struct now *now);

/* The same with the time when it is forgotten, by the monotonic clock. */
int memory_remember_end_until(struct memory *memory, const struct session *names,
                              const struct store_end *why, const struct store_operator *who,
                              int64_t until_ms);

/* For how long an end is remembered. */
int64_t memory_end_lasts_ms(const struct memory *memory, enum end_reason reason);

/* Forgets it again. */
void memory_forget_end(struct memory *memory, const char *id);

/* What is kept of how a session ended; NULL where nothing is. */
struct tombstone *memory_find_end(struct memory *memory, const char *id);

/* Whether anything is. */
bool memory_has_ended(struct memory *memory, const char *id);

/* Tells a caller how a session ended. Always ERR_SESSION_ENDED. */
enum err memory_tell_end(struct memory *memory, struct store_req *req);

/* Forgets those that have had their time: all up to this one, of the monotonic clock. */
void memory_purge_ends(struct memory *memory, int64_t now_ms);

/* ---- memory_outage.c ---- */

/* The partition of a sessionId; 0 where it has none. */
unsigned memory_partition_of(const char *id);

/* Who was answered for in Redis' place, Redis will be told of. */
void memory_note_stand_in(struct memory *memory, struct entry *entry);
void memory_mark_session(struct memory *memory, struct entry *entry);
void memory_mark_end(struct memory *memory, struct tombstone *end);
void memory_unmark_session(struct memory *memory, struct entry *entry);
void memory_unmark_end(struct memory *memory, struct tombstone *end);
enum err memory_adopt(struct memory *memory, struct store_req *req, const struct now *now);

/* ---- memory_create.c ---- */

/* A limit: the override, else the caller's word (-1: none of either), else the setting. */
uint32_t memory_limit_in_force(int32_t override, int32_t claim, uint32_t setting);

/*
 * Whether the family or device is kept out, or was revoked after the token's issue (REVIVE) or the
 * session's start (ADOPT).
 */
enum err memory_check_revoked(struct memory *memory, struct store_req *req, const struct now *now);

enum err memory_create(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_revive(struct memory *memory, struct store_req *req, const struct now *now);

/*
 * Lists a group's streams, a device's in the partition that this operation is about alone, longest silent first, as
 * a request's. Returns how many there are; -1 where memory runs out.
 */
int memory_list_group(struct memory *memory, struct store_req *req, struct group *group,
                      enum group_kind kind, const struct now *now);

/* Whether a stream of a group counts for what this operation asks of it: see above. */
bool memory_counts(const struct memory *memory, const struct entry *entry, enum group_kind kind);

/* ---- memory_operator.c ---- */

enum err memory_revoke(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_set_limits(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_describe(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_tell_count(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_tell_events(struct memory *memory, struct store_req *req, const struct now *now);
enum err memory_note(struct memory *memory, struct store_req *req, const struct now *now);

/* ---- memory_page.c ---- */

enum err memory_page(struct memory *memory, struct store_req *req, const struct now *now);

#endif
