/* Tells the operator what is wrong with Redis. */
#include "redis_trouble.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "log.h"
#include "redis_reply.h"

#define OVER_MS    60000 /* after the last who met it: longer than any link waits between two tries */
#define CROWDED_MS 1000 /* between two lines about what a trouble has no room for */

/* A fault that was told and isn't over. */
struct redis_fault {
    struct redis_fault *prev, *next; /* in the process' list */
    unsigned holders;                /* troubles that it is in */
    int64_t met_ms;                  /* when it was last met */
    char *server, *why;              /* what it is known by, behind the struct; server may be "" */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what follows, and all troubles */
static struct redis_fault *told;                         /* by this process */
static int64_t crowded_again_ms;                         /* see CROWDED_MS: not before */

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
    {"ERR ACL failure in script", NULL, "redis.url (the user's ACL)"},
    {"ERR The user executing the script can't", NULL, "redis.url (the user's ACL)"},
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
    size_t len;

    why = redis_reply_error_words(why, &len);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strncmp(why, faults[i].begins, strlen(faults[i].begins)) == 0 &&
            (faults[i].holds == NULL || strstr(why, faults[i].holds) != NULL))
            return faults[i].setting;
    return NULL;
}

/* ---- What was told ---- */

static bool is(const struct redis_fault *fault, const char *server, const char *why, size_t len)
{
    return strncmp(fault->why, why, len) == 0 && fault->why[len] == '\0' &&
           strcmp(fault->server, server) == 0;
}

/* The process' fault of these names, made where there is none. NULL where memory runs out. */
static struct redis_fault *find(const char *server, const char *why, size_t len)
{
    size_t server_size = strlen(server) + 1;
    struct redis_fault *fault;

    DL_FOREACH (told, fault)
        if (is(fault, server, why, len))
            return fault;
    fault = calloc(1, sizeof *fault + server_size + len + 1);
    if (fault == NULL)
        return NULL;
    fault->server = memcpy(fault + 1, server, server_size);
    fault->why = memcpy(fault->server + server_size, why, len);
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

/* Puts the fault in the place of the one that is there longest. false: it must wait, since that makes lines. */
static bool take(struct redis_trouble *trouble, struct redis_fault *fault, bool is_over,
                 int64_t now_ms)
{
    struct redis_fault *former = trouble->faults[trouble->next];

    fault->holders++;
    if (former != NULL && is_over) {
        if (now_ms < crowded_again_ms) {
            release(fault);
            return false;
        }
        crowded_again_ms = now_ms + CROWDED_MS;
    }
    release(former);
    trouble->faults[trouble->next] = fault;
    trouble->next = (trouble->next + 1) % REDIS_TROUBLE_REASONS;
    return true;
}

/* Notes that it was met. Returns whether the process is to tell of it. */
static bool note(struct redis_trouble *trouble, const struct redis_trouble_report *report)
{
    size_t len;
    const char *why = redis_reply_error_words(report->why, &len);
    struct redis_fault *fault = find(report->server != NULL ? report->server : "", why, len);

    if (fault == NULL)
        return true;
    bool is_over = report->now_ms - fault->met_ms > OVER_MS;
    if (!has(trouble, fault) && !take(trouble, fault, is_over, report->now_ms))
        return false;
    fault->met_ms = report->now_ms;
    return is_over;
}

/* ---- The line ---- */

static void write_line(const struct redis_trouble_report *report)
{
    const char *setting = redis_trouble_setting(report->why);
    const char *what = "Redis connection failed";
    size_t len;
    const char *words = redis_reply_error_words(report->why, &len);
    char *reason = strndup(words, len);
    struct log_field fields[5] = {LOG_STR("link", report->link)};
    size_t count = 1;

    if (report->kind == REDIS_TROUBLE_REFUSED)
        what = "Redis refused a command";
    else if (report->kind == REDIS_TROUBLE_LOST && setting == NULL)
        what = "Redis connection lost";
    if (report->server != NULL)
        fields[count++] = LOG_STR("server", report->server);
    fields[count++] = LOG_STR("reason", reason != NULL ? reason : words);
    if (setting != NULL)
        fields[count++] = LOG_STR("setting", setting);
    log_fields(setting != NULL || report->kind == REDIS_TROUBLE_REFUSED ? LOG_ERROR : LOG_WARN,
               what, fields);
    free(reason);
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
