/*
 * A slot on its way from one node of a cluster to another, some of its keys here and some there.
 *
 * What a request does then is compared with what the same request does to the same sessions in a
 * partition that stays where it is.
 */
#include "ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "partition.h"
#include "pump.h"
#include "redis_nodes.h"
#include "redis_server.h"
#include "store_query.h"

enum {
    MOVING = 3, /* the partition whose slot moves, and the one that stays */
    STAYING = 200,
    WAITS_MS = 60 /* long enough for a request to be tried again, and again */
};

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

TestSuite(redis_cluster_move, .init = set_up, .fini = tear_down, .timeout = 100);

/* ---- A family to be asked about ---- */

enum { LIVING = 3 };

static struct family {
    unsigned partition;
    struct session living[LIVING]; /* on devices d0 to d2 */
    struct session asleep;         /* expired, and not swept */
    struct session stopped;        /* has a tombstone */
} family;

static struct redis_server *server(unsigned partition)
{
    return redis_nodes_server(nodes, redis_nodes_serving(nodes, partition));
}

/* The sets, the events and the entries to be swept are all there is of a family but its sessions. */
static void make_family(unsigned partition, bool with_ghost)
{
    const char *prefix = store_fixture_key_prefix(&fixture, partition_tag(partition));
    char device[16];

    redis_server_do(server(partition), "FLUSHALL");
    family.partition = partition;
    for (int i = 0; i < LIVING; i++) {
        snprintf(device, sizeof device, "d%d", i);
        family.living[i] = ask_session_in(partition, device);
        ASSERT_ERR(ask_create(&fixture, &family.living[i]), ERR_OK);
    }
    family.asleep = family.stopped = ask_session_in(partition, "d0");
    session_id_make(family.asleep.family_id, family.asleep.id);
    if (with_ghost) {
        ASSERT_ERR(ask_create(&fixture, &family.asleep), ERR_OK);
        redis_server_do(server(partition), "DEL %ssession:%s", prefix, family.asleep.id);
        ASSERT_ERR(ask_create(&fixture, &family.stopped), ERR_OK);
        ASSERT_ERR(ask_end(&fixture, &family.stopped, END_STOPPED), ERR_OK);
    }
    ASSERT_ERR(ask_set_limits(&fixture, family.living[0].family_id, 4, -1, 0), ERR_OK);
    redis_server_do(server(partition), "EVAL %s 1 %ssession_expiry",
                    "for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                    "redis.call('ZADD', KEYS[1], 1, entry) end",
                    prefix);
}

/* ---- What is asked ---- */

struct question {
    const char *name;
    enum store_op op;
    struct session *of;     /* whose names the request has */
    bool is_new;            /* a session that nobody knows, with these names */
    int replaces;           /* one of the living, by number; -1: nobody */
    bool device_alone;      /* the request doesn't name the family */
    bool of_family;         /* PAGE */
    enum end_reason reason; /* END */
};

static const struct question questions[] = {
    {"check", STORE_CHECK, &family.living[1], .replaces = -1},
    {"check of one asleep", STORE_CHECK, &family.asleep, .replaces = -1},
    {"check of one stopped", STORE_CHECK, &family.stopped, .replaces = -1},
    {"create", STORE_CREATE, &family.living[1], .is_new = true, .replaces = -1},
    {"create where the device is full", STORE_CREATE, &family.living[0], .is_new = true,
     .replaces = -1},
    {"create in place of another", STORE_CREATE, &family.living[2], .is_new = true, .replaces = 0},
    {"repeated create", STORE_CREATE, &family.living[1], .replaces = -1},
    {"heartbeat", STORE_HEARTBEAT, &family.living[0], .replaces = -1},
    {"heartbeat of one asleep", STORE_HEARTBEAT, &family.asleep, .replaces = -1},
    {"revive", STORE_REVIVE, &family.asleep, .replaces = -1},
    {"get", STORE_GET, &family.living[0], .replaces = -1},
    {"zap", STORE_ZAP, &family.living[0], .replaces = -1},
    {"end", STORE_END, &family.living[2], .replaces = -1, .reason = END_STOPPED},
    {"termination of one stopped", STORE_END, &family.stopped, .replaces = -1,
     .reason = END_TERMINATED},
    {"list", STORE_LIST, &family.living[0], .replaces = -1},
    {"revocation of a family", STORE_REVOKE, &family.living[0], .replaces = -1},
    {"revocation of a device", STORE_REVOKE, &family.living[1], .replaces = -1,
     .device_alone = true},
    {"limits", STORE_SET_LIMITS, &family.living[0], .replaces = -1},
    {"adoption", STORE_ADOPT, &family.living[2], .is_new = true, .replaces = -1},
    {"sweep", STORE_SWEEP, &family.living[0], .replaces = -1},
    {"termination by the id alone", STORE_END, &family.living[1], .replaces = -1,
     .reason = END_TERMINATED, .device_alone = true},
    {"page", STORE_PAGE, &family.living[0], .replaces = -1},
    {"page of a family", STORE_PAGE, &family.living[0], .replaces = -1, .of_family = true},
    {"description", STORE_DESCRIBE, &family.living[0], .replaces = -1},
    {"description of a device", STORE_DESCRIBE, &family.living[0], .replaces = -1,
     .device_alone = true},
    {"count", STORE_COUNT, &family.living[0], .replaces = -1},
    {"events", STORE_EVENTS, &family.living[0], .replaces = -1},
    {"note", STORE_NOTE, &family.living[0], .replaces = -1},
};

