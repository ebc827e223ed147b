/* Answers that more than one handler gives. */
#include <stdlib.h>
#include <string.h>

#include "api_private.h"
#include "clock.h"
#include "session_json.h"

struct http_response *api_json_response(int status, json_t *body)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct http_response *response = NULL;

    if (text != NULL)
        response = http_response_new(status, "application/json", text, strlen(text));
    free(text);
    json_decref(body);
    return response;
}

void api_reply_json(struct http_request *http, int status, json_t *body)
{
    http_reply(http, api_json_response(status, body));
}

json_t *api_time(int64_t wall_ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(wall_ms, text);
    return json_string(text);
}

static json_t *limit_or_null(uint32_t limit)
{
    return limit == 0 ? json_null() : json_integer(limit);
}

json_t *api_usage(const struct store_usage *usage)
{
    return json_pack("{s:{s:I,s:o},s:{s:I,s:o}}", "family", "active",
                     (json_int_t)usage->family_active, "limit", limit_or_null(usage->family_limit),
                     "device", "active", (json_int_t)usage->device_active, "limit",
                     limit_or_null(usage->device_limit));
}

json_t *api_session_document(const struct api *api, const struct session *session,
                             int64_t expires_ms)
{
    json_t *document = session_document(session);

    json_object_set_new(document, "expiresAt", api_time(expires_ms));
    json_object_set_new(document, "ttl", json_integer(api->options.ttl_s));
    json_object_set_new(document, "heartbeatInterval",
                        json_integer(api->options.heartbeat_interval_s));
    return document;
}

/* One of the streams in the way, as a member of this family may see it. */
static json_t *stream_in_the_way(const struct store_stream *stream, const char *family_id)
{
    static const char *const shown[] = {"sessionId", "deviceId",   "deviceName", "platform",
                                        "mediaId",   "mediaTitle", "startedAt",  "lastHeartbeat"};

    if (strcmp(stream->session.family_id, family_id) != 0)
        return json_pack("{s:b}", "other", 1);

    json_auto_t *document = session_document(&stream->session);
    json_t *entry = json_object();
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (json_object_get(document, shown[i]) != NULL)
            json_object_set(entry, shown[i], json_object_get(document, shown[i]));
    json_object_set_new(entry, "idleSeconds", json_integer(stream->idle_s));
    return entry;
}

/* The members that a 409 has beside those of every problem. */
static json_t *refusal_members(const struct api_call *call)
{
    const struct store_req *store = &call->store;
    bool device = store->err == ERR_DEVICE_LIMIT;
    json_t *sessions = json_array();

    for (size_t i = 0; i < store->stream_count; i++)
        json_array_append_new(sessions,
                              stream_in_the_way(&store->streams[i], store->session.family_id));
    return json_pack("{s:s,s:I,s:I,s:o}", "limit", device ? "device" : "family", "max",
                     (json_int_t)(device ? store->usage.device_limit : store->usage.family_limit),
                     "active",
                     (json_int_t)(device ? store->usage.device_active : store->usage.family_active),
                     "sessions", sessions);
}

/* The members that a 410 has. */
static json_t *end_members(const struct store_end *end)
{
    json_t *members = json_pack("{s:s}", "reason", end_reason_word(end->reason));

    if (end->message[0] != '\0')
        json_object_set_new(members, "message", json_string(end->message));
    if (end->reason == END_REPLACED && end->by[0] != '\0')
        json_object_set_new(members, "by", json_string(end->by));
    return members;
}

static void reply_problem(struct http_request *http, enum err code, const char *detail,
                          json_t *members)
{
    char *text = members != NULL ? json_dumps(members, JSON_COMPACT) : NULL;
    json_decref(members);
    if (text == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return;
    }

    text[strlen(text) - 1] = '\0'; /* the members, without the object's braces */
    http_request_note_err(http, code);
    http_reply(http, http_problem_response(code, detail, text + 1, 0));
    free(text);
}

static const char *const end_details[END_REASON_COUNT] = {
    [END_STOPPED] = "the stream was stopped",
    [END_EXPIRED] = "the stream has been silent for too long",
    [END_REPLACED] = "another stream took this one's place",
    [END_DISPLACED] = "the stream was silent, and its place was needed",
    [END_TERMINATED] = "the stream was ended by the operator",
};

void api_reply_outcome(struct http_request *http, const struct api_call *call)
{
    switch (call->store.err) {
    case ERR_DEVICE_LIMIT:
    case ERR_FAMILY_LIMIT:
        reply_problem(http, call->store.err, NULL, refusal_members(call));
        break;
    case ERR_SESSION_ENDED:
        reply_problem(http, ERR_SESSION_ENDED, end_details[call->store.end.reason],
                      end_members(&call->store.end));
        break;
    case ERR_FORBIDDEN:
        http_problem(http, ERR_FORBIDDEN,
                     call->store.end.message[0] != '\0' ? call->store.end.message
                                                        : "new streams are blocked");
        break;
    case ERR_RATE_LIMITED:
        http_request_note_err(http, ERR_RATE_LIMITED);
        http_reply(http, http_problem_response(ERR_RATE_LIMITED, "too many creates by this user",
                                               NULL, (int)call->store.retry_after_s));
        break;
    default:
        http_problem(http, call->store.err, NULL);
        break;
    }
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
