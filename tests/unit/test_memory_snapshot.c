/* Snapshots of the embedded store: what comes back, what doesn't, and what is refused. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "memory.h"
#include "memory_snapshot.h"
#include "store_query.h"
#include "temp_dir.h"

enum { TTL_MS = 300000, MAX_AGE_MS = 86400000 };

static int64_t wall_ms, monotonic_ms;

static int64_t read_wall(void)
{
    return wall_ms;
}

static int64_t read_monotonic(void)
{
    return monotonic_ms;
}

static const struct memory_clock test_clock = {read_wall, read_monotonic};
static const struct store_options options = {.ttl_ms = TTL_MS,
                                             .max_age_ms = MAX_AGE_MS,
                                             .family_limit = 2,
                                             .device_limit = 0,
                                             .evict_cooldown_ms = 60000};
static char *dir, *path;
static struct memory *memory;

static void set_up(void)
{
    wall_ms = INT64_C(1790000000000);
    monotonic_ms = 5000000;
    dir = temp_dir_make();
    path = temp_dir_path(dir, "snapshot");
    memory = memory_new(&options, &test_clock);
    cr_assert_not_null(memory);
}

static void tear_down(void)
{
    memory_free(memory);
    free(path);
    temp_dir_remove(dir);
}

TestSuite(memory_snapshot, .init = set_up, .fini = tear_down, .timeout = 120);

static void pass(int64_t ms)
{
    wall_ms += ms;
    monotonic_ms += ms;
}

/* ---- Asking ---- */

static struct store_req about(enum store_op op, const char *family_id, const char *device_id)
{
    struct store_req req = {.op = op,
                            .create = {.family_limit = -1, .device_limit = -1},
                            .session = {.user_id = "u1", .media_id = "m1"}};

    strcpy(req.session.family_id, family_id);
    strcpy(req.session.device_id, device_id);
    session_id_make(family_id, req.session.id);
    return req;
}

static enum err run(struct store_req *req)
{
    enum err err = memory_do(memory, req);

    free(req->streams);
    req->streams = NULL;
    return err;
}

/* A session that lives now. */
static struct session begin(const char *family_id, const char *device_id)
{
    struct store_req req = about(STORE_CREATE, family_id, device_id);

    strcpy(req.session.device_name, "Küche \"1\"");
    strcpy(req.session.metadata, "{\"a\":[1,2]}");
    cr_assert_eq(run(&req), ERR_OK);
    return req.session;
}

static enum err check(const struct session *session, struct store_req *ret_req)
{
    *ret_req = (struct store_req){.op = STORE_GET, .session = *session};
    return run(ret_req);
}

static void expect_lives(const struct session *session)
{
    struct store_req req;

    cr_expect_eq(check(session, &req), ERR_OK);
}

static void end(const struct session *session, enum end_reason reason, const char *message)
{
    struct store_req req = {.op = STORE_END, .session = *session, .end = {.reason = reason}};

    strcpy(req.end.message, message);
    cr_assert_eq(run(&req), ERR_OK);
}

static uint32_t active_in(const char *family_id)
{
    struct store_req req = about(STORE_LIST, family_id, "");

    cr_assert_eq(run(&req), ERR_OK);
    return req.usage.family_active;
}

/* ---- Saving and loading ---- */

static struct memory_snapshot_told save(void)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;

    cr_assert_eq(memory_snapshot_save(memory, path, &told, &reason), 0, "%s", buf_text(&reason));
    buf_done(&reason);
    return told;
}

/* The program has ended, and comes back after so long, on a machine that has started anew. */
static struct memory_snapshot_told restart(int64_t after_ms)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;

    memory_free(memory);
    wall_ms += after_ms;
    monotonic_ms = 1000;
    memory = memory_new(&options, &test_clock);
    int rc = memory_snapshot_load(memory, path, &told, &reason);
    cr_assert_eq(rc, 1, "%d: %s", rc, buf_text(&reason));
    buf_done(&reason);
    return told;
}

