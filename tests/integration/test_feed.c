/* The feed of ends: lost, silent, refused, moved to another master, and back; what is believed meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "cache_fixture.h"
#include "log_capture.h"
#include "partition.h"
#include "pump.h"
#include "redis_nodes.h"
#include "redis_server.h"
#include "sentinel_set.h"

static struct cache_fixture fixture;
static struct store_fixture *store; /* its */
static struct redis_server *redis;  /* its */

static void set_up(void)
{
    cache_fixture_start(&fixture);
    store = &fixture.outage.store;
    redis = fixture.outage.redis;
}

static void tear_down(void)
{
    cache_fixture_stop(&fixture);
}

TestSuite(feed, .init = set_up, .fini = tear_down, .timeout = 100);

static struct session begin_cached(const char *family)
{
    const struct session session = ask_begin(store, family, family);

    cache_fixture_fill(&fixture, &session);
    return session;
}

/* That answers are cached, and corrected from elsewhere, even from now on. */
static void expect_heard(struct session session)
{
    cache_fixture_wait_fed(&fixture, true);
    ASSERT_ERR(ask_create(store, &session), ERR_OK);
    cache_fixture_fill(&fixture, &session);
    ASSERT_ERR(&fixture.peeked, ERR_OK);
    cache_fixture_ask(&fixture, 1, STORE_END, &session);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
}

struct wish {
    const char *session_id;
    uint64_t generation;
};

static bool has_moved(void *arg)
{
    const struct wish *wish = arg;

    return generations_of(fixture.generations, wish->session_id) != wish->generation;
}

/* Runs the loop until the generation of a session isn't this one any more. */
static void wait_moved(const struct session *session, uint64_t generation)
{
    pump_until(&store->loop, has_moved, &(struct wish){session->id, generation});
}

static uint64_t generation_of(const struct session *session)
{
    return generations_of(fixture.generations, session->id);
}

/* ---- Lost ---- */

Test(feed, one_connection_is_all_it_has)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    cr_assert_eq(
        redis_server_number(redis, "EVAL %s 0", "return #redis.call('PUBSUB', 'CHANNELS')"), 1);
    cr_assert_eq(redis_server_number(redis, "EVAL %s 0",
                                     "return redis.call('PUBSUB', 'NUMSUB', 'stream_ended')[2]"),
                 1);
}

Test(feed, once_it_is_lost_nothing_from_before_is_believed)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session one = begin_cached("f"), two = begin_cached("g");
    uint64_t ones = generation_of(&one), twos = generation_of(&two);

    redis_server_do(redis, "CLIENT KILL TYPE pubsub");
    wait_moved(&one, ones);
    wait_moved(&two, twos);
    cr_assert_not(cache_fixture_peek(&fixture, &one));
    cache_fixture_wait_fed(&fixture, true);
    cr_assert_not(cache_fixture_peek(&fixture, &one), "believed again: ends may have been missed");
    cr_assert_not(cache_fixture_peek(&fixture, &two));
    expect_heard(ask_session("h", "h"));
}

Test(feed, an_end_that_nobody_heard_is_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f");

    redis_server_do(redis, "CLIENT KILL TYPE pubsub");
    cache_fixture_ask(&fixture, 1, STORE_END, &session);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
}

/* The links wait for Redis far longer than the feed does: no outage is declared meanwhile. */
Test(feed, once_it_is_silent_nothing_is_believed)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f");
    uint64_t before = generation_of(&session);

    redis_server_pause(redis);
    cache_fixture_wait_fed(&fixture, false);
    cr_assert_eq(store_state(store->handles[0]), STORE_UP, "it is the outage that is tested");
    cr_assert_neq(generation_of(&session), before);
    cr_assert_not(cache_fixture_peek(&fixture, &session));

    redis_server_resume(redis);
    cache_fixture_wait_fed(&fixture, true);
    cr_assert_not(cache_fixture_peek(&fixture, &session));
    expect_heard(ask_session("heard", "heard"));
}

/* Longer than it may be silent. A machine so busy that the test itself stands still has further tries. */
Test(feed, stays_while_there_is_nothing_to_tell)
{
    uint64_t before, after;
    int tries = 5;

    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f");
    do {
        before = generation_of(&session);
        pump_for(&store->loop, 1200);
        after = generation_of(&session);
    } while (after != before && --tries > 0);
    cr_assert_eq(after, before);
    cr_assert(generations_is_fed(fixture.generations));
}

