/*
 * GET /admin/v1/families/{id} and /admin/v1/devices/{id}: what an operator asks about a family or a device: who
 * watches, of how many that may, whether it is blocked, and what happened lately. A device may have streams in
 * every partition, which are put together.
 */
#include <string.h>

#include "admin_private.h"
#include "container_of.h"

struct subject_call {
    struct admin_call call;               /* DESCRIBE, then EVENTS */
    bool is_device;                       /* else a family */
    unsigned first, count;                /* partitions where it may be */
    struct store_usage usage;             /* over all of them */
    struct store_description description; /* the same */
    struct buf sessions;                  /* elements of an array, as they came */
    struct json_writer writer;            /* of these */
    struct admin_lately lately;           /* events */
};

static void free_call(struct subject_call *self)
{
    buf_done(&self->sessions);
    admin_lately_done(&self->lately);
}

static void fail(struct subject_call *self)
{
    free_call(self);
    admin_call_fail(&self->call);
}

static void reply(struct subject_call *self)
{
    const struct session *session = &self->call.ask.session;
    const struct store_usage *usage = &self->usage;
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};
    const char *sessions = buf_text(&self->sessions);

    json_writer_begin_object(&writer, NULL);
    json_writer_text(&writer, self->is_device ? "deviceId" : "familyId",
                     self->is_device ? session->device_id : session->family_id);
    json_writer_begin_object(&writer, "usage");
    if (self->is_device)
        api_write_count(&writer, "device", usage->device_active, usage->device_limit);
    else
        api_write_count(&writer, "family", usage->family_active, usage->family_limit);
    json_writer_end_object(&writer);
    if (!self->is_device)
        admin_write_limits(&writer, "limits", &self->description);
    admin_write_blocked(&writer, &self->description);
    json_writer_begin_array(&writer, "sessions");
    if (sessions == NULL)
        body.failed = true;
    else if (sessions[0] != '\0')
        json_writer_raw(&writer, NULL, sessions);
    json_writer_end_array(&writer);
    admin_lately_write(&writer, &self->lately);
    json_writer_end_object(&writer);
    free_call(self);
    admin_call_reply(&self->call, &body);
}

static void on_events(struct admin_call *call)
{
    struct subject_call *self = CONTAINER_OF(call, struct subject_call, call);

    if (call->err == ERR_OK)
        reply(self);
    else
        fail(self);
}

static void on_described(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct subject_call *self = CONTAINER_OF(call, struct subject_call, call);
    const struct store_description *part = &req->query->description;
    (void)partition;

    self->usage.family_active += req->usage.family_active;
    self->usage.device_active += req->usage.device_active;
    self->usage.family_limit = req->usage.family_limit;
    self->usage.device_limit = req->usage.device_limit;
    if (self->description.blocked_until_ms <= part->blocked_until_ms)
        self->description = *part;
    for (size_t i = 0; i < req->stream_count; i++)
        api_write_stream(&self->writer, call->api, &req->streams[i]);
}

static void on_described_all(struct admin_call *call)
{
    struct subject_call *self = CONTAINER_OF(call, struct subject_call, call);

    if (call->err == ERR_OK)
        admin_lately_gather(call, &self->lately, self->first, self->count, on_events);
    else
        fail(self);
}

static void describe(struct http_request *http, bool is_device)
{
    struct subject_call *self = admin_call_new(http, sizeof *self);

    if (self == NULL)
        return;
    struct session *session = &self->call.ask.session;
    if (!admin_path_name(http, is_device ? "deviceId" : "familyId",
                         is_device ? session->device_id : session->family_id) ||
        !admin_query_empty(http)) {
        admin_call_free(&self->call);
        return;
    }
    self->is_device = is_device;
    self->first = is_device ? 0 : admin_partition_of(&self->call, session->family_id);
    self->count = is_device ? admin_partitions(&self->call) : 1;
    self->writer.out = &self->sessions;
    admin_call_ask(&self->call, STORE_DESCRIBE, self->first, self->count, on_described,
                   on_described_all);
}

void admin_family(struct http_request *http)
{
    describe(http, false);
}

void admin_device(struct http_request *http)
{
    describe(http, true);
}
