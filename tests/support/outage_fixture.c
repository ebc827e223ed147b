/* A gateway's store as it is with Redis, outages and all. */
#include "outage_fixture.h"

#include "clock.h"
#include "log_capture.h"
#include "memory.h"
#include "outage_keeper.h"
#include "pump.h"
#include "redis_server.h"
#include "store_outage.h"

static void begin(struct outage_fixture *fixture)
{
    fixture->store.timeout_ms = 200;
    fixture->redis = fixture->store.server;
    log_capture_start();
}

void outage_fixture_start(struct outage_fixture *fixture)
{
    *fixture = (struct outage_fixture){0};
    store_fixture_start(&fixture->store, STORE_FIXTURE_REDIS);
    begin(fixture);
}

void outage_fixture_start_on(struct outage_fixture *fixture, struct redis_nodes *nodes)
{
    *fixture = (struct outage_fixture){0};
    store_fixture_start_on(&fixture->store, nodes);
    begin(fixture);
}

void outage_fixture_open(struct outage_fixture *fixture, enum outage_policy policy)
{
    struct store_fixture *store = &fixture->store;

    if (policy == OUTAGE_FALLBACK)
        fixture->memory = memory_new(&store->options, NULL);
    fixture->keeper_store = store_fixture_open(store, &store->loop);
    const struct outage_options options = {.policy = policy,
                                           .memory = fixture->memory,
                                           .ttl_ms = store->options.ttl_ms,
                                           .partitions = fixture->keeper_store->partitions};
    fixture->outage = outage_new(&options);
    cr_assert_not_null(fixture->outage);
    store->handles[0] = store_outage_open(fixture->outage, store_fixture_open(store, &store->loop));
    cr_assert_not_null(store->handles[0]);
    fixture->keeper = outage_keeper_start(fixture->outage, &store->loop, fixture->keeper_store,
                                          store->timeout_ms);
    cr_assert_not_null(fixture->keeper);
}

void outage_fixture_open_up(struct outage_fixture *fixture, enum outage_policy policy)
{
    const struct session nobody = ask_session("nobody", "nobody");

    outage_fixture_open(fixture, policy);
    outage_fixture_wait(fixture, STORE_UP);
    ASSERT_ENDED(ask_check(&fixture->store, &nobody), END_EXPIRED);
    ASSERT_ENDED(outage_fixture_check_elsewhere(fixture, &nobody), END_EXPIRED);
}

void outage_fixture_close(struct outage_fixture *fixture)
{
    outage_keeper_stop(fixture->keeper);
    fixture->keeper = NULL;
    for (int i = 0; i < STORE_FIXTURE_HANDLES; i++) {
        if (fixture->store.handles[i] != NULL)
            store_fixture_close(fixture->store.handles[i]);
        fixture->store.handles[i] = NULL;
    }
    if (fixture->keeper_store != NULL)
        store_fixture_close(fixture->keeper_store);
    fixture->keeper_store = NULL;
}

void outage_fixture_stop(struct outage_fixture *fixture)
{
    outage_fixture_close(fixture);
    store_fixture_stop(&fixture->store);
    outage_free(fixture->outage);
    memory_free(fixture->memory);
    log_capture_stop();
}

struct wish {
    struct outage_fixture *fixture;
    enum store_state state;
};

static bool is_granted(void *arg)
{
    const struct wish *wish = arg;

    return store_state(wish->fixture->store.handles[0]) == wish->state;
}

void outage_fixture_wait(struct outage_fixture *fixture, enum store_state state)
{
    pump_until(&fixture->store.loop, is_granted, &(struct wish){fixture, state});
}

const struct store_req *outage_fixture_check_elsewhere(struct outage_fixture *fixture,
                                                       const struct session *session)
{
    const struct store_req req = {.op = STORE_CHECK, .session = *session};

    return outage_fixture_insist(fixture, 1, &req);
}

const struct store_req *outage_fixture_insist(struct outage_fixture *fixture, int handle,
                                              const struct store_req *req)
{
    int64_t give_up_ms = clock_monotonic_ms() + 10000;
    const struct store_req *answer;

    while ((answer = store_fixture_run(&fixture->store, handle, req))->err ==
               ERR_STORE_UNAVAILABLE ||
           answer->fallback) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it doesn't come back");
        pump_for(&fixture->store.loop, 5);
    }
    return answer;
}
