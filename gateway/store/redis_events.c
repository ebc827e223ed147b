/* The events of stream_events. */
#include "redis_events.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "redis_format_private.h"
#include "redis_reply.h"
#include "resp.h"
#include "text.h"

static const char NONE_YET[] = "0-0"; /* an id before all events */

/* -1, 0 or 1, as an id comes before another, is the same, however it is spelled, or comes behind it. */
static int compare_ids(const char *id, const char *other)
{
    uint64_t ms = 0, number = 0, other_ms = 0, other_number = 0;

    event_id_parse(id, &ms, &number);
    event_id_parse(other, &other_ms, &other_number);
    if (ms != other_ms)
        return ms < other_ms ? -1 : 1;
    return number != other_number ? (number < other_number ? -1 : 1) : 0;
}

static bool is_same_id(const char *id, const char *other)
{
    return compare_ids(id, other) == 0;
}

bool redis_events_is_asked(const struct store_events *events)
{
    uint64_t ms, number;

    return events->newest || events->after[0] == '\0' ||
           event_id_parse(events->after, &ms, &number) == 0;
}

/* The first events from an id on, up to another; the last ones before an id ("+": of all). At most so many. */
static void format_first(const struct redis_format *format, struct buf *out, const char *from,
                         const char *to, int64_t count)
{
    resp_command(out, 6);
    resp_text(out, "XRANGE");
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, from);
    resp_text(out, to);
    resp_text(out, "COUNT");
    resp_int(out, count);
}

static void format_last(const struct redis_format *format, struct buf *out, const char *before,
                        int64_t count)
{
    resp_command(out, 6);
    resp_text(out, "XREVRANGE");
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, before);
    resp_text(out, "-");
    resp_text(out, "COUNT");
    resp_int(out, count);
}

void redis_events_format(const struct redis_format *format, const struct store_req *req,
                         struct buf *out)
{
    const struct store_events *events = &req->query->events;
    char before[sizeof(event_id) + 1] = "+";

    if (events->newest) {
        format_last(format, out, "+", 1);
    } else if (events->backwards) {
        if (events->after[0] != '\0') /* Redis knows nothing before 0-0, and refuses to look */
            snprintf(before, sizeof before, "%s%s", is_same_id(events->after, NONE_YET) ? "" : "(",
                     events->after);
        format_last(format, out, before, events->most);
    } else if (events->after[0] != '\0') {
        /* The one last seen too: that it is there says that none behind it was trimmed. */
        format_first(format, out, events->after, "+", (int64_t)events->most + 1);
    } else {
        format_first(format, out, "-", "+", events->most);
    }
}

void redis_events_format_doubt(const struct redis_format *format,
                               const struct redis_events_doubt *doubt, struct buf *out)
{
    if (doubt->kind == REDIS_EVENTS_BEFORE) {
        format_first(format, out, "-", doubt->after, 1);
    } else if (doubt->kind == REDIS_EVENTS_NEWEST) {
        format_last(format, out, "+", 1);
    } else {
        resp_command(out, 2);
        resp_text(out, "XLEN");
        redis_format_key(format, out, "stream_events", "");
    }
}

/* The n-th entry's id; NULL where there is none. */
static const char *id_of(const redisReply *reply, size_t n)
{
    const redisReply *entry = redis_reply_element(reply, n);

    return entry != NULL ? redis_reply_text(entry, 0) : NULL;
}

/* A text of an event; "" where it is none that a name or a word could be. */
static const char *read_text(const redisReply *value)
{
    bool fits = value->len <= SESSION_NAME_MAX && text_is_printable(value->str, value->len);

    return fits ? value->str : "";
}

static void read_member(const char *name, const redisReply *value, struct event *event)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"sessionId", &event->session_id},
        {"userId", &event->user_id},
        {"familyId", &event->family_id},
        {"deviceId", &event->device_id},
        {"mediaId", &event->media_id},
        {"cause", &event->cause},
        {"by", &event->by},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0)
            *texts[i].text = read_text(value);
    }
    if (strcmp(name, "type") == 0)
        event->type = event_type_of(read_text(value));
    else if (strcmp(name, "time") == 0)
        clock_parse(value->str, value->len, &event->time_ms);
    else if (strcmp(name, "duration") == 0 && value->len > 0 && value->len < 12 &&
             strspn(value->str, "0123456789") == value->len)
        event->duration_s = strtoll(value->str, NULL, 10);
}

