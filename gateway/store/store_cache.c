/*
 * The cache of answers.
 *
 * What is cached is what Redis said to a CHECK: that the session lives, or why it ended. That it expired isn't:
 * such a session may be revived by the next who asks. What other requests are answered keeps the cache true:
 * an end or a zap moves the session's generation on before its caller hears of it, a heartbeat is a newer sign
 * of life.
 */
#include "store_cache.h"

#include <stdlib.h>
#include <string.h>

#include "answer_cache.h"
#include "container_of.h"
#include "generations.h"
#include "store.h"

struct store_cache {
    struct store store;                 /* the handle */
    struct store *under;                /* the store that is asked */
    struct store_cache_options options; /* as given */
    struct answer_cache *answers;       /* of it */
    void (*on_closed)(void *arg);       /* of store_close */
    void *on_closed_arg;                /* the same */
};

static int64_t now_ms(const struct store_cache *self)
{
    return (int64_t)uv_now(&self->store.loop->uv);
}

/* ---- From the cache ---- */

/* The store's clock, by the answer that it gave. */
static int64_t store_now_ms(const struct store_cache *self, const struct answer *answer)
{
    return answer->now_ms + (now_ms(self) - answer->answered_ms);
}

/* Whether the session may have expired meanwhile. */
static bool is_outlived(const struct store_cache *self, const struct answer *answer)
{
    return answer->err == ERR_OK &&
           store_now_ms(self, answer) >= answer->last_heartbeat_ms + self->options.ttl_ms;
}

/* The answer about a session, if it is to be believed; and whether, for those who count. */
static struct answer *believed(struct store_cache *self, const char *session_id,
                               enum store_cached *ret_cached)
{
    struct answer *answer;

    *ret_cached = STORE_UNCACHED;
    if (!generations_is_fed(self->options.generations))
        return NULL;
    answer = answer_cache_find(self->answers, session_id);
    *ret_cached = answer == NULL ? STORE_CACHE_MISS : STORE_CACHE_STALE;
    if (answer == NULL || now_ms(self) - answer->answered_ms >= self->options.cache_ms ||
        answer->generation != generations_of(self->options.generations, session_id) ||
        is_outlived(self, answer))
        return NULL;
    *ret_cached = STORE_CACHE_HIT;
    return answer;
}

static void tell(const struct store_cache *self, const struct answer *answer, struct store_req *req)
{
    store_begin(req);
    req->err = answer->err;
    req->now_ms = store_now_ms(self, answer);
    if (answer->err == ERR_OK) {
        strcpy(req->session.media_id, answer->media_id);
        req->session.last_heartbeat_ms = answer->last_heartbeat_ms;
        return;
    }
    req->end.reason = answer->reason;
    strcpy(req->end.by, answer->by);
    strcpy(req->end.message, answer->message);
}

/* ---- From the store ---- */

static void keep(struct store_cache *self, const struct store_req *req)
{
    const struct answer answer = {
        .err = req->err,
        .generation = req->generation,
        .answered_ms = now_ms(self),
        .now_ms = req->now_ms,
        .last_heartbeat_ms = req->session.last_heartbeat_ms,
        .media_id = req->session.media_id,
        .reason = req->end.reason,
        .by = req->end.by,
        .message = req->end.message,
    };

    if (!req->in_place &&
        (req->err == ERR_OK || (req->err == ERR_SESSION_ENDED && req->end.reason != END_EXPIRED)))
        answer_cache_put(self->answers, req->session.id, &answer);
}

/*
 * A heartbeat was answered: a sign of life that the cache may have an older one of. One that came too soon to
 * be written counts from when the last was, which the session's end tells.
 */
static void note_alive(struct store_cache *self, const struct store_req *req)
{
    enum store_cached unused;
    struct answer *answer = believed(self, req->session.id, &unused);
    int64_t written_ms = req->expires_ms - self->options.ttl_ms;

    if (answer != NULL && answer->err == ERR_OK)
        answer->last_heartbeat_ms = written_ms < req->now_ms ? written_ms : req->now_ms;
}

static void learn(struct store_cache *self, const struct store_req *req)
{
    struct generations *generations = self->options.generations;

    switch (req->op) {
    case STORE_CHECK:
        keep(self, req);
        break;
    case STORE_HEARTBEAT:
        if (req->err == ERR_OK)
            note_alive(self, req);
        else
            generations_move(generations, req->session.id);
        break;
    case STORE_REVOKE:
        generations_move_all(generations);
        break;
    case STORE_CREATE: /* whom else it ended, the feed tells */
        for (size_t i = 0; i < req->create.replace_count; i++)
            generations_move(generations, req->create.replace[i]);
        generations_move(generations, req->session.id);
        break;
    case STORE_REVIVE:
    case STORE_ZAP:
    case STORE_END:
    case STORE_ADOPT:
        generations_move(generations, req->session.id);
        break;
    case STORE_GET:
    case STORE_LIST:
    case STORE_SET_LIMITS:
    case STORE_SWEEP:
    case STORE_PAGE:
    case STORE_DESCRIBE:
    case STORE_COUNT:
    case STORE_EVENTS:
    case STORE_NOTE:
    case STORE_OP_COUNT:
        break;
    }
}

static void on_done(struct store_req *req)
{
    struct store_cache *self = req->cache;

    req->done = req->uncached_done;
    learn(self, req);
    req->done(req);
}

/* ---- The contract ---- */

/* What the store below answers at once has been done at once, too: an end in fallback. */
static bool peek(struct store *store, struct store_req *req)
{
    struct store_cache *self = CONTAINER_OF(store, struct store_cache, store);
    const struct answer *answer = NULL;

    if (req->op == STORE_CHECK)
        answer = believed(self, req->session.id, &req->cached);

    if (answer != NULL) {
        tell(self, answer, req);
        return true;
    }
    if (!store_peek(self->under, req))
        return false;
    if (req->op != STORE_CHECK)
        learn(self, req);
    return true;
}

static void submit(struct store *store, struct store_req *req)
{
    struct store_cache *self = CONTAINER_OF(store, struct store_cache, store);

    req->generation = generations_of(self->options.generations, req->session.id);
    req->cache = self;
    req->uncached_done = req->done;
    req->done = on_done;
    store_submit(self->under, req);
}

static enum store_state state(const struct store *store, unsigned partition)
{
    return store_state_of(CONTAINER_OF(store, struct store_cache, store)->under, partition);
}

static void on_under_closed(void *arg)
{
    struct store_cache *self = arg;
    void (*on_closed)(void *arg) = self->on_closed;
    void *on_closed_arg = self->on_closed_arg;

    answer_cache_free(self->answers);
    free(self);
    on_closed(on_closed_arg);
}

static void close_handle(struct store *store, void (*on_closed)(void *arg), void *arg)
{
    struct store_cache *self = CONTAINER_OF(store, struct store_cache, store);

    self->on_closed = on_closed;
    self->on_closed_arg = arg;
    store_close(self->under, on_under_closed, self);
}

static const struct store_ops ops = {
    .kind = "redis", .peek = peek, .submit = submit, .state = state, .close = close_handle};

struct store *store_cache_open(const struct store_cache_options *options, struct store *under)
{
    struct store_cache *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->store = (struct store){.ops = &ops, .loop = under->loop, .partitions = under->partitions};
    self->under = under;
    self->options = *options;
    self->answers = answer_cache_new(options->most);
    if (self->answers == NULL) {
        free(self);
        return NULL;
    }
    return &self->store;
}
