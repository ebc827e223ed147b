/* A gateway's store as it is with Redis, answers cached. */
#include "cache_fixture.h"

#include "pump.h"
#include "redis_feed.h"
#include "store_cache.h"
#include "store_redis.h"

static void begin(struct cache_fixture *fixture)
{
    fixture->outage.store.timeout_ms = 5000; /* the feed falls silent long before a request does */
    fixture->generations = generations_new();
    cr_assert_not_null(fixture->generations);
    fixture->feed = NULL;
    fixture->cache_ms = 3600000;
    fixture->most = 1000;
}

void cache_fixture_start(struct cache_fixture *fixture)
{
    outage_fixture_start(&fixture->outage);
    begin(fixture);
}

void cache_fixture_start_on(struct cache_fixture *fixture, struct redis_nodes *nodes)
{
    outage_fixture_start_on(&fixture->outage, nodes);
    begin(fixture);
}

void cache_fixture_open_deaf(struct cache_fixture *fixture, enum outage_policy policy)
{
    const struct store_cache_options options = {.generations = fixture->generations,
                                                .cache_ms = fixture->cache_ms,
                                                .ttl_ms = fixture->outage.store.options.ttl_ms,
                                                .most = fixture->most};
    struct store **handle = &fixture->outage.store.handles[0];

    outage_fixture_open_up(&fixture->outage, policy);
    *handle = store_cache_open(&options, *handle);
    cr_assert_not_null(*handle);
    generations_set_fed(fixture->generations, true);
}

void cache_fixture_listen(struct cache_fixture *fixture)
{
    struct store_fixture *store = &fixture->outage.store;
    const struct redis_feed_options options = {.client =
                                                   store_redis_client(fixture->outage.keeper_store),
                                               .address = &store->address,
                                               .prefix = store->prefix,
                                               .generations = fixture->generations};

    generations_set_fed(fixture->generations, false);
    fixture->feed = redis_feed_start(&store->loop, &options);
    cr_assert_not_null(fixture->feed);
}

void cache_fixture_open(struct cache_fixture *fixture, enum outage_policy policy)
{
    cache_fixture_open_deaf(fixture, policy);
    cache_fixture_listen(fixture);
    cache_fixture_wait_fed(fixture, true);
}

void cache_fixture_stop(struct cache_fixture *fixture)
{
    redis_feed_stop(fixture->feed);
    outage_fixture_stop(&fixture->outage);
    generations_free(fixture->generations);
    *fixture = (struct cache_fixture){0};
}

bool cache_fixture_peek(struct cache_fixture *fixture, const struct session *session)
{
    fixture->peeked = (struct store_req){.op = STORE_CHECK, .session = *session};
    return store_peek(store_fixture_handle(&fixture->outage.store, 0), &fixture->peeked);
}

void cache_fixture_fill(struct cache_fixture *fixture, const struct session *session)
{
    const struct store_req *answer = ask_check(&fixture->outage.store, session);

    cr_assert(cache_fixture_peek(fixture, session), "it isn't cached");
    cr_assert_eq(fixture->peeked.err, answer->err);
}

const struct store_req *cache_fixture_ask(struct cache_fixture *fixture, int handle,
                                          enum store_op op, const struct session *session)
{
    const struct store_req req = {.op = op,
                                  .session = *session,
                                  .end = {.reason = END_STOPPED},
                                  .create = ask_limits(-1, -1)};

    return store_fixture_run(&fixture->outage.store, handle, &req);
}

struct wish {
    struct cache_fixture *fixture;
    const struct session *session; /* that nothing is to be believed of */
    bool fed;                      /* what the generations are to be */
};

static bool is_unbelieved(void *arg)
{
    const struct wish *wish = arg;

    return !cache_fixture_peek(wish->fixture, wish->session);
}

void cache_fixture_wait_unbelieved(struct cache_fixture *fixture, const struct session *session)
{
    pump_until(&fixture->outage.store.loop, is_unbelieved, &(struct wish){fixture, session, false});
}

static bool is_as_fed(void *arg)
{
    const struct wish *wish = arg;

    return generations_is_fed(wish->fixture->generations) == wish->fed;
}

void cache_fixture_wait_fed(struct cache_fixture *fixture, bool fed)
{
    pump_until(&fixture->outage.store.loop, is_as_fed, &(struct wish){fixture, NULL, fed});
}
