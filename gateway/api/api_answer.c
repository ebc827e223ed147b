/* Answers that more than one handler gives. */
#include <string.h>

#include "api_private.h"
#include "session_json.h"

void api_reply_json(struct http_request *http, int status, struct buf *body)
{
    if (body->failed)
        http_reply(http, NULL);
    else
        http_reply_json(http, status, body->data, body->len);
    buf_done(body);
}

void api_write_count(struct json_writer *writer, const char *name, uint32_t active, uint32_t limit)
{
    json_writer_begin_object(writer, name);
    json_writer_int(writer, "active", active);
    if (limit == 0)
        json_writer_raw(writer, "limit", "null");
    else
        json_writer_int(writer, "limit", limit);
    json_writer_end_object(writer);
}

void api_write_session(struct json_writer *writer, const struct api *api,
                       const struct session *session, int64_t expires_ms)
{
    session_json_document(writer, session);
    json_writer_time(writer, "expiresAt", expires_ms);
    json_writer_int(writer, "ttl", api->options.ttl_s);
    json_writer_int(writer, "heartbeatInterval", api->options.heartbeat_interval_s);
}

void api_write_stream(struct json_writer *writer, const struct api *api,
                      const struct store_stream *stream)
{
    const struct session *session = &stream->session;

    json_writer_begin_object(writer, NULL);
    api_write_session(writer, api, session, session->last_heartbeat_ms + api->options.ttl_s * 1000);
    json_writer_int(writer, "idleSeconds", stream->idle_s);
    json_writer_end_object(writer);
}

/* One of the streams in the way, as a member of this family may see it. */
static void write_stream_in_the_way(struct json_writer *writer, const struct store_stream *stream,
                                    const char *family_id)
{
    const struct session *session = &stream->session;

    json_writer_begin_object(writer, NULL);
    if (strcmp(session->family_id, family_id) != 0) {
        json_writer_raw(writer, "other", "true");
    } else {
        json_writer_text(writer, "sessionId", session->id);
        json_writer_text(writer, "deviceId", session->device_id);
        json_writer_text_if_given(writer, "deviceName", session->device_name);
        json_writer_text_if_given(writer, "platform", session->platform);
        json_writer_text(writer, "mediaId", session->media_id);
        json_writer_text_if_given(writer, "mediaTitle", session->media_title);
        json_writer_time(writer, "startedAt", session->started_ms);
        json_writer_time(writer, "lastHeartbeat", session->last_heartbeat_ms);
        json_writer_int(writer, "idleSeconds", stream->idle_s);
    }
    json_writer_end_object(writer);
}

/* The members that a 409 has beside those of every problem. */
static void write_refusal(struct json_writer *writer, const struct store_req *store)
{
    const struct store_usage *usage = &store->usage;
    bool device = store->err == ERR_DEVICE_LIMIT;

    json_writer_text(writer, "limit", device ? "device" : "family");
    json_writer_int(writer, "max", device ? usage->device_limit : usage->family_limit);
    json_writer_int(writer, "active", device ? usage->device_active : usage->family_active);
    json_writer_begin_array(writer, "sessions");
    for (size_t i = 0; i < store->stream_count; i++)
        write_stream_in_the_way(writer, &store->streams[i], store->session.family_id);
    json_writer_end_array(writer);
}

/* The members that a 410 has. */
static void write_end(struct json_writer *writer, const struct store_end *end)
{
    json_writer_text(writer, "reason", end_reason_word(end->reason));
    json_writer_text_if_given(writer, "message", end->message);
    if (end->reason == END_REPLACED)
        json_writer_text_if_given(writer, "by", end->by);
}

/* Answers with a problem that has members of its own. Frees them. */
static void reply_problem(struct http_request *http, enum err code, const char *detail,
                          struct buf *members)
{
    const char *text = buf_text(members);

    if (text == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
    } else {
        http_request_note_err(http, code);
        http_reply(http, http_problem_response(code, detail, text, 0));
    }
    buf_done(members);
}

static const char *const end_details[END_REASON_COUNT] = {
    [END_STOPPED] = "the stream was stopped",
    [END_EXPIRED] = "the stream has been silent for too long",
    [END_REPLACED] = "another stream took this one's place",
    [END_DISPLACED] = "the stream was silent, and its place was needed",
    [END_TERMINATED] = "the stream was ended by the operator",
};

void api_reply_refusal(struct http_request *http, const struct store_req *store)
{
    struct buf members = BUF_EMPTY;
    struct json_writer writer = {.out = &members};

    switch (store->err) {
    case ERR_DEVICE_LIMIT:
    case ERR_FAMILY_LIMIT:
        write_refusal(&writer, store);
        reply_problem(http, store->err, NULL, &members);
        break;
    case ERR_SESSION_ENDED:
        write_end(&writer, &store->end);
        reply_problem(http, ERR_SESSION_ENDED, end_details[store->end.reason], &members);
        break;
    case ERR_FORBIDDEN:
        http_problem(http, ERR_FORBIDDEN,
                     store->end.message[0] != '\0' ? store->end.message
                                                   : "new streams are blocked");
        break;
    case ERR_RATE_LIMITED:
        http_request_note_err(http, ERR_RATE_LIMITED);
        http_reply(http, http_problem_response(ERR_RATE_LIMITED, "too many creates by this user",
                                               NULL, (int)store->retry_after_s));
        break;
    default:
        http_problem(http, store->err, NULL);
        break;
    }
}

void api_reply_outcome(struct http_request *http, const struct api_call *call)
{
    api_reply_refusal(http, &call->store);
}

void api_on_ended(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        http_reply(call->http, http_response_ref(call->api->no_content));
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}
