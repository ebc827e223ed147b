/*
 * GET /admin/v1/stats: how this gateway does, for a person's eye.
 *
 * Sessions and users are counted by the store, in every partition, at most once a second, however many ask. Where
 * the store is away they are null; all else is known here.
 */
#include <string.h>

#include "admin_private.h"
#include "api_stats.h"
#include "clock.h"
#include "container_of.h"

#define COUNT_EVERY_MS 1000

struct stats_call {
    struct admin_call call;   /* COUNT */
    struct store_count count; /* over all partitions */
};

static void write_requests(struct json_writer *writer, struct api_stats *stats)
{
    const char *route;
    uint64_t requests;

    json_writer_begin_object(writer, "requests");
    for (size_t i = 0; api_stats_route(stats, i, &route, &requests); i++)
        json_writer_int(writer, route, (int64_t)requests);
    json_writer_end_object(writer);
}

static void write_denials(struct json_writer *writer, const struct api_stats *stats)
{
    const char *code;
    uint64_t denials;

    json_writer_begin_object(writer, "denials");
    for (size_t i = 0; api_stats_denial(stats, i, &code, &denials); i++)
        json_writer_int(writer, code, (int64_t)denials);
    json_writer_end_object(writer);
}

/* A number that the store knows, or null. */
static void write_count(struct json_writer *writer, const char *name, const uint64_t *count)
{
    if (count != NULL)
        json_writer_int(writer, name, (int64_t)*count);
    else
        json_writer_raw(writer, name, "null");
}

static void reply(struct stats_call *self)
{
    const struct api *api = self->call.api;
    struct api_stats *stats = api_stats_read();
    bool is_counted = self->call.err == ERR_OK;
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    if (stats == NULL) {
        http_problem(self->call.http, ERR_INTERNAL, "out of memory");
        admin_call_free(&self->call);
        return;
    }
    json_writer_begin_object(&writer, NULL);
    json_writer_begin_object(&writer, "store");
    json_writer_text(&writer, "kind", store_kind(api->store));
    json_writer_text(&writer, "state", store_state_word(store_state(api->store)));
    json_writer_end_object(&writer);
    json_writer_begin_object(&writer, "sessions");
    write_count(&writer, "active", is_counted ? &self->count.sessions : NULL);
    json_writer_end_object(&writer);
    write_count(&writer, "usersOnline", is_counted ? &self->count.users_online : NULL);
    write_requests(&writer, stats);
    write_denials(&writer, stats);
    json_writer_int(&writer, "outages", (int64_t)api_stats_outages(stats));
    json_writer_raw(&writer, "draining", api_is_draining(api) ? "true" : "false");
    json_writer_int(&writer, "uptime", api_stats_uptime_s());
    json_writer_text(&writer, "version", GATEWAY_VERSION);
    json_writer_end_object(&writer);
    api_stats_free(stats);
    admin_call_reply(&self->call, &body);
}

static void on_counted(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct stats_call *self = CONTAINER_OF(call, struct stats_call, call);
    (void)partition;

    self->count.sessions += req->query->count.sessions;
    self->count.users_online += req->query->count.users_online;
}

static void on_count_done(struct admin_call *call)
{
    struct stats_call *self = CONTAINER_OF(call, struct stats_call, call);

    if (call->err == ERR_OK) {
        call->api->counted = self->count;
        call->api->counted_ms = clock_monotonic_ms();
    }
    reply(self);
}

void admin_stats(struct http_request *http)
{
    struct stats_call *self = admin_call_new(http, sizeof *self);

    if (self == NULL)
        return;
    const struct api *api = self->call.api;
    if (!admin_query_empty(http)) {
        admin_call_free(&self->call);
    } else if (api->counted_ms != 0 && clock_monotonic_ms() - api->counted_ms < COUNT_EVERY_MS) {
        self->count = api->counted;
        reply(self);
    } else {
        admin_call_ask(&self->call, STORE_COUNT, 0, admin_partitions(&self->call), on_counted,
                       on_count_done);
    }
}