Test(feed, comes_back_with_a_redis_that_was_restarted)
{
    cache_fixture_open(&fixture, OUTAGE_FALLBACK);
    const struct session session = begin_cached("f");
    uint64_t before = generation_of(&session);

    redis_server_kill(redis);
    cache_fixture_wait_fed(&fixture, false);
    cr_assert_neq(generation_of(&session), before);
    redis_server_restart(redis);
    outage_fixture_wait(&fixture.outage, STORE_UP);
    outage_fixture_check_elsewhere(&fixture.outage, &session); /* its connection is there again */
    const struct store_req check = {.op = STORE_CHECK, .session = session};
    outage_fixture_insist(&fixture.outage, 0, &check);
    expect_heard(ask_session("heard", "heard"));
}

/* ---- Refused ---- */

static long long refusals(void)
{
    char *info = redis_server_text(redis, "INFO commandstats");
    const char *at = strstr(info, "cmdstat_subscribe:");

    at = at != NULL ? strstr(at, "rejected_calls=") : NULL;
    long long count = at != NULL ? atoll(at + strlen("rejected_calls=")) : 0;
    free(info);
    return count;
}

static bool was_refused_often(void *arg)
{
    (void)arg;
    return refusals() >= 3;
}

static void expect_refused(void)
{
    pump_until(&store->loop, was_refused_often, NULL);
    cr_assert_not(generations_is_fed(fixture.generations));
    cr_assert_eq(log_capture_count("Redis feed refused", ""), 1);
    cr_assert_eq(log_capture_count("NOPERM", ""), 1);
    cr_assert_eq(log_capture_count("redis.url (the user's ACL)", ""), 1);
}

/* Logs in as a user of this name. */
static void be(char *user)
{
    static char password[] = "secret";

    store->address.user = user;
    store->address.password = password;
}

Test(feed, a_user_who_may_not_subscribe_costs_the_cache_alone_and_is_told_once)
{
    redis_server_do(redis, "ACL SETUSER gateway on >secret ~* &* +@all -subscribe");
    be((char[]){"gateway"});
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    cache_fixture_listen(&fixture);
    expect_refused();

    const struct session session = ask_begin(store, "f", "d");
    ASSERT_ERR(ask_check(store, &session), ERR_OK);
    cr_assert_not(cache_fixture_peek(&fixture, &session));
    ASSERT_ERR(ask_end(store, &session, END_STOPPED), ERR_OK);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
    cr_assert_not(cache_fixture_peek(&fixture, &session));

    redis_server_do(redis, "ACL SETUSER gateway +subscribe");
    expect_heard(ask_session("heard", "heard"));
}

Test(feed, a_user_who_may_not_use_the_channel_is_told_so_once)
{
    redis_server_do(redis, "ACL SETUSER gateway on >secret ~* resetchannels &other +@all");
    be((char[]){"gateway"});
    cache_fixture_open_deaf(&fixture, OUTAGE_DENY);
    cache_fixture_listen(&fixture);
    expect_refused();
}

Test(feed, rights_taken_away_later_are_told_and_nothing_is_believed)
{
    redis_server_do(redis, "ACL SETUSER gateway on >secret ~* &* +@all");
    be((char[]){"gateway"});
    cache_fixture_open(&fixture, OUTAGE_DENY);
    const struct session session = begin_cached("f");

    redis_server_do(redis, "ACL SETUSER gateway -subscribe");
    redis_server_do(redis, "CLIENT KILL TYPE pubsub");
    cache_fixture_wait_unbelieved(&fixture, &session);
    expect_refused();
    ASSERT_ERR(ask_check(store, &session), ERR_OK);
    cr_assert_not(cache_fixture_peek(&fixture, &session));
}

/* ---- Sentinels ---- */

static struct sentinel_set set;
static struct redis_sentinel_options sentinel;

static void tear_down_set(void)
{
    cache_fixture_stop(&fixture);
    sentinel_set_stop(&set);
}

TestSuite(feed_sentinel, .init = set_up, .fini = tear_down_set, .timeout = 110);

