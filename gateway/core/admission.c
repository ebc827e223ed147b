/* Who may stay when a new stream asks for a place. */
#include "admission.h"

#include <string.h>

struct tally {
    uint32_t family; /* streams of the family that stay */
    uint32_t device; /* streams on the device that stay */
};

static bool is_full(uint32_t active, uint32_t limit)
{
    return limit != 0 && active >= limit;
}

static void end(struct admission_stream *stream, enum admission_fate fate, struct tally *tally)
{
    stream->fate = fate;
    tally->family -= stream->in_family;
    tally->device -= stream->on_device;
}

static bool is_named(const struct admission_ask *ask, const struct admission_stream *stream)
{
    for (size_t i = 0; i < ask->replace_count; i++)
        if (strcmp(ask->replace[i], stream->id) == 0)
            return true;
    return false;
}

/* Steps 4 and 5: what the viewer gives up, and what the same player left behind. */
static void end_replaced(const struct admission_ask *ask, struct admission_stream *streams,
                         size_t count, struct tally *tally)
{
    for (size_t i = 0; i < count; i++) {
        struct admission_stream *s = &streams[i];
        bool same_player =
            s->on_device && ask->player_id[0] != '\0' && strcmp(s->player_id, ask->player_id) == 0;

        if (s->in_family && (same_player || is_named(ask, s)))
            end(s, ADMISSION_REPLACED, tally);
    }
}

static bool is_longer_silent(const struct admission_stream *a, const struct admission_stream *b)
{
    if (a->silent_ms != b->silent_ms)
        return a->silent_ms > b->silent_ms;
    return strcmp(a->id, b->id) < 0;
}

static bool is_older(const struct admission_stream *a, const struct admission_stream *b)
{
    if (a->started_ms != b->started_ms)
        return a->started_ms < b->started_ms;
    return strcmp(a->id, b->id) < 0;
}

/* Whether a stream takes a place of this limit: the device's, else the family's. */
static bool is_in_the_way(const struct admission_stream *s, bool of_device)
{
    return s->fate == ADMISSION_STAYS && (of_device ? s->on_device : s->in_family);
}

/* Step 6 for one limit: the longest silent go, as many as are needed and there are. */
static void displace(const struct admission_ask *ask, struct admission_stream *streams,
                     size_t count, bool of_device, struct tally *tally)
{
    uint32_t *active = of_device ? &tally->device : &tally->family;
    uint32_t limit = of_device ? ask->device_limit : ask->family_limit;

    while (ask->displace_after_ms > 0 && is_full(*active, limit)) {
        struct admission_stream *victim = NULL;

        for (size_t i = 0; i < count; i++)
            if (is_in_the_way(&streams[i], of_device) &&
                streams[i].silent_ms > ask->displace_after_ms &&
                (victim == NULL || is_longer_silent(&streams[i], victim)))
                victim = &streams[i];
        if (victim == NULL)
            return;
        end(victim, ADMISSION_DISPLACED, tally);
    }
}

/* Step 7 for one limit: the family's oldest goes, one at most. */
static void evict(const struct admission_ask *ask, struct admission_stream *streams, size_t count,
                  bool of_device, struct tally *tally)
{
    struct admission_stream *victim = NULL;

    if (!ask->evict || !is_full(of_device ? tally->device : tally->family,
                                of_device ? ask->device_limit : ask->family_limit))
        return;
    for (size_t i = 0; i < count; i++)
        if (is_in_the_way(&streams[i], of_device) && streams[i].in_family &&
            (victim == NULL || is_older(&streams[i], victim)))
            victim = &streams[i];
    if (victim != NULL)
        end(victim, ADMISSION_EVICTED, tally);
}

/* The first limit that leaves no room, the device's before the family's; ERR_OK where both do. */
static enum err limit_reached(const struct admission_ask *ask, const struct tally *tally)
{
    if (is_full(tally->device, ask->device_limit))
        return ERR_DEVICE_LIMIT;
    return is_full(tally->family, ask->family_limit) ? ERR_FAMILY_LIMIT : ERR_OK;
}

/* Lets those stay again whom one of these fates had met. */
static void spare(struct admission_stream *streams, size_t count, bool replaced_too)
{
    for (size_t i = 0; i < count; i++)
        if (replaced_too || streams[i].fate != ADMISSION_REPLACED)
            streams[i].fate = ADMISSION_STAYS;
}

void admission_decide(const struct admission_ask *ask, struct admission_stream *streams,
                      size_t count, struct admission_answer *ret_answer)
{
    struct tally all = {0, 0};

    for (size_t i = 0; i < count; i++) {
        streams[i].fate = ADMISSION_STAYS;
        all.family += streams[i].in_family;
        all.device += streams[i].on_device;
    }

    struct tally tally = all;
    end_replaced(ask, streams, count, &tally);
    struct tally chosen = tally;
    displace(ask, streams, count, true, &tally);
    displace(ask, streams, count, false, &tally);
    evict(ask, streams, count, true, &tally);
    evict(ask, streams, count, false, &tally);

    enum err refusal = limit_reached(ask, &tally);
    *ret_answer = (struct admission_answer){.err = refusal, .would_deny = ERR_OK};
    if (ask->dry_run) {
        spare(streams, count, false);
        tally = chosen;
        ret_answer->err = ERR_OK;
        ret_answer->would_deny = refusal;
    } else if (refusal != ERR_OK) {
        spare(streams, count, true);
        ret_answer->family_active = all.family;
        ret_answer->device_active = all.device;
        return;
    }
    ret_answer->family_active = tally.family + 1;
    ret_answer->device_active = tally.device + 1;
}
