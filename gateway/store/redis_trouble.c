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
    {"sentinel ", "redis.sentinel_master", "redis.sentinel_master"},
    {"", "ertificate", "redis.tls"},
};

const char *redis_trouble_setting(const char *why)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strncmp(why, faults[i].begins, strlen(faults[i].begins)) == 0 &&
            (faults[i].holds == NULL || strstr(why, faults[i].holds) != NULL))
            return faults[i].setting;
    return NULL;
}

void redis_trouble_log(struct redis_trouble *trouble, bool was_up, const char *name,
                       const char *why, int64_t now_ms)
{
    const char *setting = redis_trouble_setting(why);
    bool again = strncmp(trouble->why, why, sizeof trouble->why - 1) == 0;

    if (!was_up && again && now_ms - trouble->logged_ms < AGAIN_MS)
        return;
    if (setting != NULL)
        log_line(LOG_ERROR, "Redis connection failed", LOG_STR("link", name),
                 LOG_STR("reason", why), LOG_STR("setting", setting));
    else
        log_line(LOG_WARN, was_up ? "Redis connection lost" : "Redis connection failed",
                 LOG_STR("link", name), LOG_STR("reason", why));
    snprintf(trouble->why, sizeof trouble->why, "%s", why);
    trouble->logged_ms = now_ms;
}

void redis_trouble_clear(struct redis_trouble *trouble)
{
    trouble->why[0] = '\0';
}