static bool is_heard_by_the_second(void *arg)
{
    (void)arg;
    return generations_is_fed(fixture.generations) &&
           redis_server_number(set.nodes[1], "EVAL %s 0",
                               "return redis.call('PUBSUB', 'NUMSUB', 'stream_ended')[2]") == 1;
}

Test(feed_sentinel, follows_the_master)
{
    sentinel_set_start(&set, 3);
    sentinel = sentinel_set_options(&set, store->timeout_ms);
    store->address = (struct redis_address){0};
    store->sentinel = &sentinel;
    uv_update_time(&store->loop.uv); /* it wasn't run for a while */
    cache_fixture_open(&fixture, OUTAGE_FALLBACK);
    const struct session session = begin_cached("f");
    uint64_t before = generation_of(&session);

    sentinel_set_fail_over(&set);
    wait_moved(&session, before);
    while (!sentinel_set_is_master(&set, 1))
        pump_for(&store->loop, 10);
    pump_until(&store->loop, is_heard_by_the_second, NULL);
    outage_fixture_wait(&fixture.outage, STORE_UP);
    const struct store_req check = {.op = STORE_CHECK, .session = session};
    outage_fixture_insist(&fixture.outage, 0, &check);
    outage_fixture_insist(&fixture.outage, 1, &check);
    expect_heard(ask_session("heard", "heard"));
}

/* ---- A cluster ---- */

static struct redis_nodes *nodes;

static void set_up_nodes(void)
{
    nodes = redis_nodes_start((struct redis_nodes_options){.masters = 2});
    cache_fixture_start_on(&fixture, nodes);
    store = &fixture.outage.store;
}

TestSuite(feed_cluster, .init = set_up_nodes, .fini = tear_down, .timeout = 110);

static struct session session_of(unsigned partition)
{
    return ask_session_in(partition, "d");
}

Test(feed_cluster, ends_on_each_master_are_known_by_the_next_check)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    expect_heard(session_of(redis_nodes_partition_of(nodes, 0)));
    expect_heard(session_of(redis_nodes_partition_of(nodes, 1)));
}

Test(feed_cluster, one_master_that_is_not_heard_is_enough_to_believe_nothing)
{
    cache_fixture_open(&fixture, OUTAGE_DENY);
    struct session sessions[2];

    for (unsigned i = 0; i < 2; i++) {
        sessions[i] = session_of(redis_nodes_partition_of(nodes, i));
        ASSERT_ERR(ask_create(store, &sessions[i]), ERR_OK);
        cache_fixture_fill(&fixture, &sessions[i]);
    }
    redis_server_do(redis_nodes_server(nodes, 1), "CLIENT KILL TYPE pubsub");
    for (unsigned i = 0; i < 2; i++)
        cache_fixture_wait_unbelieved(&fixture, &sessions[i]);
    expect_heard(session_of(redis_nodes_partition_of(nodes, 0)));
}

Test(feed_cluster, follows_a_slot_to_another_master)
{
    const unsigned partition = redis_nodes_partition_of(nodes, 0);

    cache_fixture_open(&fixture, OUTAGE_DENY);
    struct session session = session_of(partition);
    ASSERT_ERR(ask_create(store, &session), ERR_OK);
    cache_fixture_fill(&fixture, &session);
    redis_nodes_move(nodes, partition, 1);
    cache_fixture_ask(&fixture, 1, STORE_END, &session);
    cache_fixture_wait_unbelieved(&fixture, &session);
    ASSERT_ENDED(ask_check(store, &session), END_STOPPED);
    expect_heard(session_of(partition));
}

static bool is_heard_by_the_new(void *arg)
{
    const unsigned *number = arg;

    return redis_server_number(redis_nodes_server(nodes, *number), "EVAL %s 0",
                               "return redis.call('PUBSUB', 'NUMSUB', 'stream_ended')[2]") == 1;
}

Test(feed_cluster, listens_to_a_master_that_is_new)
{
    const unsigned partition = redis_nodes_partition_of(nodes, 0);

    cache_fixture_open(&fixture, OUTAGE_DENY);
    unsigned further = redis_nodes_add(nodes);
    redis_nodes_move(nodes, partition, further);
    pump_until(&store->loop, is_heard_by_the_new, &further);
    expect_heard(session_of(partition));
}
