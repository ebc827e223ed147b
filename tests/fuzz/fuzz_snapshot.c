/* Snapshots whose hash is right: the target adds it, or nothing else would ever be read. */
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "memory.h"
#include "memory_snapshot.h"
#include "store_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct store_options options = {
    .ttl_ms = 300000, .max_age_ms = 86400000, .family_limit = 10, .device_limit = 2};

/* The wall clock of those who wrote the seeds. */
static int64_t wall_ms(void)
{
    return INT64_C(1790000000000);
}

static int64_t monotonic_ms(void)
{
    return 5000000;
}

static const struct memory_clock fuzz_clock = {wall_ms, monotonic_ms};

/* What could be loaded can be listed, saved and loaded again. */
static void expect_sound(struct memory *memory, const struct memory_snapshot_told *told)
{
    struct store_query query = {.page = {.most = STORE_PAGE_MAX}};
    struct store_req req = {.op = STORE_PAGE, .query = &query};
    struct memory_snapshot_told saved, again;
    struct buf reason = BUF_EMPTY;
    char path[64];

    enum err err = memory_do(memory, &req);
    assert(err == ERR_OK);
    free(req.streams);
    snprintf(path, sizeof path, "/dev/shm/fuzz_snapshot.%ld", (long)getpid());
    int rc = memory_snapshot_save(memory, path, &saved, &reason);
    assert(rc == 0 && saved.sessions == told->sessions && saved.ends == told->ends);
    struct memory *other = memory_new(&options, &fuzz_clock);
    assert(other != NULL);
    rc = memory_snapshot_load(other, path, &again, &reason);
    assert(rc == 1 && again.sessions == told->sessions && again.ends == told->ends);
    memory_free(other);
    unlink(path);
    buf_done(&reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory *memory = memory_new(&options, &fuzz_clock);
    struct memory_snapshot_told told;
    struct buf bytes = BUF_EMPTY, reason = BUF_EMPTY;
    unsigned char hash[crypto_generichash_BYTES];

    assert(memory != NULL);
    crypto_generichash(hash, sizeof hash, data, size, NULL, 0);
    buf_add(&bytes, data, size);
    buf_add(&bytes, hash, sizeof hash);
    int rc = memory_snapshot_read(memory, bytes.data, bytes.len, &told, &reason);
    assert(rc == 0 || buf_text(&reason)[0] != '\0');
    if (rc == 0)
        expect_sound(memory, &told);
    memory_free(memory);
    buf_done(&bytes);
    buf_done(&reason);
    return 0;
}
