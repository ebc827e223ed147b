/*
 * Heartbeats that revive: a session that is gone without a tombstone (the phone slept, Redis lost its data,
 * the embedded store restarted) comes back by its token, if there is room (DESIGN.md section 5).
 *
 * A revival that was refused is remembered for ten seconds: Shaka repeats a refused segment several times a
 * second, and that must cost the store next to nothing. The memory is a table with one place for each of
 * some sessions; a newer refusal takes the place of an older one.
 *
 * A token that was issued while Redis was away has been let in already, maybe by another gateway that hasn't
 * told Redis yet: for two TTLs its session is adopted, not admitted (section 6).
 */
#include <stdlib.h>
#include <string.h>

#include "api_private.h"
#include "clock.h"

#define REFUSAL_MS     10000
#define REFUSAL_PLACES 1024 /* a power of two */

struct refusal {
    char session_id[SESSION_ID_LEN + 1]; /* "": an empty place */
    int64_t until_ms;                    /* monotonic clock */
    enum err err;                        /* ERR_SESSION_ENDED or ERR_FORBIDDEN */
    struct store_end end;                /* what goes with it */
};

struct api_refusals {
    int64_t last_until_ms; /* the latest until_ms of all */
    struct refusal places[REFUSAL_PLACES];
};

struct api_refusals *api_refusals_new(void)
{
    return calloc(1, sizeof(struct api_refusals));
}

void api_refusals_free(struct api_refusals *refusals)
{
    free(refusals);
}

static struct refusal *place_of(const struct api_call *call)
{
    unsigned hash = session_id_hash(call->claims.session_id);

    return &call->api->refusals->places[hash % REFUSAL_PLACES];
}

bool api_was_refused(struct api_call *call)
{
    const struct api_refusals *refusals = call->api->refusals;
    const struct refusal *refusal = place_of(call);

    /* Nearly always there is none at all, and no place need be looked at. */
    if (refusals->last_until_ms == 0 || refusals->last_until_ms <= clock_monotonic_ms() ||
        strcmp(refusal->session_id, call->claims.session_id) != 0 ||
        refusal->until_ms <= clock_monotonic_ms())
        return false;
    call->store.err = refusal->err;
    call->store.end = refusal->end;
    return true;
}

static void on_revived(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_SESSION_ENDED || req->err == ERR_FORBIDDEN) {
        struct refusal *refusal = place_of(call);

        memcpy(refusal->session_id, call->claims.session_id, sizeof refusal->session_id);
        refusal->until_ms = clock_monotonic_ms() + REFUSAL_MS;
        call->api->refusals->last_until_ms = refusal->until_ms;
        refusal->err = req->err;
        refusal->end = req->end;
    }
    call->done(call);
}

bool api_is_to_be_adopted(const struct api_call *call)
{
    int64_t adopted_until_ms = call->claims.issued_ms + 2 * call->api->options.ttl_s * 1000;

    return call->claims.fallback && clock_wall_ms() < adopted_until_ms;
}

void api_revive(struct api_call *call, void (*done)(struct api_call *call))
{
    call->done = done;
    call->store.create.idle_ms = 0;
    api_call_ask(call, api_is_to_be_adopted(call) ? STORE_ADOPT : STORE_REVIVE, on_revived);
}

static void on_heartbeat(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_SESSION_ENDED && req->end.reason == END_EXPIRED)
        api_revive(call, call->done);
    else
        call->done(call);
}

void api_keep_alive(struct api_call *call, void (*done)(struct api_call *call))
{
    if (api_was_refused(call)) {
        done(call);
        return;
    }
    call->done = done;
    api_call_ask(call, STORE_HEARTBEAT, on_heartbeat);
}
