/*
 * A session as JSON: written by hand, since every create writes one.
 *
 * It is read on the way of every check that Redis answers, so what we wrote ourselves is known by
 * its exact shape and read in one pass. Whatever is shaped otherwise (other members or another
 * order, escapes, blanks) is read with jansson, from its beginning, to the same result.
 */
#include "session_json.h"

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "json_writer.h"
#include "text.h"

#define STARTED_MEMBER   "\"startedAt\":\""
#define METADATA_MEMBER  ",\"metadata\":"
#define HEARTBEAT_MEMBER ",\"lastHeartbeat\":\""

static_assert(sizeof HEARTBEAT_MEMBER - 1 + CLOCK_TEXT_LEN + sizeof SESSION_JSON_TAIL - 1 ==
                  SESSION_JSON_HEARTBEAT_LEN,
              "what a heartbeat looks at");

/* A member that is text, in a struct session. */
struct text_member {
    const char *name;   /* in JSON */
    const char *before; /* what stands before the text itself: `"name":"` */
    size_t before_len;  /* of it */
    size_t offset;      /* in struct session */
    size_t max;         /* bytes, without the NUL */
};

#define TEXT_MEMBER(name, field, max)                                                              \
    {                                                                                              \
        name, "\"" name "\":\"", sizeof name + 3, offsetof(struct session, field), max             \
    }

/* Both in the order in which they are written; startedAt stands between them. */
static const struct text_member required[] = {
    TEXT_MEMBER("userId", user_id, SESSION_NAME_MAX),
    TEXT_MEMBER("mediaId", media_id, SESSION_NAME_MAX),
    TEXT_MEMBER("deviceId", device_id, SESSION_NAME_MAX),
    TEXT_MEMBER("familyId", family_id, SESSION_NAME_MAX),
};
static const struct text_member optional[] = {
    TEXT_MEMBER("deviceName", device_name, SESSION_NAME_MAX),
    TEXT_MEMBER("mediaTitle", media_title, SESSION_NAME_MAX),
    TEXT_MEMBER("platform", platform, SESSION_NAME_MAX),
    TEXT_MEMBER("playerId", player_id, SESSION_PLAYER_MAX),
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* ---- Writing ---- */

/* Appends `"name":"text"`. */
static void add_member(struct buf *buf, const struct text_member *member,
                       const struct session *session)
{
    buf_add(buf, member->before, member->before_len - 1); /* the quote comes with the text */
    text_json_quote(buf, (const char *)session + member->offset);
}

int session_json_parts(const struct session *session, struct buf *ret_head, struct buf *ret_middle)
{
    buf_add_char(ret_head, '{');
    for (size_t i = 0; i < LENGTH(required); i++) {
        add_member(ret_head, &required[i], session);
        buf_add_char(ret_head, ',');
    }
    buf_add_str(ret_head, STARTED_MEMBER);

    buf_add_char(ret_middle, '"');
    for (size_t i = 0; i < LENGTH(optional); i++) {
        if (*((const char *)session + optional[i].offset) != '\0') {
            buf_add_char(ret_middle, ',');
            add_member(ret_middle, &optional[i], session);
        }
    }
    if (session->metadata[0] != '\0') {
        buf_add_str(ret_middle, METADATA_MEMBER);
        buf_add_str(ret_middle, session->metadata);
    }
    buf_add_str(ret_middle, HEARTBEAT_MEMBER);
    return ret_head->failed || ret_middle->failed ? -1 : 0;
}

/* ---- Reading with jansson ---- */

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

/* Reads whatever is JSON. Returns 0; -1 where it is no session. */
static int read_any(const char *text, size_t len, struct session *session)
{
    json_auto_t *object = json_loadb(text, len, 0, NULL);

    return json_is_object(object) ? read_members(object, session) : -1;
}

/* ---- Reading what we wrote ---- */

/* What is still to be read. */
struct rest {
    const char *at;  /* the next byte */
    const char *end; /* behind the last one */
};

/* Passes over these very bytes. false: something else stands there, and nothing was passed. */
static inline bool take(struct rest *rest, const char *bytes, size_t len)
{
    if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, bytes, len) != 0)
        return false;
    rest->at += len;
    return true;
}

#define TAKE(rest, literal) take(rest, literal, sizeof(literal) - 1)