/* Reads an entry, {id, {name, value, …}}. Its texts are the reply's. */
static int read_entry(const redisReply *entry, struct event *ret_event)
{
    const redisReply *members = redis_reply_element(entry, 1);
    const char *id = redis_reply_text(entry, 0);
    uint64_t ms, number;

    *ret_event = (struct event){.type = EVENT_TYPE_COUNT,
                                .session_id = "",
                                .user_id = "",
                                .family_id = "",
                                .device_id = "",
                                .media_id = "",
                                .cause = "",
                                .by = "",
                                .duration_s = -1};
    if (id == NULL || members == NULL || event_id_parse(id, &ms, &number) != 0)
        return -1;
    event_id_format(ms, number, ret_event->id);
    ret_event->time_ms = (int64_t)ms; /* unless it says so itself */
    for (size_t i = 0; i + 1 < members->elements; i += 2) {
        const redisReply *value = members->element[i + 1];

        if (redis_reply_text(members, i) != NULL && value->type == REDIS_REPLY_STRING)
            read_member(members->element[i]->str, value, ret_event);
    }
    return 0;
}

static bool matches(const struct store_filter *filter, const struct event *event)
{
    return store_filter_matches(filter, event->family_id, event->device_id, event->user_id,
                                event->media_id);
}

/* Reads the entries from the n-th on: those that match, and the last one's id. */
static enum err read_entries(const redisReply *reply, size_t n, struct store_events *events)
{
    size_t end = reply->elements < n + events->most ? reply->elements : n + events->most;
    struct event *read = calloc(reply->elements + 1, sizeof *read);
    size_t count = 0;

    if (read == NULL)
        return ERR_INTERNAL;
    for (; n < end; n++) {
        if (read_entry(reply->element[n], &read[count]) != 0)
            continue;
        memcpy(events->after, read[count].id, sizeof events->after);
        count += matches(&events->filter, &read[count]) ? 1 : 0;
    }
    events->events = event_pack(read, count);
    events->count = events->events != NULL ? count : 0;
    free(read);
    return events->events != NULL ? ERR_OK : ERR_INTERNAL;
}

/* Moves to the newest event, which this is; NULL where there is none yet. */
static enum err move_to(struct store_events *events, const char *id)
{
    return text_copy(events->after, sizeof events->after, id != NULL ? id : NONE_YET) == 0
               ? ERR_OK
               : ERR_INTERNAL;
}

enum err redis_events_read(const redisReply *reply, struct store_events *events,
                           struct redis_events_doubt *ret_doubt)
{
    const char *first = id_of(reply, 0);
    bool resumes = !events->newest && !events->backwards && events->after[0] != '\0';
    bool knows_none = resumes && is_same_id(events->after, NONE_YET);
    bool is_there = resumes && first != NULL && is_same_id(first, events->after);

    *ret_doubt = (struct redis_events_doubt){.kind = REDIS_EVENTS_NO_DOUBT};
    if (reply->type != REDIS_REPLY_ARRAY)
        return ERR_INTERNAL;
    if (events->newest)
        return move_to(events, first);
    if (resumes && first != NULL && !is_there)
        ret_doubt->kind = knows_none ? REDIS_EVENTS_LENGTH : REDIS_EVENTS_BEFORE;
    else if (resumes && first == NULL && !knows_none)
        ret_doubt->kind = REDIS_EVENTS_NEWEST;
    memcpy(ret_doubt->after, events->after, sizeof ret_doubt->after);
    return read_entries(reply, is_there ? 1 : 0, events);
}

enum err redis_events_settle(const redisReply *reply, const struct redis_events_doubt *doubt,
                             long long kept, struct store_events *events)
{
    const char *id = id_of(reply, 0);
    int wanted = doubt->kind == REDIS_EVENTS_LENGTH ? REDIS_REPLY_INTEGER : REDIS_REPLY_ARRAY;

    if (reply->type != wanted)
        return ERR_INTERNAL;
    if (doubt->kind == REDIS_EVENTS_LENGTH)
        events->gap = reply->integer >= kept;
    else if (doubt->kind == REDIS_EVENTS_BEFORE)
        events->gap = id == NULL;
    else
        events->gap = compare_ids(id != NULL ? id : NONE_YET, doubt->after) < 0;
    return doubt->kind == REDIS_EVENTS_NEWEST && events->gap ? move_to(events, id) : ERR_OK;
}
