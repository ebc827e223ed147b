/* What the threads' store handles share. */
#include "shared_store.h"

#include "app.h"
#include "buf.h"
#include "generations.h"
#include "log.h"
#include "memory.h"
#include "outage.h"
#include "partition.h"
#include "settings.h"
#include "snapshotter.h"

static void tell_redis(const struct shared_store *shared, const struct settings *settings)
{
    const struct redis_address *address = &shared->redis.address;

    if (shared->redis.store.sentinel != NULL)
        log_line(LOG_INFO, "sessions live in Redis",
                 LOG_STR("master", settings->redis_sentinel_master),
                 LOG_INT("sentinels", (int64_t)settings->redis_sentinels.count),
                 LOG_INT("db", address->db));
    else
        log_line(LOG_INFO, "sessions live in Redis",
                 LOG_STR(settings->redis_cluster ? "cluster" : "host",
                         address->host != NULL ? address->host : address->path),
                 LOG_INT("port", address->port), LOG_INT("db", address->db));
}

static int open_redis(struct shared_store *shared, const struct settings *settings,
                      const struct store_options *options)
{
    const struct outage_options outage = {
        .policy = (enum outage_policy)settings->redis_on_outage,
        .memory = shared->memory,
        .ttl_ms = options->ttl_ms,
        .partitions = settings->redis_cluster ? PARTITION_COUNT : 1,
    };
    struct buf reason = BUF_EMPTY;
    int rc = redis_setup_load(&shared->redis, settings, &reason);

    if (rc != 0)
        log_line(LOG_ERROR, "Redis can't be used", LOG_STR("reason", buf_text(&reason)));
    buf_done(&reason);
    if (rc != 0)
        return APP_WRONG_SETTING;
    shared->redis.store.store = *options;
    shared->outage = outage_new(&outage);
    shared->generations = generations_new();
    if (shared->outage == NULL || shared->generations == NULL)
        return APP_FAILED;
    tell_redis(shared, settings);
    return APP_OK;
}

int shared_store_open(struct shared_store *shared, const struct settings *settings)
{
    const struct store_options options = {
        .ttl_ms = settings->session_ttl * 1000,
        .max_age_ms = settings->session_max_age * 1000,
        .heartbeat_min_ms = settings->session_heartbeat_min_interval * 1000,
        .family_limit = (uint32_t)settings->limits_family,
        .device_limit = (uint32_t)settings->limits_device,
        .displace_after_ms = settings->limits_displace_after * 1000,
        .evict_cooldown_ms = settings->limits_evict_cooldown * 1000,
        .dry_run = !settings->limits_enforce,
        .create_rate = (uint32_t)settings->rate_limit_create,
    };

    if (settings->store == SETTINGS_STORE_MEMORY || settings->redis_on_outage == OUTAGE_FALLBACK) {
        shared->memory = memory_new(&options, NULL);
        if (shared->memory == NULL)
            return APP_FAILED;
    }
    if (settings->store == SETTINGS_STORE_MEMORY) {
        log_line(LOG_INFO, "sessions live in the embedded store");
        shared->snapshot = settings->memory_snapshot;
        return shared->snapshot == NULL || snapshotter_load(shared->memory, shared->snapshot) == 0
                   ? APP_OK
                   : APP_WRONG_SETTING;
    }
    return open_redis(shared, settings, &options);
}

void shared_store_close(struct shared_store *shared)
{
    outage_free(shared->outage);
    generations_free(shared->generations);
    memory_free(shared->memory);
    redis_setup_done(&shared->redis);
}
