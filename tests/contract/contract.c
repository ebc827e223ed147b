/* The store contract's suite: playing a test. */
#include "contract.h"

#include <criterion/hooks.h>

#include "redis_pool.h"

static struct store_fixture fixture;
static bool is_open;

void contract_play(enum store_fixture_kind kind, void (*test)(struct store_fixture *fixture))
{
    is_open = true;
    store_fixture_start(&fixture, kind);
    test(&fixture);
    store_fixture_stop(&fixture);
    is_open = false;
}

void contract_clean_up(void)
{
    if (is_open)
        store_fixture_abandon(&fixture);
}

/* Criterion's own process, before the first test and after the last. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    redis_pool_start();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    redis_pool_stop();
}
