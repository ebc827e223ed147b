/*
 * Reading snapshots of the embedded store. What is in the file may be anything: its hash says that it is whole, not
 * who wrote it.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "memory_private.h"
#include "memory_snapshot.h"
#include "memory_snapshot_private.h"
#include "session_json.h"
#include "text.h"

#define TIME_MOST_MS (INT64_C(1000) * 86400 * 36525) /* a hundred years: what no time is beyond */
#define LAST_LEN     (1 + 4 * 8)                     /* of the last record */
#define HEAD_LEN     (8 + 4 + 8 + 8)

static_assert(sizeof SNAPSHOT_MAGIC - 1 == 8, "as HEAD_LEN says");

struct loader {
    struct memory *memory;             /* that is filled */
    struct now now;                    /* when */
    int64_t elapsed_ms;                /* since the snapshot was begun */
    int64_t ttl_ms;                    /* that sessions were kept for by who wrote it */
    const char *at, *end;              /* what hasn't been read */
    struct memory_snapshot_told read;  /* so many records */
    struct memory_snapshot_told *told; /* so many that still count */
    const char *fault;                 /* what is wrong; NULL: nothing so far */
};

/* ---- Numbers and texts; once something is wrong they are 0 and "" ---- */

static void blame(struct loader *loader, const char *fault)
{
    if (loader->fault == NULL)
        loader->fault = fault;
}

/* The next bytes; NULL where there are fewer. */
static const char *take(struct loader *loader, size_t len)
{
    const char *bytes = loader->at;

    if ((size_t)(loader->end - loader->at) < len) {
        blame(loader, "a record is cut short");
        loader->at = loader->end;
        return NULL;
    }
    loader->at += len;
    return bytes;
}

static uint64_t take_number(struct loader *loader, size_t len)
{
    const char *bytes = take(loader, len);
    uint64_t number = 0;

    if (bytes != NULL)
        memcpy(&number, bytes, len); /* the lowest bytes come first, as in the number */
    return le64toh(number);
}

static int64_t take_i64(struct loader *loader)
{
    return (int64_t)take_number(loader, 8);
}

/* A time of the monotonic clock, from one of the snapshot's; `none` stays as it is. */
static int64_t take_time(struct loader *loader, int64_t none)
{
    int64_t time_ms = take_i64(loader);

    if (time_ms == none && none != 0)
        return none;
    if (time_ms < -TIME_MOST_MS || time_ms > TIME_MOST_MS) {
        blame(loader, "a time is out of range");
        return 0;
    }
    return loader->now.monotonic_ms - loader->elapsed_ms + time_ms;
}

static void take_text(struct loader *loader, char *ret_text, size_t size)
{
    size_t len = take_number(loader, 2);
    const char *bytes = take(loader, len);

    ret_text[0] = '\0';
    if (bytes == NULL)
        return;
    if (len >= size || !text_is_printable(bytes, len)) {
        blame(loader, "a text is too long or not printable");
        return;
    }
    memcpy(ret_text, bytes, len);
    ret_text[len] = '\0';
}

static void take_id(struct loader *loader, char ret_id[SESSION_ID_LEN + 1])
{
    const char *bytes = take(loader, SESSION_ID_LEN);

    memset(ret_id, 0, SESSION_ID_LEN + 1);
    if (bytes == NULL)
        return;
    if (!session_id_is_valid(bytes, SESSION_ID_LEN)) {
        blame(loader, "a sessionId is none");
        return;
    }
    memcpy(ret_id, bytes, SESSION_ID_LEN);
}

/* ---- Records ---- */

static bool is_sound(const struct session *session)
{
    const char *const names[] = {session->user_id,     session->family_id,   session->device_id,
                                 session->media_id,    session->device_name, session->platform,
                                 session->media_title, session->player_id};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!text_is_printable(names[i], strlen(names[i])))
            return false;
    return true;
}

static void read_session(struct loader *loader)
{
    struct memory *memory = loader->memory;
    struct session session = {0};

    take_id(loader, session.id);
    int64_t idle_ms = loader->now.monotonic_ms - take_time(loader, 0);
    size_t len = take_number(loader, 2);
    const char *json = take(loader, len);
    if (json != NULL && (session_json_parse(json, len, &session) != 0 || !is_sound(&session)))
        blame(loader, "a session is none");
    if (loader->fault != NULL)
        return;

    struct entry *before = memory_find(memory, session.id);
    if (before != NULL)
        memory_drop(memory, before);
    loader->read.sessions++;
    if (idle_ms < 0)
        idle_ms = 0;
    if (idle_ms >= loader->ttl_ms || idle_ms >= memory->options.ttl_ms)
        return;
    if (memory_add(memory, &session, idle_ms, &loader->now) == NULL)
        blame(loader, "memory runs out");
}

