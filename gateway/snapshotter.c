/* The snapshotter. */
#include "snapshotter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container_of.h"
#include "log.h"
#include "loop.h"

/* In a thread of the pool. */
static void write_snapshot(uv_work_t *work)
{
    struct snapshotter *snapshotter = CONTAINER_OF(work, struct snapshotter, work);

    snapshotter->rc = memory_snapshot_save(snapshotter->memory, snapshotter->path,
                                           &snapshotter->told, &snapshotter->reason);
}

static void tell_failure(const char *path, struct buf *reason)
{
    log_line(LOG_ERROR, "snapshot not written", LOG_STR("setting", "memory.snapshot"),
             LOG_STR("file", path), LOG_STR("reason", buf_text(reason)));
}

static void tell_written(enum log_level level, const char *message, const char *path,
                         const struct memory_snapshot_told *told)
{
    log_line(level, message, LOG_STR("file", path), LOG_INT("sessions", (int64_t)told->sessions),
             LOG_INT("marks", (int64_t)told->marks), LOG_INT("ends", (int64_t)told->ends),
             LOG_INT("bytes", (int64_t)told->bytes), LOG_INT("longestLockUs", told->longest_us));
}

static void on_written(uv_work_t *work, int status)
{
    struct snapshotter *snapshotter = CONTAINER_OF(work, struct snapshotter, work);
    bool failed = status != 0 || snapshotter->rc != 0;

    snapshotter->busy = false;
    if (failed && !snapshotter->failing)
        tell_failure(snapshotter->path, &snapshotter->reason);
    else if (!failed)
        tell_written(snapshotter->failing ? LOG_INFO : LOG_DEBUG,
                     snapshotter->failing ? "snapshots are written again" : "snapshot written",
                     snapshotter->path, &snapshotter->told);
    snapshotter->failing = failed;
    buf_done(&snapshotter->reason);
}

static void on_timer(uv_timer_t *timer)
{
    struct snapshotter *snapshotter = CONTAINER_OF(timer, struct snapshotter, timer);

    if (snapshotter->busy)
        return;
    snapshotter->busy =
        uv_queue_work(timer->loop, &snapshotter->work, write_snapshot, on_written) == 0;
}

void snapshotter_start(struct snapshotter *snapshotter, struct loop *loop, struct memory *memory,
                       const char *path, int64_t interval_s)
{
    uint64_t interval_ms = (uint64_t)interval_s * 1000;

    *snapshotter = (struct snapshotter){.memory = memory, .path = path};
    uv_timer_init(&loop->uv, &snapshotter->timer);
    uv_timer_start(&snapshotter->timer, on_timer, interval_ms, interval_ms);
}

void snapshotter_stop(struct snapshotter *snapshotter)
{
    uv_close((uv_handle_t *)&snapshotter->timer, NULL);
}

/* Whether a file can be made in the directory of this one; the cause is appended to reason where not. */
static bool can_be_written(const char *path, struct buf *reason)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    bool can = dir != NULL && access(dir, W_OK | X_OK) == 0;

    if (!can)
        buf_printf(reason, "%s can't be written: its directory: %s", path,
                   strerror(dir != NULL ? errno : ENOMEM));
    free(dir);
    return can;
}

int snapshotter_load(struct memory *memory, const char *path)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;
    int rc = memory_snapshot_load(memory, path, &told, &reason);
    int64_t sessions = (int64_t)told.sessions;

    if (rc == 0)
        log_line(LOG_INFO, "there is no snapshot yet", LOG_STR("file", path));
    else if (rc > 0)
        log_line(LOG_INFO, "snapshot loaded", LOG_STR("file", path), LOG_INT("sessions", sessions),
                 LOG_INT("marks", (int64_t)told.marks), LOG_INT("ends", (int64_t)told.ends));
    if (rc >= 0 && !can_be_written(path, &reason))
        rc = -1;
    if (rc < 0)
        log_line(LOG_ERROR, "the snapshot can't be used", LOG_STR("setting", "memory.snapshot"),
                 LOG_STR("reason", buf_text(&reason)));
    buf_done(&reason);
    return rc < 0 ? -1 : 0;
}

int snapshotter_save(struct memory *memory, const char *path)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;
    int rc = memory_snapshot_save(memory, path, &told, &reason);

    if (rc == 0)
        tell_written(LOG_INFO, "snapshot written", path, &told);
    else
        tell_failure(path, &reason);
    buf_done(&reason);
    return rc;
}
