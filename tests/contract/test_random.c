/*
 * Random requests, every answer compared with the model's (model.h).
 *
 * The play goes in rounds, each with an empty store and settings of its own. Families, devices,
 * users and players are few, so that limits, repeats and conflicts are frequent. Sessions grow
 * older by steps that are far longer than the play: the time that passes by itself decides nothing.
 *
 *   GATEWAY_RANDOM_SEED   plays the same requests again (printed at the start)
 *   GATEWAY_RANDOM_OPS    how many
 *   GATEWAY_LONG=1        plays ten times as many
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask_operator.h"
#include "clock.h"
#include "memory.h"
#include "model.h"
#include "partition.h"
#include "play.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { OPS = 20000 };
#else
enum { OPS = 100000 };
#endif

enum {
    ROUND = 1000,            /* requests of a round */
    FOREVER_MS = 1000000000, /* as long as anybody plays */
};

/* ---- Chance ---- */

/* A number below a limit (splitmix64). */
static unsigned pick(struct play *play, unsigned limit)
{
    uint64_t z = play->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (unsigned)((z ^ (z >> 31)) >> 33) % limit;
}

static bool chance(struct play *play, unsigned percent)
{
    return pick(play, 100) < percent;
}

/* One of the arguments. */
#define ONE_OF(play, ...)                                                                          \
    (((const int[]){__VA_ARGS__})[pick((play), sizeof((int[]){__VA_ARGS__}) / sizeof(int))])

static void pick_name(struct play *play, char kind, unsigned limit, char *ret_name)
{
    sprintf(ret_name, "%c%u", kind, pick(play, limit));
}

/* A session of the model, rather one that lives; NULL where there is none yet. */
static struct model_session *pick_session(struct play *play)
{
    struct model *model = &play->model;
    struct model_session *session = NULL;

    for (int tries = 0; tries < 8 && model->count > 0; tries++) {
        session = &model->sessions[pick(play, (unsigned)model->count)];
        if (session->lives)
            break;
    }
    return session;
}

/* ---- Time ---- */

static int64_t embedded_ms; /* the embedded store's clock: it moves when the test says so */

static int64_t embedded_now(void)
{
    return embedded_ms;
}

static const struct memory_clock embedded_clock = {embedded_now, embedded_now};

/* Makes sure that what comes is later than what was. */
static void pass_time(struct play *play)
{
    const struct timespec pause = {.tv_nsec = 2000000};

    embedded_ms += 2;
    if (play->fixture->kind != STORE_FIXTURE_MEMORY)
        nanosleep(&pause, NULL);
}

static void look_at_the_clock(struct play *play)
{
    embedded_ms += pick(play, 2);
    play->model.now_ms =
        play->fixture->kind != STORE_FIXTURE_MEMORY ? clock_wall_ms() : embedded_ms;
}

/* ---- Asking ---- */

static const char *op_word(enum store_op op)
{
    static const char *const words[STORE_OP_COUNT] = {
        [STORE_CREATE] = "create",
        [STORE_HEARTBEAT] = "heartbeat",
        [STORE_REVIVE] = "revive",
        [STORE_CHECK] = "check",
        [STORE_GET] = "get",
        [STORE_ZAP] = "zap",
        [STORE_END] = "end",
        [STORE_LIST] = "list",
        [STORE_REVOKE] = "revoke",
        [STORE_SWEEP] = "sweep",
        [STORE_SET_LIMITS] = "set_limits",
        [STORE_DESCRIBE] = "describe",
        [STORE_COUNT] = "count",
    };

    return words[op];
}

static void describe(struct play *play, const struct store_req *req)
{
    const struct session *session = &req->session;
    int len = snprintf(play_line(play), sizeof play->history[0],
                       "%s %.6s family %s device %s user %s player %s, limits %d %d, evict %d, "
                       "reason %s, for %lld, replace",
                       op_word(req->op), session->id, session->family_id, session->device_id,
                       session->user_id, session->player_id, req->create.family_limit,
                       req->create.device_limit, req->create.evict,
                       end_reason_word(req->end.reason), (long long)req->for_ms);

    for (size_t i = 0; i < req->create.replace_count && len < 240; i++)
        len += sprintf(play_line(play) + len, " %.6s", req->create.replace[i]);
}

/* Puts a request to the model and to the store, and compares. */
static void ask(struct play *play, const struct store_req *req)
{
    static struct model_answer expected;
    const struct model_session *known = model_find(&play->model, req->session.id);
    struct session before;

    describe(play, req);
    if (known != NULL && known->lives)
        before = known->session;
    else
        known = NULL;
    model_play(&play->model, req, &expected);
    const struct store_req *answer =
        store_fixture_run(play->fixture, (int)pick(play, STORE_FIXTURE_HANDLES), req);
    play_compare(play, answer, &expected, known != NULL ? &before : NULL);
    model_learn(&play->model, answer);
    play->outcomes[answer->err]++;
}

