/* A store so plain that it is obviously right. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { FAMILY, DEVICE };

void model_init(struct model *model, const struct store_options *options, bool counts_ghosts)
{
    *model = (struct model){.options = *options, .counts_ghosts = counts_ghosts};
    for (int i = 0; i < MODEL_FAMILIES; i++)
        model->limits[i][FAMILY] = model->limits[i][DEVICE] = -1;
}

int model_number(const char *name)
{
    return name[0] != '\0' ? atoi(name + 1) : 0;
}

struct model_session *model_find(struct model *model, const char *id)
{
    for (size_t i = 0; i < model->count; i++)
        if (strcmp(model->sessions[i].session.id, id) == 0)
            return &model->sessions[i];
    return NULL;
}

/* ---- Counting ---- */

static bool is_of(const struct model_session *session, int kind, int number)
{
    return (kind == FAMILY ? session->family : session->device) == number;
}

/* How many a set has, ghosts included. */
static uint32_t count_set(const struct model *model, int kind, int number)
{
    uint32_t count = 0;

    for (size_t i = 0; i < model->count; i++)
        count += is_of(&model->sessions[i], kind, number) && model->sessions[i].counted[kind];
    return count;
}

/* How many live, and stay. */
static uint32_t count_live(const struct model *model, int kind, int number)
{
    uint32_t count = 0;

    for (size_t i = 0; i < model->count; i++)
        count += is_of(&model->sessions[i], kind, number) && model->sessions[i].lives &&
                 model->sessions[i].fate == MODEL_STAYS;
    return count;
}

/* Takes ghosts out of a set. */
static void prune(struct model *model, int kind, int number)
{
    for (size_t i = 0; i < model->count; i++)
        if (is_of(&model->sessions[i], kind, number) && !model->sessions[i].lives)
            model->sessions[i].counted[kind] = false;
}

