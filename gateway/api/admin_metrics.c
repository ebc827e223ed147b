/*
 * GET /metrics: what Prometheus scrapes.
 *
 * What happens is counted where it happens. What is known elsewhere is asked for when a scrape comes: how many
 * sessions live, of each partition of the store; what the process uses; how the store is.
 */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "api_metrics.h"
#include "container_of.h"
#include "process_usage.h"

/* A scrape: answered when the last partition has been counted. */
struct scrape {
    struct admin_call call;   /* asks */
    uint64_t sessions, users; /* so far */
};

static void set_store_states(struct store *store)
{
    uint64_t partitions[STORE_STATE_COUNT] = {0};
    enum store_state worst = store_state(store);

    for (unsigned i = 0; i < store->partitions; i++)
        partitions[store_state_of(store, i)]++;
    for (unsigned i = 0; i < STORE_STATE_COUNT; i++) {
        metrics_set(API_METRIC_STATE + i, i == (unsigned)worst);
        metrics_set(API_METRIC_PARTITIONS + i, partitions[i]);
    }
    if (strcmp(store_kind(store), "redis") != 0)
        metrics_set(STORE_METRIC_FEED, METRICS_UNSET);
}

static void set_process(void)
{
    struct process_usage usage;

    process_usage_read(&usage);
    metrics_set(API_METRIC_CPU, usage.cpu_us);
    metrics_set(API_METRIC_RESIDENT, usage.resident_bytes);
    metrics_set(API_METRIC_OPEN_FDS, usage.open_fds);
    metrics_set(API_METRIC_MAX_FDS, usage.max_fds);
    metrics_set(API_METRIC_START, process_usage_start_us());
    metrics_set(API_METRIC_BUILD, 1);
}

static struct http_response *render(void)
{
    uint64_t *cells = malloc(API_METRICS_CELLS * sizeof *cells);
    struct http_response *response = NULL;
    struct buf text = BUF_EMPTY;

    if (cells == NULL)
        return NULL;
    metrics_read(cells, API_METRICS_CELLS);
    metrics_text(api_metrics, api_metrics_count, cells, &text);
    if (!text.failed)
        response =
            http_response_new(200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len);
    buf_done(&text);
    free(cells);
    return response;
}

static void on_counted(struct admin_call *call, struct store_req *req, unsigned partition)
{
    struct scrape *scrape = CONTAINER_OF(call, struct scrape, call);

    (void)partition;
    scrape->sessions += req->query->count.sessions;
    scrape->users += req->query->count.users_online;
}

static void on_all_counted(struct admin_call *call)
{
    const struct scrape *scrape = CONTAINER_OF(call, struct scrape, call);
    bool known = call->err == ERR_OK;

    metrics_set(API_METRIC_SESSIONS, known ? scrape->sessions : METRICS_UNSET);
    metrics_set(API_METRIC_USERS, known ? scrape->users : METRICS_UNSET);
    set_store_states(call->api->store);
    set_process();
    metrics_set(API_METRIC_DRAINING, api_is_draining(call->api));
    http_reply(call->http, render());
    admin_call_free(call);
}

void admin_metrics(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct scrape *scrape = api->options.metrics_public
                                ? admin_call_new_of(http, "", sizeof *scrape)
                                : admin_call_new(http, sizeof *scrape);

    if (scrape != NULL)
        admin_call_ask(&scrape->call, STORE_COUNT, 0, admin_partitions(&scrape->call), on_counted,
                       on_all_counted);
}
