/* What GET /admin/v1/stats tells of the metrics. */
#include "api_stats.h"

#include <stdlib.h>

#include "api_metrics.h"
#include "clock.h"
#include "process_usage.h"

struct api_stats {
    uint64_t cells[API_METRICS_CELLS]; /* of all metrics */
    char room[METRICS_WORD_SIZE];      /* of the route named last */
};

struct api_stats *api_stats_read(void)
{
    struct api_stats *stats = malloc(sizeof *stats);

    if (stats != NULL)
        metrics_read(stats->cells, API_METRICS_CELLS);
    return stats;
}

void api_stats_free(struct api_stats *stats)
{
    free(stats);
}

bool api_stats_route(struct api_stats *stats, size_t n, const char **ret_name,
                     uint64_t *ret_requests)
{
    for (unsigned route = 0; route < API_ROUTES_MAX; route++) {
        const char *word = api_route_word(route, stats->room);
        const uint64_t *cells =
            &stats->cells[API_METRIC_REQUESTS + route * METRICS_CELLS_DURATIONS];

        if (word == NULL || n-- > 0)
            continue;
        *ret_name = word;
        *ret_requests = 0;
        for (size_t i = 0; i < METRICS_DURATIONS_BUCKETS; i++)
            *ret_requests += cells[i];
        return true;
    }
    return false;
}

bool api_stats_denial(const struct api_stats *stats, size_t n, const char **ret_code,
                      uint64_t *ret_denials)
{
    if (n >= API_DENIAL_COUNT)
        return false;
    *ret_code = err_word(api_denial_code((enum api_denial)n));
    *ret_denials = stats->cells[API_METRIC_DENIALS + n];
    return true;
}

uint64_t api_stats_outages(const struct api_stats *stats)
{
    return stats->cells[STORE_METRIC_OUTAGES];
}

int64_t api_stats_uptime_s(void)
{
    int64_t uptime_s = clock_wall_ms() / 1000 - (int64_t)(process_usage_start_us() / 1000000);

    return uptime_s > 0 ? uptime_s : 0;
}
