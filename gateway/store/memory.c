/*
 * The embedded store's data.
 *
 * A session is an entry in three places: the table of sessions, its family's list and its device's list;
 * and in the queue of expiry, where the longest silent stands first. Every operation begins by dropping
 * what has expired, so that lists hold live sessions only and a count is never stale. What has ended leaves
 * a tombstone for a while (memory_ends.c). An operation allocates all that it needs before it changes anything.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory_private.h"
#include "store_metrics.h"

/* Where a session has what an entry packs. */
static const size_t text_fields[ENTRY_TEXTS] = {
    [ENTRY_USER_ID] = offsetof(struct session, user_id),
    [ENTRY_MEDIA_ID] = offsetof(struct session, media_id),
    [ENTRY_DEVICE_NAME] = offsetof(struct session, device_name),
    [ENTRY_MEDIA_TITLE] = offsetof(struct session, media_title),
    [ENTRY_PLATFORM] = offsetof(struct session, platform),
    [ENTRY_PLAYER_ID] = offsetof(struct session, player_id),
    [ENTRY_METADATA] = offsetof(struct session, metadata),
};

/* A session's texts, packed. NULL where memory runs out. */
static char *pack(const struct session *session)
{
    size_t size = 0;

    for (size_t i = 0; i < ENTRY_TEXTS; i++)
        size += strlen((const char *)session + text_fields[i]) + 1;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;

    char *at = text;
    for (size_t i = 0; i < ENTRY_TEXTS; i++)
        at = stpcpy(at, (const char *)session + text_fields[i]) + 1;
    return text;
}

const char *memory_text(const struct entry *entry, enum entry_text which)
{
    const char *at = entry->text;

    for (size_t i = 0; i < which; i++)
        at += strlen(at) + 1;
    return at;
}

void memory_read(const struct entry *entry, struct session *ret_session)
{
    const char *at = entry->text;

    memcpy(ret_session->id, entry->id, sizeof ret_session->id);
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        strcpy((char *)ret_session + text_fields[i], at); /* they came from such arrays */
        at += strlen(at) + 1;
    }
    strcpy(ret_session->family_id, entry->group[FAMILY]->name);
    strcpy(ret_session->device_id, entry->group[DEVICE]->name);
    ret_session->started_ms = entry->started_ms;
    ret_session->last_heartbeat_ms = entry->last_heartbeat_ms;
}

struct entry *memory_find(struct memory *memory, const char *id)
{
    struct entry *entry;

    HASH_FIND(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    return entry;
}

struct group *memory_find_group(struct memory *memory, enum group_kind kind, const char *name)
{
    struct group *group;

