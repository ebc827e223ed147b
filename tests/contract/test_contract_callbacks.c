/* The store contract: when, where and how often the callback comes. */
#include "contract.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "container_of.h"
#include "pump.h"
#include "store_query.h"

/* Requests that are under way together, and what became of them. */
struct batch {
    struct loop *loop;
    int outstanding;      /* callbacks still to come */
    int ok, ended, full;  /* outcomes: ERR_OK, ERR_SESSION_ENDED, ERR_FAMILY_LIMIT */
    int unavailable;      /* ERR_STORE_UNAVAILABLE */
    int shutting_down;    /* ERR_SHUTTING_DOWN */
    int other;            /* anything else */
    int on_other_threads; /* callbacks on a thread that hadn't submitted */
};

/* One of them; frees itself in its callback, which therefore can't come twice unnoticed. */
struct call {
    struct store_req req;
    struct store_query query; /* its */
    struct batch *batch;
    pthread_t thread;         /* that submitted */
    bool is_submitting;       /* inside the submit */
    struct store *chained_to; /* where the next one is submitted from the callback, or NULL */
    int left_in_chain;        /* how many more */
};

static int64_t soon_ms(void)
{
    return clock_monotonic_ms() + 20000;
}

static struct call *call_new(struct batch *batch, enum store_op op, const struct session *session);
static void submit(struct store *store, struct call *call);

static void on_done(struct store_req *req)
{
    struct call *call = CONTAINER_OF(req, struct call, req);
    struct batch *batch = call->batch;

    batch->ok += req->err == ERR_OK;
    batch->ended += req->err == ERR_SESSION_ENDED;
    batch->full += req->err == ERR_FAMILY_LIMIT;
    batch->unavailable += req->err == ERR_STORE_UNAVAILABLE;
    batch->shutting_down += req->err == ERR_SHUTTING_DOWN;
    batch->other += req->err != ERR_OK && req->err != ERR_SESSION_ENDED &&
                    req->err != ERR_FAMILY_LIMIT && req->err != ERR_STORE_UNAVAILABLE &&
                    req->err != ERR_SHUTTING_DOWN;
    batch->on_other_threads += !pthread_equal(call->thread, pthread_self());
    if (call->is_submitting)
        batch->other++;
    if (call->left_in_chain > 0) {
        struct call *next = call_new(batch, req->op, &req->session);

        next->chained_to = call->chained_to;
        next->left_in_chain = call->left_in_chain - 1;
        submit(call->chained_to, next);
    }
    if (--batch->outstanding == 0)
        uv_stop(&batch->loop->uv);
    free(call);
}

/* What an operator's request asks for. */
static void fill_query(enum store_op op, struct store_query *query)
{
    if (op == STORE_PAGE)
        query->page.most = 10;
    else if (op == STORE_EVENTS)
        query->events.most = 10;
    else if (op == STORE_NOTE)
        query->note = EVENT_DRAIN_STARTED;
}

static struct call *call_new(struct batch *batch, enum store_op op, const struct session *session)
{
    struct call *call = calloc(1, sizeof *call);

    if (call == NULL)
        abort();
    call->batch = batch;
    call->req.op = op;
    call->req.session = *session;
    call->req.query = &call->query;
    fill_query(op, &call->query);
    call->req.create = ask_limits(-1, -1);
    call->req.end.reason = END_STOPPED;
    call->req.deadline_ms = soon_ms();
    call->req.done = on_done;
    return call;
}

static void submit(struct store *store, struct call *call)
{
    call->thread = pthread_self();
    call->is_submitting = true;
    call->batch->outstanding++;
    store_submit(store, &call->req);
    call->is_submitting = false; /* still there: no callback from inside the submit */
}

static void run_batch(struct batch *batch)
{
    if (batch->outstanding > 0)
        loop_run(batch->loop);
}

/* Submits each operation of store.h once. */
static void submit_all(struct store *store, struct batch *batch, const struct session *session,
                       int64_t deadline_ms)
{
    for (int op = 0; op < STORE_OP_COUNT; op++) {
        struct call *call = call_new(batch, (enum store_op)op, session);

        call->req.deadline_ms = deadline_ms;
        submit(store, call);
    }
}

