/*
 * POST and DELETE /admin/v1/drain: this gateway takes no new sessions, so that its balancer sends viewers
 * elsewhere; and takes them again. A program that stops drains as well; that is another mark, which nobody lifts.
 */
#include "admin_private.h"
#include "log.h"

static void reply(struct admin_call *call)
{
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    json_writer_begin_object(&writer, NULL);
    json_writer_raw(&writer, "draining", api_is_draining(call->api) ? "true" : "false");
    json_writer_end_object(&writer);
    admin_call_reply(call, &body);
}

static void on_each(struct admin_call *call, struct store_req *req, unsigned partition)
{
    (void)call;
    (void)req;
    (void)partition;
}

/* It holds whether the feed tells of it or not. */
static void on_noted(struct admin_call *call)
{
    if (call->err != ERR_OK)
        log_line(LOG_WARN, "the feed doesn't tell of the drain",
                 LOG_STR("reason", err_detail(call->err)));
    reply(call);
}

static void drain(struct http_request *http, bool drained)
{
    struct admin_call *call = admin_call_new(http, sizeof *call);

    if (call == NULL)
        return;
    if (!admin_query_reason(call)) {
        admin_call_free(call);
        return;
    }
    if (atomic_exchange(call->api->options.drained, drained) == drained) {
        reply(call);
        return;
    }
    admin_audit(call, drained ? "drain" : "undrain", NULL, NULL, NULL);
    call->query.note = drained ? EVENT_DRAIN_STARTED : EVENT_DRAIN_ENDED;
    admin_call_ask(call, STORE_NOTE, 0, 1, on_each, on_noted);
}

void admin_drain(struct http_request *http)
{
    drain(http, true);
}

void admin_undrain(struct http_request *http)
{
    drain(http, false);
}
