/* The feed of what happened, read from either store in one shape. */
#include "feed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "memory_events.h"
#include "partition.h"
#include "redis_server.h"
#include "store_query.h"

static struct feed feed;

static void copy(char *ret_text, size_t size, const char *text)
{
    cr_assert_lt(strlen(text), size, "too long: %s", text);
    strcpy(ret_text, text);
}

#define COPY(member, text) copy(member, sizeof(member), text)

/* Not as the fixture's own request: what it was answered stays valid. */
static void read_memory(struct store_fixture *fixture)
{
    struct store_query query = {.events = {.most = FEED_MAX}};
    struct store_req req = {.op = STORE_EVENTS, .query = &query};

    cr_assert_eq(memory_do(fixture->memory, &req), ERR_OK);
    for (size_t i = 0; i < query.events.count; i++) {
        const struct event *event = &query.events.events[i];
        struct feed_entry *entry = &feed.entries[feed.count++];

        COPY(entry->type, event_type_word(event->type));
        COPY(entry->session_id, event->session_id);
        COPY(entry->user_id, event->user_id);
        COPY(entry->family_id, event->family_id);
        COPY(entry->device_id, event->device_id);
        COPY(entry->media_id, event->media_id);
        COPY(entry->cause, event->cause);
        COPY(entry->by, event->by);
        entry->time_ms = event->time_ms;
        entry->duration_s = event->duration_s;
    }
    free(query.events.events);
}

/* One member of an entry of the stream. */
static void take(struct feed_entry *entry, const char *name, const char *value)
{
    const struct {
        const char *name;
        char *text;
        size_t size;
    } texts[] = {
        {"type", entry->type, sizeof entry->type},
        {"sessionId", entry->session_id, sizeof entry->session_id},
        {"userId", entry->user_id, sizeof entry->user_id},
        {"familyId", entry->family_id, sizeof entry->family_id},
        {"deviceId", entry->device_id, sizeof entry->device_id},
        {"mediaId", entry->media_id, sizeof entry->media_id},
        {"cause", entry->cause, sizeof entry->cause},
        {"by", entry->by, sizeof entry->by},
    };

    cr_assert_str_not_empty(value, "%s is there, and empty", name);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            copy(texts[i].text, texts[i].size, value);
            return;
        }
    }
    if (strcmp(name, "time") == 0) {
        cr_assert_eq(clock_parse(value, strlen(value), &entry->time_ms), 0, "%s", value);
    } else {
        cr_assert_str_eq(name, "duration");
        entry->duration_s = strtoll(value, NULL, 10);
    }
}

static void read_redis(struct store_fixture *fixture)
{
    redisReply *reply = redis_server_command(fixture->server, "XRANGE %sstream_events - +",
                                             store_fixture_key_prefix(fixture, partition_tag(0)));

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *members = reply->element[i]->element[1];

        cr_assert_lt(feed.count, FEED_MAX);
        struct feed_entry *entry = &feed.entries[feed.count++];
        *entry = (struct feed_entry){.duration_s = -1};
        for (size_t m = 0; m + 1 < members->elements; m += 2)
            take(entry, members->element[m]->str, members->element[m + 1]->str);
    }
    freeReplyObject(reply);
}

const struct feed *feed_read(struct store_fixture *fixture)
{
    feed.count = 0;
    if (fixture->kind != STORE_FIXTURE_MEMORY)
        read_redis(fixture);
    else
        read_memory(fixture);
    return &feed;
}

size_t feed_count(struct store_fixture *fixture, const char *type)
{
    const struct feed *all = feed_read(fixture);
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += strcmp(all->entries[i].type, type) == 0;
    return count;
}

struct feed_entry feed_only(struct store_fixture *fixture, const char *type)
{
    const struct feed *all = feed_read(fixture);
    const struct feed_entry *found = NULL;

    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->entries[i].type, type) != 0)
            continue;
        cr_assert_null(found, "there are several of type %s", type);
        found = &all->entries[i];
    }
    cr_assert_not_null(found, "there is none of type %s", type);
    return *found;
}

static void lose_in_redis(struct store_fixture *fixture)
{
    const char *prefix = store_fixture_key_prefix(fixture, partition_tag(0));

    redis_server_do(fixture->server, "XADD %sstream_events * type drain_started", prefix);
    redis_server_do(fixture->server, "XTRIM %sstream_events MAXLEN 1", prefix);
}

void feed_lose(struct store_fixture *fixture)
{
    struct store_query query = {.note = EVENT_DRAIN_STARTED};
    struct store_req req = {.op = STORE_NOTE, .query = &query};

    if (fixture->kind != STORE_FIXTURE_MEMORY) {
        lose_in_redis(fixture);
        return;
    }
    for (int i = 0; i < MEMORY_EVENTS_MAX; i++)
        cr_assert_eq(memory_do(fixture->memory, &req), ERR_OK);
}
