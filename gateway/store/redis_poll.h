/*
 * hiredis on the loop. hiredis' own adapter for libuv asks the kernel to watch for writability, and to stop
 * it, for each batch of commands; this one writes from a task at the end of the turn, all commands in one
 * write, and watches for writability only while connecting or when the socket is full.
 */
#ifndef REDIS_POLL_H
#define REDIS_POLL_H

struct loop;
struct redisAsyncContext;

/*
 * Lets the loop drive a new context, from now until hiredis frees it. Returns 0; -1 where memory runs out
 * or the socket can't be watched (the context is the caller's to free).
 */
int redis_poll_attach(struct redisAsyncContext *ac, struct loop *loop);

#endif
