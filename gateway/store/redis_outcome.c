/* What a reply means for the request that it answers. */
#include "redis_outcome.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "redis_client.h"
#include "redis_page.h"
#include "redis_reply.h"
#include "store_metrics.h"
#include "store_query.h"

static void tell_times(const struct redis_outcome *outcome, struct store_req *req, int64_t now_ms,
                       int64_t left_ms)
{
    req->now_ms = now_ms;
    /* A value that another writer gave no TTL gets ours with its next heartbeat. */
    req->expires_ms = now_ms + (left_ms >= 0 ? left_ms : outcome->ttl_ms);
    redis_client_learn_now(outcome->client, now_ms);
}

/* {0, now, tombstone} of a session that is gone. */
static enum err read_gone(const struct redis_outcome *outcome, struct store_req *req,
                          const redisReply *reply)
{
    redis_client_learn_now(outcome->client, redis_reply_int(reply, 1));
    return redis_reply_read_end(redis_reply_element(reply, 2), &req->end);
}

static void read_usage(const redisReply *reply, size_t from, struct store_usage *ret_usage)
{
    ret_usage->family_active = (uint32_t)redis_reply_int(reply, from);
    ret_usage->device_active = (uint32_t)redis_reply_int(reply, from + 1);
    ret_usage->family_limit = (uint32_t)redis_reply_int(reply, from + 2);
    ret_usage->device_limit = (uint32_t)redis_reply_int(reply, from + 3);
}

/*
 * Reads "ok <now> <family active> <device active> <family limit> <device limit> <time left> <replaced> <displaced>
 * <code that would have refused, or nothing>" (create_room.lua), and the value of one that lived already.
 */
static enum err read_admitted(const struct redis_outcome *outcome, struct store_req *req,
                              const char *text, const redisReply *known)
{
    enum {
        NOW,
        FAMILY_ACTIVE,
        DEVICE_ACTIVE,
        FAMILY_LIMIT,
        DEVICE_LIMIT,
        LEFT,
        REPLACED,
        DISPLACED,
        COUNT
    };
    int64_t numbers[COUNT];

    text += strlen("ok ");
    for (size_t i = 0; i < COUNT; i++) {
        char *end;

        numbers[i] = strtoll(text, &end, 10);
        if (end == text || *end != ' ')
            return ERR_INTERNAL;
        text = end + 1;
    }
    req->usage = (struct store_usage){.family_active = (uint32_t)numbers[FAMILY_ACTIVE],
                                      .device_active = (uint32_t)numbers[DEVICE_ACTIVE],
                                      .family_limit = (uint32_t)numbers[FAMILY_LIMIT],
                                      .device_limit = (uint32_t)numbers[DEVICE_LIMIT]};
    tell_times(outcome, req, numbers[NOW], numbers[LEFT]);
    if (text[0] != '\0')
        req->would_deny = err_from_word(text);
    if (known != NULL)
        return redis_reply_read_session(known, &req->session);
    store_count_ends(END_REPLACED, (uint64_t)numbers[REPLACED]);
    store_count_ends(END_DISPLACED, (uint64_t)numbers[DISPLACED]);
    req->session.last_heartbeat_ms = numbers[NOW];
    if (req->op == STORE_CREATE)
        req->session.started_ms = numbers[NOW];
    return ERR_OK;
}

/* A refusal that says why in words. */
static enum err read_message(struct store_req *req, const redisReply *reply, enum err err)
{
    struct store_end *end = &req->end;

    *end = (struct store_end){.reason = END_TERMINATED};
    redis_reply_copy_message(redis_reply_text(reply, 2), end->message, sizeof end->message);
    return err;
}