static char *read_all(size_t *ret_len)
{
    struct buf bytes = BUF_EMPTY, reason = BUF_EMPTY;

    cr_assert_eq(file_read(path, &bytes, &reason), 0);
    *ret_len = bytes.len;
    return bytes.data;
}

/* That bytes are refused, with this in the reason. */
static void expect_refused(const char *bytes, size_t len, const char *why)
{
    struct memory *empty = memory_new(&options, &test_clock);
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;

    cr_expect_eq(memory_snapshot_read(empty, bytes, len, &told, &reason), -1);
    cr_expect_not_null(strstr(buf_text(&reason), why), "%s isn't in: %s", why, reason.data);
    buf_done(&reason);
    memory_free(empty);
}

/* ---- What comes back ---- */

Test(memory_snapshot, brings_a_session_back_as_it_was)
{
    struct session session = begin("f1", "d1");
    struct store_req req;

    pass(10000);
    save();
    cr_expect_eq(restart(20000).sessions, 1);
    cr_assert_eq(check(&session, &req), ERR_OK);
    cr_expect_str_eq(req.session.user_id, "u1");
    cr_expect_str_eq(req.session.device_name, "Küche \"1\"");
    cr_expect_str_eq(req.session.metadata, "{\"a\":[1,2]}");
    cr_expect_eq(req.session.started_ms, session.started_ms);
    cr_expect_eq(req.session.last_heartbeat_ms, session.started_ms);
    cr_expect_eq(req.expires_ms, session.started_ms + TTL_MS);
}

Test(memory_snapshot, holds_the_limits_of_what_it_brings_back)
{
    struct store_req req;

    begin("f1", "d1");
    begin("f1", "d2");
    save();
    restart(1000);
    req = about(STORE_CREATE, "f1", "d3");
    cr_expect_eq(run(&req), ERR_FAMILY_LIMIT);
    cr_expect_eq(req.usage.family_active, 2);
}

Test(memory_snapshot, keeps_what_has_ended_ended)
{
    struct session session = begin("f1", "d1");
    struct store_req req;

    end(&session, END_TERMINATED, "bye");
    save();
    cr_expect_eq(restart(1000).ends, 1);
    req = about(STORE_REVIVE, "f1", "d1");
    memcpy(req.session.id, session.id, sizeof session.id);
    req.create.issued_ms = wall_ms;
    cr_expect_eq(run(&req), ERR_SESSION_ENDED);
    cr_expect_eq(req.end.reason, END_TERMINATED);
    cr_expect_str_eq(req.end.message, "bye");
}

Test(memory_snapshot, keeps_overrides_blocks_and_cooldowns)
{
    struct store_req limits = about(STORE_SET_LIMITS, "f1", ""),
                     block = about(STORE_REVOKE, "", "bad"),
                     evict = about(STORE_CREATE, "f2", "d3");

    limits.create.family_limit = 1;
    cr_assert_eq(run(&limits), ERR_OK);
    block.for_ms = 60000;
    strcpy(block.end.message, "no");
    cr_assert_eq(run(&block), ERR_OK);
    begin("f2", "d1");
    pass(10);
    begin("f2", "d2");
    evict.create.evict = true;
    cr_assert_eq(run(&evict), ERR_OK);
    save();
    cr_expect_eq(restart(1000).marks, 3);

    struct store_req create = about(STORE_CREATE, "f1", "bad");
    cr_expect_eq(run(&create), ERR_FORBIDDEN);
    cr_expect_str_eq(create.end.message, "no");
    begin("f1", "d1");
    create = about(STORE_CREATE, "f1", "d2");
    cr_expect_eq(run(&create), ERR_FAMILY_LIMIT);
    create = about(STORE_CREATE, "f2", "d1"); /* who was evicted a second ago evicts nobody */
    create.create.evict = true;
    cr_expect_eq(run(&create), ERR_FAMILY_LIMIT);
    pass(60000);
    create = about(STORE_CREATE, "f1", "bad");
    cr_expect_eq(run(&create), ERR_FAMILY_LIMIT, "the block is over, the override isn't");
}