/*
 * Copies a string without escapes into its place, and passes over it and its closing quote. false where it
 * is anything else, also where jansson would have to say whether it is UTF-8.
 */
static bool take_text(struct rest *rest, const struct text_member *member, struct session *session)
{
    const char *from = rest->at, *at = from;
    unsigned char bits = 0; /* of all the bytes: the highest one shows what isn't ASCII */

    for (; at < rest->end && *at != '"'; at++) {
        unsigned char c = (unsigned char)*at;

        if (c < 0x20 || c == '\\')
            return false;
        bits |= c;
    }
    size_t len = (size_t)(at - from);
    if (at == rest->end || len > member->max || (bits >= 0x80 && !text_is_printable(from, len)))
        return false;
    memcpy((char *)session + member->offset, from, len);
    rest->at = at + 1;
    return true;
}

static bool take_time(struct rest *rest, int64_t *ret_wall_ms)
{
    if (rest->end - rest->at < CLOCK_TEXT_LEN ||
        clock_parse(rest->at, CLOCK_TEXT_LEN, ret_wall_ms) != 0)
        return false;
    rest->at += CLOCK_TEXT_LEN;
    return true;
}

/* Metadata reaches to the last heartbeat. What is more than one object there isn't ours. */
static bool take_metadata(struct rest *rest, struct session *session)
{
    if (rest->end - rest->at < SESSION_JSON_HEARTBEAT_LEN)
        return false;

    const char *end = rest->end - SESSION_JSON_HEARTBEAT_LEN;
    json_auto_t *metadata = json_loadb(rest->at, (size_t)(end - rest->at), 0, NULL);
    rest->at = end;
    return read_metadata(metadata, session->metadata) == 0;
}

/* Reads a text of exactly the shape that session_json_parts gives it; false where it has another one. */
static bool read_own(const char *text, size_t len, struct session *session)
{
    struct rest rest = {text, text + len};

    if (!TAKE(&rest, "{"))
        return false;
    for (size_t i = 0; i < LENGTH(required); i++) {
        const struct text_member *member = &required[i];

        if (!take(&rest, member->before, member->before_len) ||
            !take_text(&rest, member, session) ||
            *((const char *)session + member->offset) == '\0' || !TAKE(&rest, ","))
            return false;
    }
    if (!TAKE(&rest, STARTED_MEMBER) || !take_time(&rest, &session->started_ms) ||
        !TAKE(&rest, "\""))
        return false;
    for (size_t i = 0; i < LENGTH(optional); i++) {
        struct rest behind_comma = rest;

        if (TAKE(&behind_comma, ",") &&
            take(&behind_comma, optional[i].before, optional[i].before_len)) {
            rest = behind_comma;
            if (!take_text(&rest, &optional[i], session))
                return false;
        }
    }
    if (TAKE(&rest, METADATA_MEMBER) && !take_metadata(&rest, session))
        return false;
    return TAKE(&rest, HEARTBEAT_MEMBER) && take_time(&rest, &session->last_heartbeat_ms) &&
           TAKE(&rest, SESSION_JSON_TAIL) && rest.at == rest.end;
}

int session_json_parse(const char *text, size_t len, struct session *ret_session)
{
    struct session session = {0};

    if (!read_own(text, len, &session)) {
        session = (struct session){0};
        if (read_any(text, len, &session) != 0)
            return -1;
    }
    memcpy(session.id, ret_session->id, sizeof session.id);
    *ret_session = session;
    return 0;
}

/* ---- Other forms ---- */

void session_json_document(struct json_writer *writer, const struct session *session)
{
    json_writer_text(writer, "sessionId", session->id);
    json_writer_text(writer, "userId", session->user_id);
    json_writer_text(writer, "familyId", session->family_id);
    json_writer_text(writer, "deviceId", session->device_id);
    json_writer_text(writer, "mediaId", session->media_id);
    json_writer_text_if_given(writer, "deviceName", session->device_name);
    json_writer_text_if_given(writer, "mediaTitle", session->media_title);
    json_writer_text_if_given(writer, "platform", session->platform);
    json_writer_text_if_given(writer, "playerId", session->player_id);
    if (session->metadata[0] != '\0')
        json_writer_raw(writer, "metadata", session->metadata);
    json_writer_time(writer, "startedAt", session->started_ms);
    json_writer_time(writer, "lastHeartbeat", session->last_heartbeat_ms);
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