/* ---- Choosing what to ask ---- */

static struct session make_session(struct play *play)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    struct session session = {.media_id = "m"};

    pick_name(play, 'f', MODEL_FAMILIES, session.family_id);
    pick_name(play, 'd', MODEL_DEVICES, session.device_id);
    pick_name(play, 'u', MODEL_USERS, session.user_id);
    if (chance(play, 20))
        pick_name(play, 'p', 3, session.player_id);
    if (chance(play, 30))
        strcpy(session.device_name, "A name");
    memcpy(session.id, partition_tag(0), PARTITION_TAG_LEN); /* all of one: see ask_session */
    session.id[SESSION_ID_LEN] = '\0';
    for (int i = 2; i < SESSION_ID_LEN; i++) /* the same for the same seed */
        session.id[i] = digits[pick(play, 32)];
    return session;
}

static void ask_for_a_place(struct play *play, struct store_req *req)
{
    const struct model_session *known = pick_session(play);

    if (req->op == STORE_CREATE) {
        bool repeats = known != NULL && known->lives && chance(play, 8);

        req->session = repeats ? known->session : make_session(play);
    }
    req->create = ask_limits(ONE_OF(play, -1, -1, -1, -1, 0, 1, 3), ONE_OF(play, -1, -1, -1, 0, 1));
    req->create.evict = chance(play, 15);
    req->create.issued_ms = req->session.started_ms;
    for (int left = chance(play, 20) ? 3 : 0; left > 0 && play->model.count > 0; left--)
        ask_replace(&req->create, &pick_session(play)->session);
    ask(play, req);
}

static void ask_to_revoke(struct play *play, struct store_req *req)
{
    bool whole_family = chance(play, 50);

    if (whole_family)
        pick_name(play, 'f', MODEL_FAMILIES, req->session.family_id);
    else
        pick_name(play, 'd', MODEL_DEVICES, req->session.device_id);
    sprintf(req->end.message, "word %u", play->played);
    req->for_ms = ONE_OF(play, FOREVER_MS, 0, 0, 0, -1);
    pass_time(play); /* what began before is older than the revocation */
    ask(play, req);
    pass_time(play);
}

/* A name, or rarely none. */
static void pick_filter(struct play *play, char kind, unsigned limit, char *ret_name)
{
    if (chance(play, 30))
        pick_name(play, kind, limit, ret_name);
}

static void ask_for_pages(struct play *play)
{
    struct store_filter filter = {.family_id = ""};
    uint32_t most = (uint32_t)ONE_OF(play, 1, 3, 10, 1000);

    pick_filter(play, 'f', MODEL_FAMILIES, filter.family_id);
    pick_filter(play, 'd', MODEL_DEVICES, filter.device_id);
    pick_filter(play, 'u', MODEL_USERS, filter.user_id);
    pick_filter(play, 'm', 5, filter.media_id);
    snprintf(play_line(play), sizeof play->history[0],
             "pages of %u, family %.8s device %.8s user %.8s media %.8s", most, filter.family_id,
             filter.device_id, filter.user_id, filter.media_id);
    play_compare_page(play, &filter, ask_all_pages(play->fixture, &filter, most));
}

/* What an operator looks at. */
static void look(struct play *play)
{
    struct store_query query;
    struct store_req req = {.op = STORE_COUNT, .query = &query};
    unsigned dice = pick(play, 4);

    if (dice == 0) {
        ask_for_pages(play);
        return;
    }
    if (dice == 1) {
        req.op = STORE_DESCRIBE;
        pick_name(play, 'f', MODEL_FAMILIES, req.session.family_id);
    } else if (dice == 2) {
        req.op = STORE_DESCRIBE;
        pick_name(play, 'd', MODEL_DEVICES, req.session.device_id);
    }
    ask(play, &req);
}

static void age(struct play *play, struct model_session *session)
{
    int64_t silent_ms = play->model.now_ms - session->session.last_heartbeat_ms;
    int64_t ms = (1 + pick(play, 3)) * PLAY_STEP_MS;

    if (!session->lives)
        return;
    if (chance(play, 40) || silent_ms + ms > PLAY_TTL_MS / 2)
        ms = PLAY_TTL_MS + PLAY_STEP_MS;
    snprintf(play_line(play), sizeof play->history[0], "age %.6s by %lld ms", session->session.id,
             (long long)ms);
    store_fixture_age(play->fixture, session->session.id, ms);
    model_age(&play->model, session, ms);
}

static enum end_reason pick_reason(struct play *play)
{
    return (enum end_reason)ONE_OF(play, END_STOPPED, END_STOPPED, END_REPLACED, END_TERMINATED);
}

