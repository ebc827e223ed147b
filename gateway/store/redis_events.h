/*
 * The events of stream_events.
 *
 * One XRANGE brings them, from the last one that the caller has seen on. Where that one is no longer there it says
 * too little: whether others behind it are lost as well is asked by a second command.
 */
#ifndef REDIS_EVENTS_H
#define REDIS_EVENTS_H

#include "store.h"
#include "store_query.h"

struct buf;
struct redis_format;
struct redisReply;

/* What must still be asked. */
struct redis_events_doubt {
    enum {
        REDIS_EVENTS_NO_DOUBT, /* nothing */
        REDIS_EVENTS_BEFORE,   /* whether the stream begins before the event last seen */
        REDIS_EVENTS_LENGTH,   /* whether a stream that is read from its beginning was trimmed */
        REDIS_EVENTS_NEWEST    /* whether the stream ends before the event last seen */
    } kind;
    event_id after; /* the event last seen */
};

/* Whether events can be asked for: `after` is "", or an event's id, or isn't looked at. */
bool redis_events_is_asked(const struct store_events *events);

/* Appends the command for events; the one that settles a doubt. */
void redis_events_format(const struct redis_format *format, const struct store_req *req,
                         struct buf *out);
void redis_events_format_doubt(const struct redis_format *format,
                               const struct redis_events_doubt *doubt, struct buf *out);

/*
 * Reads events: sets all that EVENTS sets but gap, which the reply to the doubt's command tells. ERR_OK, or
 * ERR_INTERNAL. What other writers put there is read as far as it has our shape.
 */
enum err redis_events_read(const struct redisReply *reply, struct store_events *events,
                           struct redis_events_doubt *ret_doubt);

/*
 * Settles a doubt: sets gap and, where the stream ends before it, after. `kept`: so many events are kept at least.
 * ERR_OK, or ERR_INTERNAL.
 */
enum err redis_events_settle(const struct redisReply *reply, const struct redis_events_doubt *doubt,
                             long long kept, struct store_events *events);

#endif
