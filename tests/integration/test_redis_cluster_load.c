/*
 * A reshard under load: partitions move from node to node while players create, show life, are
 * checked and stop. No answer may be wrong: nobody who lives is refused, no limit is passed, nobody
 * is refused a place that is free, and in the end the cluster lists just those who were let in.
 */
#include "ask.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "partition.h"
#include "pump.h"
#include "redis_nodes.h"
#include "redis_server.h"

enum {
    PARTITIONS = 6, /* each with one family */
    PLAYERS = 48,
    LIMIT = 5,          /* streams of a family */
    MOVES = 18,         /* of a partition to another node */
    PATIENCE_MS = 10000 /* no move takes so long */
};

static struct store_fixture fixture;
static struct redis_nodes *nodes; /* the fixture's */

static void set_up(void)
{
    nodes = redis_nodes_start((struct redis_nodes_options){.masters = 3});
    store_fixture_start_on(&fixture, nodes);
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_cluster_load, .init = set_up, .fini = tear_down, .timeout = 100);

static const unsigned partitions[PARTITIONS] = {2, 50, 90, 130, 170, 250};

/* What the players of a family know of it. */
static struct family {
    int live;      /* admitted, and no stop sent */
    int uncertain; /* creates and stops under way */
} families[PARTITIONS];

static struct player {
    struct store_req req;
    struct session session;
    struct family *family;
    unsigned number;
    uint64_t dice;    /* what its next roll comes of */
    bool has_place;   /* its session lives */
    bool may_be_full; /* its create may rightly be refused */
} players[PLAYERS];

static int under_way; /* players who wait for an answer */
static uint64_t answers[STORE_OP_COUNT];
static uint64_t refused; /* creates */
static atomic_bool over; /* all moves were made */
static char wrong[256];  /* the first wrong answer; "" */

static unsigned roll(struct player *player, unsigned sides)
{
    player->dice = player->dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(player->dice >> 33) % sides;
}

static void go_on(struct player *player);

/* Whoever's create is under way while the family may be full may be refused. */
static void note_fullness(struct family *family)
{
    if (family->live + family->uncertain < LIMIT)
        return;
    for (int i = 0; i < PLAYERS; i++)
        if (players[i].family == family)
            players[i].may_be_full = true;
}

static const char *judge(struct player *player)
{
    struct family *family = player->family;
    enum err err = player->req.err;

    switch (player->req.op) {
    case STORE_CREATE:
        family->uncertain--;
        if (err == ERR_FAMILY_LIMIT) {
            refused++;
            return player->may_be_full ? NULL : "refused though there was room";
        }
        if (err != ERR_OK)
            return "not admitted";
        player->has_place = true;
        return ++family->live > LIMIT ? "admitted over the limit" : NULL;
    case STORE_END:
        family->uncertain--;
        return err != ERR_OK || !player->req.ended ? "it wasn't there to be stopped" : NULL;
    default:
        return err != ERR_OK ? "it lives, and is said not to" : NULL;
    }
}

static void on_done(struct store_req *req)
{
    struct player *player = CONTAINER_OF(req, struct player, req);
    const char *fault = judge(player);

    under_way--;
    answers[req->op]++;
    if (fault != NULL && wrong[0] == '\0')
        snprintf(wrong, sizeof wrong, "player %u, operation %d: %s (%s)", player->number, req->op,
                 fault, err_word(req->err));
    if (!over && wrong[0] == '\0')
        go_on(player);
}

static enum store_op choose(struct player *player)
{
    if (!player->has_place)
        return STORE_CREATE;
    switch (roll(player, 8)) {
    case 0:
        return STORE_END;
    case 1:
    case 2:
        return STORE_HEARTBEAT;
    default:
        return STORE_CHECK;
    }
}

