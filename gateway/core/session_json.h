/*
 * A session as the JSON text that stands in `session:<id>` (DESIGN.md section 4).
 *
 *   {"userId":…,"mediaId":…,"deviceId":…,"familyId":…,"startedAt":…,…,"lastHeartbeat":…}
 *
 * lastHeartbeat is the last member and fixed in width, so that a heartbeat rewrites the time in
 * place. The sessionId is not in it; it is the key.
 */
#ifndef CORE_SESSION_JSON_H
#define CORE_SESSION_JSON_H

#include <stddef.h>

#include "session.h"

struct buf;
struct json_writer;

/*
 * The text in two parts, for a store whose own clock gives the times: the value is
 *   head + startedAt + middle + lastHeartbeat + SESSION_JSON_TAIL
 * with both times as clock_format writes them. Appends head and middle; returns 0, -1 where memory
 * runs out.
 */
int session_json_parts(const struct session *session, struct buf *ret_head, struct buf *ret_middle);

#define SESSION_JSON_TAIL "\"}"

/* Length of what a heartbeat looks at: `,"lastHeartbeat":"<24 characters>"}`. */
#define SESSION_JSON_HEARTBEAT_LEN 44

/*
 * Reads such a text, made by us or by another writer: unknown members are passed over, members may
 * stand in any order, an optional one may be null. Sets all of ret_session but id, which is left
 * alone. Returns 0; -1, and ret_session as it was, where it isn't a session: not JSON, a required
 * id missing, an ill-formed time, a member of another type or out of bounds.
 */
int session_json_parse(const char *text, size_t len, struct session *ret_session);

/*
 * Edits such a text, whoever wrote it: sets mediaId and mediaTitle (where not NULL; mediaTitle goes
 * where it is "") and lastHeartbeat (where not negative), keeps all other members as they are, and
 * puts lastHeartbeat last, as we write it. Returns the new text, which the caller frees; NULL where
 * text is no JSON object or memory runs out.
 */
char *session_json_edit(const char *text, size_t len, const char *media_id, const char *media_title,
                        int64_t last_heartbeat_ms);

/*
 * Writes the members that a session document (DESIGN.md section 2) has in common everywhere: sessionId,
 * userId, familyId, deviceId, mediaId, deviceName, mediaTitle, platform, playerId, metadata (where
 * given), startedAt, lastHeartbeat. The caller begins and ends the object.
 */
void session_json_document(struct json_writer *writer, const struct session *session);

#endif