static void read_mark(struct loader *loader)
{
    const char *letter = take(loader, 1);
    int64_t until_ms = take_time(loader, SNAPSHOT_FOR_EVER);
    struct mark_value value = {.revoked_ms = take_i64(loader)};
    int64_t blocked_until_ms = take_time(loader, SNAPSHOT_NEVER);
    session_name name;
    char message[sizeof((struct store_end *)NULL)->message];
    size_t kind = 0;

    value.family_limit = (int32_t)take_number(loader, 4);
    value.device_limit = (int32_t)take_number(loader, 4);
    take_text(loader, name, sizeof name);
    take_text(loader, message, sizeof message);
    while (letter != NULL && kind < MARK_KINDS &&
           (*letter == '\0' || snapshot_mark_letters[kind] != *letter))
        kind++;
    if (kind == MARK_KINDS || name[0] == '\0' || value.family_limit < -1 || value.device_limit < -1)
        blame(loader, "a mark is none");
    if (loader->fault != NULL)
        return;

    loader->read.marks++;
    if (until_ms <= loader->now.monotonic_ms)
        return;
    if (blocked_until_ms != SNAPSHOT_NEVER && blocked_until_ms > loader->now.monotonic_ms)
        value.blocked_until_ms = blocked_until_ms;
    value.message = message[0] != '\0' ? message : NULL;
    if (memory_marks_put(&loader->memory->marks, (enum mark_kind)kind, name, &value, until_ms) != 0)
        blame(loader, "memory runs out");
    loader->told->marks++;
}

static void read_end(struct loader *loader)
{
    struct memory *memory = loader->memory;
    struct session names = {0};
    struct store_end why = {0};
    struct store_operator who = {0};
    char word[16];

    take_id(loader, names.id);
    int64_t until_ms = take_time(loader, 0);
    take_text(loader, word, sizeof word);
    int reason = end_reason_from_word(word, strlen(word));
    take_text(loader, why.by, sizeof why.by);
    take_text(loader, why.message, sizeof why.message);
    take_text(loader, names.family_id, sizeof names.family_id);
    take_text(loader, names.device_id, sizeof names.device_id);
    take_text(loader, who.name, sizeof who.name);
    take_text(loader, who.why, sizeof who.why);
    if (reason < 0)
        blame(loader, "an end has no reason that is known");
    if (loader->fault != NULL)
        return;

    struct entry *entry = memory_find(memory, names.id);
    if (entry != NULL)
        memory_drop(memory, entry);
    loader->read.ends++;
    why.reason = (enum end_reason)reason;
    int64_t most_ms = loader->now.monotonic_ms + memory_end_lasts_ms(memory, why.reason);
    if (until_ms <= loader->now.monotonic_ms)
        return;
    if (memory_remember_end_until(memory, &names, &why, &who,
                                  until_ms < most_ms ? until_ms : most_ms) != 0)
        blame(loader, "memory runs out");
}

/* ---- The whole ---- */

/*
 * Reads what comes first, and how long the copying took. Of the two clocks' words the greater one counts: what
 * expired while the snapshot was written has expired, even if the clock on the wall was set back since.
 */
static void read_head(struct loader *loader)
{
    take(loader, HEAD_LEN - 16);
    int64_t begun_ms = take_i64(loader), ttl_ms = take_i64(loader);
    struct loader last = {.at = loader->end - LAST_LEN + 1, .end = loader->end};
    int64_t took_ms = take_i64(&last);

    if (loader->end - loader->at < LAST_LEN || loader->end[-LAST_LEN] != SNAPSHOT_LAST)
        blame(loader, "its last record is missing");
    else if (begun_ms < 0 || begun_ms > INT64_MAX / 2 || ttl_ms < 1 || ttl_ms > TIME_MOST_MS ||
             took_ms < 0 || took_ms > TIME_MOST_MS)
        blame(loader, "a time is out of range");
    if (loader->fault != NULL)
        return;
    loader->ttl_ms = ttl_ms;
    loader->elapsed_ms = loader->now.wall_ms - begun_ms;
    if (loader->elapsed_ms < took_ms)
        loader->elapsed_ms = took_ms;
    if (loader->elapsed_ms > TIME_MOST_MS)
        loader->elapsed_ms = TIME_MOST_MS;
}

