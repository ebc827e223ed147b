/* A Redis Cluster: where keys are, who is asked for them, and how a gateway learns of it. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "partition.h"
#include "pump.h"
#include "redis_nodes.h"
#include "redis_server.h"
#include "redis_slots.h"
#include "sweeper.h"

static struct store_fixture fixture;
static struct redis_nodes *nodes; /* the fixture's */

static void set_up(void)
{
    nodes = redis_nodes_start((struct redis_nodes_options){.masters = 2});
    store_fixture_start_on(&fixture, nodes);
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_cluster, .init = set_up, .fini = tear_down, .timeout = 60);

/* A session that lives, of a partition's family. */
static struct session begin_in(unsigned partition, const char *device)
{
    const struct session session = ask_session_in(partition, device);

    ASSERT_ERR(ask_create(&fixture, &session), ERR_OK);
    return session;
}

/* ---- Keys ---- */

/* Each of a node's keys is in a slot that it was given, by a tag behind the prefix. */
static void assert_tagged(struct redis_server *node, const char *prefix, const char *tag,
                          size_t *ret_count)
{
    redisReply *keys = redis_server_command(node, "KEYS *");
    char start[32];

    snprintf(start, sizeof start, "%s{%.2s}:", prefix, tag);
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;

        cr_assert_eq(strncmp(key, start, strlen(start)), 0, "%s doesn't begin with %s", key, start);
        cr_assert_eq(redis_slot_of_key(key, strlen(key)), redis_slot_of_key(tag, 2), "%s", key);
    }
    *ret_count += keys->elements;
    freeReplyObject(keys);
}

Test(redis_cluster, all_keys_of_a_family_share_a_slot_by_their_tag_behind_the_prefix)
{
    size_t count = 0;

    fixture.prefix = "app:";
    fixture.options.create_rate = 60;
    const struct session tv = begin_in(77, "tv"), phone = begin_in(77, "phone");
    ASSERT_ERR(ask_set_limits(&fixture, tv.family_id, 4, 1, 0), ERR_OK);
    ASSERT_ERR(ask_end(&fixture, &phone, END_STOPPED), ERR_OK);
    ASSERT_ERR(ask_heartbeat(&fixture, &tv), ERR_OK);
    ASSERT_ERR(ask_revoke(&fixture, tv.family_id, "", "", 1000), ERR_OK);
    for (unsigned i = 0; i < redis_nodes_count(nodes); i++)
        assert_tagged(redis_nodes_server(nodes, i), "app:", partition_tag(77), &count);
    cr_assert_geq(count, 7); /* two tombstones, limits, mark, rate, expiry, events */
}

Test(redis_cluster, every_partition_is_asked_of_the_node_that_serves_it)
{
    static struct session sessions[PARTITION_COUNT];

    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        sessions[i] = begin_in(i, "tv");
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        struct redis_server *node = redis_nodes_server(nodes, redis_nodes_serving(nodes, i));

        ASSERT_ERR(ask_check(&fixture, &sessions[i]), ERR_OK);
        cr_assert_eq(redis_server_number(node, "EXISTS %ssession:%s",
                                         store_fixture_key_prefix(&fixture, sessions[i].id),
                                         sessions[i].id),
                     1);
        cr_assert_eq(store_state_of(fixture.handles[0], i), STORE_UP);
    }
    cr_assert_eq(store_state(fixture.handles[0]), STORE_UP);
}

Test(redis_cluster, a_device_and_a_user_are_counted_in_each_partition_for_itself)
{
    const struct session third = ask_session_in(1, "tv");

    fixture.options.create_rate = 3;
    for (int i = 0; i < 2; i++) {
        begin_in(1, "tv");
        begin_in(2, "tv");
    }
    ASSERT_ERR(ask_create(&fixture, &third), ERR_DEVICE_LIMIT);
    ASSERT_ERR(ask_create(&fixture, &third), ERR_RATE_LIMITED);
    begin_in(2, "phone");
}

static bool all_swept(void *arg)
{
    long long entries = 0;

    (void)arg;
    for (unsigned i = 0; i < PARTITION_COUNT; i += 51) {
        const char *prefix = store_fixture_key_prefix(&fixture, partition_tag(i));

        entries += redis_server_number(redis_nodes_server(nodes, redis_nodes_serving(nodes, i)),
                                       "EXISTS %ssession_expiry %sfamily_streams:%s", prefix,
                                       prefix, ask_session_in(i, "tv").family_id);
    }
    return entries == 0;
}