enum { QUESTIONS = sizeof questions / sizeof questions[0] };

/* A request under way, and its answer. */
static struct asked {
    struct store_req req;
    struct store_query query;
    size_t streams; /* stream_count; of COUNT and EVENTS, what was counted */
    bool done;
} asked;

static void on_done(struct store_req *req)
{
    struct asked *self = CONTAINER_OF(req, struct asked, req);

    self->streams = req->stream_count;
    if (req->op == STORE_COUNT)
        self->streams = 100 * self->query.count.sessions + self->query.count.users_online;
    else if (req->op == STORE_EVENTS)
        self->streams = self->query.events.count;
    self->done = true;
}

static bool is_done(void *arg)
{
    (void)arg;
    return asked.done;
}

static void set_query(const struct question *question)
{
    struct store_query *query = &asked.query;

    asked.req.query = query;
    switch (question->op) {
    case STORE_PAGE:
        query->page.most = 100;
        if (question->of_family)
            strcpy(query->page.filter.family_id, question->of->family_id);
        break;
    case STORE_EVENTS:
        query->events.most = 100;
        break;
    case STORE_NOTE:
        query->note = EVENT_DRAIN_STARTED;
        break;
    default:
        break;
    }
}

static void submit(const struct question *question, int64_t within_ms)
{
    struct store_req *req = &asked.req;

    asked = (struct asked){.req = {.op = question->op,
                                   .session = *question->of,
                                   .create = ask_limits(-1, 5),
                                   .end.reason = question->reason,
                                   .for_ms = 1000,
                                   .done = on_done}};
    if (question->is_new)
        session_id_make(req->session.family_id, req->session.id);
    if (question->replaces >= 0)
        ask_replace(&req->create, &family.living[question->replaces]);
    if (question->device_alone)
        req->session.family_id[0] = '\0';
    set_query(question);
    if (question->op == STORE_ZAP)
        strcpy(req->session.media_id, "next");
    if (question->op == STORE_SET_LIMITS)
        req->create = ask_limits(1, 1);
    if (question->op == STORE_REVIVE)
        req->session.started_ms = req->create.issued_ms = clock_wall_ms() - 1000;
    uv_update_time(&fixture.loop.uv);
    req->deadline_ms = clock_monotonic_ms() + within_ms;
    store_submit(store_fixture_handle(&fixture, 0), req);
}

/* ---- What became of it ---- */

/* All that can be told of an answer and of what stands in Redis, with no name and no time in it. */
static void describe(char *ret_text, size_t size)
{
    static const char *const sizes[] = {"SCARD %sfamily_streams:%s", "SCARD %sdevice_streams:d0",
                                        "SCARD %sdevice_streams:d1", "SCARD %sdevice_streams:d2",
                                        "ZCARD %ssession_expiry",    "XLEN %sstream_events"};
    const struct store_req *req = &asked.req;
    const char *prefix = store_fixture_key_prefix(&fixture, partition_tag(family.partition));
    char *media;
    int len;

    len =
        snprintf(ret_text, size, "%s reason %d ended %d of %u, usage %u %u of %u %u, %zu streams;",
                 err_word(req->err), req->err == ERR_SESSION_ENDED ? (int)req->end.reason : -1,
                 req->ended, req->ended_count, req->usage.family_active, req->usage.device_active,
                 req->usage.family_limit, req->usage.device_limit, asked.streams);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        len += snprintf(ret_text + len, size - (size_t)len, " %lld",
                        redis_server_number(server(family.partition), sizes[i], prefix,
                                            family.living[0].family_id));
    media = redis_server_text(server(family.partition), "EVAL %s 1 %ssession:%s",
                              "local v = redis.call('GET', KEYS[1]) "
                              "return v and cjson.decode(v).mediaId or 'none'",
                              prefix, family.living[0].id);
    len += snprintf(ret_text + len, size - (size_t)len, ", %s; %lld keys", media,
                    redis_server_number(server(family.partition), "CLUSTER COUNTKEYSINSLOT %d",
                                        (int)redis_nodes_slot(family.partition)));
    free(media);
    cr_assert_lt((size_t)len, size);
}

