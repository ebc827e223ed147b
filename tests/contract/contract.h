/*
 * The store contract's suite: each test is written once and played against every store.
 *
 *   CONTRACT_TEST(create, refuses_the_eleventh_stream_of_a_family)
 *   {
 *       … fixture …
 *   }
 *
 * makes the tests create_on_memory::refuses_…, and so on_redis, on_cache (Redis behind it) and on_cluster,
 * so that a report says which store broke the contract. A further store is a kind in store_fixture.h and a
 * line here. The tests on a cluster share one (redis_pool.h), and take turns.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <criterion/criterion.h>

#include "ask.h"
#include "store_fixture.h"

#define CONTRACT_TEST(subject, name)                                                               \
    static void name(struct store_fixture *fixture);                                               \
    CONTRACT_TEST_ON(subject##_on_memory, name, STORE_FIXTURE_MEMORY)                              \
    CONTRACT_TEST_ON(subject##_on_redis, name, STORE_FIXTURE_REDIS)                                \
    CONTRACT_TEST_ON(subject##_on_cache, name, STORE_FIXTURE_CACHED)                               \
    CONTRACT_TEST_ON(subject##_on_cluster, name, STORE_FIXTURE_CLUSTER)                            \
    static void name(struct store_fixture *fixture)

#define CONTRACT_TEST_ON(suite, name, kind)                                                        \
    Test(suite, name, .fini = contract_clean_up, .timeout = CONTRACT_TIMEOUT_S)                    \
    {                                                                                              \
        contract_play(kind, name);                                                                 \
    }

#define CONTRACT_TIMEOUT_S 100

/* Plays a test against a new, empty store. */
void contract_play(enum store_fixture_kind kind, void (*test)(struct store_fixture *fixture));

/* Ends what a test that failed halfway has left behind. */
void contract_clean_up(void);

#endif
