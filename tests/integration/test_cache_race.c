/*
 * The race in which an invalidation overtakes the very answer that it should cancel.
 *
 * The store below the cache is the test's: it decides when a check is carried out, and when its answer is let
 * through. A cache that doesn't know when it asked is played as well, to show that the test would catch it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "container_of.h"
#include "generations.h"
#include "pump.h"
#include "store.h"
#include "store_cache.h"

enum { ROUNDS = 4000 };

/* A store whose answers are held back until the test lets them through. */
struct slow_store {
    struct store store;              /* below the cache */
    struct store_req *asked;         /* what waits for its answer */
    struct generations *generations; /* of the cache */
    bool naive; /* the cache is to be one that looks at the generation when it is answered */
};

static struct loop loop;
static struct slow_store slow;
static struct store *cache;

static bool peek(struct store *store, struct store_req *req)
{
    (void)store, (void)req;
    return false;
}

static void submit(struct store *store, struct store_req *req)
{
    CONTAINER_OF(store, struct slow_store, store)->asked = req;
}

static enum store_state state(const struct store *store, unsigned partition)
{
    (void)store, (void)partition;
    return STORE_UP;
}

static void close_slow(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    (void)store;
    on_closed(arg);
}

static const struct store_ops ops = {
    .kind = "redis", .peek = peek, .submit = submit, .state = state, .close = close_slow};

static void ignore(void *arg)
{
    (void)arg;
}

static void set_up(void)
{
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(loop_init(&loop), 0);
    slow = (struct slow_store){.store = {.ops = &ops, .loop = &loop, .partitions = 1},
                               .generations = generations_new()};
    cr_assert_not_null(slow.generations);
    const struct store_cache_options options = {
        .generations = slow.generations, .cache_ms = 3600000, .ttl_ms = 3600000, .most = 100};
    cache = store_cache_open(&options, &slow.store);
    cr_assert_not_null(cache);
    generations_set_fed(slow.generations, true);
}

static void tear_down(void)
{
    store_close(cache, ignore, NULL);
    generations_free(slow.generations);
    loop_done(&loop);
}

TestSuite(cache_race, .init = set_up, .fini = tear_down, .timeout = 100);

/* ---- Asking ---- */

static struct store_req check;

static void on_answered(struct store_req *req)
{
    req->done = NULL;
    uv_stop(&loop.uv);
}

static void ask(const char *session_id)
{
    check = (struct store_req){.op = STORE_CHECK, .done = on_answered};
    memcpy(check.session.id, session_id, SESSION_ID_LEN + 1);
    store_submit(cache, &check);
    cr_assert_eq(slow.asked, &check);
}

/* Lets the answer through. */
static void answer(bool is_alive)
{
    store_begin(slow.asked);
    strcpy(slow.asked->session.media_id, "media");
    slow.asked->end = (struct store_end){.reason = END_STOPPED};
    if (slow.naive)
        slow.asked->generation = generations_of(slow.generations, slow.asked->session.id);
    store_complete(&slow.store, slow.asked, is_alive ? ERR_OK : ERR_SESSION_ENDED);
    while (check.done != NULL)
        loop_run(&loop);
}

/* Whether the cache says, without asking, that the session lives. */
static bool is_said_to_live(const char *session_id)
{
    struct store_req next = {.op = STORE_CHECK};

    memcpy(next.session.id, session_id, SESSION_ID_LEN + 1);
    return store_peek(cache, &next) && next.err == ERR_OK;
}

/* ---- One after the other ---- */

static void has_one_answer_overtaken(void (*overtake)(const char *session_id), bool believed)
{
    char id[SESSION_ID_LEN + 1];

    session_id_make("family", id);
    ask(id);
    overtake(id);
    answer(true);
    cr_assert_eq(is_said_to_live(id), believed);
}

static void end_nobody(const char *session_id)
{
    (void)session_id;
}

