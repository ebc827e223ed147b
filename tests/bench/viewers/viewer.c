/*
 * A viewer's life.
 *
 * AWAY: its timer creates a session; a 409 makes it either ask for another's place or wait.
 * WATCHING: its timer asks for a segment, sends a heartbeat when one is due, and now and then zaps,
 * lists the family, tries a forged token, or ends: by a stop (then PROBING: the session must be
 * refused), a crash (the session stays behind; it comes back at once, as the same player or as
 * another), or sleep (ASLEEP: it comes back by a heartbeat, maybe after its session's time).
 */
#include "viewer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "viewer_call.h"

static void on_answer(struct pool_request *request, const struct answer *answer, const char *data);
static void on_timer(uv_timer_t *timer);

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

/* ---- dice and time ---- */

static bool chance(struct viewers *all, double probability)
{
    return viewers_dice(all) < probability;
}

/* Calls again after a time that is thrown: half of this to one and a half. */
static void later(struct viewer *viewer, double seconds)
{
    double ms = seconds * 1000 * (0.5 + viewers_dice(viewer->all));

    if (!viewer->all->closing)
        uv_timer_start(&viewer->timer, on_timer, (uint64_t)ms, 0);
}

/* ---- what it does ---- */

/* Lets go of its session, which is over, or left behind. */
static void leave(struct viewer *viewer)
{
    if (viewer->view != NULL) {
        viewer->view->held = false;
        viewer->all->watching--;
    }
    viewer->view = NULL;
    viewer->state = VIEWER_AWAY;
}

static void crash(struct viewer *viewer)
{
    struct view *view = viewer->view;

    viewer->all->tally.crashed++;
    leave(viewer);
    if (chance(viewer->all, 0.5)) {
        viewer->left = view; /* the same player, started again */
        view->held = true;
    } else {
        viewer->player++;
    }
    later(viewer, 1);
}

static void fall_asleep(struct viewer *viewer)
{
    viewer->all->tally.slept++;
    viewer->state = VIEWER_ASLEEP;
    /* Not for as long as a tombstone is kept, two TTLs: who sleeps longer comes back from what it
     * ended by. */
    later(viewer,
          (double)viewer->all->options.rules.ttl_ms / 1000 * 1.1 * viewers_dice(viewer->all));
}

