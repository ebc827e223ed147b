/* What a viewer asks: each function formats one request and sends it. */
#include "viewer_call.h"

#include <stdio.h>
#include <string.h>

enum { TITLES = 5000 };

double viewers_dice(struct viewers *all)
{
    all->random ^= all->random >> 12;
    all->random ^= all->random << 25;
    all->random ^= all->random >> 27;
    return (double)(all->random * 0x2545f4914f6cdd1du >> 11) / (double)(UINT64_C(1) << 53);
}

static void send_call(struct viewer *viewer, enum call call)
{
    viewer->call = call;
    pool_send(viewer->all->pool, &viewer->request);
}

static struct buf *begin(struct viewer *viewer)
{
    viewer->forged = false;
    buf_clear(&viewer->request.text);
    return &viewer->request.text;
}

static const char *token(struct viewer *viewer)
{
    return buf_text(&viewer->token);
}

void viewer_create(struct viewer *viewer)
{
    const struct viewers *all = viewer->all;
    struct buf *text = begin(viewer);
    char replace[64] = "", body[512];

    viewer->media = (unsigned)(viewers_dice(viewer->all) * TITLES);
    if (viewer->given_up != NULL) {
        snprintf(replace, sizeof replace, ",\"replace\":[\"%s\"]", viewer->given_up->id);
        viewer->given_up->pending_ends++;
    }
    if (viewer->left != NULL)
        viewer->left->pending_ends++;
    viewer->family->creates++;
    int len =
        snprintf(body, sizeof body,
                 "{\"userId\":\"u%u-%u\",\"familyId\":\"f%u-%u\",\"deviceId\":\"d%u-%u-%u\","
                 "\"mediaId\":\"title-%u\",\"playerId\":\"p%u-%u\",\"deviceName\":\"Screen %u\"%s}",
                 all->generation, viewer->number, all->generation, viewer->family->number,
                 all->generation, viewer->family->number, viewer->device, viewer->media,
                 viewer->number, viewer->player, viewer->device, replace);
    buf_printf(
        text,
        "POST /v1/sessions HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: application/json\r\n"
        "Content-Length: %d\r\n\r\n%s",
        len, body);
    send_call(viewer, CALL_CREATE);
}

void viewer_authorize(struct viewer *viewer, bool forged)
{
    struct buf *text = begin(viewer);

    buf_printf(text,
               "GET /v1/authorize HTTP/1.1\r\nHost: gateway.example\r\nX-Original-URI: "
               "/vod/s.m4s?stream_token=%s\r\n\r\n",
               token(viewer));
    if (forged) {
        char *changed = &text->data[text->len - 4 - 20];
        *changed = *changed == 'A' ? 'B' : 'A';
        viewer->forged = true;
    }
    send_call(viewer, CALL_AUTHORIZE);
}

void viewer_heartbeat(struct viewer *viewer, bool zaps)
{
    struct buf *text = begin(viewer);
    char body[64] = "";

    viewer->heartbeat_at_ms =
        (int64_t)(uv_hrtime() / 1000000) +
        (int64_t)((double)viewer->heartbeat_ms * (0.9 + 0.1 * viewers_dice(viewer->all)));
    if (zaps) {
        viewer->view->media_next = (unsigned)(viewers_dice(viewer->all) * TITLES);
        snprintf(body, sizeof body, "{\"mediaId\":\"title-%u\"}", viewer->view->media_next);
    }
    buf_printf(
        text,
        "POST /v1/sessions/%s/heartbeat HTTP/1.1\r\nHost: gateway.example\r\nX-Stream-Token: %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        viewer->view->id, token(viewer), strlen(body), body);
    send_call(viewer, zaps ? CALL_ZAP : CALL_HEARTBEAT);
}

void viewer_stop(struct viewer *viewer)
{
    viewer->view->pending_ends++;
    viewer->view->reasons |= REASON_STOPPED;
    buf_printf(
        begin(viewer),
        "DELETE /v1/sessions/%s HTTP/1.1\r\nHost: gateway.example\r\nX-Stream-Token: %s\r\n\r\n",
        viewer->view->id, token(viewer));
    send_call(viewer, CALL_STOP);
}

void viewer_list(struct viewer *viewer)
{
    buf_printf(begin(viewer),
               "GET /v1/families/f%u-%u/sessions HTTP/1.1\r\nHost: "
               "gateway.example\r\nX-Stream-Token: %s\r\n\r\n",
               viewer->all->generation, viewer->family->number, token(viewer));
    send_call(viewer, CALL_LIST);
}
