/*
 * A cluster of which a part is away: the outage is that part's alone, and ends when somebody serves
 * it again.
 */
#include "outage_fixture.h"

#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "log_capture.h"
#include "partition.h"
#include "pump.h"
#include "redis_nodes.h"
#include "redis_server.h"

static struct outage_fixture fixture;
static struct store_fixture *store = &fixture.store;
static struct redis_nodes *nodes; /* the fixture's */

static void start(unsigned masters, unsigned replicas)
{
    nodes = redis_nodes_start(
        (struct redis_nodes_options){.masters = masters, .replicas = replicas, .partial = true});
    outage_fixture_start_on(&fixture, nodes);
    store->timeout_ms = 1000; /* the nodes that are left are never as late as that */
}

static void tear_down(void)
{
    outage_fixture_stop(&fixture);
}

TestSuite(redis_cluster_outage, .fini = tear_down, .timeout = 60);

static enum store_state state_of(unsigned partition)
{
    return store_state_of(store->handles[0], partition);
}

struct wish {
    unsigned partition;
    enum store_state state;
};

static bool is_granted(void *arg)
{
    const struct wish *wish = arg;

    return state_of(wish->partition) == wish->state;
}

static bool is_said(void *arg)
{
    return log_capture_count(arg, "") > 0;
}

static void wait_for(unsigned partition, enum store_state state)
{
    pump_until(&store->loop, is_granted, &(struct wish){partition, state});
}

static struct session begin_in(unsigned partition, const char *device)
{
    const struct session session = ask_session_in(partition, device);
    const struct store_req *answer = ask_create(store, &session);

    ASSERT_ERR(answer, ERR_OK);
    return session;
}

/* ---- Nodes ---- */

Test(redis_cluster_outage, a_master_that_is_lost_takes_away_its_partitions_alone)
{
    unsigned theirs[PARTITION_COUNT], away = 0;

    start(3, 0); /* who is left must be most of them */
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        theirs[i] = redis_nodes_serving(nodes, i);
    const uint64_t outages = outage_count(fixture.outage);
    redis_nodes_kill(nodes, 1);
    wait_for(redis_nodes_partition_of(nodes, 1), STORE_FALLBACK);
    pump_for(&store->loop, 100); /* for whatever else might fall */
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        cr_assert_eq(state_of(i), theirs[i] == 1 ? STORE_FALLBACK : STORE_UP, "partition %u", i);
        away += theirs[i] == 1;
    }
    cr_assert_eq(outage_extent(fixture.outage), away);
    cr_assert_eq(outage_count(fixture.outage), outages + 1);
    cr_assert(store_serves(store->handles[0]));
    for (unsigned i = 0; i < PARTITION_COUNT; i += 17) {
        char device[16];

        snprintf(device, sizeof device, "d%u", i);
        const struct session session = ask_session_in(i, device);
        const struct store_req *answer = ask_create(store, &session);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_eq(answer->fallback, theirs[i] == 1, "partition %u", i);
    }
}

/* Others' requests go on while the replica is elected, which takes seconds. */
static void insist_on_being_served(unsigned partition, unsigned until_up)
{
    int64_t give_up_ms = clock_monotonic_ms() + 20000;

    while (state_of(until_up) != STORE_UP) {
        const struct session session = ask_session_in(partition, "tv");
        const struct store_req *answer = ask_create(store, &session);

        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "nobody takes its place");
        ASSERT_ERR(answer, ERR_OK);
        cr_assert_not(answer->fallback);
        cr_assert_eq(state_of(partition), STORE_UP);
        ASSERT_ERR(ask_end(store, &session, END_STOPPED), ERR_OK);
        pump_for(&store->loop, 10);
    }
}

Test(redis_cluster_outage, the_replica_that_is_promoted_is_told_what_happened_meanwhile)
{
    start(3, 1);
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const unsigned lost = redis_nodes_partition_of(nodes, 0),
                   kept = redis_nodes_partition_of(nodes, 2);
    const struct session before = begin_in(lost, "tv");

    redis_server_do(redis_nodes_server(nodes, 0), "WAIT 1 5000"); /* the replica has it */
    redis_nodes_kill(nodes, 0);
    wait_for(lost, STORE_FALLBACK);
    const struct session meanwhile = ask_session_in(lost, "phone");
    const struct store_req *answer = ask_create(store, &meanwhile);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
    insist_on_being_served(kept, lost);

    cr_assert_eq(redis_nodes_serving(nodes, lost), 3);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &before), ERR_OK);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &meanwhile), ERR_OK);
    answer = ask_list(store, before.family_id);
    cr_assert_not(answer->fallback);
    cr_assert_eq(answer->stream_count, 2);

    redis_nodes_restart(nodes, 0); /* as the replica of the other, which it learns late */
    pump_for(&store->loop, 200);
    ASSERT_ERR(ask_heartbeat(store, &meanwhile), ERR_OK);
    outage_fixture_wait(&fixture, STORE_UP);
}

Test(redis_cluster_outage, a_node_that_hangs_is_found_out_and_left_alone_until_it_answers)
{
    start(3, 0); /* who is left must be most of them */
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const unsigned hangs = redis_nodes_partition_of(nodes, 1),
                   turns = redis_nodes_partition_of(nodes, 0);
    const struct session tv = begin_in(hangs, "tv"), other = begin_in(turns, "tv");

    redis_server_pause(redis_nodes_server(nodes, 1));
    const struct store_req *answer = ask_heartbeat(store, &tv);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert(answer->fallback);
    cr_assert_eq(state_of(hangs), STORE_FALLBACK);
    answer = ask_heartbeat(store, &other);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_not(answer->fallback);
    redis_server_resume(redis_nodes_server(nodes, 1));
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
}

