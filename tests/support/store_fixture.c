/* A store under test. */
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "memory.h"
#include "redis_server.h"
#include "session_json.h"
#include "store_memory.h"
#include "store_redis.h"

enum { ANSWER_MS = 20000 }; /* deadline of a request that isn't about deadlines */

void store_fixture_start(struct store_fixture *fixture, enum store_fixture_kind kind)
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
    if (kind == STORE_FIXTURE_REDIS) {
        fixture->server = redis_server_start((struct redis_server_options){0});
        fixture->address = redis_server_address(fixture->server);
    }
}

static void close_handles(struct store_fixture *fixture)
{
    for (int i = 0; i < STORE_FIXTURE_HANDLES; i++) {
        if (fixture->handles[i] != NULL)
            store_fixture_close(fixture->handles[i]);
        fixture->handles[i] = NULL;
    }
}

void store_fixture_stop(struct store_fixture *fixture)
{
    close_handles(fixture);
    loop_done(&fixture->loop);
    free(fixture->streams);
    memory_free(fixture->memory);
    redis_server_stop(fixture->server);
    *fixture = (struct store_fixture){0};
}

void store_fixture_abandon(struct store_fixture *fixture)
{
    redis_server_stop(fixture->server);
    fixture->server = NULL;
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
                                                    .prefix = fixture->prefix,
                                                    .timeout_ms = fixture->timeout_ms,
                                                    .name = "test"};

        store = store_redis_open(&options, loop);
    }
    cr_assert_not_null(store);
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
    fixture->is_done = true;
    uv_stop(&fixture->loop.uv);
}

const struct store_req *store_fixture_run(struct store_fixture *fixture, int handle,
                                          const struct store_req *req)
{
    struct store *store = store_fixture_handle(fixture, handle);

    uv_update_time(&fixture->loop.uv); /* the test may have kept the loop from running for long */
    fixture->req = *req;
    fixture->req.deadline_ms = clock_monotonic_ms() + ANSWER_MS;
    fixture->req.done = on_done;
    fixture->is_done = false;
    store_submit(store, &fixture->req);
    cr_assert(!fixture->is_done, "called back from inside the submit");
    loop_run(&fixture->loop);
    cr_assert(fixture->is_done, "never called back");
    fixture->req.streams = fixture->streams;
    return &fixture->req;
}

/* Puts a value's lastHeartbeat back, and its end nearer. Past its TTL, Redis would have dropped it.
 */
static void age_in_redis(struct store_fixture *fixture, const char *session_id, int64_t ms)
{
    struct redis_server *server = fixture->server;
    int64_t last_ms;

    char *value = redis_server_text(server, "GET %ssession:%s", fixture->prefix, session_id);
    cr_assert_not_null(value, "no session %s", session_id);
    int64_t left_ms =
        redis_server_number(server, "PTTL %ssession:%s", fixture->prefix, session_id) - ms;
    if (left_ms <= 0) {
        redis_server_do(server, "DEL %ssession:%s", fixture->prefix, session_id);
    } else {
        char *time = value + strlen(value) - CLOCK_TEXT_LEN - strlen(SESSION_JSON_TAIL);
        char text[CLOCK_TEXT_LEN + 1];

        cr_assert_eq(clock_parse(time, CLOCK_TEXT_LEN, &last_ms), 0, "no time: %s", value);
        clock_format(last_ms - ms, text);
        memcpy(time, text, CLOCK_TEXT_LEN);
        redis_server_do(server, "SET %ssession:%s %s PX %lld", fixture->prefix, session_id, value,
                        (long long)left_ms);
    }
    free(value);
}

void store_fixture_age(struct store_fixture *fixture, const char *session_id, int64_t ms)
{
    if (fixture->kind == STORE_FIXTURE_REDIS)
        age_in_redis(fixture, session_id, ms);
    else
        cr_assert_eq(memory_age(fixture->memory, session_id, ms), 0, "no session %s", session_id);
}

void store_fixture_lose(struct store_fixture *fixture)
{
    close_handles(fixture);
    if (fixture->kind == STORE_FIXTURE_REDIS) {
        redis_server_do(fixture->server, "FLUSHALL");
    } else {
        memory_free(fixture->memory);
        fixture->memory = NULL;
    }
}

void store_fixture_hang(struct store_fixture *fixture)
{
    if (fixture->kind == STORE_FIXTURE_REDIS)
        redis_server_pause(fixture->server);
}

void store_fixture_unhang(struct store_fixture *fixture)
{
    if (fixture->kind == STORE_FIXTURE_REDIS)
        redis_server_resume(fixture->server);
}
