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
    displace(ask, streams, count, true, &tally);
    displace(ask, streams, count, false, &tally);
    evict(ask, streams, count, true, &tally);
    evict(ask, streams, count, false, &tally);

    if (is_full(tally.device, ask->device_limit))
        ret_answer->err = ERR_DEVICE_LIMIT;
    else if (is_full(tally.family, ask->family_limit))
        ret_answer->err = ERR_FAMILY_LIMIT;
    else
        ret_answer->err = ERR_OK;

    if (ret_answer->err != ERR_OK) {
        for (size_t i = 0; i < count; i++)
            streams[i].fate = ADMISSION_STAYS;
        ret_answer->family_active = all.family;
        ret_answer->device_active = all.device;
    } else {
        ret_answer->family_active = tally.family + 1;
        ret_answer->device_active = tally.device + 1;
    }
}
