/*
 * What a Redis may answer: the first byte says to whom, the rest is RESP, as hiredis reads it. Sentinels' and
 * clusters' answers are among them.
 */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "redis_address.h"
#include "redis_client.h"
#include "redis_events.h"
#include "redis_outcome.h"
#include "redis_page.h"
#include "redis_reply.h"
#include "redis_slots.h"
#include "store_query.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum reader {
    READ_LIFE = STORE_OP_COUNT,
    READ_CHECK,
    READ_EVENTS,
    READ_SLOTS,
    READ_ERROR,
    READERS
};

static struct redis_client *client;

/* A client of a server that isn't there, on a loop that never turns. */
static void set_up(void)
{
    static struct loop loop;
    static char path[] = "/nonexistent";
    static struct redis_address address = {.path = path};
    const struct redis_client_options options = {
        .address = &address, .timeout_ms = 1000, .name = "fuzz"};

    if (client != NULL)
        return;
    int rc = loop_init(&loop);
    assert(rc == 0);
    client = redis_client_new(&loop, &options);
    assert(client != NULL);
}

static void expect_text(const char *text, size_t most)
{
    assert(strnlen(text, most + 1) <= most);
}

static void read_outcome(const struct redis_outcome *outcome, enum store_op op, int of_device,
                         const redisReply *reply)
{
    struct store_query query = {0};
    struct store_req req = {.op = op, .query = &query};

    strcpy(of_device ? req.session.device_id : req.session.family_id, "f1");
    if (op == STORE_PAGE)
        query.page.most = STORE_PAGE_MAX;
    enum err err = redis_outcome_read(outcome, &req, reply);
    assert(err >= ERR_OK && err < ERR_COUNT);
    expect_text(req.end.by, SESSION_NAME_MAX);
    expect_text(req.end.message, sizeof req.end.message - 1);
    assert((unsigned)req.end.reason < END_REASON_COUNT);
    for (size_t i = 0; i < req.stream_count; i++) {
        expect_text(req.streams[i].session.id, SESSION_ID_LEN);
        expect_text(req.streams[i].session.media_id, SESSION_NAME_MAX);
        assert(req.streams[i].idle_s >= 0);
    }
    if (op == STORE_PAGE && err == ERR_OK)
        redis_page_is_ours(&query.page);
    free(req.streams);
}

static void read_events(const redisReply *reply, int flags)
{
    struct store_events events = {
        .most = 100, .backwards = flags & 1, .newest = (flags & 2) != 0, .after = ""};
    struct redis_events_doubt doubt;

    if (flags & 4)
        strcpy(events.after, "1790000000000-0");
    if (redis_events_read(reply, &events, &doubt) == ERR_OK && doubt.kind != REDIS_EVENTS_NO_DOUBT)
        redis_events_settle(reply, &doubt, 100000, &events);
    for (size_t i = 0; i < events.count; i++)
        assert(text_is_printable(events.events[i].user_id, strlen(events.events[i].user_id)));
    free(events.events);
}

static void read_slots(const redisReply *reply)
{
    struct redis_slot_range *ranges = NULL;
    size_t count = 0;

    if (redis_slots_parse(reply, "asked", &ranges, &count) != 0)
        return;
    assert(count > 0);
    for (size_t i = 0; i < count; i++)
        assert(ranges[i].last < REDIS_SLOTS && ranges[i].first <= ranges[i].last &&
               ranges[i].master.port >= 1 && ranges[i].master.host[0] != '\0');
    free(ranges);
}

static void read_reply(uint8_t first, const redisReply *reply)
{
    const struct redis_outcome outcome = {.client = client, .ttl_ms = 300000};
    const struct redisReply *value;
    struct store_req req = {.op = STORE_HEARTBEAT};
    unsigned reader = first % READERS;

    if (reply->type == REDIS_REPLY_ERROR) { /* no reader is given one */
        assert(redis_reply_error_kind(reply) < REDIS_ERROR_KIND_COUNT);
        return;
    }
    switch (reader) {
    case STORE_HEARTBEAT:
    case STORE_ZAP:
    case STORE_CHECK:
    case STORE_EVENTS: /* which read in more than one step: */
    case READ_LIFE:
        redis_outcome_read_life(&outcome, &req, reply, &value);
        break;
    case READ_CHECK:
        redis_outcome_read_check(&outcome, &req, reply);
        break;
    case READ_EVENTS:
        read_events(reply, first / READERS);
        break;
    case READ_SLOTS:
        read_slots(reply);
        break;
    case READ_ERROR:
        break;
    default:
        read_outcome(&outcome, (enum store_op)reader, first / READERS & 1, reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    assert(reader != NULL);
    reader->maxelements = REDIS_REPLY_ELEMENTS_MAX; /* as of each connection */
    set_up();
    if (size > 1 && redisReaderFeed(reader, (const char *)data + 1, size - 1) == REDIS_OK) {
        while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
            read_reply(data[0], reply);
            freeReplyObject(reply);
        }
    }
    redisReaderFree(reader);
    return 0;
}