Test(redis_cluster, the_sweeper_visits_every_partition)
{
    static struct sweeper sweeper; /* its handle is closed after the test */

    fixture.options.ttl_ms = 300;
    for (unsigned i = 0; i < PARTITION_COUNT; i += 51)
        begin_in(i, "tv");
    sweeper_start(&sweeper, &fixture.loop, store_fixture_handle(&fixture, 0), 1000);
    pump_until(&fixture.loop, all_swept, NULL);
    sweeper_stop(&sweeper);
}

/* ---- Slots that change hands ---- */

Test(redis_cluster, a_partition_is_followed_to_the_node_that_it_moved_to)
{
    const unsigned partition = redis_nodes_partition_of(nodes, 0);
    const struct session tv = begin_in(partition, "tv"), phone = begin_in(partition, "phone");

    for (unsigned to = 1; to <= 2; to++) { /* there, and back */
        redis_nodes_move(nodes, partition, to % 2);
        ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
        ASSERT_ERR(ask_heartbeat(&fixture, &phone), ERR_OK);
        cr_assert_eq(ask_list(&fixture, tv.family_id)->stream_count, 2);
    }
    redis_nodes_move(nodes, partition, 1);
    const struct session laptop = begin_in(partition, "laptop");
    cr_assert_eq(ask_list(&fixture, laptop.family_id)->stream_count, 3);
}

Test(redis_cluster, a_node_that_joins_is_asked_for_what_it_was_given)
{
    const struct session tv = begin_in(0, "tv");
    const unsigned further = redis_nodes_add(nodes);

    redis_nodes_move(nodes, 0, further);
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
    ASSERT_ERR(ask_end(&fixture, &tv, END_STOPPED), ERR_OK);
    ASSERT_ENDED(ask_check(&fixture, &tv), END_STOPPED);
    cr_assert_eq(redis_server_number(redis_nodes_server(nodes, further), "EXISTS %ssession_end:%s",
                                     store_fixture_key_prefix(&fixture, tv.id), tv.id),
                 1);
}

/* ---- Finding the nodes ---- */

Test(redis_cluster, any_seed_that_answers_will_do)
{
    struct redis_node_address seeds[2] = {{.host = "127.0.0.1"}, {.host = "127.0.0.1"}};

    fixture.address.port = redis_nodes_choose_port(); /* nobody listens there */
    seeds[0].port = redis_nodes_choose_port();
    seeds[1].port = redis_nodes_port(nodes, 1);
    fixture.seeds = seeds;
    fixture.seed_count = 2;
    const struct session here = begin_in(redis_nodes_partition_of(nodes, 0), "tv"),
                         there = begin_in(redis_nodes_partition_of(nodes, 1), "tv");
    ASSERT_ERR(ask_check(&fixture, &here), ERR_OK);
    ASSERT_ERR(ask_check(&fixture, &there), ERR_OK);
}

static bool is_away(void *arg)
{
    (void)arg;
    return store_state(fixture.handles[0]) == STORE_AWAY;
}

static bool is_up(void *arg)
{
    (void)arg;
    return store_state(fixture.handles[0]) == STORE_UP;
}

Test(redis_cluster, one_that_appears_later_is_found)
{
    const struct session tv = ask_session_in(9, "tv");

    fixture.timeout_ms = 200;
    for (unsigned i = 0; i < redis_nodes_count(nodes); i++)
        redis_nodes_kill(nodes, i);
    store_fixture_handle(&fixture, 0);
    pump_until(&fixture.loop, is_away, NULL);
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    for (unsigned i = 0; i < redis_nodes_count(nodes); i++)
        redis_nodes_restart(nodes, i);
    redis_nodes_wait(nodes);
    pump_until(&fixture.loop, is_up, NULL);
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_OK);
}

Test(redis_cluster, a_call_before_the_slots_are_known_waits_for_them)
{
    const struct session tv = ask_session_in(200, "tv");

    ASSERT_ERR(ask_create(&fixture, &tv), ERR_OK);
    store_fixture_close(fixture.handles[0]);
    fixture.handles[0] = NULL;
    ASSERT_ERR(ask_check(&fixture, &tv), ERR_OK);
}