CONTRACT_TEST(callbacks, come_once_from_the_loop_for_every_operation)
{
    struct batch batch = {.loop = &fixture->loop};
    const struct session tv = ask_session("f", "tv");

    submit_all(store_fixture_handle(fixture, 0), &batch, &tv, soon_ms());
    cr_assert_eq(batch.outstanding, STORE_OP_COUNT, "called back from inside the submit");
    run_batch(&batch);
    pump_for(&fixture->loop, 30); /* none comes a second time */
    cr_assert_eq(batch.outstanding, 0);
    cr_assert_eq(batch.ok + batch.ended, STORE_OP_COUNT);
    cr_assert_leq(batch.ended, 2, "an end may overtake a zap, and comes before an adopt");
    cr_assert_eq(batch.on_other_threads, 0);
}

CONTRACT_TEST(callbacks, come_for_very_many_requests_at_once)
{
    enum { REQUESTS = 3000 };
    struct batch batch = {.loop = &fixture->loop};
    const struct session tv = ask_session("f", "tv");

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    for (int i = 0; i < REQUESTS; i++)
        submit(store_fixture_handle(fixture, i % 2),
               call_new(&batch, i % 3 == 0 ? STORE_CHECK : STORE_HEARTBEAT, &tv));
    run_batch(&batch);
    cr_assert_eq(batch.ok, REQUESTS);
}

CONTRACT_TEST(callbacks, admit_exactly_as_many_as_there_is_room_for)
{
    struct batch batch = {.loop = &fixture->loop};

    for (int i = 0; i < 200; i++) {
        char device[16];

        snprintf(device, sizeof device, "d%d", i);
        const struct session session = ask_session("f", device);
        submit(store_fixture_handle(fixture, i % 2), call_new(&batch, STORE_CREATE, &session));
    }
    run_batch(&batch);
    cr_assert_eq(batch.ok, 10);
    cr_assert_eq(batch.full, 190);
}

CONTRACT_TEST(callbacks, may_submit)
{
    struct batch batch = {.loop = &fixture->loop};
    const struct session tv = ask_session("f", "tv");
    struct call *first = call_new(&batch, STORE_HEARTBEAT, &tv);

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    first->chained_to = store_fixture_handle(fixture, 0);
    first->left_in_chain = 500;
    submit(first->chained_to, first);
    run_batch(&batch);
    cr_assert_eq(batch.ok, 501);
}

/* ---- Threads ---- */

enum { THREADS = 4, CREATES = 100 };

struct worker {
    struct loop loop;
    struct store *store;
    struct batch batch;
    int number;
};

/* Creates and stops, all at once, for a family that all threads share. */
static void *work(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < CREATES; i++) {
        char device[32];

        snprintf(device, sizeof device, "d%d-%d", worker->number, i);
        const struct session session = ask_session("f", device);
        submit(worker->store, call_new(&worker->batch, STORE_CREATE, &session));
        if (i % 4 == 0)
            submit(worker->store, call_new(&worker->batch, STORE_END, &session));
    }
    run_batch(&worker->batch);
    return NULL;
}

CONTRACT_TEST(callbacks, come_on_the_thread_that_submitted)
{
    struct worker *workers = calloc(THREADS, sizeof *workers);
    pthread_t threads[THREADS];
    int admitted = 0, refused = 0;

    cr_assert_not_null(workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        cr_assert_eq(loop_init(&workers[i].loop), 0);
        workers[i].batch.loop = &workers[i].loop;
        workers[i].store = store_fixture_open(fixture, &workers[i].loop);
    }
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(workers[i].batch.outstanding, 0);
        cr_assert_eq(workers[i].batch.other, 0);
        cr_assert_eq(workers[i].batch.unavailable, 0);
        cr_assert_eq(workers[i].batch.on_other_threads, 0);
        admitted += workers[i].batch.ok - CREATES / 4; /* every end is ERR_OK */
        refused += workers[i].batch.full;
        store_fixture_close(workers[i].store);
        loop_done(&workers[i].loop);
    }
    free(workers);
    cr_assert_eq(admitted + refused, THREADS * CREATES);

    /* What they left is full, and not more than that. */
    const struct session next = ask_session("f", "another");
    const struct store_req *answer = ask_create(fixture, &next);
    ASSERT_ERR(answer, ERR_FAMILY_LIMIT);
    ASSERT_ACTIVE(answer, 10, 0);
}

/* ---- Deadlines ---- */

CONTRACT_TEST(callbacks, come_by_their_deadline_from_a_store_that_hangs)
{
    struct batch batch = {.loop = &fixture->loop};
    const struct session tv = ask_session("f", "tv");

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    store_fixture_hang(fixture);
    int64_t before_ms = clock_monotonic_ms();
    uv_update_time(&fixture->loop.uv);
    submit_all(store_fixture_handle(fixture, 0), &batch, &tv, before_ms + 100);
    run_batch(&batch);
    cr_assert_lt(clock_monotonic_ms(), before_ms + 1500);
    cr_assert_eq(batch.ok + batch.ended + batch.unavailable, STORE_OP_COUNT);
    store_fixture_unhang(fixture);
}

