/* Documents that more than one call of the admin listener shows. */
#include "admin_private.h"

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
