/* /admin/v1/events over a Redis Cluster, where each of 256 partitions has an order of its own. */
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "event_stream.h"
#include "partition.h"
#include "redis_nodes.h"
#include "redis_server.h"

enum { FAMILIES = 90, IDS_MAX = 4 * FAMILIES };

TestSuite(events_cluster, .timeout = 100);

static struct redis_nodes *nodes;
static struct admin_fixture admin;

static void start(void)
{
    nodes = redis_nodes_start((struct redis_nodes_options){.masters = 3, .partial = true});
    const char *env[] = {
        api_text("GATEWAY_REDIS_URL=redis://127.0.0.1:%d", redis_nodes_port(nodes, 0)),
        "GATEWAY_REDIS_CLUSTER=true", "GATEWAY_REDIS_TIMEOUT_MS=1000", NULL};

    admin = admin_fixture_start(API_EMBEDDED, env);
}

static void stop(void)
{
    admin_fixture_stop(&admin);
    redis_nodes_stop(nodes);
}

/* Sessions that are to be told of. */
static char ids[IDS_MAX][24];
static bool seen[IDS_MAX];
static size_t count;

/* Starts a session in each of many families, so in many partitions. */
static void admit_all(void)
{
    for (int i = 0; i < FAMILIES; i++) {
        struct api_session session =
            api_admit(admin.api.client, api_text("f%d", i), api_text("d%zu", count), NULL);

        strcpy(ids[count], session.id);
        seen[count++] = false;
    }
}

/* Notes an event. Returns whether it is the first about one from `from` on. */
static bool note(const struct event_block *block, size_t from)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], event_block_text(block, "sessionId")) == 0) {
            bool is_first = i >= from && !seen[i];

            seen[i] = true;
            return is_first;
        }
    cr_assert_fail("an event of nobody: %s", block->data);
    return false;
}

/* The next event of this type; how the store is may be told before. */
static const struct event_block *next_of(struct event_stream *stream, const char *type)
{
    const struct event_block *block;

    do
        block = event_stream_next(stream);
    while (block != NULL && strcmp(block->event, type) != 0);
    cr_assert_not_null(block, "the stream ended where %s was to come", type);
    return block;
}

/* Waits until the store is told to be so. */
static void wait_state(struct event_stream *stream, const char *state)
{
    while (strcmp(event_block_text(next_of(stream, "store"), "state"), state) != 0)
        ;
}

/* Reads until all sessions from `from` on have been told of; keeps the last id that was named. */
static void read_all(struct event_stream *stream, size_t from, char ret_id[64])
{
    for (size_t left = count - from; left > 0;) {
        const struct event_block *block = next_of(stream, "started");

        left -= note(block, from);
        if (block->id[0] != '\0')
            strcpy(ret_id, block->id);
    }
}

Test(events_cluster, the_events_of_all_partitions_are_told_and_a_resume_skips_none, .init = start,
     .fini = stop)
{
    const char *address = gateway_process_admin(admin.api.gateway);
    struct event_stream *stream = event_stream_open_ready(address, "", NULL);
    char id[64] = "";

    admit_all();
    read_all(stream, 0, id);
    cr_assert_neq(id[0], '\0');
    event_stream_close(stream);

    admit_all();
    stream = event_stream_open_ready(address, "", api_text("Last-Event-ID: %s\r\n", id));
    struct event_stream *family =
        event_stream_open_ready(address, "?family=f7", api_text("Last-Event-ID: %s\r\n", id));
    read_all(stream, FAMILIES, id);
    admit_all();
    read_all(stream, 2 * FAMILIES, id);
    event_stream_close(stream);

    for (size_t i = FAMILIES + 7; i < count; i += FAMILIES) {
        const struct event_block *block;

        do
            block = next_of(family, "started");
        while (strcmp(event_block_text(block, "sessionId"), ids[i]) != 0);
        cr_expect_str_eq(event_block_text(block, "familyId"), "f7");
    }
    event_stream_close(family);
}

Test(events_cluster, while_a_node_is_away_the_others_are_told_of_and_later_all, .init = start,
     .fini = stop)
{
    const char *address = gateway_process_admin(admin.api.gateway);
    struct event_stream *stream = event_stream_open_ready(address, "", NULL);
    struct api_session session;
    char id[64] = "";
    char family[16] = "";

    admit_all();
    read_all(stream, 0, id);
    redis_server_pause(redis_nodes_server(nodes, 2));
    wait_state(stream, "fallback");
    event_stream_close(stream);

    /* who resumes now is told of the partitions that are there */
    stream = event_stream_open(address, "", api_text("Last-Event-ID: %s\r\n", id));
    for (int i = 0; family[0] == '\0'; i++) {
        session = api_admit(admin.api.client, api_text("g%d", i), "d1", NULL);
        unsigned partition = redis_nodes_serving(nodes, partition_of(api_text("g%d", i)));
        if (partition == 0)
            strcpy(family, api_text("g%d", i));
    }
    const struct event_block *block;
    do
        block = next_of(stream, "started");
    while (strcmp(event_block_text(block, "familyId"), family) != 0);
    cr_expect_str_eq(event_block_text(block, "sessionId"), session.id);

    redis_server_resume(redis_nodes_server(nodes, 2));
    wait_state(stream, "up");
    event_stream_close(stream);
}
