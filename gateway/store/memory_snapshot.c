/*
 * Writing snapshots of the embedded store.
 *
 * Each of the three tables is walked by a place in it that moves on where what stands there goes (struct
 * memory_walk). Sessions are walked longest silent first: one that shows a sign of life meanwhile moves behind the
 * place, and comes then. What is made meanwhile is left out, so that every walk ends, however busy the store is.
 */
#include "memory_snapshot.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "memory_private.h"
#include "memory_snapshot_private.h"
#include "session_json.h"

#define PORTION_NS 300000 /* for which the store's lock is held, about */
#define LOOK_EVERY 16     /* records are copied between two looks at the clock */

struct saver {
    struct memory *memory;             /* that is copied */
    struct now begun;                  /* when */
    struct memory_snapshot_told *told; /* what was written so far */
    struct buf portion;                /* copied, and not written yet */
    struct buf middle;                 /* of a session's JSON */
    crypto_generichash_state hash;     /* of all that was written */
    int fd;                            /* the new file */
};

/* ---- Records ---- */

static void put_u16(struct buf *out, size_t value)
{
    uint16_t bytes = htole16((uint16_t)value);

    buf_add(out, &bytes, sizeof bytes);
}

static void put_u32(struct buf *out, uint32_t value)
{
    value = htole32(value);
    buf_add(out, &value, sizeof value);
}

static void put_i64(struct buf *out, int64_t value)
{
    uint64_t bytes = htole64((uint64_t)value);

    buf_add(out, &bytes, sizeof bytes);
}

static void put_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    put_u16(out, len);
    buf_add(out, text, len);
}

/* A time of the monotonic clock. */
static void put_time(struct saver *saver, int64_t monotonic_ms)
{
    put_i64(&saver->portion, monotonic_ms - saver->begun.monotonic_ms);
}

/* What stands in Redis for such a session. */
static void put_json(struct saver *saver, const struct session *session)
{
    struct buf *out = &saver->portion;
    char time[CLOCK_TEXT_LEN + 1];
    size_t len_at = out->len;

    put_u16(out, 0);
    buf_clear(&saver->middle);
    session_json_parts(session, out, &saver->middle);
    clock_format(session->started_ms, time);
    buf_add(out, time, CLOCK_TEXT_LEN);
    buf_add(out, saver->middle.data, saver->middle.len);
    clock_format(session->last_heartbeat_ms, time);
    buf_add(out, time, CLOCK_TEXT_LEN);
    buf_add_str(out, SESSION_JSON_TAIL);
    if (out->failed || saver->middle.failed) {
        out->failed = true;
        return;
    }
    uint16_t len = htole16((uint16_t)(out->len - len_at - sizeof len));
    memcpy(out->data + len_at, &len, sizeof len);
}

static void copy_session(struct saver *saver, const struct entry *entry)
{
    struct session session;

    memory_read(entry, &session);
    buf_add_char(&saver->portion, SNAPSHOT_SESSION);
    buf_add(&saver->portion, entry->id, SESSION_ID_LEN);
    put_time(saver, entry->alive_ms);
    put_json(saver, &session);
}

static void copy_mark(struct saver *saver, enum mark_kind kind, const char *name,
                      const struct mark_value *value, int64_t until_ms)
{
    struct buf *out = &saver->portion;

    buf_add_char(out, SNAPSHOT_MARK);
    buf_add_char(out, snapshot_mark_letters[kind]);
    if (until_ms == INT64_MAX)
        put_i64(out, SNAPSHOT_FOR_EVER);
    else
        put_time(saver, until_ms);
    put_i64(out, value->revoked_ms);
    if (value->blocked_until_ms == 0)
        put_i64(out, SNAPSHOT_NEVER);
    else
        put_time(saver, value->blocked_until_ms);
    put_u32(out, (uint32_t)value->family_limit);
    put_u32(out, (uint32_t)value->device_limit);
    put_text(out, name);
    put_text(out, value->message != NULL ? value->message : "");
}

