/* Tells the operator why Redis can't be reached. */
#include "redis_trouble.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define AGAIN_MS 60000

/* How what Redis and OpenSSL say begins, or what is in it, and which setting it is about. */
static const struct {
    const char *begins;
    const char *holds;
    const char *setting;
} faults[] = {
    {"WRONGPASS", NULL, "redis.url (user and password)"},
    {"NOAUTH", NULL, "redis.url (password)"},
    {"ERR invalid password", NULL, "redis.url (password)"},
    {"ERR AUTH", NULL, "redis.url (password)"},
    {"ERR Client sent AUTH", NULL, "redis.url (password)"},
    {"NOPERM", NULL, "redis.url (the user's ACL)"},
    {"ERR DB index", NULL, "redis.url (database)"},
    {"ERR SELECT", NULL, "redis.url (database)"},
    {"ERR invalid DB", NULL, "redis.url (database)"},
    {"sentinel ", "NOAUTH", "redis.sentinel_password"},
    {"sentinel ", "WRONGPASS", "redis.sentinel_password"},
    {"sentinel ", "NOPERM", "redis.sentinel_username (the user's ACL)"},
    {"sentinel ", "redis.sentinel_master", "redis.sentinel_master"},
    {"", "ertificate", "redis.tls"},
    {"", "redis.tls.", "redis.tls"},
    {"", "speak TLS", "redis.url (rediss:// or redis://)"},
    {"", "speaks TLS", "redis.url (rediss:// or redis://)"},
};

const char *redis_trouble_setting(const char *why)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strncmp(why, faults[i].begins, strlen(faults[i].begins)) == 0 &&
            (faults[i].holds == NULL || strstr(why, faults[i].holds) != NULL))
            return faults[i].setting;
    return NULL;
}

static bool is_same(const char *logged, const char *why)
{
    return strncmp(logged, why, sizeof((struct redis_trouble *)0)->last[0].why - 1) == 0;
}

/* Whether this was logged within the last minute. */
static bool was_logged(const struct redis_trouble *trouble, const char *why, int64_t now_ms)
{
    for (size_t i = 0; i < REDIS_TROUBLE_REASONS; i++)
        if (is_same(trouble->last[i].why, why))
            return now_ms - trouble->last[i].logged_ms < AGAIN_MS;
    return false;
}

/* Notes that this was logged now, in its own place where it has one. */
static void note(struct redis_trouble *trouble, const char *why, int64_t now_ms)
{
    size_t at = 0;

    while (at < REDIS_TROUBLE_REASONS && !is_same(trouble->last[at].why, why))
        at++;
    if (at == REDIS_TROUBLE_REASONS) {
        at = trouble->next;
        trouble->next = (trouble->next + 1) % REDIS_TROUBLE_REASONS;
    }
    snprintf(trouble->last[at].why, sizeof trouble->last[at].why, "%s", why);
    trouble->last[at].logged_ms = now_ms;
}

void redis_trouble_log(struct redis_trouble *trouble, bool was_up, const char *name,
                       const char *why, int64_t now_ms)
{
    const char *setting = redis_trouble_setting(why);

    if (!was_up && was_logged(trouble, why, now_ms))
        return;
    if (setting != NULL)
        log_line(LOG_ERROR, "Redis connection failed", LOG_STR("link", name),
                 LOG_STR("reason", why), LOG_STR("setting", setting));
    else
        log_line(LOG_WARN, was_up ? "Redis connection lost" : "Redis connection failed",
                 LOG_STR("link", name), LOG_STR("reason", why));
    note(trouble, why, now_ms);
}

void redis_trouble_clear(struct redis_trouble *trouble)
{
    *trouble = (struct redis_trouble){0};
}
