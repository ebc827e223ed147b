/* The embedded store in the place of a cluster: what is asked of a partition is answered for that alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "partition.h"
#include "session.h"
#include "store_query.h"

enum { EACH = 3, PARTITIONS = 5 }; /* so many sessions in the first so many partitions */

static struct memory *memory;

/* A request about a partition. */
static struct store_req about(enum store_op op, unsigned partition, struct store_query *query)
{
    struct store_req req = {.op = op, .query = query};

    memcpy(req.session.id, partition_tag(partition), PARTITION_TAG_LEN);
    return req;
}

static void run(struct store_req *req)
{
    cr_assert_eq(memory_do(memory, req), ERR_OK);
}

/* Each partition has a family, whose users are its own and who all watch on one device. */
static void begin_in(unsigned partition, unsigned number)
{
    struct store_req req = {.op = STORE_CREATE, .create = {.family_limit = -1, -1}};

    snprintf(req.session.family_id, sizeof req.session.family_id, "family-%u", partition);
    snprintf(req.session.user_id, sizeof req.session.user_id, "user-%u-%u", partition, number);
    strcpy(req.session.device_id, "tv");
    strcpy(req.session.media_id, "media");
    session_id_make(req.session.family_id, req.session.id);
    memcpy(req.session.id, partition_tag(partition), PARTITION_TAG_LEN);
    run(&req);
}

static void set_up(void)
{
    const struct store_options options = {.ttl_ms = 300000, .max_age_ms = 86400000};

    memory = memory_new(&options, NULL);
    cr_assert_not_null(memory);
    memory_set_partitions(memory, PARTITION_COUNT);
    for (unsigned i = 0; i < PARTITIONS * EACH; i++)
        begin_in(i % PARTITIONS, i);
}

static void tear_down(void)
{
    memory_free(memory);
}

TestSuite(memory_partitions, .init = set_up, .fini = tear_down);

static void assert_all_in(const struct store_req *req, unsigned partition)
{
    for (size_t i = 0; i < req->stream_count; i++)
        cr_assert_eq(partition_of_tag(req->streams[i].session.id), partition);
}

/* How many sessions partitions have. */
static size_t expected_in(unsigned partition)
{
    return partition < PARTITIONS ? EACH : 0;
}

Test(memory_partitions, a_page_is_of_one)
{
    for (unsigned i = 0; i <= PARTITIONS; i++) {
        struct store_query query = {.page = {.most = 100}};
        struct store_req req = about(STORE_PAGE, i, &query);

        run(&req);
        cr_assert_eq(req.stream_count, expected_in(i));
        assert_all_in(&req, i);
        free(req.streams);
    }
}

Test(memory_partitions, a_count_is_of_one)
{
    for (unsigned i = 0; i <= PARTITIONS; i++) {
        struct store_query query;
        struct store_req req = about(STORE_COUNT, i, &query);

        run(&req);
        cr_assert_eq(query.count.sessions, expected_in(i));
        cr_assert_eq(query.count.users_online, expected_in(i));
    }
}

Test(memory_partitions, a_device_is_described_and_revoked_in_one)
{
    struct store_query query;
    struct store_req describe = about(STORE_DESCRIBE, 2, &query),
                     revoke = about(STORE_REVOKE, 2, NULL), other = about(STORE_COUNT, 1, &query);

    strcpy(describe.session.device_id, "tv");
    strcpy(revoke.session.device_id, "tv");
    run(&describe);
    cr_assert_eq(describe.stream_count, EACH);
    cr_assert_eq(describe.usage.device_active, EACH);
    assert_all_in(&describe, 2);
    free(describe.streams);
    run(&revoke);
    cr_assert_eq(revoke.ended_count, EACH);
    run(&describe);
    cr_assert_eq(describe.usage.device_active, 0);
    free(describe.streams);
    run(&other);
    cr_assert_eq(query.count.sessions, EACH);
}

Test(memory_partitions, events_are_of_one)
{
    struct store_query note = {.note = EVENT_DRAIN_STARTED};
    struct store_req in_three = about(STORE_NOTE, 3, &note), revoke = about(STORE_REVOKE, 3, NULL);

    strcpy(revoke.session.device_id, "tv");
    run(&in_three);
    run(&revoke);
    for (unsigned i = 0; i <= PARTITIONS; i++) {
        struct store_query query = {.events = {.most = 100}};
        struct store_req req = about(STORE_EVENTS, i, &query);

        run(&req);
        cr_assert_eq(query.events.count, i == 3 ? EACH + 1 + EACH : expected_in(i));
        for (size_t e = 0; e < query.events.count; e++)
            if (query.events.events[e].session_id[0] != '\0')
                cr_assert_eq(partition_of_tag(query.events.events[e].session_id), i);
        free(query.events.events);
    }
}

Test(memory_partitions, are_one_where_they_are_not_apart)
{
    struct store_query query = {.page = {.most = 100}};
    struct store_req req = about(STORE_PAGE, 200, &query);

    tear_down();
    const struct store_options options = {.ttl_ms = 300000, .max_age_ms = 86400000};
    memory = memory_new(&options, NULL);
    cr_assert_not_null(memory);
    for (unsigned i = 0; i < PARTITIONS * EACH; i++)
        begin_in(i % PARTITIONS, i);
    run(&req);
    cr_assert_eq(req.stream_count, PARTITIONS * EACH);
    free(req.streams);
}