static void copy_end(struct saver *saver, const struct tombstone *end)
{
    const char *at = end->text;

    buf_add_char(&saver->portion, SNAPSHOT_END);
    buf_add(&saver->portion, end->id, SESSION_ID_LEN);
    put_time(saver, end->until_ms);
    put_text(&saver->portion, end_reason_word(end->reason));
    for (size_t i = 0; i < TOMBSTONE_TEXTS; i++) {
        put_text(&saver->portion, at);
        at += strlen(at) + 1;
    }
}

/* ---- Walking: each copies the next one. false: there is none. ---- */

static bool copy_next_session(struct saver *saver)
{
    struct entry *entry = saver->memory->walk.entry;

    if (entry == NULL)
        return false;
    if (entry->walked != saver->memory->walk.round) {
        copy_session(saver, entry);
        entry->walked = saver->memory->walk.round;
        saver->told->sessions++;
    }
    saver->memory->walk.entry = entry->expiry_next;
    return true;
}

static bool copy_next_mark(struct saver *saver)
{
    enum mark_kind kind;
    const char *name;
    int64_t until_ms;
    const struct mark_value *value =
        memory_marks_walk(&saver->memory->marks, &kind, &name, &until_ms);

    if (value == NULL)
        return false;
    if (snapshot_mark_letters[kind] != 0) {
        copy_mark(saver, kind, name, value, until_ms);
        saver->told->marks++;
    }
    return true;
}

