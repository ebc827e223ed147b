/* The rules. */
#include "check.h"

#include <stdio.h>
#include <string.h>

enum {
    REFUSAL_KEPT_MS = 10 * 1000
}; /* a revival that was refused is refused for so long without asking again */

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

#define WRONG(viewer, format, ...)                                                                 \
    tally_wrong(&(viewer)->all->tally, "family %u, viewer %u, session %s: " format,                \
                (viewer)->family->number, (viewer)->number,                                        \
                (viewer)->view != NULL ? (viewer)->view->id : "none", __VA_ARGS__)

void check_limits(struct viewer *viewer, const char *after)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    size_t family = family_live(viewer->family, rules, ANY_DEVICE, now_ms());
    size_t device = family_live(viewer->family, rules, (int)viewer->device, now_ms());

    if (rules->family_limit > 0 && family > rules->family_limit)
        WRONG(viewer, "after %s the family has %zu live streams of %zu", after, family,
              rules->family_limit);
    if (rules->device_limit > 0 && device > rules->device_limit)
        WRONG(viewer, "after %s the device has %zu live streams of %zu", after, device,
              rules->device_limit);
}

/* A text member; "" where it isn't there. */
static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void expect_text(struct viewer *viewer, const json_t *object, const char *name,
                        const char *wanted)
{
    if (strcmp(text_of(object, name), wanted) != 0)
        WRONG(viewer, "%s is '%s', not '%s'", name, text_of(object, name), wanted);
}

static unsigned media_of(const json_t *object)
{
    unsigned media;

    return sscanf(text_of(object, "mediaId"), "title-%u", &media) == 1 ? media : UINT32_MAX;
}

static bool shows(const struct view *view, unsigned media)
{
    return media == view->media || media == view->media_next || media == view->media_before;
}

void check_document(struct viewer *viewer, const json_t *document)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    const json_t *family = json_object_get(json_object_get(document, "usage"), "family");
    json_int_t active = json_integer_value(json_object_get(family, "active"));
    char name[64];

    snprintf(name, sizeof name, "f%u-%u", viewer->all->generation, viewer->family->number);
    expect_text(viewer, document, "familyId", name);
    snprintf(name, sizeof name, "u%u-%u", viewer->all->generation, viewer->number);
    expect_text(viewer, document, "userId", name);
    snprintf(name, sizeof name, "d%u-%u-%u", viewer->all->generation, viewer->family->number,
             viewer->device);
    expect_text(viewer, document, "deviceId", name);
    if (media_of(document) != viewer->media)
        WRONG(viewer, "mediaId is '%s', not title-%u", text_of(document, "mediaId"), viewer->media);
    if (json_integer_value(json_object_get(document, "ttl")) * 1000 != rules->ttl_ms)
        WRONG(viewer, "ttl is %lld s: not what --ttl says",
              (long long)json_integer_value(json_object_get(document, "ttl")));
    if (rules->family_limit > 0 && (active < 1 || active > (json_int_t)rules->family_limit))
        WRONG(viewer, "usage says %lld of %zu", (long long)active, rules->family_limit);
}

/* Whether a list has a session in it. */
static bool lists(const json_t *sessions, const char *id)
{
    size_t i;
    const json_t *entry;

    json_array_foreach ((json_t *)sessions, i, entry)
        if (strcmp(text_of(entry, "sessionId"), id) == 0)
            return true;
    return false;
}

/*
 * A list of the family's streams, on one device or any: each must have been able to live since the
 * request left, and all that lived throughout must be there. One that is unknown was created by a
 * request that isn't answered yet.
 */
static void check_streams(struct viewer *viewer, const json_t *sessions, int device,
                          const char *what)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    int64_t sent_ms = viewer->request.sent_ms;
    size_t unknown = 0, i;
    const json_t *entry;

    json_array_foreach ((json_t *)sessions, i, entry) {
        const char *id = text_of(entry, "sessionId");
        const struct view *view = family_find(viewer->family, id);

        if (view == NULL)
            unknown++;
        else if (view_had_ended(view, rules, sent_ms))
            WRONG(viewer, "%s shows %s, which had ended %lld ms before (0x%x)", what, id,
                  (long long)(sent_ms - view->ended_ms), view->reasons);
        else if (device != ANY_DEVICE && (int)view->device != device)
            WRONG(viewer, "%s shows %s, which is on another device", what, id);
        else if (!shows(view, media_of(entry)))
            WRONG(viewer, "%s shows %s with '%s', not title-%u", what, id,
                  text_of(entry, "mediaId"), view->media);
    }
    if (unknown > viewer->family->creates)
        WRONG(viewer, "%s shows %zu streams that aren't the family's", what, unknown);
    for (const struct view *view = viewer->family->views; view != NULL; view = view->next)
        if ((device == ANY_DEVICE || (int)view->device == device) &&
            view_was_live(view, rules, sent_ms, now_ms()) && !lists(sessions, view->id))
            WRONG(viewer, "%s lacks %s, which lives, %lld ms after its last sign of life", what,
                  view->id, (long long)(now_ms() - view->sign_ms));
}