static void read_records(struct loader *loader)
{
    const char *last = loader->end - LAST_LEN;
    struct memory_snapshot_told *read = &loader->read;

    while (loader->fault == NULL && loader->at < last) {
        switch (*loader->at++) {
        case SNAPSHOT_SESSION:
            read_session(loader);
            break;
        case SNAPSHOT_MARK:
            read_mark(loader);
            break;
        case SNAPSHOT_END:
            read_end(loader);
            break;
        default:
            blame(loader, "a record is of no known kind");
        }
    }
    if (loader->fault != NULL)
        return;
    if (loader->at != last)
        blame(loader, "a record is cut short");
    take(loader, 1 + 8);
    if (take_i64(loader) != (int64_t)read->sessions || take_i64(loader) != (int64_t)read->marks ||
        take_i64(loader) != (int64_t)read->ends)
        blame(loader, "it hasn't as many records as it says");
}

/* Whether it begins as a snapshot does that this program can read, and is whole. Else -1 with a reason. */
static int check(const char *bytes, size_t len, struct buf *reason)
{
    unsigned char hash[SNAPSHOT_HASH_LEN];
    uint32_t version;

    if (len < 8 + sizeof version || memcmp(bytes, SNAPSHOT_MAGIC, 8) != 0) {
        buf_add_str(reason, "is no snapshot of stream-gateway's");
        return -1;
    }
    memcpy(&version, bytes + 8, sizeof version);
    version = le32toh(version);
    if (version != SNAPSHOT_VERSION) {
        buf_printf(reason,
                   "is a snapshot of version %" PRIu32 ", and this program reads version %d",
                   version, SNAPSHOT_VERSION);
        return -1;
    }
    if (len >= HEAD_LEN + LAST_LEN + SNAPSHOT_HASH_LEN) {
        crypto_generichash(hash, sizeof hash, (const unsigned char *)bytes, len - SNAPSHOT_HASH_LEN,
                           NULL, 0);
        if (memcmp(hash, bytes + len - SNAPSHOT_HASH_LEN, sizeof hash) == 0)
            return 0;
    }
    buf_add_str(reason, "is damaged or cut short: its checksum is wrong");
    return -1;
}

int memory_snapshot_read(struct memory *memory, const void *bytes, size_t len,
                         struct memory_snapshot_told *ret_told, struct buf *reason)
{
    struct loader loader = {.memory = memory, .at = bytes, .told = ret_told};

    *ret_told = (struct memory_snapshot_told){.bytes = len};
    if (check(bytes, len, reason) != 0)
        return -1;
    loader.end = loader.at + len - SNAPSHOT_HASH_LEN;
    pthread_mutex_lock(&memory->lock);
    loader.now = (struct now){memory->clock.wall_ms(), memory->clock.monotonic_ms()};
    read_head(&loader);
    read_records(&loader);
    ret_told->sessions = HASH_COUNT(memory->sessions);
    ret_told->ends = HASH_COUNT(memory->ends);
    pthread_mutex_unlock(&memory->lock);
    if (loader.fault != NULL)
        buf_printf(reason, "can't be understood: %s", loader.fault);
    return loader.fault == NULL ? 0 : -1;
}

/* ---- The file ---- */

/* Reads an open file. Returns its bytes, to be freed, and their number; NULL with a reason. */
static char *read_file(int fd, size_t *ret_len, struct buf *reason)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        buf_printf(reason, "can't be read: %s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > SNAPSHOT_BYTES_MAX) {
        buf_printf(reason,
                   S_ISREG(st.st_mode) ? "is larger than %" PRId64 " bytes"
                                       : "must be a regular file",
                   (int64_t)SNAPSHOT_BYTES_MAX);
        return NULL;
    }
    char *bytes = malloc((size_t)st.st_size + 1);
    ssize_t len = bytes != NULL ? file_read_bytes(fd, bytes, (size_t)st.st_size) : -1;
    if (len < 0) {
        buf_printf(reason, "can't be read: %s", strerror(errno));
        free(bytes);
        return NULL;
    }
    *ret_len = (size_t)len;
    return bytes;
}

int memory_snapshot_load(struct memory *memory, const char *path,
                         struct memory_snapshot_told *ret_told, struct buf *reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t len = 0;

    *ret_told = (struct memory_snapshot_told){0};
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0) {
        buf_printf(reason, "%s can't be read: %s", path, strerror(errno));
        return -1;
    }
    struct buf fault = BUF_EMPTY;
    char *bytes = read_file(fd, &len, &fault);
    int rc = bytes != NULL ? memory_snapshot_read(memory, bytes, len, ret_told, &fault) : -1;
    if (rc != 0)
        buf_printf(reason, "%s %s", path, buf_text(&fault));
    buf_done(&fault);
    free(bytes);
    close(fd);
    return rc == 0 ? 1 : -1;
}
