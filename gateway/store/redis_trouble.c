/* Tells the operator what is wrong with Redis. */
#include "redis_trouble.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "log.h"

#define OVER_MS 60000 /* after the last who met it: longer than any link waits between two tries */

/* A fault that was told and isn't over. */
struct redis_fault {
    struct redis_fault *prev, *next; /* in the process' list */
    unsigned holders;                /* troubles that it is in */
    int64_t met_ms;                  /* when it was last met */
    char *server, *why;              /* what it is known by, behind the struct; server may be "" */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what follows, and all troubles */
static struct redis_fault *told;                         /* by this process */

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
    {"ERR Error running script", "-NOPERM", "redis.url (the user's ACL)"}, /* Redis 6.2 */
    {"unknown node or service", NULL, "redis.url (host)"},
    {"ERR DB index", NULL, "redis.url (database)"},
    {"ERR SELECT", NULL, "redis.url (database)"},
    {"ERR invalid DB", NULL, "redis.url (database)"},
    {"sentinel ", "NOAUTH", "redis.sentinel_password"},
    {"sentinel ", "WRONGPASS", "redis.sentinel_password"},
    {"sentinel ", "NOPERM", "redis.sentinel_username (the user's ACL)"},
    {"sentinel ", "redis.sentinel_master", "redis.sentinel_master"},
    {"sentinel ", "unknown node or service", "redis.sentinels"},
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

/* ---- What was told ---- */

static bool is(const struct redis_fault *fault, const char *server, const char *why)
{
    return strcmp(fault->why, why) == 0 && strcmp(fault->server, server) == 0;
}

/* The process' fault of these names, made where there is none. NULL where memory runs out. */
static struct redis_fault *find(const char *server, const char *why)
{
    size_t server_size = strlen(server) + 1, why_size = strlen(why) + 1;
    struct redis_fault *fault;

    DL_FOREACH (told, fault)
        if (is(fault, server, why))
            return fault;
    fault = calloc(1, sizeof *fault + server_size + why_size);
    if (fault == NULL)
        return NULL;
    fault->server = memcpy(fault + 1, server, server_size);
    fault->why = memcpy(fault->server + server_size, why, why_size);
    fault->met_ms = INT64_MIN / 2;
    DL_APPEND(told, fault);
    return fault;
}

static void release(struct redis_fault *fault)
{
    if (fault == NULL || --fault->holders > 0)
        return;
    DL_DELETE(told, fault);
    free(fault);
}

static bool has(const struct redis_trouble *trouble, const struct redis_fault *fault)
{
    for (size_t i = 0; i < REDIS_TROUBLE_REASONS; i++)
        if (trouble->faults[i] == fault)
            return true;
    return false;
}

/* Notes that it was met. Returns whether the process is to tell of it. */
static bool note(struct redis_trouble *trouble, const struct redis_trouble_report *report)
{
    struct redis_fault *fault = find(report->server != NULL ? report->server : "", report->why);

    if (fault == NULL)
        return true;
    bool is_over = report->now_ms - fault->met_ms > OVER_MS;
    fault->met_ms = report->now_ms;
    if (!has(trouble, fault)) {
        fault->holders++;
        release(trouble->faults[trouble->next]);
        trouble->faults[trouble->next] = fault;
        trouble->next = (trouble->next + 1) % REDIS_TROUBLE_REASONS;
    }
    return is_over;
}

/* ---- The line ---- */

static void write_line(const struct redis_trouble_report *report)
{
    const char *setting = redis_trouble_setting(report->why);
    const char *what = "Redis connection failed";
    struct log_field fields[5] = {LOG_STR("link", report->link)};
    size_t count = 1;

    if (report->kind == REDIS_TROUBLE_REFUSED)
        what = "Redis refused a command";
    else if (report->kind == REDIS_TROUBLE_LOST && setting == NULL)
        what = "Redis connection lost";
    if (report->server != NULL)
        fields[count++] = LOG_STR("server", report->server);
    fields[count++] = LOG_STR("reason", report->why);
    if (setting != NULL)
        fields[count++] = LOG_STR("setting", setting);
    log_fields(setting != NULL || report->kind == REDIS_TROUBLE_REFUSED ? LOG_ERROR : LOG_WARN,
               what, fields);
}

void redis_trouble_log(struct redis_trouble *trouble, const struct redis_trouble_report *report)
{
    pthread_mutex_lock(&lock);
    bool is_to_be_told = note(trouble, report);
    pthread_mutex_unlock(&lock);

    if (is_to_be_told)
        write_line(report);
}

void redis_trouble_clear(struct redis_trouble *trouble)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < REDIS_TROUBLE_REASONS; i++)
        release(trouble->faults[i]);
    pthread_mutex_unlock(&lock);
    *trouble = (struct redis_trouble){0};
}
