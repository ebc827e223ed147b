/* A store under test. */
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "generations.h"
#include "memory.h"
#include "partition.h"
#include "redis_nodes.h"
#include "redis_pool.h"
#include "redis_server.h"
#include "session_json.h"
#include "store_cache.h"
#include "store_memory.h"
#include "store_redis.h"

enum { ANSWER_MS = 20000 }; /* deadline of a request that isn't about deadlines */

static void start(struct store_fixture *fixture, enum store_fixture_kind kind)
{
    *fixture = (struct store_fixture){
        .kind = kind,
        .options = {.ttl_ms = 300000,
                    .max_age_ms = 86400000,
                    .family_limit = 10,
                    .device_limit = 2},
        .timeout_ms = 5000,
        .prefix = "",
    };
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(loop_init(&fixture->loop), 0);
}

static void use_nodes(struct store_fixture *fixture, struct redis_nodes *nodes)
{
    static char loopback[] = "127.0.0.1";

    fixture->nodes = nodes;
    fixture->server = redis_nodes_server(nodes, redis_nodes_serving(nodes, 0));
    fixture->address = (struct redis_address){.host = loopback, .port = redis_nodes_port(nodes, 0)};
}

void store_fixture_start(struct store_fixture *fixture, enum store_fixture_kind kind)
{
    bool cached = kind == STORE_FIXTURE_CACHED;

    if (cached)
        kind = STORE_FIXTURE_REDIS;
    start(fixture, kind);
    if (cached) {
        fixture->generations = generations_new();
        cr_assert_not_null(fixture->generations);
        generations_set_fed(fixture->generations, true);
    }
    if (kind == STORE_FIXTURE_REDIS) {
        fixture->server = redis_server_start((struct redis_server_options){0});
        fixture->address = redis_server_address(fixture->server);
    } else if (kind == STORE_FIXTURE_CLUSTER) {
        struct redis_nodes *nodes = redis_pool_take();

        if (nodes == NULL) /* which also says why there can be none */
            nodes = redis_nodes_start((struct redis_nodes_options){.masters = 2});
        use_nodes(fixture, nodes);
        fixture->one_partition = true;
    }
}

void store_fixture_start_on(struct store_fixture *fixture, struct redis_nodes *nodes)
{
    start(fixture, STORE_FIXTURE_CLUSTER);
    use_nodes(fixture, nodes);
}

static void close_handles(struct store_fixture *fixture)
{
    for (int i = 0; i < STORE_FIXTURE_HANDLES; i++) {
        if (fixture->handles[i] != NULL)
            store_fixture_close(fixture->handles[i]);
        fixture->handles[i] = NULL;
    }
}

void store_fixture_abandon(struct store_fixture *fixture)
{
    if (fixture->nodes != NULL)
        redis_nodes_stop(fixture->nodes);
    else
        redis_server_stop(fixture->server);
    fixture->nodes = NULL;
    fixture->server = NULL;
}

void store_fixture_stop(struct store_fixture *fixture)
{
    close_handles(fixture);
    loop_done(&fixture->loop);
    free(fixture->streams);
    free(fixture->events);
    memory_free(fixture->memory);
    generations_free(fixture->generations);
    store_fixture_abandon(fixture);
    *fixture = (struct store_fixture){0};
}

struct store *store_fixture_handle(struct store_fixture *fixture, int number)
{
    if (fixture->handles[number] == NULL)
        fixture->handles[number] = store_fixture_open(fixture, &fixture->loop);
    return fixture->handles[number];
}

struct store *store_fixture_open(struct store_fixture *fixture, struct loop *loop)
{
    struct store *store;

    if (fixture->kind == STORE_FIXTURE_MEMORY) {
        if (fixture->memory == NULL)
            fixture->memory = memory_new(&fixture->options, fixture->clock);
        cr_assert_not_null(fixture->memory);
        store = store_memory_open(fixture->memory, loop);
    } else {
        const struct store_redis_options options = {.store = fixture->options,
                                                    .address = &fixture->address,
                                                    .sentinel = fixture->sentinel,
                                                    .cluster = fixture->nodes != NULL,
                                                    .seeds = fixture->seeds,
                                                    .seed_count = fixture->seed_count,
                                                    .prefix = fixture->prefix,
                                                    .timeout_ms = fixture->timeout_ms,
                                                    .name = "test"};

        store = store_redis_open(&options, loop);
    }
    cr_assert_not_null(store);
    if (fixture->generations != NULL) {
        const struct store_cache_options options = {.generations = fixture->generations,
                                                    .cache_ms = 1000,
                                                    .ttl_ms = fixture->options.ttl_ms,
                                                    .most = 100};

        store = store_cache_open(&options, store);
        cr_assert_not_null(store);
    }
    return store;
}

struct closing {
    struct loop *loop; /* of the handle */
    bool is_closed;    /* on_closed was called */
};

static void on_closed(void *arg)
{
    struct closing *closing = arg;

    closing->is_closed = true;
    uv_stop(&closing->loop->uv);
}

void store_fixture_close(struct store *store)
{
    struct closing closing = {.loop = store->loop};

    store_close(store, on_closed, &closing);
    loop_run(closing.loop);
    cr_assert(closing.is_closed, "the store was never closed");
}

