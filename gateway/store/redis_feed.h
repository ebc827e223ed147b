/*
 * The feed: what Redis publishes about sessions that ended or changed, on the channel stream_ended, told to the
 * generations (generations.h). One for the process, with a subscription to each master.
 *
 * It is asked for a sign of life every 250 ms, and dead where none came for 750: then no cached answer is
 * believed until it is back. A master that can't be subscribed to is told to the log, once until it can.
 */
#ifndef REDIS_FEED_H
#define REDIS_FEED_H

#include <stdint.h>

struct generations;
struct loop;
struct redis_address;
struct redis_client;
struct redis_feed;
struct redis_tls;

/* What is beside it; must outlive it. */
struct redis_feed_options {
    struct redis_client *client;         /* knows the masters; of the same thread */
    const struct redis_address *address; /* as whom */
    struct redis_tls *tls;               /* NULL: without TLS */
    const char *prefix;                  /* redis.prefix */
    struct generations *generations;     /* are told */
};

/* Begins to listen, from this loop's thread. NULL where memory runs out. */
struct redis_feed *redis_feed_start(struct loop *loop, const struct redis_feed_options *options);

/* Ends it; it is freed from the loop. From now on the client is not looked at any more. Accepts NULL. */
void redis_feed_stop(struct redis_feed *feed);

#endif