/* Which keys are there before the rest follows. */
static const struct part {
    const char *name;
    const char *moved; /* those with this in their name; NULL: none */
    unsigned most;     /* of them */
} parts[] = {
    {"nothing", NULL, 0},
    {"a session", ":session:", 1},
    {"all sessions", ":session:", 100},
    {"the sets", "_streams:", 100},
    {"what is to be swept", "session_expiry", 1},
    {"everything", "", 100},
};

enum { PARTS = sizeof parts / sizeof parts[0], TEXT = 256 };

static void ask_in_a_half_moved_slot(const struct question *question, const struct part *part,
                                     char *ret_text)
{
    unsigned to = 1 - redis_nodes_serving(nodes, MOVING);

    make_family(MOVING, true);
    redis_nodes_begin_move(nodes, MOVING, to);
    if (part->moved != NULL)
        cr_assert_gt(redis_nodes_move_keys(nodes, MOVING, to, part->moved, part->most), 0);
    submit(question, 20000);
    pump_for(&fixture.loop, WAITS_MS);
    if (question->op == STORE_CHECK)
        cr_assert(asked.done, "a check doesn't wait");
    redis_nodes_finish_move(nodes, MOVING, to);
    pump_until(&fixture.loop, is_done, NULL);
    describe(ret_text, TEXT);
}

static void play(int first, int last)
{
    for (int i = first; i < last; i++) {
        char whole[TEXT], half[TEXT];

        make_family(STAYING, true);
        submit(&questions[i], 20000);
        pump_until(&fixture.loop, is_done, NULL);
        describe(whole, TEXT);
        for (int k = 0; k < PARTS; k++) {
            ask_in_a_half_moved_slot(&questions[i], &parts[k], half);
            cr_assert_str_eq(half, whole, "%s, with %s moved:\n%s, not\n%s", questions[i].name,
                             parts[k].name, half, whole);
        }
    }
}

Test(redis_cluster_move, admission_in_a_half_moved_slot_is_as_in_one_that_stays)
{
    play(0, 7);
}

Test(redis_cluster_move, the_life_of_sessions_in_a_half_moved_slot_is_as_in_one_that_stays)
{
    play(7, 14);
}

Test(redis_cluster_move, cleaning_up_in_a_half_moved_slot_is_as_in_one_that_stays)
{
    play(14, 20);
}

Test(redis_cluster_move, what_operators_ask_in_a_half_moved_slot_is_answered_as_in_one_that_stays)
{
    play(20, QUESTIONS);
}

/* ---- What else there is to it ---- */

Test(redis_cluster_move, a_sweep_of_the_living_loses_no_entry_in_a_half_moved_slot)
{
    const struct question sweep = {"sweep", STORE_SWEEP, &family.living[0], .replaces = -1};
    unsigned to = 1 - redis_nodes_serving(nodes, MOVING);

    make_family(MOVING, false);
    redis_nodes_begin_move(nodes, MOVING, to);
    submit(&sweep, 20000);
    pump_for(&fixture.loop, WAITS_MS);
    redis_nodes_finish_move(nodes, MOVING, to);
    pump_until(&fixture.loop, is_done, NULL);
    cr_assert_eq(redis_server_number(server(MOVING), "ZCARD %ssession_expiry",
                                     store_fixture_key_prefix(&fixture, partition_tag(MOVING))),
                 LIVING);
}

static bool may_find_keys_on_one_side(enum store_op op)
{
    return op == STORE_GET || op == STORE_ZAP || op == STORE_SET_LIMITS || op == STORE_EVENTS ||
           op == STORE_NOTE;
}

Test(redis_cluster_move, what_cannot_wait_until_the_slot_has_arrived_fails_by_its_deadline)
{
    unsigned to = 1 - redis_nodes_serving(nodes, MOVING);
    char before[TEXT], after[TEXT];

    make_family(MOVING, true);
    asked = (struct asked){0};
    describe(before, TEXT);
    redis_nodes_begin_move(nodes, MOVING, to);
    redis_nodes_move_keys(nodes, MOVING, to, ":session:", 1);
    for (int i = 3; i < QUESTIONS; i++) { /* behind the checks */
        int64_t began_ms = clock_monotonic_ms();

        if (may_find_keys_on_one_side(questions[i].op))
            continue;
        submit(&questions[i], 100);
        pump_until(&fixture.loop, is_done, NULL);
        cr_assert_eq(asked.req.err, ERR_STORE_UNAVAILABLE, "%s: %s", questions[i].name,
                     err_word(asked.req.err));
        cr_assert_geq(clock_monotonic_ms(), began_ms + 100);
    }
    redis_nodes_finish_move(nodes, MOVING, to);
    asked = (struct asked){0};
    describe(after, TEXT);
    cr_assert_str_eq(after, before, "%s, not %s", after, before);
    cr_assert_eq(store_state(fixture.handles[0]), STORE_UP);
}