static void on_done(struct store_req *req)
{
    struct store_fixture *fixture = CONTAINER_OF(req, struct store_fixture, req);

    free(fixture->streams);
    fixture->streams = NULL;
    if (req->stream_count > 0) {
        size_t size = req->stream_count * sizeof *req->streams;

        fixture->streams = malloc(size);
        cr_assert_not_null(fixture->streams);
        memcpy(fixture->streams, req->streams, size);
    }
    free(fixture->events);
    fixture->events = NULL;
    if (req->op == STORE_EVENTS && req->query->events.count > 0) {
        fixture->events = event_pack(req->query->events.events, req->query->events.count);
        cr_assert_not_null(fixture->events);
    }
    fixture->is_done = true;
    uv_stop(&fixture->loop.uv);
}

const struct store_req *store_fixture_run(struct store_fixture *fixture, int handle,
                                          const struct store_req *req)
{
    struct store *store = store_fixture_handle(fixture, handle);

    uv_update_time(&fixture->loop.uv); /* the test may have kept the loop from running for long */
    fixture->req = *req;
    if (req->query != NULL) {
        fixture->query = *req->query;
        fixture->req.query = &fixture->query;
    }
    if (fixture->one_partition && req->session.id[0] == '\0')
        memcpy(fixture->req.session.id, partition_tag(0), PARTITION_TAG_LEN);
    fixture->req.deadline_ms = clock_monotonic_ms() + ANSWER_MS;
    fixture->req.done = on_done;
    fixture->is_done = false;
    store_submit(store, &fixture->req);
    cr_assert(!fixture->is_done, "called back from inside the submit");
    loop_run(&fixture->loop);
    cr_assert(fixture->is_done, "never called back");
    fixture->req.streams = fixture->streams;
    if (req->op == STORE_EVENTS)
        fixture->query.events.events = fixture->events;
    return &fixture->req;
}

const char *store_fixture_key_prefix(const struct store_fixture *fixture, const char *session_id)
{
    static char prefix[256];

    if (fixture->nodes == NULL)
        return fixture->prefix;
    snprintf(prefix, sizeof prefix, "%s{%.*s}:", fixture->prefix, PARTITION_TAG_LEN, session_id);
    return prefix;
}

/* Who holds a session. */
static struct redis_server *server_of(const struct store_fixture *fixture, const char *session_id)
{
    if (fixture->nodes == NULL || fixture->one_partition)
        return fixture->server;
    return redis_nodes_server(fixture->nodes,
                              redis_nodes_serving(fixture->nodes, partition_of_tag(session_id)));
}

/* Puts a value's lastHeartbeat back, and its end nearer. Past its TTL, Redis would have dropped it.
 */
static void age_in_redis(struct store_fixture *fixture, const char *session_id, int64_t ms)
{
    struct redis_server *server = server_of(fixture, session_id);
    const char *prefix = store_fixture_key_prefix(fixture, session_id);
    int64_t last_ms;

    char *value = redis_server_text(server, "GET %ssession:%s", prefix, session_id);
    cr_assert_not_null(value, "no session %s", session_id);
    int64_t left_ms = redis_server_number(server, "PTTL %ssession:%s", prefix, session_id) - ms;
    if (left_ms <= 0) {
        redis_server_do(server, "DEL %ssession:%s", prefix, session_id);
    } else {
        char *time = value + strlen(value) - CLOCK_TEXT_LEN - strlen(SESSION_JSON_TAIL);
        char text[CLOCK_TEXT_LEN + 1];

        cr_assert_eq(clock_parse(time, CLOCK_TEXT_LEN, &last_ms), 0, "no time: %s", value);
        clock_format(last_ms - ms, text);
        memcpy(time, text, CLOCK_TEXT_LEN);
        redis_server_do(server, "SET %ssession:%s %s PX %lld", prefix, session_id, value,
                        (long long)left_ms);
    }
    free(value);
}

void store_fixture_age(struct store_fixture *fixture, const char *session_id, int64_t ms)
{
    if (fixture->kind != STORE_FIXTURE_MEMORY)
        age_in_redis(fixture, session_id, ms);
    else
        cr_assert_eq(memory_age(fixture->memory, session_id, ms), 0, "no session %s", session_id);
}

void store_fixture_lose(struct store_fixture *fixture)
{
    close_handles(fixture);
    if (fixture->kind == STORE_FIXTURE_REDIS) {
        redis_server_do(fixture->server, "FLUSHALL");
    } else if (fixture->kind == STORE_FIXTURE_CLUSTER) {
        for (unsigned i = 0; i < redis_nodes_count(fixture->nodes); i++)
            redis_server_do(redis_nodes_server(fixture->nodes, i), "FLUSHALL");
    } else {
        memory_free(fixture->memory);
        fixture->memory = NULL;
    }
}

void store_fixture_hang(struct store_fixture *fixture)
{
    if (fixture->kind == STORE_FIXTURE_REDIS)
        redis_server_pause(fixture->server);
    else if (fixture->kind == STORE_FIXTURE_CLUSTER)
        redis_nodes_pause(fixture->nodes);
}

void store_fixture_unhang(struct store_fixture *fixture)
{
    if (fixture->kind == STORE_FIXTURE_REDIS)
        redis_server_resume(fixture->server);
    else if (fixture->kind == STORE_FIXTURE_CLUSTER)
        redis_nodes_resume(fixture->nodes);
}