static enum err read_create(const struct redis_outcome *outcome, struct store_req *req,
                            const redisReply *reply)
{
    const char *word = reply->type == REDIS_REPLY_STRING ? reply->str : redis_reply_text(reply, 0);
    int64_t now = redis_reply_int(reply, 1);

    if (word == NULL)
        return ERR_INTERNAL;
    if (strncmp(word, "ok ", 3) == 0)
        return read_admitted(outcome, req, word, redis_reply_element(reply, 1));
    redis_client_learn_now(outcome->client, now);
    if (strcmp(word, "revoked") == 0)
        return read_message(req, reply, ERR_SESSION_ENDED);

    enum err err = err_from_word(word);
    switch (err) {
    case ERR_FAMILY_LIMIT:
    case ERR_DEVICE_LIMIT:
        read_usage(reply, 2, &req->usage);
        return redis_reply_read_stream_lists(redis_reply_element(reply, 6),
                                             redis_reply_element(reply, 7), now, req) == 0
                   ? err
                   : ERR_INTERNAL;
    case ERR_RATE_LIMITED:
        req->retry_after_s = (redis_reply_int(reply, 2) + 999) / 1000;
        return err;
    case ERR_FORBIDDEN:
        return read_message(req, reply, err);
    case ERR_SESSION_ENDED:
        return read_gone(outcome, req, reply);
    case ERR_STORE_UNAVAILABLE: /* it came too late */
        return err;
    default:
        return ERR_INTERNAL;
    }
}

enum err redis_outcome_read_life(const struct redis_outcome *outcome, struct store_req *req,
                                 const redisReply *reply, const redisReply **ret_value)
{
    const redisReply *value = redis_reply_element(reply, 3);

    *ret_value = value != NULL && value->type == REDIS_REPLY_STRING ? value : NULL;
    if (reply->type == REDIS_REPLY_INTEGER) {
        tell_times(outcome, req, reply->integer, outcome->ttl_ms);
        return ERR_OK;
    }
    if (redis_reply_element(reply, 2) == NULL)
        return ERR_INTERNAL;
    if (redis_reply_int(reply, 0) == 0)
        return read_gone(outcome, req, reply);
    tell_times(outcome, req, redis_reply_int(reply, 1), redis_reply_int(reply, 2));
    return ERR_OK;
}

static enum err read_get(const struct redis_outcome *outcome, struct store_req *req,
                         const redisReply *reply)
{
    const redisReply *value;
    enum err err = redis_outcome_read_life(outcome, req, reply, &value);

    if (err != ERR_OK)
        return err;
    return value != NULL ? redis_reply_read_session(value, &req->session) : ERR_INTERNAL;
}

static enum err read_end(const struct redis_outcome *outcome, struct store_req *req,
                         const redisReply *reply)
{
    (void)outcome;
    req->ended = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    if (req->ended)
        store_count_ends(req->end.reason, 1);
    return reply->type == REDIS_REPLY_INTEGER ? ERR_OK : ERR_INTERNAL;
}

static enum err read_list(const struct redis_outcome *outcome, struct store_req *req,
                          const redisReply *reply)
{
    const redisReply *streams = redis_reply_element(reply, 2);

    (void)outcome;
    req->now_ms = redis_reply_int(reply, 0);
    req->usage.family_limit = (uint32_t)redis_reply_int(reply, 1);
    if (streams == NULL || redis_reply_read_streams(streams, req->now_ms, req) != 0)
        return ERR_INTERNAL;
    req->usage.family_active = (uint32_t)(streams->elements / 2);
    return ERR_OK;
}

static enum err read_revoke(const struct redis_outcome *outcome, struct store_req *req,
                            const redisReply *reply)
{
    (void)outcome;
    req->ended_count = (uint32_t)reply->integer;
    store_count_ends(END_TERMINATED, req->ended_count);
    return reply->type == REDIS_REPLY_INTEGER ? ERR_OK : ERR_INTERNAL;
}

static enum err read_sweep(const struct redis_outcome *outcome, struct store_req *req,
                           const redisReply *reply)
{
    (void)outcome;
    req->ended_count = (uint32_t)redis_reply_int(reply, 0);
    store_count_ends(END_EXPIRED, (uint64_t)redis_reply_int(reply, 1));
    return reply->type == REDIS_REPLY_ARRAY ? ERR_OK : ERR_INTERNAL;
}

