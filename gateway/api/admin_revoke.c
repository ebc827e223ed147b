/*
 * DELETE /admin/v1/families/{id}/sessions and /admin/v1/devices/{id}/sessions: ends all streams of a family or on
 * a device, and refuses new ones for a while, where that is asked for. A device may have streams in every
 * partition: the one that its name chooses tells of the block for all of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin_private.h"
#include "container_of.h"

struct revoke_call {
    struct admin_call call; /* REVOKE */
    bool is_device;         /* else a family */
    int64_t block_s;        /* refuse new ones for so long; 0: no more; -1: not said */
    uint64_t ended;         /* streams so far */
};

static void on_revoked(struct admin_call *call, struct store_req *req, unsigned partition)
{
    (void)partition;
    CONTAINER_OF(call, struct revoke_call, call)->ended += req->ended_count;
}

static void audit(const struct revoke_call *self)
{
    const struct session *session = &self->call.ask.session;
    char outcome[80];
    int len = snprintf(outcome, sizeof outcome, "%" PRIu64 " ended", self->ended);

    if (self->block_s > 0)
        snprintf(outcome + len, sizeof outcome - (size_t)len, ", blocked for %" PRId64 " s",
                 self->block_s);
    else if (self->block_s == 0)
        snprintf(outcome + len, sizeof outcome - (size_t)len, ", unblocked");
    if (self->is_device)
        admin_audit(&self->call, "terminate_all", "device", session->device_id, outcome);
    else
        admin_audit(&self->call, "terminate_all", "family", session->family_id, outcome);
}

static void on_done(struct admin_call *call)
{
    const struct revoke_call *self = CONTAINER_OF(call, struct revoke_call, call);

    audit(self);
    if (call->err == ERR_OK)
        admin_reply_terminated(call, self->ended);
    else
        admin_call_fail(call);
}

/* What is done to a device is told once. */
static void choose_teller(const struct admin_call *call, struct store_req *req, unsigned partition)
{
    req->told_elsewhere = partition != admin_partition_of(call, call->ask.session.device_id);
}

/* Reads what is asked for. false: answered. */
static bool read_request(struct http_request *http, struct revoke_call *self)
{
    struct store_req *ask = &self->call.ask;
    char *why = ask->operator.why;
    session_name block;
    const struct admin_param params[] = {
        {"reason", why, SESSION_NAME_MAX},
        {"message", ask->end.message, sizeof ask->end.message - 1},
        {"block", block, sizeof block - 1},
        {NULL, NULL, 0},
    };

    self->block_s = -1;
    if (!admin_path_name(http, self->is_device ? "deviceId" : "familyId",
                         self->is_device ? ask->session.device_id : ask->session.family_id) ||
        !admin_query_read(http, params) ||
        !admin_query_number(http, "block", block, 0, ADMIN_SECONDS_MAX, &self->block_s))
        return false;
    ask->for_ms = self->block_s < 0 ? -1 : self->block_s * 1000;
    ask->end.reason = END_TERMINATED;
    return true;
}

static void terminate_all(struct http_request *http, bool is_device)
{
    struct revoke_call *self = admin_call_new(http, sizeof *self);

    if (self == NULL)
        return;
    self->is_device = is_device;
    self->call.vary = is_device ? choose_teller : NULL;
    if (!read_request(http, self))
        admin_call_free(&self->call);
    else if (is_device)
        admin_call_ask(&self->call, STORE_REVOKE, 0, admin_partitions(&self->call), on_revoked,
                       on_done);
    else
        admin_call_ask(&self->call, STORE_REVOKE,
                       admin_partition_of(&self->call, self->call.ask.session.family_id), 1,
                       on_revoked, on_done);
}

void admin_family_terminate(struct http_request *http)
{
    terminate_all(http, false);
}

void admin_device_terminate(struct http_request *http)
{
    terminate_all(http, true);
}