static void go_on(struct player *player)
{
    struct family *family = player->family;

    player->req = (struct store_req){.op = choose(player),
                                     .create = ask_limits(LIMIT, -1),
                                     .end.reason = END_STOPPED,
                                     .deadline_ms = clock_monotonic_ms() + PATIENCE_MS,
                                     .done = on_done};
    if (player->req.op == STORE_CREATE) {
        session_id_make(player->session.family_id, player->session.id);
        family->uncertain++;
        player->may_be_full = false;
        note_fullness(family);
    } else if (player->req.op == STORE_END) {
        player->has_place = false;
        family->live--;
        family->uncertain++;
    }
    player->req.session = player->session;
    under_way++;
    store_submit(store_fixture_handle(&fixture, player->number % STORE_FIXTURE_HANDLES),
                 &player->req);
}

/* Another thread: a half-moved slot must last, or nobody would meet it. */
static void *move_partitions(void *arg)
{
    const struct timespec pause = {.tv_nsec = 20000000};

    (void)arg;
    for (unsigned i = 0; i < MOVES; i++) {
        unsigned partition = partitions[i % PARTITIONS],
                 to = (redis_nodes_serving(nodes, partition) + 1) % 3;

        redis_nodes_begin_move(nodes, partition, to);
        for (int k = 0; k < 3; k++) {
            redis_nodes_move_keys(nodes, partition, to, "", 4);
            nanosleep(&pause, NULL);
        }
        redis_nodes_finish_move(nodes, partition, to);
    }
    over = true;
    return NULL;
}

static bool is_over(void *arg)
{
    (void)arg;
    return (over || wrong[0] != '\0') && under_way == 0;
}

/* Whether a node has answered with this error. */
static bool was_answered(const char *error)
{
    bool found = false;

    for (unsigned i = 0; i < redis_nodes_count(nodes); i++) {
        char *stats = redis_server_text(redis_nodes_server(nodes, i), "INFO errorstats");

        found |= strstr(stats, error) != NULL;
        free(stats);
    }
    return found;
}

static void wait_until_over(void)
{
    while (!over && wrong[0] == '\0')
        pump_for(&fixture.loop, 100);
    pump_until(&fixture.loop, is_over, NULL);
}

Test(redis_cluster_load, no_answer_is_wrong_while_partitions_move)
{
    pthread_t mover;

    for (unsigned i = 0; i < PLAYERS; i++) {
        struct player *player = &players[i];
        char device[16];

        snprintf(device, sizeof device, "d%u", i);
        *player = (struct player){.number = i, .dice = i, .family = &families[i % PARTITIONS]};
        player->session = ask_session_in(partitions[i % PARTITIONS], device);
    }
    cr_assert_eq(pthread_create(&mover, NULL, move_partitions, NULL), 0);
    uv_update_time(&fixture.loop.uv);
    for (unsigned i = 0; i < PLAYERS; i++)
        go_on(&players[i]);
    wait_until_over();
    pthread_join(mover, NULL);
    cr_assert_str_empty(wrong, "%s", wrong);
    cr_log_info("%lu creates, of them %lu refused, %lu heartbeats, %lu checks, %lu stops",
                answers[STORE_CREATE], refused, answers[STORE_HEARTBEAT], answers[STORE_CHECK],
                answers[STORE_END]);
    cr_assert(was_answered("errorstat_MOVED:") && was_answered("errorstat_ASK:") &&
              was_answered("errorstat_TRYAGAIN:"));
    cr_assert_gt(answers[STORE_CREATE] - refused, 100);
    cr_assert_gt(refused, 100);
    cr_assert_gt(answers[STORE_CHECK], 100);

    for (unsigned i = 0; i < PARTITIONS; i++) {
        const char *family = players[i].session.family_id;

        cr_assert_eq(ask_list(&fixture, family)->stream_count, families[i].live, "%s", family);
        cr_assert_eq(redis_server_number(
                         redis_nodes_server(nodes, redis_nodes_serving(nodes, partitions[i])),
                         "SCARD %sfamily_streams:%s",
                         store_fixture_key_prefix(&fixture, partition_tag(partitions[i])), family),
                     families[i].live);
    }
    for (unsigned i = 0; i < PLAYERS; i++)
        if (players[i].has_place)
            ASSERT_ERR(ask_check(&fixture, &players[i].session), ERR_OK);
}
