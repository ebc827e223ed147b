/*
 * What a reply means for the request that it answers: its outcome, and the members that the operation sets
 * (store.h).
 */
#ifndef REDIS_OUTCOME_H
#define REDIS_OUTCOME_H

#include <stdint.h>

#include "store.h"

struct redis_client;
struct redisReply;

/* What replies are read with, beside the request. */
struct redis_outcome {
    struct redis_client *client; /* learns Redis' clock from replies that tell it */
    int64_t ttl_ms;              /* session.ttl */
};

/*
 * Reads the reply, which is no error's, of a request's operation; of any but HEARTBEAT, ZAP, CHECK and
 * EVENTS, which may take a further step. ERR_INTERNAL where the reply, or what it brings, isn't what the operation's script answers.
 */
enum err redis_outcome_read(const struct redis_outcome *outcome, struct store_req *req,
                            const struct redisReply *reply);

/*
 * Reads now (of a session that lives for a TTL), {1, now, time left, value or false}, or {0, now, tombstone or
 * false}: ERR_OK, with the value in *ret_value
 * (NULL where there is none; the reply's), ERR_SESSION_ENDED, or ERR_INTERNAL.
 */
enum err redis_outcome_read_life(const struct redis_outcome *outcome, struct store_req *req,
                                 const struct redisReply *reply,
                                 const struct redisReply **ret_value);

/* Reads the value of a session that was checked. ERR_OK, or ERR_INTERNAL. */
enum err redis_outcome_read_check(const struct redis_outcome *outcome, struct store_req *req,
                                  const struct redisReply *reply);

#endif
