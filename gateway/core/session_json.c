/* A session as JSON: written by hand, since every create writes one; read with jansson. */
#include "session_json.h"

#include <assert.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "text.h"

#define HEARTBEAT_MEMBER ",\"lastHeartbeat\":\""

static_assert(sizeof HEARTBEAT_MEMBER - 1 + CLOCK_TEXT_LEN + sizeof SESSION_JSON_TAIL - 1 ==
                  SESSION_JSON_HEARTBEAT_LEN,
              "what a heartbeat looks at");

/* A member that is text, in a struct session. */
struct text_member {
    const char *name; /* in JSON */
    size_t offset;    /* in struct session */
    size_t max;       /* bytes, without the NUL */
};

/* Both in the order in which they are written; startedAt stands between them. */
static const struct text_member required[] = {
    {"userId", offsetof(struct session, user_id), SESSION_NAME_MAX},
    {"mediaId", offsetof(struct session, media_id), SESSION_NAME_MAX},
    {"deviceId", offsetof(struct session, device_id), SESSION_NAME_MAX},
    {"familyId", offsetof(struct session, family_id), SESSION_NAME_MAX},
};
static const struct text_member optional[] = {
    {"deviceName", offsetof(struct session, device_name), SESSION_NAME_MAX},
    {"mediaTitle", offsetof(struct session, media_title), SESSION_NAME_MAX},
    {"platform", offsetof(struct session, platform), SESSION_NAME_MAX},
    {"playerId", offsetof(struct session, player_id), SESSION_PLAYER_MAX},
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* Appends `"name":"text"`. */
static void add_member(struct buf *buf, const struct text_member *member,
                       const struct session *session)
{
    text_json_quote(buf, member->name);
    buf_add_char(buf, ':');
    text_json_quote(buf, (const char *)session + member->offset);
}

int session_json_parts(const struct session *session, struct buf *ret_head, struct buf *ret_middle)
{
    buf_add_char(ret_head, '{');
    for (size_t i = 0; i < LENGTH(required); i++) {
        add_member(ret_head, &required[i], session);
        buf_add_char(ret_head, ',');
    }
    buf_add_str(ret_head, "\"startedAt\":\"");

    buf_add_char(ret_middle, '"');
    for (size_t i = 0; i < LENGTH(optional); i++) {
        if (*((const char *)session + optional[i].offset) != '\0') {
            buf_add_char(ret_middle, ',');
            add_member(ret_middle, &optional[i], session);
        }
    }
    if (session->metadata[0] != '\0') {
        buf_add_str(ret_middle, ",\"metadata\":");
        buf_add_str(ret_middle, session->metadata);
    }
    buf_add_str(ret_middle, HEARTBEAT_MEMBER);
    return ret_head->failed || ret_middle->failed ? -1 : 0;
}

/* Copies a JSON string into its place. Returns 0; -1 where it is none or doesn't fit. */
static int read_text(const json_t *value, const struct text_member *member, struct session *session)
{
    size_t len = json_string_length(value);

    if (!json_is_string(value) || len > member->max)
        return -1;
    memcpy((char *)session + member->offset, json_string_value(value), len + 1);
    return 0;
}

static int read_time(const json_t *value, int64_t *ret_wall_ms)
{
    if (!json_is_string(value))
        return -1;
    return clock_parse(json_string_value(value), json_string_length(value), ret_wall_ms);
}

/* Keeps metadata as compact JSON. Returns 0; -1 where it is no object or too long. */
static int read_metadata(const json_t *value, char ret_text[SESSION_METADATA_MAX + 1])
{
    if (!json_is_object(value))
        return -1;

    size_t len = json_dumpb(value, ret_text, SESSION_METADATA_MAX, JSON_COMPACT);
    if (len == 0 || len > SESSION_METADATA_MAX)
        return -1;
    ret_text[len] = '\0';
    return 0;
}

/* The member; NULL where it isn't there, or null, as many a writer says that it has none. */
static json_t *given(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

/* Sets all that a session's JSON holds; *session is zeroed but for its id. */
static int read_members(const json_t *object, struct session *session)
{
    for (size_t i = 0; i < LENGTH(required); i++) {
        const json_t *value = json_object_get(object, required[i].name);

        if (read_text(value, &required[i], session) != 0 || json_string_length(value) == 0)
            return -1;
    }
    for (size_t i = 0; i < LENGTH(optional); i++) {
        const json_t *value = given(object, optional[i].name);

        if (value != NULL && read_text(value, &optional[i], session) != 0)
            return -1;
    }

    const json_t *metadata = given(object, "metadata");
    if (metadata != NULL && read_metadata(metadata, session->metadata) != 0)
        return -1;
    if (read_time(json_object_get(object, "startedAt"), &session->started_ms) != 0)
        return -1;
    return read_time(json_object_get(object, "lastHeartbeat"), &session->last_heartbeat_ms);
}

int session_json_parse(const char *text, size_t len, struct session *ret_session)
{
    json_auto_t *object = json_loadb(text, len, 0, NULL);
    struct session session = {0};

    if (!json_is_object(object) || read_members(object, &session) != 0)
        return -1;
    memcpy(session.id, ret_session->id, sizeof session.id);
    *ret_session = session;
    return 0;
}

/* For json_pack's `s*`, which leaves a member out that is NULL. */
static const char *null_if_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

json_t *session_document(const struct session *session)
{
    char started[CLOCK_TEXT_LEN + 1], last_heartbeat[CLOCK_TEXT_LEN + 1];
    json_t *metadata = NULL;

    if (session->metadata[0] != '\0') {
        metadata = json_loads(session->metadata, 0, NULL);
        if (metadata == NULL)
            return NULL;
    }
    clock_format(session->started_ms, started);
    clock_format(session->last_heartbeat_ms, last_heartbeat);

    /* clang-format off */
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:o*, s:s, s:s}",
                     "sessionId", session->id,
                     "userId", session->user_id,
                     "familyId", session->family_id,
                     "deviceId", session->device_id,
                     "mediaId", session->media_id,
                     "deviceName", null_if_empty(session->device_name),
                     "mediaTitle", null_if_empty(session->media_title),
                     "platform", null_if_empty(session->platform),
                     "playerId", null_if_empty(session->player_id),
                     "metadata", metadata,
                     "startedAt", started,
                     "lastHeartbeat", last_heartbeat);
    /* clang-format on */
}

char *session_json_edit(const char *text, size_t len, const char *media_id, const char *media_title,
                        int64_t last_heartbeat_ms)
{
    json_auto_t *object = json_loadb(text, len, 0, NULL);
    char time[CLOCK_TEXT_LEN + 1];

    if (!json_is_object(object))
        return NULL;
    if (media_id != NULL)
        json_object_set_new(object, "mediaId", json_string(media_id));
    if (media_title != NULL && media_title[0] != '\0')
        json_object_set_new(object, "mediaTitle", json_string(media_title));
    else if (media_title != NULL)
        json_object_del(object, "mediaTitle");

    json_t *last = json_incref(json_object_get(object, "lastHeartbeat"));
    if (last_heartbeat_ms >= 0) {
        json_decref(last);
        clock_format(last_heartbeat_ms, time);
        last = json_string(time);
    }
    json_object_del(object, "lastHeartbeat");
    if (last != NULL)
        json_object_set_new(object, "lastHeartbeat", last);
    return json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
}