/* One request, or one session made older. */
static void turn(struct play *play)
{
    struct model_session *session = pick_session(play);
    unsigned dice = pick(play, 1000);
    struct store_req req = {.create = ask_limits(-1, -1)};

    look_at_the_clock(play);
    if (session != NULL)
        req.session = session->session;
    if (session == NULL || dice < 350) {
        req.op = STORE_CREATE;
        ask_for_a_place(play, &req);
    } else if (dice < 440) {
        age(play, session);
    } else if (dice < 520) {
        req.op = STORE_REVIVE;
        ask_for_a_place(play, &req);
    } else if (dice < 590) {
        req.op = STORE_END;
        req.end.reason = pick_reason(play);
        strcpy(req.end.by, chance(play, 30) ? "someone" : "");
        strcpy(req.end.message, chance(play, 30) ? "a word" : "");
        ask(play, &req);
    } else if (dice < 593) {
        req = (struct store_req){.op = STORE_REVOKE};
        ask_to_revoke(play, &req);
    } else if (dice < 600) {
        req.op = STORE_SET_LIMITS;
        req.create = ask_limits(ONE_OF(play, -1, -1, 0, 2, 5), ONE_OF(play, -1, -1, 0, 1, 3));
        req.for_ms = ONE_OF(play, 0, FOREVER_MS);
        ask(play, &req);
    } else if (dice < 640) {
        req.op = STORE_ZAP;
        pick_name(play, 'm', 5, req.session.media_id);
        ask(play, &req);
    } else if (dice < 680) {
        look(play);
    } else {
        req.op = (enum store_op)ONE_OF(play, STORE_HEARTBEAT, STORE_HEARTBEAT, STORE_CHECK,
                                       STORE_CHECK, STORE_GET, STORE_LIST, STORE_SWEEP);
        ask(play, &req);
    }
}

/* ---- Playing ---- */

static void play_round(struct play *play, unsigned turns)
{
    struct store_options *options = &play->fixture->options;

    *options = (struct store_options){
        .ttl_ms = PLAY_TTL_MS,
        .max_age_ms = 2LL * PLAY_TTL_MS,
        .family_limit = (uint32_t)ONE_OF(play, 0, 2, 3, 4, 10),
        .device_limit = (uint32_t)ONE_OF(play, 0, 1, 2, 2),
        .displace_after_ms = ONE_OF(play, 0, PLAY_STEP_MS / 2),
        .evict_cooldown_ms = ONE_OF(play, 0, FOREVER_MS),
        .dry_run = chance(play, 10),
        .create_rate = chance(play, 15) ? 50 : 0,
    };
    model_init(&play->model, options, play->fixture->kind != STORE_FIXTURE_MEMORY);
    int64_t started_ms = clock_monotonic_ms();
    for (; turns > 0; turns--, play->played++)
        turn(play);
    cr_assert_lt(clock_monotonic_ms() - started_ms, PLAY_TOLERANCE_MS,
                 "too slow to tell steps apart");
    store_fixture_lose(play->fixture);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void play_all(struct store_fixture *fixture)
{
    struct play *play = calloc(1, sizeof *play);
    unsigned ops = (unsigned)number_of("GATEWAY_RANDOM_OPS",
                                       OPS * (number_of("GATEWAY_LONG", 0) == 1 ? 10 : 1));
    int64_t started_ms = clock_monotonic_ms();

    cr_assert_not_null(play);
    play->fixture = fixture;
    play->seed = play->random = number_of("GATEWAY_RANDOM_SEED", (uint64_t)clock_wall_ms());
    fixture->clock = &embedded_clock;
    embedded_ms = clock_wall_ms();
    fprintf(stderr, "GATEWAY_RANDOM_SEED=%llu, %u requests\n", (unsigned long long)play->seed, ops);
    while (play->played < ops)
        play_round(play, ops - play->played < ROUND ? ops - play->played : ROUND);

    fprintf(stderr, "played in %lld ms:", (long long)(clock_monotonic_ms() - started_ms));
    for (int err = ERR_OK; err < ERR_COUNT; err++)
        if (play->outcomes[err] > 0)
            fprintf(stderr, " %u %s", play->outcomes[err], err_word((enum err)err));
    fprintf(stderr, "\n");
    free(play);
}

#define PLAY(suite, kind)                                                                          \
    Test(suite, agrees_with_the_model, .fini = contract_clean_up, .timeout = 900)                  \
    {                                                                                              \
        contract_play(kind, play_all);                                                             \
    }

PLAY(random_on_memory, STORE_FIXTURE_MEMORY)
PLAY(random_on_redis, STORE_FIXTURE_REDIS)
PLAY(random_on_cluster, STORE_FIXTURE_CLUSTER)