Test(memory_snapshot, leaves_out_what_expired_meanwhile)
{
    struct session early = begin("f1", "d1");
    struct store_req req;

    pass(200000);
    struct session late = begin("f1", "d2");
    struct session gone = begin("f2", "d1");
    end(&gone, END_STOPPED, "");
    save();
    restart(150000);
    cr_expect_eq(check(&early, &req), ERR_SESSION_ENDED);
    expect_lives(&late);
    struct memory_snapshot_told told = restart(2 * TTL_MS);
    cr_expect_eq(told.sessions, 0);
    cr_expect_eq(told.ends, 0);
}

Test(memory_snapshot, lets_nobody_live_longer_where_the_clock_was_set_back)
{
    struct store_req req;
    struct session early = begin("f1", "d1");

    pass(TTL_MS - 1000);
    struct session late = begin("f1", "d2");
    save();
    restart(-3600000);
    cr_expect_eq(check(&early, &req), ERR_OK);
    pass(1000);
    cr_expect_eq(check(&early, &req), ERR_SESSION_ENDED);
    expect_lives(&late);
}

Test(memory_snapshot, is_the_same_when_what_was_loaded_is_saved_again)
{
    struct session session = begin("f1", "d1");
    size_t len, again_len;

    begin("f1", "d2");
    end(&session, END_STOPPED, "");
    save();
    char *bytes = read_all(&len);
    restart(0);
    save();
    char *again = read_all(&again_len);
    cr_assert_eq(len, again_len);
    cr_expect_eq(memcmp(bytes, again, len), 0);
    free(bytes);
    free(again);
}

Test(memory_snapshot, is_readable_by_its_owner_alone_and_leaves_no_other_file)
{
    char *new_path = temp_dir_path(dir, "snapshot.tmp");
    struct stat st;

    free(temp_dir_write(dir, "snapshot.tmp",
                        "left behind by a crash, and longer than a snapshot "
                        "of nothing, which has but a hundred bytes or so"));
    save();
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq(access(new_path, F_OK), -1);
    restart(0);
    free(new_path);
}

/* ---- What is refused ---- */

Test(memory_snapshot, with_any_byte_changed_or_missing_is_refused)
{
    struct session session = begin("f1", "d1");
    size_t len;

    begin("f2", "d2");
    end(&session, END_STOPPED, "");
    save();
    char *bytes = read_all(&len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1 << i % 8;
        expect_refused(bytes, len, "");
        bytes[i] ^= 1 << i % 8;
        expect_refused(bytes, i, "");
    }
    free(bytes);
}

Test(memory_snapshot, says_what_is_wrong_and_leaves_the_file_alone)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;
    size_t len;

    save();
    char *bytes = read_all(&len);
    expect_refused(bytes, len - 1, "is damaged or cut short");
    bytes[8] = 2;
    expect_refused(bytes, len, "is a snapshot of version 2, and this program reads version 1");
    free(bytes);
    free(temp_dir_write(dir, "snapshot", "#!/bin/sh\necho something else\n"));
    cr_expect_eq(memory_snapshot_load(memory, path, &told, &reason), -1);
    cr_expect_not_null(strstr(buf_text(&reason), path), "%s", reason.data);
    cr_expect_not_null(strstr(reason.data, "is no snapshot of stream-gateway's"), "%s",
                       reason.data);
    bytes = read_all(&len);
    cr_expect_str_eq(bytes, "#!/bin/sh\necho something else\n");
    free(bytes);
    buf_done(&reason);
}

Test(memory_snapshot, is_none_where_there_is_no_file)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;

    cr_expect_eq(memory_snapshot_load(memory, path, &told, &reason), 0);
    cr_expect_eq(reason.len, 0);
}

