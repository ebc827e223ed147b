/* What operators alone ask for, as commands. */
#include "redis_format_private.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "resp.h"
#include "store_query.h"

/* {"revokedAt":<time>,"blockedUntil":<time>,"message":…}, the times put in by the script. */
void redis_format_revoke(const struct redis_format *format, const struct store_req *req,
                         struct buf *out)
{
    bool family = req->session.family_id[0] != '\0';
    const char *name = family ? req->session.family_id : req->session.device_id;
    struct store_end end = req->end;
    char *message = NULL;
    struct buf last = BUF_EMPTY;

    end.reason = END_TERMINATED;
    buf_add_char(&last, '"');
    if (end.message[0] != '\0') {
        json_auto_t *text = json_string(end.message);

        message = json_dumps(text, JSON_ENCODE_ANY);
        last.failed = message == NULL;
        buf_printf(&last, ",\"message\":%s", message != NULL ? message : "");
    }
    buf_add_char(&last, '}');
    free(message);

    redis_format_script(format, out, REDIS_SCRIPT_REVOKE, 4, 12);
    redis_format_key(format, out, family ? "family_revoked:" : "device_revoked:", name);
    redis_format_key(format, out, family ? "family_streams:" : "device_streams:", name);
    redis_format_key(format, out, "session_expiry", "");
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, format->prefix);
    redis_format_end(out, &end);
    resp_int(out, format->options->max_age_ms);
    resp_int(out, req->for_ms);
    resp_text(out, family ? "familyId" : "deviceId");
    resp_text(out, name);
    resp_text(out, "{\"revokedAt\":\"");
    resp_text(out, "\",\"blockedUntil\":\"");
    redis_format_buf(out, &last);
    resp_text(out, req->operator.why);
    resp_text(out, req->operator.name);
    resp_text(out, req->told_elsewhere ? "" : "tell");
}

/* {"family":…,"device":…}; nothing where there is to be no override. */
static void write_limits(const struct store_create *create, struct buf *out)
{
    if (create->family_limit < 0 && create->device_limit < 0)
        return;
    buf_add_char(out, '{');
    if (create->family_limit >= 0)
        buf_printf(out, "\"family\":%d%s", create->family_limit,
                   create->device_limit >= 0 ? "," : "");
    if (create->device_limit >= 0)
        buf_printf(out, "\"device\":%d", create->device_limit);
    buf_add_char(out, '}');
}

void redis_format_set_limits(const struct redis_format *format, const struct store_req *req,
                             struct buf *out)
{
    struct buf limits = BUF_EMPTY;

    write_limits(&req->create, &limits);
    redis_format_script(format, out, REDIS_SCRIPT_SET_LIMITS, 2, 5);
    redis_format_key(format, out, "family_limits:", req->session.family_id);
    redis_format_key(format, out, "stream_events", "");
    redis_format_buf(out, &limits);
    resp_int(out, req->for_ms);
    resp_text(out, req->session.family_id);
    resp_text(out, req->operator.why);
    resp_text(out, req->operator.name);
}

void redis_format_describe(const struct redis_format *format, const struct store_req *req,
                           struct buf *out)
{
    bool family = req->session.family_id[0] != '\0';
    const char *name = family ? req->session.family_id : req->session.device_id;

    redis_format_script(format, out, REDIS_SCRIPT_DESCRIBE, family ? 3 : 2, 3);
    redis_format_key(format, out, family ? "family_streams:" : "device_streams:", name);
    redis_format_key(format, out, family ? "family_revoked:" : "device_revoked:", name);
    if (family)
        redis_format_key(format, out, "family_limits:", name);
    resp_text(out, format->prefix);
    resp_int(out, format->options->family_limit);
    resp_int(out, format->options->device_limit);
}

void redis_format_count(const struct redis_format *format, const struct store_req *req,
                        struct buf *out)
{
    (void)req;
    redis_format_script(format, out, REDIS_SCRIPT_COUNTS, 1, 2);
    redis_format_key(format, out, "session_expiry", "");
    resp_text(out, format->prefix);
    resp_int(out, format->options->ttl_ms);
}

void redis_format_note(const struct redis_format *format, const struct store_req *req,
                       struct buf *out)
{
    const struct session *session = &req->session;
    bool has_id = session_id_is_valid(session->id, strlen(session->id));

    redis_format_script(format, out, REDIS_SCRIPT_NOTE, 1, 8);
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, event_type_word(req->query->note));
    resp_text(out, has_id ? session->id : "");
    resp_text(out, session->user_id);
    resp_text(out, session->family_id);
    resp_text(out, session->device_id);
    resp_text(out, session->media_id);
    resp_text(out, req->operator.why);
    resp_text(out, req->operator.name);
}
