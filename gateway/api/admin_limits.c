/* GET, PUT and DELETE /admin/v1/families/{id}/limits: how many streams a family may have, by an operator's word. */
#include <inttypes.h>
#include <stdio.h>

#include "admin_private.h"

/* A call about the family in the path. NULL: answered. */
static struct admin_call *new_call(struct http_request *http)
{
    struct admin_call *call = admin_call_new(http, sizeof *call);

    if (call == NULL || admin_path_name(http, "familyId", call->ask.session.family_id))
        return call;
    admin_call_free(call);
    return NULL;
}

static void ask(struct admin_call *call, enum store_op op,
                void (*each)(struct admin_call *call, struct store_req *req, unsigned partition),
                void (*done)(struct admin_call *call))
{
    admin_call_ask(call, op, admin_partition_of(call, call->ask.session.family_id), 1, each, done);
}

/* ---- The limits in force ---- */

static void on_described(struct admin_call *call, struct store_req *req, unsigned partition)
{
    (void)partition;
    call->query.description = req->query->description;
}

static void on_describe_done(struct admin_call *call)
{
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    if (call->err != ERR_OK) {
        admin_call_fail(call);
        return;
    }
    admin_write_limits(&writer, NULL, &call->query.description);
    admin_call_reply(call, &body);
}

void admin_limits_get(struct http_request *http)
{
    struct admin_call *call = new_call(http);

    if (call == NULL)
        return;
    if (admin_query_empty(http))
        ask(call, STORE_DESCRIBE, on_described, on_describe_done);
    else
        admin_call_free(call);
}

/* ---- Their change ---- */

static void nothing_to_note(struct admin_call *call, struct store_req *req, unsigned partition)
{
    (void)call;
    (void)req;
    (void)partition;
}

/* A limit as the audit has it; one that isn't given is the settings'. */
static int write_limit(char *text, size_t size, const char *name, int32_t limit)
{
    return limit >= 0 ? snprintf(text, size, "%s %" PRId32 ", ", name, limit)
                      : snprintf(text, size, "%s by settings, ", name);
}

static void on_set(struct admin_call *call)
{
    char outcome[128];
    int len = write_limit(outcome, sizeof outcome, "family", call->ask.create.family_limit);

    len += write_limit(outcome + len, sizeof outcome - (size_t)len, "device",
                       call->ask.create.device_limit);
    if (call->ask.for_ms > 0)
        snprintf(outcome + len, sizeof outcome - (size_t)len, "for %" PRId64 " s",
                 call->ask.for_ms / 1000);
    else
        snprintf(outcome + len, sizeof outcome - (size_t)len, "for good");
    admin_audit(call, "set_limits", "family", call->ask.session.family_id, outcome);
    if (call->err == ERR_OK)
        ask(call, STORE_DESCRIBE, on_described, on_describe_done);
    else
        admin_call_fail(call);
}

/* Reads the body of a change. false: answered. */
static bool read_body(struct http_request *http, struct admin_call *call)
{
    struct store_create *create = &call->ask.create;
    struct api_body body;

    if (!api_body_read(http, &body))
        return false;
    create->family_limit = (int32_t)api_body_integer(&body, "family", 0, API_LIMIT_MAX);
    create->device_limit = (int32_t)api_body_integer(&body, "device", 0, API_LIMIT_MAX);
    int64_t expires_s = api_body_integer(&body, "expiresIn", 1, ADMIN_SECONDS_MAX);
    call->ask.for_ms = expires_s > 0 ? expires_s * 1000 : 0;
    if (create->family_limit < 0 && create->device_limit < 0)
        api_body_complain(&body, "family", "is required, or device, or both");
    api_body_done(&body);
    if (body.detail[0] == '\0')
        return true;
    http_problem(http, ERR_INVALID_REQUEST, body.detail);
    return false;
}

void admin_limits_put(struct http_request *http)
{
    struct admin_call *call = new_call(http);

    if (call == NULL)
        return;
    if (admin_query_reason(call) && read_body(http, call))
        ask(call, STORE_SET_LIMITS, nothing_to_note, on_set);
    else
        admin_call_free(call);
}

static void on_deleted(struct admin_call *call)
{
    admin_audit(call, "delete_limits", "family", call->ask.session.family_id, NULL);
    if (call->err == ERR_OK) {
        http_reply(call->http, http_response_ref(call->api->no_content));
        admin_call_free(call);
    } else {
        admin_call_fail(call);
    }
}

void admin_limits_delete(struct http_request *http)
{
    struct admin_call *call = new_call(http);

    if (call == NULL)
        return;
    if (!admin_query_reason(call)) {
        admin_call_free(call);
        return;
    }
    call->ask.create.family_limit = call->ask.create.device_limit = -1;
    ask(call, STORE_SET_LIMITS, nothing_to_note, on_deleted);
}