static void watch(struct viewer *viewer)
{
    struct viewers *all = viewer->all;
    double ends = all->options.segment_s / all->options.session_s; /* at this segment */

    if (chance(all, ends)) {
        double how = viewers_dice(all);

        if (how < 0.6)
            viewer_stop(viewer);
        else if (how < 0.8)
            crash(viewer);
        else
            fall_asleep(viewer);
    } else if (now_ms() >= viewer->heartbeat_at_ms) {
        viewer_heartbeat(viewer, false);
    } else if (chance(all, 0.02)) {
        viewer_heartbeat(viewer, true);
    } else if (chance(all, 0.01)) {
        viewer_list(viewer);
    } else {
        viewer_authorize(viewer, chance(all, 0.01));
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct viewer *viewer = timer->data;

    if (viewer->all->closing)
        return;
    switch (viewer->state) {
    case VIEWER_AWAY:
        viewer_create(viewer);
        break;
    case VIEWER_WATCHING:
        watch(viewer);
        break;
    case VIEWER_ASLEEP:
        viewer_heartbeat(viewer, false);
        break;
    case VIEWER_PROBING:
        if (chance(viewer->all, 0.5))
            viewer_authorize(viewer, false);
        else
            viewer_heartbeat(viewer, false);
        break;
    }
}

/* ---- what it is answered ---- */

static void complain(struct viewer *viewer, const struct answer *answer, const char *data)
{
    static const char *const words[CALL_COUNT] = {
#define X(name, word) word,
        CALL_TABLE(X)
#undef X
    };

    if (answer == NULL)
        tally_wrong(&viewer->all->tally, "%s: no answer", words[viewer->call]);
    else
        tally_wrong(&viewer->all->tally, "%s: answered %d: %.*s", words[viewer->call],
                    answer->status, (int)(answer->body_len < 300 ? answer->body_len : 300),
                    data + answer->head_len);
}

/*
 * A session that this create was to end. Where it lived it has ended; else the create may have
 * passed it over, and it may come back.
 */
static void settle(struct viewer *viewer, struct view *view, bool created)
{
    view->pending_ends--;
    if (!created)
        return;
    if (view_is_live(view, &viewer->all->options.rules, now_ms()))
        view_end(view, REASON_REPLACED, now_ms());
    else
        view_doubt(view, REASON_REPLACED, now_ms());
}

static void take_session(struct viewer *viewer, const json_t *document)
{
    const char *id = json_string_value(json_object_get(document, "sessionId"));
    const char *text = json_string_value(json_object_get(document, "token"));

    if (id == NULL || text == NULL || strlen(id) != SESSION_ID_MAX ||
        family_find(viewer->family, id) != NULL) {
        tally_wrong(&viewer->all->tally,
                    "create: no session, no token, or a session that there was");
        later(viewer, 1);
        return;
    }
    viewer->view = family_add(viewer->family, id, viewer->device, viewer->media,
                              viewer->request.sent_ms, now_ms());
    if (viewer->view == NULL)
        abort();
    viewer->all->watching++;
    viewer->state = VIEWER_WATCHING;
    buf_clear(&viewer->token);
    buf_add_str(&viewer->token, text);
    viewer->heartbeat_ms =
        1000 * json_integer_value(json_object_get(document, "heartbeatInterval"));
    viewer->heartbeat_at_ms =
        now_ms() + (int64_t)((double)viewer->heartbeat_ms * viewers_dice(viewer->all));
    check_document(viewer, document);
    check_limits(viewer, "a create");
    later(viewer, viewer->all->options.segment_s);
}

/* Full: asks for the place of the first of the list, or comes again. */
static void take_conflict(struct viewer *viewer, const json_t *problem)
{
    const json_t *first = json_array_get(json_object_get(problem, "sessions"), 0);
    const char *id = json_string_value(json_object_get(first, "sessionId"));

    check_conflict(viewer, problem);
    struct view *view = id != NULL ? family_find(viewer->family, id) : NULL;
    if (view == NULL || !chance(viewer->all, 0.4)) {
        later(viewer, viewer->all->options.pause_s);
        return;
    }
    viewer->given_up = view;
    viewer->all->tally.replaced++;
    viewer_create(viewer);
}

static void on_created(struct viewer *viewer, const struct answer *answer, const char *data)
{
    struct view *left = viewer->left, *given_up = viewer->given_up;
    bool created = answer->status == 201;

    viewer->left = viewer->given_up = NULL;
    viewer->family->creates--;
    if (left != NULL)
        settle(viewer, left, created);
    if (given_up != NULL)
        settle(viewer, given_up, created);
    if (left != NULL) {
        viewer->all->tally.reloaded += created;
        viewer->player +=
            !created; /* after a 409 the old session stays behind, as another player's */
        left->held = false;
    }
    json_auto_t *body = json_loadb(data + answer->head_len, answer->body_len, 0, NULL);
    if (created)
        take_session(viewer, body);
    else if (answer->status == 409)
        take_conflict(viewer, body);
    else
        complain(viewer, answer, data);
    if (!created && answer->status != 409)
        later(viewer, viewer->all->options.pause_s);
    family_forget(viewer->family, &viewer->all->options.rules, now_ms());
}

/* Its session is over: it begins anew after a pause. */
static void take_end(struct viewer *viewer, const char *reason)
{
    check_refused(viewer, reason);
    leave(viewer);
    later(viewer, viewer->all->options.pause_s);
}

static void take_life(struct viewer *viewer, const json_t *body)
{
    const char *renewed = json_string_value(json_object_get(body, "token"));
    struct view *view = viewer->view;

    check_allowed(viewer);
    if (viewer->call == CALL_ZAP && renewed == NULL)
        tally_wrong(&viewer->all->tally, "zap: no token in the answer");
    if (viewer->call == CALL_ZAP)
        view->media_before = view->media;
    view->media = view->media_next;
    if (renewed != NULL) {
        buf_clear(&viewer->token);
        buf_add_str(&viewer->token, renewed);
    }
    if (!view->ended &&
        view_sign(view, &viewer->all->options.rules, viewer->request.sent_ms, now_ms())) {
        viewer->all->tally.revived++;
        check_limits(viewer, "a revival");
    }
}

static void on_heartbeat(struct viewer *viewer, const struct answer *answer, const char *data)
{
    json_auto_t *body = json_loadb(data + answer->head_len, answer->body_len, 0, NULL);
    const char *reason = json_string_value(json_object_get(body, "reason"));

    if (answer->status == 200) {
        take_life(viewer, body);
    } else if (answer->status == 410 && reason != NULL) {
        take_end(viewer, reason);
        return;
    } else {
        complain(viewer, answer, data);
    }
    viewer->state = viewer->state == VIEWER_PROBING ? VIEWER_PROBING : VIEWER_WATCHING;
    later(viewer, viewer->all->options.segment_s);
}

static void on_authorized(struct viewer *viewer, const struct answer *answer, const char *data)
{
    size_t len;
    const char *value = answer_header(answer, data, "X-Stream-Reason", &len);
    char reason[32] = "";

    if (value != NULL && len < sizeof reason)
        memcpy(reason, value, len);
    if (answer->body_len > 0)
        tally_wrong(&viewer->all->tally, "authorize: a body");
    if (viewer->forged) {
        if (answer->status != 401 || strcmp(reason, "invalid_token") != 0)
            complain(viewer, answer, data);
    } else if (answer->status == 200) {
        check_allowed(viewer);
        check_identity(viewer, answer, data);
    } else if (answer->status == 403) {
        take_end(viewer, reason);
        return;
    } else {
        complain(viewer, answer, data);
    }
    later(viewer, viewer->all->options.segment_s);
}

static void on_stopped(struct viewer *viewer, const struct answer *answer, const char *data)
{
    const struct family_rules *rules = &viewer->all->options.rules;

    viewer->view->pending_ends--;
    if (answer->status != 204) {
        complain(viewer, answer, data);
        leave(viewer);
        later(viewer, viewer->all->options.pause_s);
        return;
    }
    bool lived = view_is_live(viewer->view, rules, now_ms());
    view_end(viewer->view, REASON_STOPPED | (lived ? 0 : REASON_EXPIRED | REASON_DISPLACED),
             now_ms());
    viewer->state = VIEWER_PROBING;
    later(viewer, (double)rules->grace_ms / 1000 * 2);
}

static void on_listed(struct viewer *viewer, const struct answer *answer, const char *data)
{
    json_auto_t *body = json_loadb(data + answer->head_len, answer->body_len, 0, NULL);

    if (answer->status == 200)
        check_list(viewer, body);
    /* The list is for whoever holds a live session, which this one may have ceased to be. */
    else if (answer->status != 403 ||
             view_is_live(viewer->view, &viewer->all->options.rules, now_ms()))
        complain(viewer, answer, data);
    later(viewer, viewer->all->options.segment_s);
}

static void on_answer(struct pool_request *request, const struct answer *answer, const char *data)
{
    struct viewer *viewer = (struct viewer *)((char *)request - offsetof(struct viewer, request));
    struct viewers *all = viewer->all;
    struct answer none = {.status = 0};

    if (answer == NULL) {
        complain(viewer, NULL, NULL);
        answer = &none;
        data = "";
    } else {
        tally_answer(&all->tally, viewer->call, answer->status,
                     (uv_hrtime() - request->sent_ns) / 1000);
    }
    switch (viewer->call) {
    case CALL_CREATE:
        on_created(viewer, answer, data);
        break;
    case CALL_AUTHORIZE:
        on_authorized(viewer, answer, data);
        break;
    case CALL_HEARTBEAT:
    case CALL_ZAP:
        on_heartbeat(viewer, answer, data);
        break;
    case CALL_STOP:
        on_stopped(viewer, answer, data);
        break;
    case CALL_LIST:
        on_listed(viewer, answer, data);
        break;
    case CALL_COUNT:
        break;
    }
}

/* ---- beginning and end ---- */

void viewer_start(struct viewer *viewer, struct viewers *all, struct family *family,
                  unsigned number, unsigned device, uint64_t within_ms)
{
    *viewer = (struct viewer){.all = all, .family = family, .number = number, .device = device};
    viewer->request.done = on_answer;
    uv_timer_init(all->loop, &viewer->timer);
    viewer->timer.data = viewer;
    uv_timer_start(&viewer->timer, on_timer, (uint64_t)(viewers_dice(all) * (double)within_ms), 0);
}

void viewer_close(struct viewer *viewer)
{
    uv_close((uv_handle_t *)&viewer->timer, NULL);
}

void viewer_free(struct viewer *viewer)
{
    buf_done(&viewer->token);
    buf_done(&viewer->request.text);
}