static bool copy_next_end(struct saver *saver)
{
    struct tombstone *end = saver->memory->walk.end;

    if (end == NULL)
        return false;
    if (end->made != saver->memory->walk.round) {
        copy_end(saver, end);
        saver->told->ends++;
    }
    saver->memory->walk.end = end->hh.next;
    return true;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Copies a portion. false: that was the last one. */
static bool copy_portion(struct saver *saver, bool (*copy_next)(struct saver *))
{
    int64_t took_ns = 0;
    bool more = true;

    pthread_mutex_lock(&saver->memory->lock);
    int64_t started_ns = now_ns();
    for (unsigned i = 1; more && took_ns < PORTION_NS; i++) {
        more = copy_next(saver);
        if (i % LOOK_EVERY == 0)
            took_ns = now_ns() - started_ns;
    }
    took_ns = now_ns() - started_ns;
    pthread_mutex_unlock(&saver->memory->lock);
    if (saver->told->longest_us < took_ns / 1000)
        saver->told->longest_us = took_ns / 1000;
    /* A lock is not handed on in turn: those who wait for it get their time. */
    if (more)
        nanosleep(&(struct timespec){.tv_nsec = took_ns < 1000000 ? took_ns : 1000000}, NULL);
    return more;
}

/* ---- The file ---- */

/* Writes what was copied. Returns 0; -1 with errno. */
static int write_portion(struct saver *saver)
{
    struct buf *portion = &saver->portion;

    if (portion->failed || saver->middle.failed) {
        errno = ENOMEM;
        return -1;
    }
    saver->told->bytes += portion->len;
    if (saver->told->bytes > SNAPSHOT_BYTES_MAX - SNAPSHOT_HASH_LEN) {
        errno = EFBIG;
        return -1;
    }
    crypto_generichash_update(&saver->hash, (const unsigned char *)portion->data, portion->len);
    int rc = file_write_bytes(saver->fd, portion->data, portion->len);
    buf_clear(portion);
    return rc;
}

static int write_records(struct saver *saver, bool (*copy_next)(struct saver *))
{
    bool more = true;

    while (more) {
        more = copy_portion(saver, copy_next);
        if (write_portion(saver) != 0)
            return -1;
    }
    return 0;
}

static void begin(struct saver *saver)
{
    struct memory *memory = saver->memory;

    crypto_generichash_init(&saver->hash, NULL, 0, SNAPSHOT_HASH_LEN);
    pthread_mutex_lock(&memory->lock);
    saver->begun = (struct now){memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    memory->walk.round++;
    memory->walk.entry = memory->expiry;
    pthread_mutex_unlock(&memory->lock);
    buf_add_str(&saver->portion, SNAPSHOT_MAGIC);
    put_u32(&saver->portion, SNAPSHOT_VERSION);
    put_i64(&saver->portion, saver->begun.wall_ms);
    put_i64(&saver->portion, memory->options.ttl_ms);
}

/* The last record, and the hash. */
static int finish(struct saver *saver)
{
    unsigned char hash[SNAPSHOT_HASH_LEN];

    buf_add_char(&saver->portion, SNAPSHOT_LAST);
    put_time(saver, saver->memory->clock.monotonic_ms());
    put_i64(&saver->portion, (int64_t)saver->told->sessions);
    put_i64(&saver->portion, (int64_t)saver->told->marks);
    put_i64(&saver->portion, (int64_t)saver->told->ends);
    if (write_portion(saver) != 0)
        return -1;
    crypto_generichash_final(&saver->hash, hash, sizeof hash);
    saver->told->bytes += sizeof hash;
    return file_write_bytes(saver->fd, (const char *)hash, sizeof hash);
}

/* Writes all of it. Each walk begins when the one before is over. Returns 0; -1 with errno. */
static int write_snapshot(struct saver *saver)
{
    struct memory *memory = saver->memory;

    begin(saver);
    if (write_records(saver, copy_next_session) != 0)
        return -1;
    pthread_mutex_lock(&memory->lock);
    memory_marks_walk_begin(&memory->marks);
    pthread_mutex_unlock(&memory->lock);
    if (write_records(saver, copy_next_mark) != 0)
        return -1;
    pthread_mutex_lock(&memory->lock);
    memory->walk.round++;
    memory->walk.end = memory->ends;
    pthread_mutex_unlock(&memory->lock);
    return write_records(saver, copy_next_end) == 0 ? finish(saver) : -1;
}

/*
 * Opens the file that will take the snapshot's name, empty, and locked: of two processes that were told to write
 * the same one, one is refused. Returns its descriptor; -1 with errno.
 */
static int open_new(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat opened, named;

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0) {
        /* Another process may have given it its final name before the lock was ours. */
        bool is_it = opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;

        if (is_it && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0)
            return fd;
        if (!is_it)
            errno = EWOULDBLOCK;
    }
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

/* Has a file's name on the disk; a file system that can't do that loses at most this snapshot. */
static void sync_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL   ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    int fd = dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

/* Returns 0; -1 with errno, and without the new file. */
static int save(struct saver *saver, const char *path, const char *new_path)
{
    saver->fd = open_new(new_path);
    if (saver->fd < 0)
        return -1;
    int rc = write_snapshot(saver);
    if (rc == 0)
        rc = fsync(saver->fd);
    if (rc == 0)
        rc = rename(new_path, path);
    int cause = errno;
    if (rc != 0)
        unlink(new_path);
    close(saver->fd);
    if (rc == 0)
        sync_dir_of(path);
    errno = cause;
    return rc;
}

int memory_snapshot_save(struct memory *memory, const char *path,
                         struct memory_snapshot_told *ret_told, struct buf *reason)
{
    struct saver saver = {.memory = memory, .told = ret_told};
    struct buf new_path = BUF_EMPTY;
    int rc = -1;

    *ret_told = (struct memory_snapshot_told){0};
    buf_printf(&new_path, "%s.tmp", path);
    if (buf_text(&new_path) == NULL)
        errno = ENOMEM;
    else
        rc = save(&saver, path, new_path.data);
    if (rc != 0)
        buf_printf(reason, "%s can't be written: %s", path,
                   errno == EWOULDBLOCK ? "another process is writing it" : strerror(errno));
    buf_done(&saver.portion);
    buf_done(&saver.middle);
    buf_done(&new_path);
    return rc;
}
