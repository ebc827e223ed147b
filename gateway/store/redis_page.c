/* Pages of the live sessions in Redis. */
#include "redis_page.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "redis_format_private.h"
#include "redis_reply.h"
#include "resp.h"
#include "text.h"

/*
 * How many entries one script looks at, and how many values it reads, at most: it holds up all others for less
 * than half a millisecond. To see that an entry isn't of a user costs little.
 */
enum { READ_MAX = 100, LOOK_FOR_USER_MAX = 500 };

/* A place in the order of a page's sessions: behind it goes the next one on. */
struct place {
    char score[32];               /* as Redis writes it; "" in a set */
    uint8_t name[SESSION_ID_LEN]; /* the first bytes of the member; of none at the beginning */
    size_t name_len;              /* of them */
};

static bool goes_through_a_set(const struct store_page *page)
{
    return page->filter.family_id[0] != '\0' || page->filter.device_id[0] != '\0';
}

/* Whether text is a number as Redis writes scores. */
static bool is_score(const char *text)
{
    char *end;

    if (text[0] == '\0' || text[strspn(text, "0123456789+-.einf")] != '\0')
        return false;
    return !isnan(strtod(text, &end)) && *end == '\0';
}

/* Reads a page's cursor. Returns 0; -1 where it isn't one for such a page. */
static int parse_cursor(const struct store_page *page, struct place *ret_place)
{
    const char *colon = strchr(page->cursor, ':');

    *ret_place = (struct place){0};
    if (page->cursor[0] == '\0')
        return 0;
    size_t score_len = colon != NULL ? (size_t)(colon - page->cursor) : SIZE_MAX;
    if (score_len >= sizeof ret_place->score)
        return -1;
    memcpy(ret_place->score, page->cursor, score_len);
    if (goes_through_a_set(page) ? score_len > 0 : !is_score(ret_place->score))
        return -1;
    ret_place->name_len = strlen(colon + 1) / 2;
    if (ret_place->name_len > SESSION_ID_LEN)
        return -1;
    return text_from_hex(colon + 1, ret_place->name, ret_place->name_len);
}

bool redis_page_is_ours(const struct store_page *page)
{
    struct place place;

    return parse_cursor(page, &place) == 0;
}

/* Which sessions the script can't tell: the members of the filter that a session's value must agree with. */
static struct store_filter left_to_match(const struct store_page *page)
{
    struct store_filter filter = page->filter;

    if (filter.family_id[0] != '\0')
        filter.family_id[0] = '\0';
    else if (filter.device_id[0] != '\0')
        filter.device_id[0] = '\0';
    else
        filter.user_id[0] = '\0';
    return filter;
}

static bool matches(const struct store_filter *filter, const struct session *session)
{
    return store_filter_matches(filter, session->family_id, session->device_id, session->user_id,
                                session->media_id);
}

/* How a value that we wrote shows its title. */
static void format_media(const char *media_id, struct buf *out)
{
    struct buf text = BUF_EMPTY;

    if (media_id[0] != '\0') {
        buf_add_str(&text, "\"mediaId\":");
        text_json_quote(&text, media_id);
    }
    redis_format_buf(out, &text);
}

void redis_page_format(const struct redis_format *format, const struct store_req *req,
                       struct buf *out)
{
    const struct store_page *page = &req->query->page;
    const struct store_filter *filter = &page->filter;
    bool family = filter->family_id[0] != '\0', media = filter->media_id[0] != '\0';
    uint32_t most = page->most < READ_MAX ? page->most : READ_MAX;
    struct place place;

    parse_cursor(page, &place);
    if (goes_through_a_set(page)) {
        redis_format_script(format, out, REDIS_SCRIPT_PAGE_SET, 1, 3);
        redis_format_key(format, out, family ? "family_streams:" : "device_streams:",
                         family ? filter->family_id : filter->device_id);
        resp_text(out, format->prefix);
        resp_int(out, most);
    } else {
        redis_format_script(format, out, REDIS_SCRIPT_PAGE, 1, 8);
        redis_format_key(format, out, "session_expiry", "");
        resp_text(out, format->prefix);
        resp_int(out, filter->user_id[0] != '\0' ? LOOK_FOR_USER_MAX : READ_MAX);
        resp_int(out, media ? READ_MAX : most);
        resp_int(out, most);
        resp_text(out, filter->user_id);
        format_media(filter->media_id, out);
        resp_text(out, place.score);
    }
    resp_bytes(out, place.name, place.name_len);
}

/* Writes a place as a cursor: "" where it is the end. Returns 0; -1 where it is none. */
static int write_cursor(const redisReply *score, const redisReply *name, store_cursor ret_cursor)
{
    struct buf text = BUF_EMPTY;

    if (score == NULL || score->type != REDIS_REPLY_STRING || name == NULL ||
        name->type != REDIS_REPLY_STRING)
        return -1;
    if (score->len > 0 || name->len > 0)
        buf_printf(&text, "%s:", score->str);
    for (size_t i = 0; i < name->len; i++)
        buf_printf(&text, "%02x", (unsigned char)name->str[i]);
    const char *cursor = buf_text(&text);
    int result = cursor != NULL ? text_copy(ret_cursor, sizeof(store_cursor), cursor) : -1;
    buf_done(&text);
    return result;
}

enum err redis_page_read(const redisReply *reply, struct store_req *req)
{
    struct store_page *page = &req->query->page;
    const struct store_filter left = left_to_match(page);
    const redisReply *sessions = redis_reply_element(reply, 1);
    size_t count = sessions != NULL ? sessions->elements / 2 : 0, found = 0;
    struct store_stream *streams = calloc(count + 1, sizeof *streams);

    if (streams == NULL)
        return ERR_INTERNAL;
    req->now_ms = redis_reply_int(reply, 0);
    for (size_t i = 0; i < count; i++) {
        redis_reply_read_stream(redis_reply_text(sessions, 2 * i), sessions->element[2 * i + 1],
                                req->now_ms, &streams[found]);
        found += matches(&left, &streams[found].session) ? 1 : 0;
    }
    req->streams = streams;
    req->stream_count = found;
    return write_cursor(redis_reply_element(reply, 2), redis_reply_element(reply, 3),
                        page->cursor) == 0
               ? ERR_OK
               : ERR_INTERNAL;
}