    HASH_FIND(hh, memory->groups[kind], name, strlen(name), group);
    return group;
}

/* Puts an entry into a group's list, making the group as needed. -1 where memory runs out. */
static int join(struct memory *memory, struct entry *entry, enum group_kind kind, const char *name)
{
    struct group *group = memory_find_group(memory, kind, name);

    if (group == NULL) {
        size_t len = strlen(name);

        group = calloc(1, sizeof *group + len + 1);
        if (group == NULL)
            return -1;
        memcpy(group->name, name, len + 1);
        HASH_ADD_KEYPTR(hh, memory->groups[kind], group->name, len, group);
        if (group->hh.tbl == NULL) {
            free(group);
            return -1;
        }
    }
    DL_APPEND2(group->streams, entry, group_prev[kind], group_next[kind]);
    group->count++;
    entry->group[kind] = group;
    return 0;
}

static void leave(struct memory *memory, struct entry *entry, enum group_kind kind)
{
    struct group *group = entry->group[kind];

    if (group == NULL)
        return;
    DL_DELETE2(group->streams, entry, group_prev[kind], group_next[kind]);
    if (--group->count == 0) {
        HASH_DEL(memory->groups[kind], group);
        free(group);
    }
}

static void dequeue(struct memory *memory, struct entry *entry)
{
    if (memory->walk.entry == entry)
        memory->walk.entry = entry->expiry_next;
    DL_DELETE2(memory->expiry, entry, expiry_prev, expiry_next);
}

/* Takes an entry out of every place that it has been put into, and frees it. */
void memory_drop(struct memory *memory, struct entry *entry)
{
    leave(memory, entry, FAMILY);
    leave(memory, entry, DEVICE);
    memory_unmark_session(memory, entry);
    if (entry->expiry_prev != NULL)
        dequeue(memory, entry);
    if (entry->hh.tbl != NULL)
        HASH_DEL(memory->sessions, entry);
    memory->active[entry->partition]--;
    free(entry->text);
    free(entry);
}

/* Puts an entry into the queue of expiry: at its end, or near it. */
static void enqueue(struct memory *memory, struct entry *entry)
{
    struct entry *before = memory->expiry != NULL ? memory->expiry->expiry_prev : NULL;

    while (before != NULL && before->alive_ms > entry->alive_ms)
        before = before == memory->expiry ? NULL : before->expiry_prev;
    if (before == NULL)
        DL_PREPEND2(memory->expiry, entry, expiry_prev, expiry_next);
    else
        DL_APPEND_ELEM2(memory->expiry, before, entry, expiry_prev, expiry_next);
}

/* Moves an entry to where it belongs now. A walk that stands at the last one finds it again. */
static void requeue(struct memory *memory, struct entry *entry)
{
    bool is_walked = memory->walk.entry == entry;

    dequeue(memory, entry);
    enqueue(memory, entry);
    if (is_walked && memory->walk.entry == NULL)
        memory->walk.entry = entry;
}

/* Its viewer is watching, and was last seen then (wall clock; INT64_MIN: never). Once in a window is enough. */
static void note_seen(struct memory *memory, const struct entry *entry, int64_t seen_ms,
                      const struct now *now)
{
    int64_t ttl_ms = memory->options.ttl_ms, window = now->wall_ms / ttl_ms;

    if (seen_ms / ttl_ms != window)
        memory_online_see(&memory->online, memory_text(entry, ENTRY_USER_ID), entry->partition,
                          window);
}

struct entry *memory_add(struct memory *memory, const struct session *session, int64_t idle_ms,
                         const struct now *now)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        return NULL;
    memcpy(entry->id, session->id, sizeof entry->id);
    entry->walked = memory->walk.round;
    entry->text = pack(session);
    if (entry->text == NULL) {
        free(entry);
        return NULL;
    }
    if (memory->partitions > 1)
        entry->partition = (uint8_t)memory_partition_of(entry->id);
    memory->active[entry->partition]++;
    HASH_ADD(hh, memory->sessions, id, SESSION_ID_LEN, entry);
    if (entry->hh.tbl == NULL || join(memory, entry, FAMILY, session->family_id) != 0 ||
        join(memory, entry, DEVICE, session->device_id) != 0) {
        memory_drop(memory, entry);
        return NULL;
    }
    entry->started_ms = session->started_ms;
    entry->last_heartbeat_ms = now->wall_ms - idle_ms;
    entry->alive_ms = now->monotonic_ms - idle_ms;
    enqueue(memory, entry);
    note_seen(memory, entry, INT64_MIN, now);
    memory_note_stand_in(memory, entry);
    return entry;
}

void memory_tell(struct memory *memory, const struct event *event)
{
    memory_events_add(&memory->events, event, memory->partition);
}

void memory_tell_ending(struct memory *memory, const struct entry *entry, enum event_type type,
                        const char *cause, const char *by, const struct now *now)
{
    int64_t duration_ms = now->wall_ms - entry->started_ms;
    const struct event event = {
        .type = type,
        .session_id = entry->id,
        .user_id = memory_text(entry, ENTRY_USER_ID),
        .family_id = entry->group[FAMILY]->name,
        .device_id = entry->group[DEVICE]->name,
        .media_id = memory_text(entry, ENTRY_MEDIA_ID),
        .cause = cause[0] != '\0' ? cause : event_type_word(type),
        .by = by,
        .time_ms = now->wall_ms,
        .duration_s = duration_ms > 0 ? duration_ms / 1000 : 0,
    };

    memory_events_add(&memory->events, &event, entry->partition);
    if (memory->alone || memory->in_fallback) {   /* else Redis' store counts it */
        const char *word = event_type_word(type); /* which is the reason's, too */

        store_count_ends((enum end_reason)end_reason_from_word(word, strlen(word)), 1);
    }
}

