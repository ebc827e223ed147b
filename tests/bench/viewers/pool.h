/*
 * A bounded number of kept-alive connections that all viewers share, as they would behind a proxy.
 * A request waits until a connection is free; each connection has one under way at a time.
 */
#ifndef VIEWERS_POOL_H
#define VIEWERS_POOL_H

#include <stdint.h>
#include <uv.h>

#include "address.h"
#include "answer.h"
#include "buf.h"

struct pool;

struct pool_request {
    struct buf text;  /* what is sent: the caller's, kept until done */
    int64_t sent_ms;  /* on the loop's clock; set when it leaves */
    uint64_t sent_ns; /* the same, precisely */
    /*
     * Called once, from the loop. answer is NULL where there was none (connection lost, or nothing
     * for 10 s); data is the whole answer and gone afterwards.
     */
    void (*done)(struct pool_request *request, const struct answer *answer, const char *data);
    struct pool_request *next; /* the pool's */
};

/* Connects at once; NULL where a connection can't be made. Addresses are dealt out in turn. */
struct pool *pool_new(uv_loop_t *loop, const struct address *addresses, size_t address_count,
                      size_t connections);

/* Closes all connections; what is under way is never answered. Run the loop once more afterwards.
 */
void pool_close(struct pool *pool);
void pool_free(struct pool *pool);

void pool_send(struct pool *pool, struct pool_request *request);

/* Requests that wait or are under way. */
size_t pool_pending(const struct pool *pool);

#endif