Test(redis_cluster_outage,
     without_a_node_at_the_start_all_is_answered_and_told_to_the_cluster_that_appears)
{
    start(2, 0);
    for (unsigned i = 0; i < 2; i++)
        redis_nodes_kill(nodes, i);
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    pump_until(&store->loop, is_said, (char[]){" warn Redis is away partitions=256 of=256"});
    const struct session here = begin_in(3, "tv"), there = begin_in(200, "tv");
    for (unsigned i = 0; i < 2; i++)
        redis_nodes_restart(nodes, i);
    redis_nodes_wait(nodes);
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &here), ERR_OK);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &there), ERR_OK);
    cr_assert_eq(log_capture_count("Redis is up adopted=2", ""), 1);
}

Test(redis_cluster_outage, a_server_that_is_in_no_cluster_is_told_of_in_the_log)
{
    struct redis_server *alone = redis_server_start((struct redis_server_options){.tcp = true});

    start(2, 0);
    store->address.port = redis_server_port(alone);
    outage_fixture_open(&fixture, OUTAGE_FALLBACK);
    outage_fixture_wait(&fixture, STORE_FALLBACK);
    pump_for(&store->loop, 300); /* it is asked again and again, and told once */
    cr_assert_eq(log_capture_count("cluster support disabled", ""), 1);
    redis_server_stop(alone);
}

/* ---- Slots ---- */

Test(redis_cluster_outage, a_slot_that_nobody_serves_is_an_outage_of_its_partition_alone)
{
    const unsigned orphan = 40;

    start(2, 0);
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const struct session before = begin_in(orphan, "tv");
    for (unsigned i = 0; i < 2; i++)
        redis_server_do(redis_nodes_server(nodes, i), "CLUSTER DELSLOTS %d",
                        (int)redis_nodes_slot(orphan));
    wait_for(orphan, STORE_FALLBACK);
    const struct session meanwhile = begin_in(orphan, "phone");
    ASSERT_ERR(ask_heartbeat(store, &before), ERR_OK);
    cr_assert_eq(outage_extent(fixture.outage), 1);
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        cr_assert_eq(state_of(i), i == orphan ? STORE_FALLBACK : STORE_UP, "partition %u", i);

    redis_server_do(redis_nodes_server(nodes, 1), "CLUSTER ADDSLOTS %d",
                    (int)redis_nodes_slot(orphan));
    outage_fixture_wait(&fixture, STORE_UP);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &meanwhile), ERR_OK);
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &before), ERR_OK);
    cr_assert_eq(redis_server_number(redis_nodes_server(nodes, 1), "EXISTS %ssession:%s",
                                     store_fixture_key_prefix(store, meanwhile.id), meanwhile.id),
                 1);
}

/* A request with a deadline of its own. */
static struct call {
    struct store_req req;
    bool done;
} call;

static void on_done(struct store_req *req)
{
    CONTAINER_OF(req, struct call, req)->done = true;
}

static bool is_done(void *arg)
{
    (void)arg;
    return call.done;
}

static void ask_within(enum store_op op, const struct session *session, int64_t ms)
{
    uv_update_time(&store->loop.uv);
    call = (struct call){.req = {.op = op,
                                 .session = *session,
                                 .create = ask_limits(-1, -1),
                                 .deadline_ms = clock_monotonic_ms() + ms,
                                 .done = on_done}};
    store_submit(store->handles[0], &call.req);
    pump_until(&store->loop, is_done, NULL);
}

Test(redis_cluster_outage, who_cannot_wait_for_a_half_moved_slot_is_answered_here_and_adopted_there)
{
    start(2, 0);
    outage_fixture_open_up(&fixture, OUTAGE_FALLBACK);
    const unsigned moving = redis_nodes_partition_of(nodes, 0);
    const struct session tv = begin_in(moving, "tv"), phone = ask_session_in(moving, "phone");

    redis_nodes_begin_move(nodes, moving, 1);
    redis_nodes_move_keys(nodes, moving, 1, ":session:", 1);
    ask_within(STORE_CREATE, &phone, 50);
    ASSERT_ERR(&call.req, ERR_OK);
    cr_assert(call.req.fallback);
    ask_within(STORE_HEARTBEAT, &tv, 50);
    ASSERT_ERR(&call.req, ERR_OK);
    redis_nodes_finish_move(nodes, moving, 1);
    outage_fixture_wait(&fixture, STORE_UP);
    const struct store_req check = {.op = STORE_CHECK, .session = phone};
    int64_t give_up_ms = clock_monotonic_ms() + 10000;
    while (outage_fixture_insist(&fixture, 1, &check)->err != ERR_OK) {
        cr_assert_lt(clock_monotonic_ms(), give_up_ms, "it is never adopted");
        pump_for(&store->loop, 5);
    }
    ASSERT_ERR(outage_fixture_check_elsewhere(&fixture, &tv), ERR_OK);
    cr_assert_eq(ask_list(store, tv.family_id)->stream_count, 2);
}