static int by_silence(const void *left, const void *right)
{
    const struct session *a = &(*(const struct model_session *const *)left)->session,
                         *b = &(*(const struct model_session *const *)right)->session;

    if (a->last_heartbeat_ms != b->last_heartbeat_ms)
        return a->last_heartbeat_ms < b->last_heartbeat_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* Lists those who live. */
static void list(const struct model *model, int kind, int number, struct model_answer *answer)
{
    for (size_t i = 0; i < model->count; i++)
        if (is_of(&model->sessions[i], kind, number) && model->sessions[i].lives)
            answer->streams[answer->stream_count++] = &model->sessions[i];
    qsort(answer->streams, answer->stream_count, sizeof answer->streams[0], by_silence);
}

/* ---- Ending ---- */

static void end(struct model_session *session, enum end_reason reason, const char *by,
                const char *message)
{
    session->end = (struct store_end){.reason = reason};
    strcpy(session->end.by, by);
    strcpy(session->end.message, message);
    session->has_end = true;
    session->lives = false;
    session->counted[FAMILY] = session->counted[DEVICE] = false;
}

static void tell_end(const struct model_session *session, struct model_answer *answer)
{
    answer->err = ERR_SESSION_ENDED;
    answer->end = session != NULL && session->has_end ? session->end
                                                      : (struct store_end){.reason = END_EXPIRED};
}

/* ---- Admission ---- */

/* One that asks for a place. */
struct seeker {
    struct model *model;
    const struct store_req *req;
    int number[2];      /* of its family and its device */
    uint32_t limits[2]; /* in force */
};

static bool has_room(const struct seeker *seeker, int kind, uint32_t active)
{
    return seeker->limits[kind] == 0 || active < seeker->limits[kind];
}

static bool is_full(const struct seeker *seeker, int kind)
{
    return !has_room(seeker, kind, count_live(seeker->model, kind, seeker->number[kind]));
}

static bool is_in_the_way(const struct seeker *seeker, const struct model_session *session,
                          int kind)
{
    return session->lives && session->fate == MODEL_STAYS &&
           is_of(session, kind, seeker->number[kind]);
}

static bool is_named(const struct store_create *create, const char *id)
{
    for (size_t i = 0; i < create->replace_count; i++)
        if (strcmp(create->replace[i], id) == 0)
            return true;
    return false;
}

/* Steps 4 and 5. */
static void give_up(const struct seeker *seeker)
{
    const char *player = seeker->req->session.player_id;

    for (size_t i = 0; i < seeker->model->count; i++) {
        struct model_session *session = &seeker->model->sessions[i];
        bool same_player = player[0] != '\0' && session->device == seeker->number[DEVICE] &&
                           strcmp(session->session.player_id, player) == 0;

        if (is_in_the_way(seeker, session, FAMILY) &&
            (same_player || is_named(&seeker->req->create, session->session.id)))
            session->fate = MODEL_GIVEN_UP;
    }
}

/* Step 6, for one limit. */
static void displace(const struct seeker *seeker, int kind)
{
    int64_t before_ms = seeker->model->now_ms - seeker->model->options.displace_after_ms;
    struct model_session *victim;

    do {
        victim = NULL;
        for (size_t i = 0; i < seeker->model->count; i++) {
            struct model_session *session = &seeker->model->sessions[i];

            if (is_in_the_way(seeker, session, kind) &&
                session->session.last_heartbeat_ms < before_ms &&
                (victim == NULL || by_silence(&session, &victim) < 0))
                victim = session;
        }
        if (victim != NULL && is_full(seeker, kind))
            victim->fate = MODEL_DISPLACED;
    } while (victim != NULL && is_full(seeker, kind));
}

static bool is_older(const struct session *a, const struct session *b)
{
    return a->started_ms < b->started_ms ||
           (a->started_ms == b->started_ms && strcmp(a->id, b->id) < 0);
}

/* Step 7, for one limit. */
static void evict(const struct seeker *seeker, int kind)
{
    struct model_session *victim = NULL;

    for (size_t i = 0; i < seeker->model->count; i++) {
        struct model_session *session = &seeker->model->sessions[i];

        if (is_in_the_way(seeker, session, kind) && session->family == seeker->number[FAMILY] &&
            (victim == NULL || is_older(&session->session, &victim->session)))
            victim = session;
    }
    if (victim != NULL && is_full(seeker, kind))
        victim->fate = MODEL_EVICTED;
}

/* Steps 4 to 8: who leaves is marked. */
static void decide(const struct seeker *seeker, struct model_answer *answer)
{
    struct model *model = seeker->model;

    if (seeker->req->op == STORE_CREATE) {
        give_up(seeker);
        if (model->options.displace_after_ms > 0) {
            displace(seeker, DEVICE);
            displace(seeker, FAMILY);
        }
        if (seeker->req->create.evict && !model->evicted[seeker->number[DEVICE]]) {
            evict(seeker, DEVICE);
            evict(seeker, FAMILY);
        }
    }
    enum err refusal = is_full(seeker, DEVICE)   ? ERR_DEVICE_LIMIT
                       : is_full(seeker, FAMILY) ? ERR_FAMILY_LIMIT
                                                 : ERR_OK;
    answer->err = model->options.dry_run ? ERR_OK : refusal;
    answer->would_deny = model->options.dry_run ? refusal : ERR_OK;
    for (size_t i = 0; i < model->count; i++)
        if (answer->err != ERR_OK ||
            (model->options.dry_run && model->sessions[i].fate != MODEL_GIVEN_UP))
            model->sessions[i].fate = MODEL_STAYS;
}

/* Ends those who leave. */
static void end_leavers(const struct seeker *seeker)
{
    const struct session *session = &seeker->req->session;
    const char *by = session->device_name[0] != '\0' ? session->device_name : session->device_id;

    for (size_t i = 0; i < seeker->model->count; i++) {
        struct model_session *leaver = &seeker->model->sessions[i];

        if (leaver->fate == MODEL_DISPLACED)
            end(leaver, END_DISPLACED, "", "");
        else if (leaver->fate != MODEL_STAYS)
            end(leaver, END_REPLACED, by, "");
        if (leaver->fate == MODEL_EVICTED && seeker->model->options.evict_cooldown_ms > 0)
            seeker->model->evicted[leaver->device] = true;
        leaver->fate = MODEL_STAYS;
    }
}

/* Step 9: the session is there, for the first time or again. */
static void let_in(const struct seeker *seeker)
{
    struct model *model = seeker->model;
    struct model_session *session = model_find(model, seeker->req->session.id);

    if (session == NULL) {
        session = &model->sessions[model->count++];
        *session = (struct model_session){.session = seeker->req->session,
                                          .family = seeker->number[FAMILY],
                                          .device = seeker->number[DEVICE],
                                          .born = model->now};
    }
    session->lives = session->counted[FAMILY] = session->counted[DEVICE] = true;
}

/* Steps 3 to 9. */
static void seek_place(const struct seeker *seeker, struct model_answer *answer)
{
    struct model *model = seeker->model;
    const struct store_req *req = seeker->req;
    uint32_t active[2];
    bool gives_up = req->op == STORE_CREATE &&
                    (req->create.replace_count > 0 || req->session.player_id[0] != '\0');

    for (int kind = FAMILY; kind <= DEVICE; kind++) {
        const struct model_session *own = model_find(model, req->session.id);
        bool is_ghost = req->op == STORE_REVIVE && own->counted[kind];

        active[kind] = count_set(model, kind, seeker->number[kind]) - is_ghost;
    }
    if (gives_up || !has_room(seeker, FAMILY, active[FAMILY]) ||
        !has_room(seeker, DEVICE, active[DEVICE])) {
        for (int kind = FAMILY; kind <= DEVICE; kind++)
            prune(model, kind, seeker->number[kind]);
        decide(seeker, answer);
        for (int kind = FAMILY; kind <= DEVICE; kind++)
            active[kind] = count_live(model, kind, seeker->number[kind]);
    }
    if (answer->err == ERR_OK) {
        end_leavers(seeker);
        let_in(seeker);
    } else if (req->op == STORE_REVIVE) {
        tell_end(NULL, answer);
    } else {
        int kind = answer->err == ERR_DEVICE_LIMIT ? DEVICE : FAMILY;

        list(model, kind, seeker->number[kind], answer);
    }
    answer->usage.family_active = active[FAMILY] + (answer->err == ERR_OK);
    answer->usage.device_active = active[DEVICE] + (answer->err == ERR_OK);
}

/* Whether an operator keeps it out. */
static bool is_kept_out(const struct seeker *seeker, struct model_answer *answer)
{
    struct model *model = seeker->model;
    const struct model_word *words[] = {&model->families[seeker->number[FAMILY]],
                                        &model->devices[seeker->number[DEVICE]]};
    const struct model_session *session = model_find(model, seeker->req->session.id);

    for (int kind = FAMILY; kind <= DEVICE; kind++) {
        if (words[kind]->blocked)
            answer->err = ERR_FORBIDDEN;
        else if (seeker->req->op == STORE_REVIVE && words[kind]->revoked > session->born)
            answer->err = ERR_SESSION_ENDED;
        else
            continue;
        answer->end = (struct store_end){.reason = END_TERMINATED};
        strcpy(answer->end.message, words[kind]->message);
        return true;
    }
    return false;
}

static void find_limits(struct seeker *seeker, struct model_answer *answer)
{
    const struct store_options *options = &seeker->model->options;
    const struct store_create *create = &seeker->req->create;
    const int32_t *overrides = seeker->model->limits[seeker->number[FAMILY]];
    const int32_t claims[] = {create->family_limit, create->device_limit};
    const uint32_t settings[] = {options->family_limit, options->device_limit};

    for (int kind = FAMILY; kind <= DEVICE; kind++)
        seeker->limits[kind] = overrides[kind] >= 0 ? (uint32_t)overrides[kind]
                               : claims[kind] >= 0  ? (uint32_t)claims[kind]
                                                    : settings[kind];
    answer->usage.family_limit = seeker->limits[FAMILY];
    answer->usage.device_limit = seeker->limits[DEVICE];
}

static void play_admission(struct model *model, const struct store_req *req,
                           struct model_answer *answer)
{
    const struct model_session *known = model_find(model, req->session.id);
    struct seeker seeker = {
        .model = model,
        .req = req,
        .number = {model_number(req->session.family_id), model_number(req->session.device_id)}};
    unsigned *creates = &model->creates[model_number(req->session.user_id)];

    find_limits(&seeker, answer);
    if (known != NULL && known->lives) {
        answer->usage.family_active = count_set(model, FAMILY, seeker.number[FAMILY]);
        answer->usage.device_active = count_set(model, DEVICE, seeker.number[DEVICE]);
    } else if (req->op == STORE_REVIVE && known->has_end) {
        tell_end(known, answer);
    } else if (is_kept_out(&seeker, answer)) {
        return;
    } else if (req->op == STORE_CREATE && model->options.create_rate > 0 &&
               (*creates)++ >= model->options.create_rate) {
        answer->err = ERR_RATE_LIMITED;
    } else {
        seek_place(&seeker, answer);
    }
}

/* ---- The other operations ---- */

static void play_end(struct model_session *session, const struct store_req *req,
                     struct model_answer *answer)
{
    bool counted[] = {session->counted[FAMILY], session->counted[DEVICE]};

    answer->ended = session->lives;
    if (!session->lives && session->has_end && req->end.reason != END_TERMINATED)
        return;
    end(session, req->end.reason, req->end.by, req->end.message);
    if (!answer->ended) { /* a ghost stays one until the sets are looked through */
        session->counted[FAMILY] = counted[FAMILY];
        session->counted[DEVICE] = counted[DEVICE];
    }
}

static void play_revoke(struct model *model, const struct store_req *req,
                        struct model_answer *answer)
{
    int kind = req->session.family_id[0] != '\0' ? FAMILY : DEVICE;
    int number = model_number(kind == FAMILY ? req->session.family_id : req->session.device_id);
    struct model_word *word = kind == FAMILY ? &model->families[number] : &model->devices[number];

    word->revoked = model->now;
    if (req->for_ms >= 0 || !word->blocked) { /* else the block stays as it is */
        word->blocked = req->for_ms > 0;
        strcpy(word->message, req->end.message);
    }
    prune(model, kind, number);
    for (size_t i = 0; i < model->count; i++) {
        struct model_session *session = &model->sessions[i];

        if (session->lives && is_of(session, kind, number)) {
            end(session, END_TERMINATED, "", req->end.message);
            answer->ended_count++;
        }
    }
}

static uint32_t limit_of(const struct model *model, int family, int kind)
{
    int32_t override = model->limits[family][kind];
    const uint32_t settings[] = {model->options.family_limit, model->options.device_limit};

    return override >= 0 ? (uint32_t) override : settings[kind];
}

static void play_list(const struct model *model, int family, struct model_answer *answer)
{
    list(model, FAMILY, family, answer);
    answer->usage.family_active = (uint32_t)answer->stream_count;
    answer->usage.family_limit = limit_of(model, family, FAMILY);
}

static void play_describe(const struct model *model, const struct store_req *req,
                          struct model_answer *answer)
{
    bool is_family = req->session.family_id[0] != '\0';
    int number = model_number(is_family ? req->session.family_id : req->session.device_id);
    const struct model_word *word = is_family ? &model->families[number] : &model->devices[number];
    struct store_description *description = &answer->description;

    description->family_limit = model->options.family_limit;
    description->device_limit = model->options.device_limit;
    if (is_family) {
        play_list(model, number, answer);
        description->family_limit = limit_of(model, number, FAMILY);
        description->device_limit = limit_of(model, number, DEVICE);
        description->overridden =
            model->limits[number][FAMILY] >= 0 || model->limits[number][DEVICE] >= 0;
    } else {
        list(model, DEVICE, number, answer);
        answer->usage.device_active = (uint32_t)answer->stream_count;
        answer->usage.device_limit = model->options.device_limit;
    }
    description->blocked_until_ms = word->blocked;
    if (word->blocked)
        strcpy(description->message, word->message);
}

void model_play(struct model *model, const struct store_req *req, struct model_answer *ret_answer)
{
    struct model_session *session = model_find(model, req->session.id);
    int family = model_number(req->session.family_id);

    *ret_answer = (struct model_answer){.err = ERR_OK};
    model->now++;
    switch (req->op) {
    case STORE_CREATE:
    case STORE_REVIVE:
        play_admission(model, req, ret_answer);
        break;
    case STORE_END:
        play_end(session, req, ret_answer);
        break;
    case STORE_LIST:
        play_list(model, family, ret_answer);
        break;
    case STORE_DESCRIBE:
        play_describe(model, req, ret_answer);
        break;
    case STORE_COUNT:
        for (size_t i = 0; i < model->count; i++)
            ret_answer->sessions += model->sessions[i].lives;
        break;
    case STORE_REVOKE:
        play_revoke(model, req, ret_answer);
        break;
    case STORE_SET_LIMITS:
        model->limits[family][FAMILY] = req->create.family_limit;
        model->limits[family][DEVICE] = req->create.device_limit;
        break;
    case STORE_SWEEP: /* nothing is due while a model lives */
        break;
    default: /* those that look for a session */
        if (session == NULL || !session->lives)
            tell_end(session, ret_answer);
        else if (req->op == STORE_ZAP)
            strcpy(session->session.media_id, req->session.media_id);
        break;
    }
}

void model_learn(struct model *model, const struct store_req *answer)
{
    struct model_session *session = model_find(model, answer->session.id);

    if (answer->err != ERR_OK || session == NULL)
        return;
    if (answer->op == STORE_CREATE || answer->op == STORE_REVIVE) {
        session->session.started_ms = answer->session.started_ms;
        session->session.last_heartbeat_ms = answer->session.last_heartbeat_ms;
    } else if (answer->op == STORE_HEARTBEAT) {
        session->session.last_heartbeat_ms = answer->now_ms;
    }
}

void model_age(struct model *model, struct model_session *session, int64_t ms)
{
    session->session.last_heartbeat_ms -= ms;
    if (model->now_ms - session->session.last_heartbeat_ms < model->options.ttl_ms)
        return;
    session->lives = false;
    if (!model->counts_ghosts)
        session->counted[FAMILY] = session->counted[DEVICE] = false;
}
