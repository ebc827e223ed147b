/*
 * GET /admin/v1/sessions: who watches, page by page.
 *
 * A page goes through the partitions in their order. It asks them in rounds: the first question of a round is for
 * all that the page has still room for; those that come back with too many for what is then left are asked again
 * by the next round, or the next page. Where partitions turn out to hold little, more are asked in one round. A
 * page ends when it is full, when all partitions have been gone through, or when its time is up: with fewer
 * sessions than there is room for, or none, and a cursor that goes on behind them.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "clock.h"
#include "container_of.h"
#include "text.h"

#define TIME_MS       1000 /* for a page; a round that has begun goes on */
#define LIMIT_DEFAULT 100

/* A cursor as text: the partition, ':', the store's cursor in it. And as it is shown, in base64url. */
enum {
    CURSOR_TEXT = sizeof(store_cursor) + 8,
    CURSOR_SHOWN = sodium_base64_ENCODED_LEN(CURSOR_TEXT, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
};

/* What one partition of a round answered. */
struct batch {
    struct buf sessions; /* elements of an array */
    uint32_t count;      /* of them */
    store_cursor cursor; /* behind them; "": the partition's end */
};

struct page_call {
    struct admin_call call;                /* PAGE */
    int64_t limit;                         /* sessions that there is room for */
    int64_t count;                         /* sessions so far */
    unsigned partition;                    /* where the page has got to */
    store_cursor cursor;                   /* the same, in it */
    unsigned end;                          /* behind the last partition */
    unsigned width;                        /* partitions of a round */
    unsigned asked;                        /* of this one */
    int64_t until_ms;                      /* when its time is up; monotonic clock */
    struct buf body;                       /* the answer, as far as it is */
    struct json_writer writer;             /* of it */
    struct batch batches[ADMIN_IN_FLIGHT]; /* of this round */
};

static void ask_round(struct page_call *page);

/* ---- The cursor ---- */

static void write_cursor(struct page_call *page)
{
    char text[CURSOR_TEXT];
    char shown[CURSOR_SHOWN];

    if (page->partition == page->end) {
        json_writer_raw(&page->writer, "cursor", "null");
        return;
    }
    int len = snprintf(text, sizeof text, "%u:%s", page->partition, page->cursor);
    sodium_bin2base64(shown, sizeof shown, (const unsigned char *)text, (size_t)len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    json_writer_text(&page->writer, "cursor", shown);
}

/* Goes to where a page before this one ended. false: it is no cursor of ours. */
static bool read_cursor(struct page_call *page, const char *shown)
{
    char text[CURSOR_TEXT];
    size_t len;
    char *end;

    if (sodium_base642bin((unsigned char *)text, sizeof text - 1, shown, strlen(shown), NULL, &len,
                          NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    text[len] = '\0';
    unsigned long partition = strtoul(text, &end, 10);
    if (end == text || *end != ':' || partition < page->partition || partition >= page->end)
        return false;
    page->partition = (unsigned)partition;
    return text_copy(page->cursor, sizeof page->cursor, end + 1) == 0;
}

static void refuse_cursor(struct page_call *page)
{
    http_problem(
        page->call.http, ERR_INVALID_REQUEST,
        "cursor: is none of this call's, or the store isn't the same any more: begin without "
        "one");
}

/* ---- The page ---- */

static void free_page(struct page_call *page)
{
    for (size_t i = 0; i < ADMIN_IN_FLIGHT; i++)
        buf_done(&page->batches[i].sessions);
    buf_done(&page->body);
    admin_call_free(&page->call);
}

static void reply(struct page_call *page)
{
    json_writer_end_array(&page->writer);
    write_cursor(page);
    json_writer_end_object(&page->writer);
    api_reply_json(page->call.http, 200, &page->body);
    free_page(page);
}

static void on_batch(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct page_call *page = CONTAINER_OF(call, struct page_call, call);
    struct batch *batch = &page->batches[partition - page->partition];
    struct json_writer writer = {.out = &batch->sessions};

    for (size_t i = 0; i < req->stream_count; i++)
        api_write_stream(&writer, call->api, &req->streams[i]);
    batch->count = (uint32_t)req->stream_count;
    memcpy(batch->cursor, req->query->page.cursor, sizeof batch->cursor);
}

/* Takes a batch into the page, and goes on to behind it. false: there is no room for it. */
static bool take(struct page_call *page, struct batch *batch)
{
    const char *sessions = buf_text(&batch->sessions);

    if (page->count + batch->count > page->limit)
        return false;
    if (sessions == NULL)
        page->body.failed = true;
    else if (batch->count > 0)
        json_writer_raw(&page->writer, NULL, sessions);
    page->count += batch->count;
    memcpy(page->cursor, batch->cursor, sizeof page->cursor);
    if (page->cursor[0] == '\0')
        page->partition++;
    return true;
}

/* Takes what came of a round: the partitions are in order, so what follows one that isn't at its end waits. */
static void take_round(struct page_call *page)
{
    int64_t room = page->limit - page->count;

    for (unsigned i = 0; i < page->asked; i++)
        if (!take(page, &page->batches[i]) || page->cursor[0] != '\0')
            break;
    for (unsigned i = 0; i < page->asked; i++)
        buf_clear(&page->batches[i].sessions);
    int64_t taken = room - (page->limit - page->count);
    if (taken * 4 < room && page->width < ADMIN_IN_FLIGHT)
        page->width *= 2;
}

static void on_round_done(struct admin_call *call)
{
    struct page_call *page = CONTAINER_OF(call, struct page_call, call);

    if (call->err == ERR_INVALID_REQUEST) {
        refuse_cursor(page);
        free_page(page);
        return;
    }
    if (call->err != ERR_OK) {
        admin_call_refuse(call);
        free_page(page);
        return;
    }
    take_round(page);
    if (page->partition == page->end || page->count == page->limit ||
        clock_monotonic_ms() >= page->until_ms)
        reply(page);
    else
        ask_round(page);
}

static void ask_round(struct page_call *page)
{
    struct store_page *ask = &page->call.query.page;
    unsigned left = page->end - page->partition;

    ask->most = (uint32_t)(page->limit - page->count);
    memcpy(ask->cursor, page->cursor, sizeof ask->cursor);
    page->asked = page->cursor[0] != '\0' ? 1 : page->width; /* the cursor is one partition's */
    if (page->asked > left)
        page->asked = left;
    admin_call_ask(&page->call, STORE_PAGE, page->partition, page->asked, on_batch, on_round_done);
}

/* Reads what is asked for. false: answered. */
static bool read_request(struct http_request *http, struct page_call *page)
{
    struct store_filter *filter = &page->call.query.page.filter;
    char cursor[CURSOR_SHOWN];
    char limit[16];
    const struct admin_param params[] = {
        {"family", filter->family_id, SESSION_NAME_MAX},
        {"device", filter->device_id, SESSION_NAME_MAX},
        {"user", filter->user_id, SESSION_NAME_MAX},
        {"media", filter->media_id, SESSION_NAME_MAX},
        {"cursor", cursor, sizeof cursor - 1},
        {"limit", limit, sizeof limit - 1},
        {NULL, NULL, 0},
    };

    page->limit = LIMIT_DEFAULT;
    if (!admin_query_read(http, params) ||
        !admin_query_number(http, "limit", limit, 1, STORE_PAGE_MAX, &page->limit))
        return false;
    page->end = admin_partitions(&page->call);
    if (filter->family_id[0] != '\0') {
        page->partition = admin_partition_of(&page->call, filter->family_id);
        page->end = page->partition + 1;
    }
    if (cursor[0] != '\0' && !read_cursor(page, cursor)) {
        refuse_cursor(page);
        return false;
    }
    return true;
}

void admin_sessions(struct http_request *http)
{
    struct page_call *page = admin_call_new(http, sizeof *page);

    if (page == NULL)
        return;
    if (!read_request(http, page)) {
        free_page(page);
        return;
    }
    page->width = 1;
    page->until_ms = clock_monotonic_ms() + TIME_MS;
    page->writer.out = &page->body;
    json_writer_begin_object(&page->writer, NULL);
    json_writer_begin_array(&page->writer, "sessions");
    ask_round(page);
}
