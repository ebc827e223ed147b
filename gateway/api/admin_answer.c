/* Documents that more than one call of the admin listener shows. */
#include "admin_private.h"
#include "log.h"

void admin_write_event(struct json_writer *writer, const struct event *event)
{
    json_writer_begin_object(writer, NULL);
    json_writer_text(writer, "id", event->id);
    if (event->type < EVENT_TYPE_COUNT)
        json_writer_text(writer, "type", event_type_word(event->type));
    json_writer_text_if_given(writer, "sessionId", event->session_id);
    json_writer_text_if_given(writer, "userId", event->user_id);
    json_writer_text_if_given(writer, "familyId", event->family_id);
    json_writer_text_if_given(writer, "deviceId", event->device_id);
    json_writer_text_if_given(writer, "mediaId", event->media_id);
    json_writer_time(writer, "time", event->time_ms);
    json_writer_text_if_given(writer, "cause", event->cause);
    json_writer_text_if_given(writer, "by", event->by);
    if (event->duration_s >= 0)
        json_writer_int(writer, "duration", event->duration_s);
    json_writer_end_object(writer);
}

/* A limit; 0, none, is null, as everywhere. */
static void write_limit(struct json_writer *writer, const char *name, uint32_t limit)
{
    if (limit == 0)
        json_writer_raw(writer, name, "null");
    else
        json_writer_int(writer, name, limit);
}

void admin_write_limits(struct json_writer *writer, const char *name,
                        const struct store_description *description)
{
    json_writer_begin_object(writer, name);
    write_limit(writer, "family", description->family_limit);
    write_limit(writer, "device", description->device_limit);
    json_writer_text(writer, "source", description->overridden ? "override" : "settings");
    if (description->limits_until_ms != 0)
        json_writer_time(writer, "expiresAt", description->limits_until_ms);
    json_writer_end_object(writer);
}

void admin_write_blocked(struct json_writer *writer, const struct store_description *description)
{
    if (description->blocked_until_ms == 0) {
        json_writer_raw(writer, "blocked", "null");
        return;
    }
    json_writer_begin_object(writer, "blocked");
    json_writer_time(writer, "until", description->blocked_until_ms);
    json_writer_text_if_given(writer, "message", description->message);
    json_writer_end_object(writer);
}

void admin_audit(const struct admin_call *call, const char *what, const char *kind,
                 const char *whom, const char *outcome)
{
    log_line(LOG_INFO, "audit", LOG_STR("by", call->who), LOG_STR("change", what),
             LOG_STR(kind != NULL ? kind : "about", kind != NULL ? whom : "this gateway"),
             LOG_STR("reason", call->ask.operator.why), LOG_STR("outcome", outcome),
             LOG_STR("code", err_word(call->err)), LOG_STR("id", http_request_id(call->http)));
}

void admin_reply_terminated(struct admin_call *call, uint64_t count)
{
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    json_writer_begin_object(&writer, NULL);
    json_writer_int(&writer, "terminated", (int64_t)count);
    json_writer_end_object(&writer);
    admin_call_reply(call, &body);
}
