/*
 * GET /metrics: what Prometheus scrapes.
 *
 * What happens is counted where it happens. What is known elsewhere is asked for when a scrape comes: how many
 * sessions live, of each partition of the store, some partitions at a time; what the process uses; how the store is.
 */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "api_metrics.h"
#include "clock.h"
#include "container_of.h"
#include "partition.h"
#include "process_usage.h"
#include "store_query.h"

#define COUNTED_AT_ONCE 16 /* partitions */

/* One of the questions under way. */
struct count {
    struct store_req req;     /* COUNT */
    struct store_query query; /* its answer */
    struct scrape *scrape;    /* that it is for */
};

/* A scrape: answered when the last partition has been counted. */
struct scrape {
    struct http_request *http; /* to be answered */
    struct api *api;           /* this thread's */
    int64_t deadline_ms;       /* of all questions */
    unsigned next;             /* partition to be asked about */
    unsigned pending;          /* questions */
    bool failed;               /* at least one wasn't answered */
    uint64_t sessions, users;  /* so far */
    struct count counts[];     /* room for the questions */
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
    metrics_set(API_METRIC_START, usage.start_us);
    metrics_set(API_METRIC_BUILD, 1);
}

static void reply(const struct scrape *scrape)
{
    uint64_t *cells = malloc(API_METRICS_CELLS * sizeof *cells);
    struct http_response *response = NULL;
    struct buf text = BUF_EMPTY;

    metrics_set(API_METRIC_SESSIONS, scrape->failed ? METRICS_UNSET : scrape->sessions);
    metrics_set(API_METRIC_USERS, scrape->failed ? METRICS_UNSET : scrape->users);
    metrics_set(API_METRIC_DRAINING, atomic_load(scrape->api->options.draining));
    set_store_states(scrape->api->store);
    set_process();
    if (cells != NULL) {
        metrics_read(cells, API_METRICS_CELLS);
        metrics_text(api_metrics, api_metrics_count, cells, &text);
        if (!text.failed)
            response = http_response_new(200, "text/plain; version=0.0.4; charset=utf-8", text.data,
                                         text.len);
    }
    http_reply(scrape->http, response);
    buf_done(&text);
    free(cells);
}

static void ask(struct count *count);

static void on_counted(struct store_req *req)
{
    struct count *count = CONTAINER_OF(req, struct count, req);
    struct scrape *scrape = count->scrape;

    if (req->err == ERR_OK) {
        scrape->sessions += count->query.count.sessions;
        scrape->users += count->query.count.users_online;
    } else {
        scrape->failed = true;
    }
    if (!scrape->failed && scrape->next < scrape->api->store->partitions) {
        ask(count);
    } else if (--scrape->pending == 0) {
        reply(scrape);
        free(scrape);
    }
}

/* Asks about the next partition. */
static void ask(struct count *count)
{
    struct store_req *req = &count->req;

    memset(&req->session, 0, sizeof req->session);
    memcpy(req->session.id, partition_tag(count->scrape->next++), PARTITION_TAG_LEN);
    req->op = STORE_COUNT;
    req->query = &count->query;
    req->deadline_ms = count->scrape->deadline_ms;
    req->done = on_counted;
    store_submit(count->scrape->api->store, req);
}

void admin_metrics(struct http_request *http)
{
    struct api *api = http_request_server_arg(http);

    if (!api->options.metrics_public && admin_let_in(http) == NULL)
        return;
    unsigned at_once =
        api->store->partitions < COUNTED_AT_ONCE ? api->store->partitions : COUNTED_AT_ONCE;
    struct scrape *scrape = calloc(1, sizeof *scrape + at_once * sizeof scrape->counts[0]);
    if (scrape == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return;
    }
    scrape->http = http;
    scrape->api = api;
    scrape->deadline_ms = clock_monotonic_ms() + api->options.store_timeout_ms;
    scrape->pending = at_once;
    for (unsigned i = 0; i < at_once; i++) {
        scrape->counts[i].scrape = scrape;
        ask(&scrape->counts[i]);
    }
}
