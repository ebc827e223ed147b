/*
 * A cluster for all tests of a program. Criterion runs each test in a process of its own, and a
 * cluster takes two seconds to begin: so the program starts one before, and a test that wants it
 * waits for its turn and finds it empty.
 */
#ifndef SUPPORT_REDIS_POOL_H
#define SUPPORT_REDIS_POOL_H

struct redis_nodes;

/*
 * Called by criterion's own process, before the first test and after the last: nothing here
 * asserts. Where no server can be started, redis_pool_take finds none.
 */
void redis_pool_start(void);
void redis_pool_stop(void);

/* In a test: the cluster, empty, until redis_nodes_stop; NULL where the program has none. */
struct redis_nodes *redis_pool_take(void);

#endif