CONTRACT_TEST(callbacks, come_though_the_deadline_has_passed)
{
    struct batch batch = {.loop = &fixture->loop};
    const struct session tv = ask_session("f", "tv");

    submit_all(store_fixture_handle(fixture, 0), &batch, &tv, clock_monotonic_ms() - 1000);
    cr_assert_eq(batch.outstanding, STORE_OP_COUNT, "called back from inside the submit");
    run_batch(&batch);
    cr_assert_eq(batch.ok + batch.ended + batch.unavailable, STORE_OP_COUNT);
}

/* ---- Closing ---- */

struct closing {
    struct batch *batch;
    int outstanding; /* of the batch, when on_closed was called; -1 before */
};

static void on_closed(void *arg)
{
    struct closing *closing = arg;

    closing->outstanding = closing->batch->outstanding;
    uv_stop(&closing->batch->loop->uv);
}

static bool is_closed(void *arg)
{
    const struct closing *closing = arg;

    return closing->outstanding >= 0;
}

enum { ROUNDS = 4 };

/* Submits each operation several times, and closes the store before the loop has turned. */
static void close_with_requests_pending(struct store_fixture *fixture, struct store *store,
                                        struct batch *batch)
{
    struct closing closing = {.batch = batch, .outstanding = -1};
    const struct session tv = ask_session("f", "tv");

    for (int i = 0; i < ROUNDS; i++)
        submit_all(store, batch, &tv, soon_ms());
    store_close(store, on_closed, &closing);
    cr_assert_eq(batch->outstanding, ROUNDS * STORE_OP_COUNT, "called back from inside the close");
    cr_assert_eq(closing.outstanding, -1, "on_closed was called from inside the close");
    pump_until(&fixture->loop, is_closed, &closing);
    cr_assert_eq(closing.outstanding, 0, "requests came back after the store was closed");
    cr_assert_eq(batch->ok + batch->ended + batch->shutting_down, ROUNDS * STORE_OP_COUNT);
}

CONTRACT_TEST(callbacks, come_before_the_store_is_closed)
{
    struct batch batch = {.loop = &fixture->loop};
    struct store *store = store_fixture_open(fixture, &fixture->loop);

    close_with_requests_pending(fixture, store, &batch);
}

CONTRACT_TEST(callbacks, come_before_a_store_that_hangs_is_closed)
{
    struct batch batch = {.loop = &fixture->loop};
    struct store *store = store_fixture_open(fixture, &fixture->loop);
    const struct session tv = ask_session("f", "tv");
    struct batch first = {.loop = &fixture->loop};

    submit(store, call_new(&first, STORE_CHECK, &tv));
    run_batch(&first);
    store_fixture_hang(fixture);
    close_with_requests_pending(fixture, store, &batch);
    store_fixture_unhang(fixture);
}

CONTRACT_TEST(callbacks, a_store_can_be_closed_as_soon_as_it_was_opened)
{
    store_fixture_close(store_fixture_open(fixture, &fixture->loop));
}

/* ---- Peeks ---- */

static void never_called(struct store_req *req)
{
    (void)req;
    cr_assert_fail("a peek calls nobody back");
}

CONTRACT_TEST(callbacks, a_peek_tells_what_an_ask_would_or_nothing)
{
    const struct session tv = ask_session("f", "tv"), nobody = ask_session("f", "tv");
    struct store_req alive = {.op = STORE_CHECK, .session = tv, .done = never_called},
                     ended = {.op = STORE_CHECK, .session = nobody, .done = never_called};
    struct store *store = store_fixture_handle(fixture, 0);

    ASSERT_ERR(ask_create(fixture, &tv), ERR_OK);
    if (store_peek(store, &alive)) {
        ASSERT_ERR(&alive, ERR_OK);
        cr_assert_str_eq(alive.session.media_id, "media");
    }
    if (store_peek(store, &ended))
        ASSERT_ENDED(&ended, END_EXPIRED);
    pump_for(&fixture->loop, 10);
}

CONTRACT_TEST(callbacks, a_store_that_has_answered_says_that_it_is_up)
{
    const struct session tv = ask_session("f", "tv");

    ask_check(fixture, &tv);
    /* Of the partition that answered; where there is but one, of all. */
    cr_assert_eq(store_state_of(store_fixture_handle(fixture, 0), 0), STORE_UP);
}