Test(memory_snapshot, that_can_not_be_written_leaves_the_one_before)
{
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;
    struct session session = begin("f1", "d1");
    char *new_path = temp_dir_path(dir, "snapshot.tmp");

    save();
    cr_assert_eq(mkdir(new_path, 0700), 0);
    cr_expect_eq(memory_snapshot_save(memory, path, &told, &reason), -1);
    cr_expect_not_null(strstr(buf_text(&reason), path), "%s", reason.data);
    restart(0);
    expect_lives(&session);
    rmdir(new_path);
    free(new_path);
    buf_done(&reason);
}

/* ---- While others use the store ---- */

/* Copying them takes several portions. */
enum { FAMILIES = 5000, BUSY_SNAPSHOTS = 4 };

static atomic_bool is_over;

static void evict_in(unsigned family_number, unsigned device_number)
{
    char family[16], device[16];

    snprintf(family, sizeof family, "f%u", family_number);
    snprintf(device, sizeof device, "d%u", device_number);
    struct store_req req = about(STORE_CREATE, family, device);
    req.create.evict = true;
    cr_assert_eq(run(&req), ERR_OK);
}

/* Takes places from others without a pause. */
static void *keep_busy(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    while (!atomic_load(&is_over))
        evict_in((unsigned)rand_r(&seed) % FAMILIES, (unsigned)rand_r(&seed));
    return NULL;
}

/* The most sessions that a family has in what is loaded. */
static uint32_t most_in_snapshot(const struct store_options *its_options)
{
    struct memory *loaded = memory_new(its_options, &test_clock);
    struct memory_snapshot_told told;
    struct buf reason = BUF_EMPTY;
    uint32_t most = 0;

    cr_assert_eq(memory_snapshot_load(loaded, path, &told, &reason), 1, "%s", buf_text(&reason));
    cr_expect_gt(told.sessions, 0);
    for (int f = 0; f < FAMILIES; f++) {
        struct store_req req = {.op = STORE_LIST};

        snprintf(req.session.family_id, sizeof req.session.family_id, "f%d", f);
        memory_do(loaded, &req);
        free(req.streams);
        most = req.usage.family_active > most ? req.usage.family_active : most;
    }
    memory_free(loaded);
    return most;
}

Test(memory_snapshot, holds_the_limits_of_a_store_that_was_busy_while_it_was_written)
{
    struct store_options busy = options;
    pthread_t threads[2];

    memory_free(memory);
    busy.evict_cooldown_ms = 0;
    memory = memory_new(&busy, &test_clock);
    for (unsigned i = 0; i < 2 * FAMILIES; i++)
        evict_in(i / 2, i);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, keep_busy, (void *)(i + 1));
    for (int i = 0; i < BUSY_SNAPSHOTS; i++) {
        save();
        uint32_t most = most_in_snapshot(&busy);
        cr_expect_leq(most, 2, "%u of 2", most);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* As many as a busy platform has; under a sanitizer, which takes its time, as many as it takes to matter. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 5000 };
#else
enum { MANY = 100000 };
#endif

Test(memory_snapshot, of_very_many_sessions)
{
    struct memory_snapshot_told told;
    char family[32], device[32];

    for (int i = 0; i < MANY; i++) {
        snprintf(family, sizeof family, "family-%d", i / 2);
        snprintf(device, sizeof device, "device-%d", i);
        begin(family, device);
    }
    int64_t started_ms = clock_monotonic_ms();
    told = save();
    int64_t saved_ms = clock_monotonic_ms();
    cr_expect_eq(told.sessions, MANY);
    cr_expect_eq(restart(1000).sessions, MANY);
    int64_t loaded_ms = clock_monotonic_ms();
    printf("%d sessions: %.1f MB, saved in %lld ms (lock held for at most %lld us), loaded in "
           "%lld ms\n",
           MANY, (double)told.bytes / 1e6, (long long)(saved_ms - started_ms),
           (long long)told.longest_us, (long long)(loaded_ms - saved_ms));
    cr_expect_eq(active_in("family-7"), 2);
}
