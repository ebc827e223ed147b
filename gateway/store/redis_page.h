/*
 * Pages of the live sessions in Redis. They go through session_expiry (scripts/page.lua), or, where the filter names
 * a family or a device, through its set (scripts/page_set.lua).
 *
 * A cursor is "<score>:<name>" of the last place looked at, the name in hexadecimal; in a set places have no score.
 */
#ifndef REDIS_PAGE_H
#define REDIS_PAGE_H

#include <stdbool.h>

#include "store.h"
#include "store_query.h"

struct buf;
struct redis_format;
struct redisReply;

/* Whether a page's cursor is one that redis_page_read made for the same filter, or "". */
bool redis_page_is_ours(const struct store_page *page);

/* Appends the command for a page, whose cursor is ours. */
void redis_page_format(const struct redis_format *format, const struct store_req *req,
                       struct buf *out);

/*
 * Reads a page: sets req->streams, those that match all of the filter, now_ms, and the cursor. ERR_OK, or
 * ERR_INTERNAL.
 */
enum err redis_page_read(const struct redisReply *reply, struct store_req *req);

#endif