void memory_touch(struct memory *memory, struct entry *entry, int64_t idle_ms,
                  const struct now *now)
{
    int64_t alive_ms = now->monotonic_ms - idle_ms, seen_ms = entry->last_heartbeat_ms;

    if (alive_ms <= entry->alive_ms)
        return;
    entry->alive_ms = alive_ms;
    entry->last_heartbeat_ms = now->wall_ms - idle_ms;
    requeue(memory, entry);
    note_seen(memory, entry, seen_ms, now);
}

int memory_retitle(struct entry *entry, const char *media_id, const char *media_title)
{
    struct session session;

    memory_read(entry, &session);
    strcpy(session.media_id, media_id);
    strcpy(session.media_title, media_title);
    char *text = pack(&session);
    if (text == NULL)
        return -1;
    free(entry->text);
    entry->text = text;
    return 0;
}

void memory_purge(struct memory *memory, const struct now *now)
{
    while (memory->expiry != NULL &&
           memory->expiry->alive_ms + memory->options.ttl_ms <= now->monotonic_ms) {
        memory_tell_ending(memory, memory->expiry, EVENT_EXPIRED, "", "", now);
        memory_drop(memory, memory->expiry);
    }
    memory_purge_ends(memory, now->monotonic_ms);
    memory_marks_purge(&memory->marks, now->monotonic_ms);
}

void memory_tell_times(struct memory *memory, struct store_req *req, const struct entry *entry,
                       const struct now *now)
{
    req->now_ms = now->wall_ms;
    req->expires_ms = now->wall_ms + entry->alive_ms + memory->options.ttl_ms - now->monotonic_ms;
}

size_t memory_count(struct memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    struct now now = {memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    memory_purge(memory, &now);
    size_t count = HASH_COUNT(memory->sessions);
    pthread_mutex_unlock(&memory->lock);
    return count;
}

int memory_age(struct memory *memory, const char *session_id, int64_t ms)
{
    pthread_mutex_lock(&memory->lock);
    struct entry *entry = memory_find(memory, session_id);
    if (entry != NULL) {
        entry->alive_ms -= ms;
        entry->last_heartbeat_ms -= ms;
        requeue(memory, entry);
    }
    pthread_mutex_unlock(&memory->lock);
    return entry == NULL ? -1 : 0;
}

struct memory *memory_new(const struct store_options *options, const struct memory_clock *clock)
{
    static const struct memory_clock machine = {clock_wall_ms, clock_monotonic_ms};
    struct memory *memory = calloc(1, sizeof *memory);

    if (memory == NULL)
        return NULL;
    if (memory_table_init() != 0 || pthread_mutex_init(&memory->lock, NULL) != 0) {
        free(memory);
        return NULL;
    }
    memory->options = *options;
    memory->clock = clock != NULL ? *clock : machine;
    memory->outages = 1;
    memory->partitions = memory->online.partitions = 1;
    memory_events_init(&memory->events, memory->clock.wall_ms());
    return memory;
}

void memory_stands_alone(struct memory *memory)
{
    pthread_mutex_lock(&memory->lock);
    memory->alone = true;
    pthread_mutex_unlock(&memory->lock);
}

void memory_set_partitions(struct memory *memory, unsigned partitions)
{
    memory->partitions = memory->online.partitions = partitions;
}

void memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    while (memory->expiry != NULL)
        memory_drop(memory, memory->expiry);
    memory_purge_ends(memory, INT64_MAX);
    memory_marks_done(&memory->marks);
    memory_events_done(&memory->events);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}