/* {"ok", now, time left}; or why it wasn't put in place, as a create says it. */
static enum err read_adopt(const struct redis_outcome *outcome, struct store_req *req,
                           const redisReply *reply)
{
    const char *word = redis_reply_text(reply, 0);
    int64_t now = redis_reply_int(reply, 1);

    if (word == NULL)
        return ERR_INTERNAL;
    if (strcmp(word, "ok") == 0) {
        tell_times(outcome, req, now, redis_reply_int(reply, 2));
        return ERR_OK;
    }
    if (strcmp(word, "revoked") == 0)
        return read_message(req, reply, ERR_SESSION_ENDED);
    return read_gone(outcome, req, reply);
}

static enum err read_page(const struct redis_outcome *outcome, struct store_req *req,
                          const redisReply *reply)
{
    (void)outcome;
    return redis_page_read(reply, req);
}

/* As describe.lua returns it. */
static enum err read_describe(const struct redis_outcome *outcome, struct store_req *req,
                              const redisReply *reply)
{
    struct store_description *description = &req->query->description;
    const redisReply *streams = redis_reply_element(reply, 1);
    const char *blocked_until = redis_reply_text(reply, 6);
    int64_t left_ms = redis_reply_int(reply, 5);

    (void)outcome;
    *description = (struct store_description){
        .family_limit = (uint32_t)redis_reply_int(reply, 2),
        .device_limit = (uint32_t)redis_reply_int(reply, 3),
        .overridden = redis_reply_int(reply, 4) == 1,
    };
    req->now_ms = redis_reply_int(reply, 0);
    if (streams == NULL || blocked_until == NULL ||
        redis_reply_read_streams(streams, req->now_ms, req) != 0)
        return ERR_INTERNAL;
    uint32_t active = (uint32_t)(streams->elements / 2);
    if (req->session.family_id[0] != '\0')
        req->usage = (struct store_usage){.family_active = active,
                                          .family_limit = description->family_limit};
    else
        req->usage = (struct store_usage){.device_active = active,
                                          .device_limit = description->device_limit};
    if (left_ms > 0)
        description->limits_until_ms = req->now_ms + left_ms;
    clock_parse(blocked_until, strlen(blocked_until), &description->blocked_until_ms);
    redis_reply_copy_message(redis_reply_text(reply, 7), description->message,
                             sizeof description->message);
    return ERR_OK;
}

static enum err read_count(const struct redis_outcome *outcome, struct store_req *req,
                           const redisReply *reply)
{
    (void)outcome;
    req->now_ms = redis_reply_int(reply, 0);
    req->query->count = (struct store_count){.sessions = (uint64_t)redis_reply_int(reply, 1),
                                             .users_online = (uint64_t)redis_reply_int(reply, 2)};
    return reply->type == REDIS_REPLY_ARRAY ? ERR_OK : ERR_INTERNAL;
}

static enum err read_nothing(const struct redis_outcome *outcome, struct store_req *req,
                             const redisReply *reply)
{
    (void)outcome;
    (void)req;
    (void)reply;
    return ERR_OK;
}

enum err redis_outcome_read_check(const struct redis_outcome *outcome, struct store_req *req,
                                  const redisReply *reply)
{
    req->now_ms = redis_client_now(outcome->client);
    return redis_reply_read_session(reply, &req->session);
}

enum err redis_outcome_read(const struct redis_outcome *outcome, struct store_req *req,
                            const redisReply *reply)
{
    static enum err (*const readers[STORE_OP_COUNT])(const struct redis_outcome *,
                                                     struct store_req *, const redisReply *) = {
        [STORE_CREATE] = read_create,     [STORE_REVIVE] = read_create,
        [STORE_GET] = read_get,           [STORE_END] = read_end,
        [STORE_LIST] = read_list,         [STORE_REVOKE] = read_revoke,
        [STORE_SWEEP] = read_sweep,       [STORE_SET_LIMITS] = read_nothing,
        [STORE_ADOPT] = read_adopt,       [STORE_PAGE] = read_page,
        [STORE_DESCRIBE] = read_describe, [STORE_COUNT] = read_count,
        [STORE_NOTE] = read_nothing,
    };

    return readers[req->op](outcome, req, reply);
}
