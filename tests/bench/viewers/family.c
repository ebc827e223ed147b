/* What is known of sessions. */
#include "family.h"

#include <stdlib.h>
#include <string.h>

/*
 * A heartbeat may be answered without a write for a second after the last, clocks are read at
 * either end of a request, and the gateway's times are cut to milliseconds. Of two times in the
 * same millisecond either may have been first: what must be before is less, never equal.
 */
enum { MARGIN_MS = 1500, KEPT_MS = 15 * 1000 };

/* After so long a silence somebody else may have been given its place. */
static int64_t sure_ms(const struct family_rules *rules)
{
    int64_t silence = rules->displace_after_ms > 0 && rules->displace_after_ms < rules->ttl_ms
                          ? rules->displace_after_ms
                          : rules->ttl_ms;
    return silence - MARGIN_MS;
}

struct view *family_add(struct family *family, const char *id, unsigned device, unsigned media,
                        int64_t sent_ms, int64_t now_ms)
{
    struct view *view = calloc(1, sizeof *view);

    if (view == NULL)
        return NULL;
    strncpy(view->id, id, SESSION_ID_MAX);
    view->device = device;
    view->media = view->media_next = view->media_before = media;
    view->sign_ms = sent_ms;
    view->sure_since_ms = now_ms;
    view->held = true;
    view->next = family->views;
    family->views = view;
    return view;
}

void family_free(struct family *family)
{
    while (family->views != NULL) {
        struct view *view = family->views;

        family->views = view->next;
        free(view);
    }
}

void family_forget(struct family *family, const struct family_rules *rules, int64_t now_ms)
{
    for (struct view **at = &family->views; *at != NULL;) {
        struct view *view = *at;
        bool over = view->ended ? now_ms - view->ended_ms > KEPT_MS
                                : now_ms - view->sign_ms > rules->ttl_ms + KEPT_MS;

        if (view->held || view->pending_ends > 0 || !over) {
            at = &view->next;
            continue;
        }
        *at = view->next;
        free(view);
    }
}

struct view *family_find(const struct family *family, const char *id)
{
    struct view *view = family->views;

    while (view != NULL && strcmp(view->id, id) != 0)
        view = view->next;
    return view;
}

bool view_sign(struct view *view, const struct family_rules *rules, int64_t sent_ms, int64_t now_ms)
{
    bool came_back = !view_is_live(view, rules, now_ms);

    if (came_back)
        view->sure_since_ms = now_ms;
    if (sent_ms > view->sign_ms)
        view->sign_ms = sent_ms;
    return came_back;
}

void view_end(struct view *view, unsigned reasons, int64_t now_ms)
{
    view->reasons |= reasons;
    if (view->ended)
        return;
    view->ended = true;
    view->ended_ms = now_ms;
}

void view_doubt(struct view *view, unsigned reasons, int64_t now_ms)
{
    view->reasons |= reasons;
    view->doubt_ms = now_ms;
}

bool view_is_live(const struct view *view, const struct family_rules *rules, int64_t now_ms)
{
    return !view->ended && view->pending_ends == 0 && view->sign_ms > view->doubt_ms &&
           now_ms - view->sign_ms < sure_ms(rules);
}

bool view_was_live(const struct view *view, const struct family_rules *rules, int64_t since_ms,
                   int64_t now_ms)
{
    return view_is_live(view, rules, now_ms) && view->sure_since_ms < since_ms;
}

bool view_had_ended(const struct view *view, const struct family_rules *rules, int64_t sent_ms)
{
    return view->ended && view->ended_ms + rules->grace_ms < sent_ms;
}

size_t family_live(const struct family *family, const struct family_rules *rules, int device,
                   int64_t now_ms)
{
    size_t count = 0;

    for (const struct view *view = family->views; view != NULL; view = view->next)
        count += (device == ANY_DEVICE || (int)view->device == device) &&
                 view_is_live(view, rules, now_ms);
    return count;
}

size_t family_possible(const struct family *family, const struct family_rules *rules, int device,
                       int64_t since_ms)
{
    size_t count = 0;

    for (const struct view *view = family->views; view != NULL; view = view->next)
        count += (device == ANY_DEVICE || (int)view->device == device) &&
                 !view_had_ended(view, rules, since_ms);
    return count;
}