void check_conflict(struct viewer *viewer, const json_t *problem)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    const json_t *sessions = json_object_get(problem, "sessions"), *entry;
    bool device = strcmp(text_of(problem, "limit"), "device") == 0;
    json_int_t max = json_integer_value(json_object_get(problem, "max")), last_idle = INT64_MAX;
    json_int_t active = json_integer_value(json_object_get(problem, "active"));
    size_t i;

    expect_text(viewer, problem, "code", device ? "device_limit" : "family_limit");
    if (max != (json_int_t)(device ? rules->device_limit : rules->family_limit))
        WRONG(viewer, "409: max is %lld", (long long)max);
    if (active < max || active != (json_int_t)json_array_size(sessions))
        WRONG(viewer, "409: %lld of %lld active, %zu listed", (long long)active, (long long)max,
              json_array_size(sessions));
    json_array_foreach ((json_t *)sessions, i, entry) {
        json_int_t idle = json_integer_value(json_object_get(entry, "idleSeconds"));

        if (idle > last_idle)
            WRONG(viewer, "409: silent for %lld s behind one of %lld s", (long long)idle,
                  (long long)last_idle);
        last_idle = idle;
    }
    check_streams(viewer, sessions, device ? (int)viewer->device : ANY_DEVICE, "409");
}

void check_list(struct viewer *viewer, const json_t *list)
{
    check_streams(viewer, json_object_get(list, "sessions"), ANY_DEVICE, "the family's list");
}

static void expect_header(struct viewer *viewer, const struct answer *answer, const char *data,
                          const char *name, const char *wanted)
{
    size_t len = 0;
    const char *value = answer_header(answer, data, name, &len);

    if (value == NULL || len != strlen(wanted) || memcmp(value, wanted, len) != 0)
        WRONG(viewer, "%s is '%.*s', not '%s'", name, (int)len, value != NULL ? value : "", wanted);
}

void check_identity(struct viewer *viewer, const struct answer *answer, const char *data)
{
    char name[64];

    expect_header(viewer, answer, data, "X-Stream-Session", viewer->view->id);
    snprintf(name, sizeof name, "u%u-%u", viewer->all->generation, viewer->number);
    expect_header(viewer, answer, data, "X-Stream-User", name);
    snprintf(name, sizeof name, "f%u-%u", viewer->all->generation, viewer->family->number);
    expect_header(viewer, answer, data, "X-Stream-Family", name);
    snprintf(name, sizeof name, "d%u-%u-%u", viewer->all->generation, viewer->family->number,
             viewer->device);
    expect_header(viewer, answer, data, "X-Stream-Device", name);
    if (viewer->all->options.rules.grace_ms > 0 &&
        viewer->view->media != viewer->view->media_before)
        return; /* another gateway may not have heard of the zap yet */
    snprintf(name, sizeof name, "title-%u", viewer->view->media);
    expect_header(viewer, answer, data, "X-Stream-Media", name);
}

void check_allowed(struct viewer *viewer)
{
    if (view_had_ended(viewer->view, &viewer->all->options.rules, viewer->request.sent_ms))
        WRONG(viewer, "had ended %lld ms before, and is taken for live",
              (long long)(viewer->request.sent_ms - viewer->view->ended_ms));
}

static unsigned reason_bit(const char *reason)
{
    static const char *const words[] = {"stopped", "expired", "replaced", "displaced"};

    for (unsigned i = 0; i < 4; i++)
        if (strcmp(reason, words[i]) == 0)
            return 1u << i;
    return 0;
}

/* One that slept past its time comes back where there is room: so there must have been none. */
static void check_no_room(struct viewer *viewer)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    int64_t since_ms = viewer->request.sent_ms - REFUSAL_KEPT_MS;
    size_t creates = viewer->family->creates;
    size_t family = family_possible(viewer->family, rules, ANY_DEVICE, since_ms) - 1 + creates;
    size_t device =
        family_possible(viewer->family, rules, (int)viewer->device, since_ms) - 1 + creates;

    if ((rules->family_limit == 0 || family < rules->family_limit) &&
        (rules->device_limit == 0 || device < rules->device_limit))
        WRONG(viewer,
              "isn't revived, though the family can have had %zu others at most, the device %zu",
              family, device);
}

void check_refused(struct viewer *viewer, const char *reason)
{
    const struct family_rules *rules = &viewer->all->options.rules;
    struct view *view = viewer->view;
    unsigned bit = reason_bit(reason),
             allowed = view->reasons | (view->pending_ends > 0 ? REASON_REPLACED : 0);

    if (view_is_live(view, rules, now_ms())) {
        WRONG(viewer, "lives, and is refused as '%s', %lld ms after its last sign of life", reason,
              (long long)(viewer->request.sent_ms - view->sign_ms));
    } else {
        if (!view->ended && now_ms() - view->sign_ms > 0)
            allowed |= REASON_EXPIRED | REASON_DISPLACED;
        if ((bit & allowed) == 0)
            WRONG(viewer, "ended as '%s', which can't be (0x%x)", reason, allowed);
        else if (bit == REASON_EXPIRED && !view->ended)
            check_no_room(viewer);
    }
    view_end(view, bit, now_ms());
}
