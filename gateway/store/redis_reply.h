/*
 * Reads what Redis answers into the members of a request, and writes the one JSON value that isn't a
 * session's: why a session ended. What stands in Redis may have been written by anybody; all of it is
 * checked.
 */
#ifndef REDIS_REPLY_H
#define REDIS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "store.h"

struct buf;
struct redisReply;

/*
 * So many elements an array may have; hiredis makes room for all that its head says before the first one comes.
 * The longest that we ask for is a family's list, two for each stream.
 */
#define REDIS_REPLY_ELEMENTS_MAX (1 << 20)

/* The n-th element of an array, as an integer; 0 where it is none. */
int64_t redis_reply_int(const struct redisReply *reply, size_t n);

/* The n-th element of an array, as a text; NULL where it is none. */
const char *redis_reply_text(const struct redisReply *reply, size_t n);

/* The n-th element of an array; NULL where there is none. */
const struct redisReply *redis_reply_element(const struct redisReply *reply, size_t n);

/* Copies an operator's message; "" where there is none, or it isn't one that may be shown. */
void redis_reply_copy_message(const char *message, char *ret_text, size_t size);

/* What an error reply calls for (DESIGN.md section 4). */
enum redis_error_kind {
    REDIS_ERROR_NOSCRIPT, /* load the scripts, once, and repeat */
    REDIS_ERROR_MOVED,    /* repeat at the node that it names, for good */
    REDIS_ERROR_ASK,      /* repeat at the node that it names, this once */
    REDIS_ERROR_TRYAGAIN, /* a slot on its way: repeat after a while */
    REDIS_ERROR_OUTAGE,   /* this Redis can serve nobody just now: LOADING, READONLY, OOM… */
    REDIS_ERROR_OPERATOR, /* nor us, until somebody changes a setting: NOAUTH, WRONGPASS, NOPERM */
    REDIS_ERROR_DATA,     /* a key holds another type: WRONGTYPE */
    REDIS_ERROR_OTHER,    /* what nobody thought of */
    REDIS_ERROR_KIND_COUNT
};

/*
 * The kind of an error, by the words that it begins with, also where Redis 6.2 wraps those of a script's
 * command. What stands behind them, names of keys for example, is never looked at.
 */
enum redis_error_kind redis_reply_error_kind(const struct redisReply *error);

/*
 * Where the words of an error begin, and how long they are, without the place in a script that Redis puts around
 * them: they are the same whichever of our scripts, and of its lines, meets it. All of any other text.
 */
const char *redis_reply_error_words(const char *error, size_t *ret_len);

/* Reads `session:<id>`. ERR_OK; ERR_INTERNAL where it is no session. id is left alone. */
enum err redis_reply_read_session(const struct redisReply *reply, struct session *ret_session);

/*
 * Reads `session_end:<id>`, which may be nil, or NULL where the reply has no such element: the session expired
 * then. Always ERR_SESSION_ENDED: one whose reason can't be read has ended all the same, and counts as expired.
 */
enum err redis_reply_read_end(const struct redisReply *reply, struct store_end *ret_end);

/* Appends the JSON of `session_end:<id>`. */
void redis_reply_write_end(const struct store_end *end, struct buf *out);

/*
 * Reads one of the streams of a list. A value that is no session takes a place all the same: it is listed by its
 * id, as just alive.
 */
void redis_reply_read_stream(const char *id, const struct redisReply *value, int64_t now_ms,
                             struct store_stream *ret_stream);

/*
 * Reads {sessionId, value, …} into req->streams, longest silent first, at most STORE_STREAMS_MAX. Returns 0;
 * -1 where memory runs out or the reply (NULL: there is none) is no such list.
 */
int redis_reply_read_streams(const struct redisReply *reply, int64_t now_ms, struct store_req *req);

/* The same of {sessionId, …} and {value, …}. */
int redis_reply_read_stream_lists(const struct redisReply *ids, const struct redisReply *values,
                                  int64_t now_ms, struct store_req *req);

#endif