static void end_it(const char *session_id)
{
    generations_move(slow.generations, session_id);
}

static void end_all(const char *session_id)
{
    (void)session_id;
    generations_move_all(slow.generations);
}

static void lose_the_feed_for_a_moment(const char *session_id)
{
    (void)session_id;
    generations_set_fed(slow.generations, false);
    generations_set_fed(slow.generations, true);
}

Test(cache_race, an_answer_that_nothing_overtook_is_believed)
{
    has_one_answer_overtaken(end_nobody, true);
}

Test(cache_race, an_answer_that_an_end_overtook_is_not_believed)
{
    has_one_answer_overtaken(end_it, false);
}

Test(cache_race, an_answer_that_a_revocation_overtook_is_not_believed)
{
    has_one_answer_overtaken(end_all, false);
}

Test(cache_race, an_answer_that_the_loss_of_the_feed_overtook_is_not_believed)
{
    has_one_answer_overtaken(lose_the_feed_for_a_moment, false);
}

Test(cache_race, an_answer_asked_for_before_there_was_a_feed_is_not_believed)
{
    char id[SESSION_ID_LEN + 1];

    generations_set_fed(slow.generations, false);
    session_id_make("family", id);
    ask(id);
    generations_set_fed(slow.generations, true);
    answer(true);
    cr_assert_not(is_said_to_live(id));
}

Test(cache_race, a_cache_that_looks_at_the_generation_when_answered_would_believe_it)
{
    slow.naive = true;
    has_one_answer_overtaken(end_it, true);
}

/* ---- At the same time ---- */

/* What the two threads share. A round is one session: asked about by the one, ended by the other. */
static struct {
    char id[SESSION_ID_LEN + 1]; /* of this round */
    unsigned pause;              /* before it is ended */
    atomic_bool ended;           /* so it is in Redis from now on */
    atomic_uint begun;           /* rounds that the other thread may begin */
    atomic_uint told;            /* rounds whose end everybody has been told of */
} race;

static void linger(unsigned turns)
{
    for (volatile unsigned i = 0; i < turns; i++)
        ;
}

static void await(atomic_uint *rounds, unsigned round)
{
    while (atomic_load(rounds) < round)
        sched_yield();
}

static void *end_sessions(void *arg)
{
    (void)arg;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        await(&race.begun, round);
        linger(race.pause);
        atomic_store(&race.ended, true);
        generations_move(slow.generations, race.id);
        atomic_store(&race.told, round);
    }
    return NULL;
}

static unsigned roll(unsigned most)
{
    return randombytes_uniform(most + 1);
}

/* Plays all rounds; after how many the cache still said that the session lived, its end told. */
static int count_lies(void)
{
    pthread_t other;
    int lies = 0;

    cr_assert_eq(pthread_create(&other, NULL, end_sessions, NULL), 0);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        session_id_make("family", race.id);
        race.pause = roll(2000);
        atomic_store(&race.ended, false);
        if (roll(1) == 0)
            atomic_store(&race.begun, round); /* its end may be told before it is asked about */
        ask(race.id);
        atomic_store(&race.begun, round);
        linger(roll(2000));
        bool is_alive = !atomic_load(&race.ended); /* Redis carries the check out */
        linger(roll(2000));
        if (roll(3) == 0)
            sched_yield();
        answer(is_alive);
        await(&race.told, round);
        lies += is_said_to_live(race.id);
    }
    pthread_join(other, NULL);
    return lies;
}

Test(cache_race, whenever_a_session_ends_nobody_who_was_told_is_told_otherwise)
{
    cr_assert_eq(count_lies(), 0);
}

Test(cache_race, the_same_catches_a_cache_that_looks_at_the_generation_when_answered)
{
    slow.naive = true;
    int lies = count_lies();
    cr_log_info("%d of %d rounds", lies, ROUNDS);
    cr_assert_gt(lies, 0, "the two threads never met");
}
